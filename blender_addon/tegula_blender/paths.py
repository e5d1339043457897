"""Where datablocks keep the paths of files they read. It takes bpy's objects, and needs no bpy itself.

`bpy.data.file_path_map` tells paths without saying where they stand, so nothing could be put in their place;
and Blender 4.2 and 4.3 lack it. Output paths, and what only editors and scripts read, are left out.
"""

READ = {"FILE", "MOVIE", "SEQUENCE", "TILED"}
"""Sources of images that are files."""
BUILT_IN = "<builtin>"


def kept(block):
    """Pairs of an owner and the name of its attribute, whose value is a path that is not empty."""
    for owner, name in _places(block):
        if getattr(owner, name) not in ("", BUILT_IN):
            yield owner, name


def _places(block):
    match block.id_type:
        case "IMAGE":
            if block.source in READ and not block.packed_files:
                yield block, "filepath_raw"
        case "FONT" | "VOLUME":
            if block.packed_file is None:
                yield block, "filepath"
        case "CACHEFILE":
            yield from ((each, "filepath") for each in (block, *block.layers))
        case "MOVIECLIP" | "LIBRARY":
            yield block, "filepath"
        case "OBJECT":
            for modifier in block.modifiers:
                yield from _of_modifier(modifier)
    for cache in point_caches(block):
        if cache.use_external:
            yield cache, "filepath"
    for node in _nodes(block):
        yield from _of_node(node)


def _of_modifier(modifier):
    match modifier.type:
        case "FLUID" if modifier.fluid_type == "DOMAIN":
            yield modifier.domain_settings, "cache_directory"
        case "MESH_CACHE":
            yield modifier, "filepath"
        case "MULTIRES" if modifier.is_external:
            yield modifier, "filepath"
        case "OCEAN" if modifier.is_cached:
            yield modifier, "filepath"
        case "NODES":
            yield from _bakes(modifier)


def _bakes(modifier):
    bakes = on_disk(modifier)
    yield from ((bake, "directory") for bake in bakes if bake.use_custom_path)
    if any(not bake.use_custom_path for bake in bakes):
        yield modifier, "bake_directory"


def on_disk(modifier):
    """Those bakes of a modifier's nodes that are not kept in the .blend itself."""
    return [bake for bake in modifier.bakes if not _packed(bake, modifier)]


def _packed(bake, modifier):
    """Blender 4.2 packs no bakes."""
    target = getattr(bake, "bake_target", "DISK")
    return (modifier.bake_target if target == "INHERIT" else target) == "PACKED"


def point_caches(block):
    """Of the physics of an object, or of a scene's rigid bodies."""
    if block.id_type == "SCENE":
        world = block.rigidbody_world
        return [world.point_cache] if world and world.enabled and world.collection else []
    if block.id_type != "OBJECT":
        return []
    systems = [
        each for each in block.particle_systems if each.settings.type != "HAIR" or each.use_hair_dynamics
    ]
    found = [system.point_cache for system in systems]
    for modifier in block.modifiers:
        if modifier.type in ("CLOTH", "SOFT_BODY"):
            found.append(modifier.point_cache)
        elif modifier.type == "DYNAMIC_PAINT" and modifier.canvas_settings:
            found += [surface.point_cache for surface in modifier.canvas_settings.canvas_surfaces]
    return found


def _nodes(block):
    """A compositor's nodes read datablocks only; their paths are those of outputs."""
    if block.id_type == "NODETREE":
        return () if block.bl_idname == "CompositorNodeTree" else block.nodes
    tree = None if block.id_type == "SCENE" else getattr(block, "node_tree", None)
    return tree.nodes if tree else ()


def _of_node(node):
    if node.bl_idname == "ShaderNodeTexIES" and node.mode == "EXTERNAL":
        yield node, "filepath"
    for socket in node.inputs:
        value = socket.bl_rna.properties.get("default_value")
        if value and value.type == "STRING" and value.subtype == "FILE_PATH" and not socket.is_linked:
            yield socket, "default_value"  # what geometry nodes import
