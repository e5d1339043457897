"""A market of synthetic workers on the real book, with auction, lifecycle, ledger and audits as shipped."""
