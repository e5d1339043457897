"""The operator's pages, and what they are told.

The pages are plain files that any browser runs as they are. `pages` serves them with a strict policy,
`operator_api` tells the operator what is in the book, `sights` spells it, `live` keeps it up to date,
`previews` makes tiles visible, and `purses` asks the chain.
"""
