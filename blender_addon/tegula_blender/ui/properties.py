"""What a scene remembers of how it is rendered on Tegula. Imports bpy."""

import bpy
from bpy.props import EnumProperty, FloatProperty, IntProperty, PointerProperty, StringProperty

TILES = (
    ("AUTO", "Automatic", "As large as gives each worker several tiles of every frame"),
    ("FIXED", "Fixed", "Tiles of the size below"),
)


class TEGULA_PG_scene(bpy.types.PropertyGroup):
    budget: StringProperty(
        name="Budget",
        description="The most that the render may cost, in the coordinator's currency. What is not spent"
        " comes back. If it is less than is asked at the moment, the render waits for a lower price",
        default="1.00",
    )
    deadline: FloatProperty(
        name="Deadline (h)",
        description="Hours for which the render may wait, and take. After them no more tiles are paid for",
        default=24.0,
        min=0.1,
        soft_max=168.0,
        max=8760.0,
    )
    tiles: EnumProperty(name="Tile Size", description="How a frame is cut up", items=TILES)
    tile: IntProperty(
        name="Pixels",
        description="Edge of a tile",
        default=256,
        min=16,
        soft_max=1024,
        max=8192,
        subtype="PIXEL",
    )


def register():
    bpy.utils.register_class(TEGULA_PG_scene)
    bpy.types.Scene.tegula = PointerProperty(type=TEGULA_PG_scene)


def unregister():
    del bpy.types.Scene.tegula
    bpy.utils.unregister_class(TEGULA_PG_scene)
