"""The requester's command: `tegula render` against a coordinator, `tegula local` with a market of its own.

- `render`: one scene through the market.  `scene`, `blender`: what it is.  `plan`: its frames.
- `deal`, `run`, `job`: from deposit to refund.  `follow`, `interest`, `accounts`: what is seen and signed.
- `stitching`, `frames`, `finishing`: tiles become frames.  `settle`: close, and wait for claims.
- `local`, `programs`, `market`: a market on this computer, or the one that is there.
- `progress`, `screen`: while it runs.  `stopwatch`, `worklog`, `outcome`, `report` and its pages: afterwards.
"""
