"""Motion of composed people and light: slow waves, expressions by a smooth warp, soft edges."""

from __future__ import annotations

from typing import Final

import cv2
import numpy as np

from composed.stills import FACE_PX
from fakeweb.types import FloatArray, UInt8Array

_MARGIN_PX: Final = 56  # around the still its own mirror image, blurred, so that no seam runs along the face
TILE_PX: Final = FACE_PX + 2 * _MARGIN_PX


def wave(
    count: int, rng: np.random.Generator, reach: float, cycles: tuple[float, float] = (0.4, 1.6)
) -> FloatArray:
    """Return a smooth movement within +-reach: two slow sines."""
    t = np.linspace(0, 2 * np.pi, count)
    parts = [
        rng.uniform(0.4, 0.6) * np.sin(rng.uniform(*cycles) * t + rng.uniform(0, 2 * np.pi)) for _ in range(2)
    ]
    return np.asarray(reach * sum(parts), np.float32)


def light_table(light: float, warmth: float) -> UInt8Array:
    """Return the (256, 1, 3) table that brightens and warms."""
    gain = light * (1 + np.array([1, 0, -1]) * warmth)
    return (np.arange(256)[:, None, None] * gain[None, None]).clip(0, 255).astype(np.uint8)


def _soft_edge() -> FloatArray:
    y, x = np.mgrid[0:TILE_PX, 0:TILE_PX].astype(np.float32) / (TILE_PX - 1) * 2 - 1
    radius = (np.abs(x) ** 6 + np.abs(y) ** 6) ** (1 / 6)
    return np.asarray(np.clip((0.98 - radius) / 0.25, 0, 1), np.float32)


FEATHER: Final = _soft_edge()
_Y, _X = np.mgrid[0:TILE_PX, 0:TILE_PX].astype(np.float32)
_U, _V = (_X - TILE_PX / 2) / FACE_PX, (_Y - TILE_PX / 2) / FACE_PX
_JAW_AREA: Final = np.exp(-((_U / 0.22) ** 2) - ((_V - 0.22) / 0.16) ** 2).astype(np.float32)
_BROW_AREA: Final = np.exp(-((_U / 0.28) ** 2) - ((_V + 0.20) / 0.09) ** 2).astype(np.float32)
_FACE_AREA: Final = np.exp(-((_U / 0.33) ** 2) - ((_V / 0.40) ** 2)).astype(np.float32)


def expressed(tile: UInt8Array, jaw: float, brow: float, turn: float) -> UInt8Array:
    """Open the mouth, lift the brows, turn the head a little, by a smooth warp."""
    map_y = _Y - FACE_PX * (jaw * _JAW_AREA - brow * _BROW_AREA)
    map_x = _X - FACE_PX * turn * _FACE_AREA
    moved = cv2.remap(tile, map_x, map_y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)
    return np.asarray(moved, np.uint8)
