"""Tegula's worker: dials out, asks, renders tiles in a warm Blender, signs results, collects what it earned.

- `session`: the conversation with a coordinator; pure.  `events`, `commands`: what goes in and out of it.
- `agent`: carries the commands out.  `policy`, `prudence`: whom to work for, and what the chain says to that.
- `pricing`, `spans`, `pauses`: what to ask, and when to rest; pure.  `objections`: why not.
- `watch`, `machine`: what is measured for them.
- `rendering`: from a lease to a signed result.  `scenes`: files by digest, laid out for Blender.
- `renderer`, `child`, `replies`: supervise `render_child`, the only module that imports bpy.
- `wallet`, `claims`, `store`: vouchers and results on disk, money on chain.  `claiming`: when; pure.
- `books`, `tallies`, `statement`, `ledger_table`: the provider's ledger.
- `program`, `config`, `tables`, `keys`, `passphrases`, `notes`, `cli`: the running program.
"""
