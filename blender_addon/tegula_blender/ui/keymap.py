"""Shortcuts that the artist can switch on in the preferences; none is taken by itself. Imports bpy."""

import bpy

OFFERED = (({"ctrl": True, "alt": True}, False), ({"ctrl": True, "alt": True, "shift": True}, True))
"""Modifiers of F12, and whether it is the animation."""
_items = []


def register():
    configuration = bpy.context.window_manager.keyconfigs.addon
    if configuration is None:  # a Blender without a window
        return
    keymap = configuration.keymaps.new(name="Screen", space_type="EMPTY")
    for modifiers, animation in OFFERED:
        item = keymap.keymap_items.new("tegula.render", "F12", "PRESS", **modifiers)
        item.properties.animation, item.active = animation, False
        _items.append((keymap, item))


def unregister():
    for keymap, item in _items:
        keymap.keymap_items.remove(item)
    _items.clear()
