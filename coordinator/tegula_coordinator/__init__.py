"""Tegula's coordinator: takes jobs, holds auctions, has tiles verified, co-signs vouchers.

- `book`: what is true and what is to be done next; pure.  `events`, `commands`: what goes in and out of it.
- `bookkeeper`: keeps the book and its log (`store`) in step.
- `router`: towards workers, over ZeroMQ.  `desk`, `http_api`, `views`: towards requesters, over HTTP.
- `tiles`, `verify`: all that it knows of pixels.  `blobs`: files by digest.  `derive`: salts and tokens.
- `service`, `config`, `cli`: the running program.
"""
