"""Where the coordinator is, and the artist's account there. Imports bpy."""

import bpy
from bpy.props import IntProperty, StringProperty

from .. import live
from .words import wrapped

WIDTH = 90
"""Letters of a line."""


class TEGULA_preferences(bpy.types.AddonPreferences):
    bl_idname = live.PACKAGE

    coordinator: StringProperty(
        name="Coordinator",
        description="Its address, like https://render.example.org",
        default="http://127.0.0.1:8000",
    )
    token: StringProperty(name="Token", description="That its operator gave you", subtype="PASSWORD")
    cache: IntProperty(
        name="Keep",
        description="Megabytes of finished frames that are kept for Download. When a new job begins, the"
        " oldest make room",
        default=4000,
        min=0,
        soft_max=100_000,
        update=live.keep,
    )

    def draw(self, _context):
        column = self.layout.column()
        column.use_property_split = True
        column.prop(self, "coordinator")
        column.prop(self, "token")
        column.prop(self, "cache")
        row = column.row()
        row.operator("tegula.test_connection", icon="URL")
        _draw_connection(self.layout.box(), live.state().connection)


def _draw_connection(box, connection):
    if connection is None:
        box.label(text="Test the connection to see your account.", icon="INFO")
        return
    lines = wrapped(connection.sentence, WIDTH)
    for at, line in enumerate(lines):
        icon = "BLANK1" if at else "CHECKMARK" if connection.ok else "ERROR"
        box.label(text=line, icon=icon)
    if connection.address is not None:
        row = box.row()
        row.label(text=f"Your account: 0x{connection.address.hex()}", icon="USER")
        row.operator("tegula.copy_account", text="", icon="COPYDOWN")
    if connection.money is not None:
        box.label(text=f"It has {connection.money.text(connection.balance)}.", icon="BLANK1")


def register():
    bpy.utils.register_class(TEGULA_preferences)


def unregister():
    bpy.utils.unregister_class(TEGULA_preferences)
