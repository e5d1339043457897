"""The render child on a faked bpy: cards that are not here, and Cycles' words for what goes wrong on them.

What needs a real Blender is in test_renderer.py.
"""

import importlib.util
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from tegula_worker.renderer import RENDER_CHILD
from tegula_worker.replies import OF_THE_DEVICE, Failure
from worker.fake_cards import AS_CUDA, CPU, FIRST, RTX, SECOND


@dataclass
class Entry:
    name: str
    type: str
    id: str
    use: bool = True
    """Blender ticks every device that it sees for the first time."""


@dataclass
class Preferences:
    """Cycles', as far as the child asks them (intern/cycles/blender/addon/properties.py)."""

    kinds: tuple[str, ...] = ("NONE", "CUDA", "OPTIX")
    entries: list[Entry] = field(default_factory=list)
    refreshed: bool = False
    _kind: str = "NONE"

    def get_device_list(self, kind: str) -> list[tuple[object, ...]]:
        """Cycles lists the processor beside every kind of card."""
        of_kind = [d for d in (AS_CUDA, FIRST, SECOND) if d.kind == kind]
        return [(d.name, str(d.kind), d.id, False, False, True) for d in (*of_kind, CPU)]

    @property
    def compute_device_type(self) -> str:
        return self._kind

    @compute_device_type.setter
    def compute_device_type(self, kind: str) -> None:
        if kind not in self.kinds:
            raise TypeError(f"enum {kind!r} not found in {self.kinds}")
        self._kind = kind

    def refresh_devices(self) -> None:
        self.refreshed = True
        for name, kind, card, *_ in self.get_device_list(self._kind):
            self.entries.append(Entry(str(name), str(kind), str(card)))

    @property
    def devices(self) -> list[Entry]:
        return self.entries


@pytest.fixture
def preferences() -> Preferences:
    return Preferences()


@pytest.fixture
def child(preferences: Preferences, monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    addons = {"cycles": SimpleNamespace(preferences=preferences)}
    bpy = SimpleNamespace(context=SimpleNamespace(preferences=SimpleNamespace(addons=addons)))
    monkeypatch.setitem(sys.modules, "bpy", bpy)
    monkeypatch.setitem(sys.modules, "cycles", SimpleNamespace())
    spec = importlib.util.spec_from_file_location("render_child_of_a_test", RENDER_CHILD)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_card_is_listed_once_for_each_kind_with_its_id(child: ModuleType) -> None:
    assert [(d["kind"], d["name"], d["id"]) for d in child.devices()] == [
        (each.kind, each.name, each.id) for each in (CPU, AS_CUDA, FIRST, SECOND)
    ]


def test_another_kernel_is_another_device(child: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CYCLES_CPU_NO_AVX2", "1")
    assert child.devices()[0]["name"] == "AMD EPYC without AVX2"
    assert child.devices()[1]["name"] == RTX


def test_a_card_with_a_screen_is_called_like_one_without(child: ModuleType) -> None:
    assert child.plain(f"{RTX} (Display)") == RTX


@dataclass
class Render:
    """Blender's, which frees what it has kept as soon as it is told to keep nothing."""

    use_persistent_data: bool = False
    kept: bool = True

    def __setattr__(self, name: str, value: bool) -> None:
        super().__setattr__(name, value)
        if name == "use_persistent_data" and not value:
            self.kept = False


@pytest.mark.parametrize(("used", "keeps"), [([True], True), ([True, False], True), ([True, True], False)])
def test_cycles_hands_nothing_from_one_layer_to_the_next(
    child: ModuleType, used: list[bool], keeps: bool
) -> None:
    """It goes wrong too seldom for a test of pixels to see it: in one process of sixty."""
    scene = SimpleNamespace(render=Render(), view_layers=[SimpleNamespace(use=use) for use in used])
    scene.render.kept = True
    child.keep_warm(scene)
    assert scene.render == Render(use_persistent_data=keeps, kept=False)


def edges(x0: int, x1: int) -> dict[str, float]:
    """Of a strip of a frame of 100 x 10 pixels."""
    across = {"border_min_x": (x0 + 0.25) / 100, "border_max_x": (x1 + 0.25) / 100}
    return across | {"border_min_y": 0.0, "border_max_y": 1.0}


def test_a_tile_as_large_as_the_last_writes_nothing_into_the_scene(child: ModuleType) -> None:
    """What is written there, Blender answers by evaluating every object again."""
    frame = {"resolution_x": 200, "resolution_y": 20, "resolution_percentage": 50}
    scene = SimpleNamespace(**frame, **edges(0, 10))
    for strip, written in ((edges(30, 40), edges(0, 10)), (edges(40, 47), edges(40, 47))):
        child.aim(scene, strip)
        assert vars(scene) == frame | written
        assert strip == child.EDGES


def test_cycles_is_told_the_tile_before_it_looks(child: ModuleType) -> None:
    seen = []

    class Engine:
        def __init__(self) -> None:
            self.render = SimpleNamespace()

        def update(self, data: str, depsgraph: str) -> None:
            seen.append((data, depsgraph, vars(self.render)))

    child.follow_edges(Engine)
    child.EDGES.update(edges(30, 40))
    Engine().update("data", "depsgraph")
    assert seen == [("data", "depsgraph", edges(30, 40))]


def ticked(preferences: Preferences) -> list[str]:
    return [entry.id for entry in preferences.entries if entry.use]


@pytest.mark.parametrize("card", [FIRST, SECOND])
def test_of_two_equal_cards_exactly_one_is_used(
    child: ModuleType, preferences: Preferences, card: Any
) -> None:
    cycles = SimpleNamespace(device="CPU")
    child.use_device(cycles, "OPTIX", card.id)
    assert (cycles.device, preferences.compute_device_type) == ("GPU", "OPTIX")
    assert preferences.refreshed
    assert ticked(preferences) == [card.id]


def test_a_processor_needs_no_preferences(child: ModuleType, preferences: Preferences) -> None:
    cycles = SimpleNamespace(device="GPU")
    child.use_device(cycles, "CPU", "CPU")
    assert (cycles.device, preferences.refreshed) == ("CPU", False)


@pytest.mark.parametrize(
    ("device", "card", "sentence"),
    [
        ("HIP", "HIP_0000:03:00", "this Blender cannot render with HIP"),
        ("OPTIX", "CUDA_0000:99:00_OptiX", "no OPTIX device CUDA_0000:99:00_OptiX here"),
        ("CUDA", FIRST.id, "no CUDA device"),
    ],
)
def test_a_card_that_is_not_there_is_never_replaced_by_the_processor(
    child: ModuleType, device: str, card: str, sentence: str
) -> None:
    with pytest.raises(child.Refused, match=sentence) as caught:
        child.use_device(SimpleNamespace(device="CPU"), device, card)
    assert caught.value.failure == "NO_DEVICE"


@pytest.mark.parametrize(
    ("words", "on_card", "on_processor"),
    [
        ("System is out of GPU memory", "OUT_OF_GPU_MEMORY", "OUT_OF_GPU_MEMORY"),
        ("System is out of GPU and shared host memory", "OUT_OF_GPU_MEMORY", "OUT_OF_GPU_MEMORY"),
        ("Out of memory in cuMemAlloc(&ptr, size)", "OUT_OF_GPU_MEMORY", "OUT_OF_MEMORY"),
        ("Illegal address in cuStreamSynchronize(cuda_stream_)", "DRIVER", "NOT_RENDERED"),
        ("Failed to create CUDA context (Invalid device)", "DRIVER", "NOT_RENDERED"),
        ("Failed to load OptiX kernel from 'lib/x' (2)", "DRIVER", "NOT_RENDERED"),
        ("Failed to build OptiX acceleration structure", "DRIVER", "NOT_RENDERED"),
        ("Launch failure in hipModuleLaunchKernel", "DRIVER", "NOT_RENDERED"),
        ('oneAPI kernel "shade" execution error: got runtime exception', "DRIVER", "NOT_RENDERED"),
        ("No camera", "NOT_RENDERED", "NOT_RENDERED"),
    ],
)
def test_the_words_of_cycles_have_their_class(
    child: ModuleType, words: str, on_card: str, on_processor: str
) -> None:
    assert child.failure_of(words, "GPU") == on_card
    assert child.failure_of(words, "CPU") == on_processor
    assert Failure.DRIVER in OF_THE_DEVICE


@dataclass(frozen=True)
class Block:
    name: str
    id_type: str = "IMAGE"


def test_what_is_missing_and_used_is_told(child: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    lost, spare = Block("brick.png"), Block("backdrop.png")
    graph = SimpleNamespace(ids=[SimpleNamespace(original=each) for each in (lost, spare)])
    monkeypatch.setattr(child.bpy.context, "evaluated_depsgraph_get", lambda: graph, raising=False)
    users = {lost: {Block("Scene", "SCENE"), Block("Wall", "MATERIAL")}, spare: {Block("Scene", "SCENE")}}
    monkeypatch.setattr(child.bpy, "data", SimpleNamespace(user_map=lambda **_: users), raising=False)
    child.refuse_without([])
    child.refuse_without([spare])
    with pytest.raises(child.Refused, match=r"uses image brick\.png, whose file was not sent") as caught:
        child.refuse_without([lost, spare])
    assert caught.value.failure == "MISSING_ASSET"
