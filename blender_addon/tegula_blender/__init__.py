"""The Blender side of a requester. Importing the package needs no bpy.

- `client`, `job_view`: the coordinator's HTTP API.
- `background`: the script that a Blender without a window runs, for
  `packing`, `scene_files` and `complaints` (what a scene needs, and what stands in the way) and
  `denoiser` and `injector` (from stitched tiles to the finished picture).
- `engine`, `stand_in`: what Blender renders with while the tiles come.
"""
