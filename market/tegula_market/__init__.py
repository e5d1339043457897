"""The rules of Tegula's market. Standard library only; no clock, no randomness, no I/O.

- `model`: the words of the market as types.
- `codec`: strict JSON for those types, used on the wire, in the event log and in HTTP bodies.
- `messages`: what a coordinator and a worker say to each other.
- `tiling`: cuts frames into tiles.  `auction`: clears asks.  `lifecycle`: a tile's and a lease's moves.
- `ledger`: who is owed what.  `vouchers`: EIP-712 payloads.  `probes`: which pixels are checked.
- `adapters`: the outside libraries, one module each, behind extras.
"""
