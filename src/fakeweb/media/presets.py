"""Quantiser tables that Pillow knows by name."""

from __future__ import annotations


def photoshop_tables() -> frozenset[tuple[int, ...]]:
    """Return the brightness tables of Photoshop's quality levels that Pillow has, 64 values in reading order."""
    from PIL.JpegPresets import presets

    return frozenset(tuple(preset["quantization"][0]) for preset in presets.values())
