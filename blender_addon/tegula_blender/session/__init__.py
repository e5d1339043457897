"""What the extension does beside Blender: talks, quotes, follows, stitches. Nothing here imports bpy."""
