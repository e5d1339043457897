"""How long a scene takes on this computer: a few small rects of it, rendered in a few seconds. Imports bpy.

Rects lie spread over what is to be rendered, since the sky of a picture tells nothing of the hair in it. They
are rendered with few samples, then with more, for as long as there is time: what the last round took longer
than the first is what samples take, without what it costs that a render is started at all.
"""

import time

import bpy

GRID, EDGE = 4, 32
"""Rects in a row and in a column, and their edge in pixels at most. Three in a row find too few of a frame's
dear tiles: `bench/spread.py`."""
FEW, GROWTH = 2, 4
"""Samples of the first round, and how many times as many each other round has."""


def preferred_device(scene):
    """What a scene is rendered on by the artist's own settings, which the pilot's Blender lacks."""
    kind = bpy.context.preferences.addons["cycles"].preferences.compute_device_type
    return "CPU" if scene.cycles.device == "CPU" or kind == "NONE" else kind


def pilot(*, seconds, samples=None, percentage=None, frame=None, device="CPU"):
    """Render rects of the scene that is open. The scene is changed by this, its file is not.

    Args:
        seconds: for the rects, once the scene is loaded; a rect that has begun is finished.
        samples, percentage, frame: instead of the scene's own.
        device: as Cycles' preferences name it, like "OPTIX".
    Returns:
        what `session.speeds.Pilot` says.
    Raises:
        RuntimeError: Blender could not render it.
    """
    started = time.monotonic()
    scene = bpy.context.scene
    if percentage is not None:
        scene.render.resolution_percentage = percentage
    if frame is not None:
        scene.frame_set(frame)
    words, note = _use_device(scene.cycles, device)
    _prepare(scene)
    wanted = scene.cycles.samples if samples is None else samples
    cells = _cells()
    rects = _rects(scene.render, cells)
    _render(scene, rects[0], 1, wanted)  # loads textures, builds what rays are traced against
    loaded = time.monotonic()
    rounds = _rounds(scene, rects, wanted, loaded + seconds)
    rates = _rates(scene, rects, rounds, 0)
    tried = cells[: len(rates)]
    return {
        "device": words,
        "note": note,
        "load_seconds": loaded - started,
        "start_seconds": _start(scene, rects, rounds[0], rates),
        "samples": rounds[-1][0],
        "whole": rounds[-1][0] == wanted,
        "seconds_per_megasample": rates,
        "work_per_megasample": _rates(scene, rects, rounds, 1),
        "megasamples": _sampled(rounds) * _megapixels(scene, rects[0]),
        "columns": GRID,
        "cells": [(GRID - 1 - row) * GRID + column for column, row in tried],
    }


def _prepare(scene):
    scene.render.use_compositing = scene.render.use_sequencer = scene.render.use_single_layer = False
    # As a worker does: what Cycles keeps it could mix up between layers.
    scene.render.use_persistent_data = sum(layer.use for layer in scene.view_layers) == 1
    scene.cycles.use_denoising = scene.cycles.use_auto_tile = False
    scene.cycles.use_layer_samples = "IGNORE"
    scene.cycles.time_limit = 0


def _use_device(cycles, device):
    """The words of the device that is used, as workers name theirs, and a sentence if it is another."""
    preferences = bpy.context.preferences.addons["cycles"].preferences
    note = ""
    if device != "CPU":
        names = _switch_to(preferences, device)
        if names:
            cycles.device = "GPU"
            return f"{device} {', '.join(names)}", note
        note = f"Blender finds no {device} device without its window; the processor was used."
    cycles.device = "CPU"
    return f"CPU {', '.join(entry[0] for entry in preferences.get_device_list('CPU'))}", note


def _switch_to(preferences, device):
    try:
        preferences.compute_device_type = device
    except TypeError:  # not a kind that this Blender has
        return []
    preferences.refresh_devices()
    for found in preferences.devices:
        found.use = found.type == device
    return [found.name for found in preferences.devices if found.use]


def _cells():
    """Column and row, from the bottom left, of each rect; those in the middle first."""
    middle = (GRID - 1) / 2
    return sorted(
        ((column, row) for column in range(GRID) for row in range(GRID)),
        key=lambda cell: (abs(cell[0] - middle) + abs(cell[1] - middle), cell),
    )


def _rects(render, cells):
    """In pixels of the frame, origin at the bottom left: x0, x1, y0, y1. All are of one size."""
    width, height = _size(render)
    left, right, low, high = 0, width, 0, height
    if render.use_border:
        left, right = int(render.border_min_x * width), int(render.border_max_x * width)
        low, high = int(render.border_min_y * height), int(render.border_max_y * height)
    return [(*_within(left, right, column), *_within(low, high, row)) for column, row in cells]


def _size(render):
    percentage = render.resolution_percentage
    return render.resolution_x * percentage // 100, render.resolution_y * percentage // 100


def _within(start, end, cell):
    """The middle of a cell: one of GRID between two edges."""
    edge = max(1, min(EDGE, (end - start) // GRID))
    first = start + max(0, (2 * cell + 1) * (end - start) // (2 * GRID) - edge // 2)
    return min(first, end - edge), min(first, end - edge) + edge


def _rounds(scene, rects, wanted, until):
    """Samples of each round, and what `_render` says of each rect; all rounds have the rects of the first."""
    rounds = [(min(FEW, wanted), [])]
    for rect in rects:
        rounds[0][1].append(_render(scene, rect, rounds[0][0], wanted))
        if time.monotonic() > until:
            return rounds
    while rounds[-1][0] < wanted:
        if time.monotonic() + _next(rounds) > until:
            break
        spp = min(wanted, GROWTH * rounds[-1][0])
        rounds.append((spp, [_render(scene, rect, spp, wanted) for rect in rects]))
    return rounds


def _next(rounds):
    """Seconds of another round at most. What a render takes besides its samples does not grow with them."""
    took = [sum(seconds for seconds, _ in rects) for _, rects in rounds]
    if len(took) == 1:
        return GROWTH * took[0]
    return took[-1] + GROWTH * max(0.0, took[-1] - took[-2])


def _render(scene, rect, spp, wanted):
    """Seconds that it takes, and its work: on a processor all threads' seconds, whatever else these do.

    With fewer samples than wanted, none is left out where the picture is clean enough.
    """
    render, (width, height) = scene.render, _size(scene.render)
    x0, x1, y0, y1 = rect
    render.use_border = render.use_crop_to_border = True
    # A quarter pixel past the integer: Blender truncates float32.
    render.border_min_x, render.border_max_x = (x0 + 0.25) / width, min(1, (x1 + 0.25) / width)
    render.border_min_y, render.border_max_y = (y0 + 0.25) / height, min(1, (y1 + 0.25) / height)
    adaptive, scene.cycles.samples = scene.cycles.use_adaptive_sampling, spp
    scene.cycles.use_adaptive_sampling = adaptive and spp == wanted
    started, worked = time.monotonic(), time.process_time()
    bpy.ops.render.render()
    took, work = time.monotonic() - started, time.process_time() - worked
    scene.cycles.use_adaptive_sampling = adaptive
    return took, work if scene.cycles.device == "CPU" else took


def _rates(scene, rects, rounds, which):
    """For a megasample of each rect that was rendered: 0 is seconds, 1 is work."""
    (few, first), (most, last) = rounds[0], rounds[-1]
    rates = []
    for rect, at_first, at_last in zip(rects, first, last, strict=False):
        megapixels, took = _megapixels(scene, rect), at_last[which]
        more = (took - at_first[which]) / (_sampled(rounds) * megapixels) if most > few else 0.0
        # Where samples take no time that can be told, all of the render is an upper bound.
        rates.append(more if more > 0 else took / (most * megapixels))
    return rates


def _sampled(rounds):
    """Samples of a pixel whose time is told apart from what a render takes besides."""
    few, most = rounds[0][0], rounds[-1][0]
    return most - few if most > few else most


def _start(scene, rects, first, rates):
    """Seconds that a render takes on average besides its samples."""
    spp, took = first
    sampling = sum(spp * _megapixels(scene, rect) * rate for rect, rate in zip(rects, rates, strict=False))
    return max(0.0, sum(seconds for seconds, _ in took) - sampling) / len(took)


def _megapixels(scene, rect):
    """Of all view layers."""
    x0, x1, y0, y1 = rect
    return (x1 - x0) * (y1 - y0) * sum(layer.use for layer in scene.view_layers) / 1e6
