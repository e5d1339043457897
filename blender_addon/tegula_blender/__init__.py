"""The Blender side of a requester. Importing the package needs no bpy.

- `client`, `job_view`, `market_view`, `money`: the coordinator's HTTP API.
- `session`: talks, quotes, follows, stitches; without bpy, and in a thread of its own.
- `ui`, `live`: what the artist sees, and what of the session it is drawn from.
- `packing`, `scene_files`, `paths`, `complaints`, `colours`: what a scene needs, and what stands in the way.
- `engine`, `stand_in`: from tiles to the finished picture, in Cycles' place for the length of a render.
- `background`: the script that a Blender without a window runs, for packing, `rewriting`, `denoiser`,
  `injector` and `pilot`.
"""


def register() -> None:
    from . import live, ui

    ui.register()
    live.start()


def unregister() -> None:
    from . import live, stand_in, ui

    stand_in.leave()
    live.stop()
    ui.unregister()
