"""Quantiser tables that Pillow knows by name."""

from __future__ import annotations

from typing import Any


def photoshop_tables() -> frozenset[tuple[int, ...]]:
    """Return the brightness tables of Photoshop's quality levels that Pillow has, 64 values in reading order."""
    from PIL import JpegPresets

    presets: Any = JpegPresets.presets
    return frozenset(tuple(preset["quantization"][0]) for preset in presets.values())
