"""What the artist sees of the extension. Imports bpy."""


def register():
    for part in _parts():
        part.register()


def unregister():
    for part in reversed(_parts()):
        part.unregister()


def _parts():
    # Here, so that `words` can be had without Blender.
    from . import keymap, menus, operators, panels, preferences, properties

    return properties, preferences, operators, panels, menus, keymap
