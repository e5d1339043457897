"""The requester's command: `tegula render` against a coordinator, `tegula local` with a market of its own.

- `render`: one scene through the market.  `scene`: what it is.  `plan`: its frames.
- `run`, `job`, `record`: from deposit to refund.  `settle`: close, and wait for claims.
- `frames`, `finishing`: tiles become frames.
- `local`, `programs`, `market`: a market on this computer, or the one that is there.
- `progress`, `screen`: while it runs.  `outcome`, `report` and its pages: afterwards.

What Blender needs as well is in `tegula_blender.session`: what is seen, signed, stitched and denoised.
"""
