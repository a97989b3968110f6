"""Geometric retouching: how the points of the mesh move, in face units; the pixels go with them.

Each function takes (strength in [0, 1], rng) and returns moves, float32 (468, 3).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from fakeweb.forge.patch import Patch, Worked
from fakeweb.forge.regions import (
    EYE_CENTRES,
    EYES,
    LIPS,
    MOUTH_CENTRE,
    NOSE_TIP,
    SHAPE,
    bump,
    nose_points,
    rise,
)
from fakeweb.forge.warp import warp_mesh
from fakeweb.types import FloatArray

Moves = Callable[[float, np.random.Generator], FloatArray]


def moved(patch: Patch, moves: FloatArray) -> Worked:
    """Move the mesh by moves in face units (468, 3), and the pixels with it."""
    in_pixels = patch.project(moves.astype(np.float32))
    pixels, weight = warp_mesh(patch, in_pixels)
    return Worked(pixels, weight, in_pixels)


def enlarge_eyes(strength: float, rng: np.random.Generator) -> FloatArray:
    """Enlarge both eyes around their centres, by up to a half."""
    moves = np.zeros_like(SHAPE)
    amount = 0.5 * strength * rng.uniform(0.8, 1.0)
    for eye, centre in zip(EYES, EYE_CENTRES, strict=True):
        out = SHAPE - centre
        width = np.ptp(SHAPE[eye, 0])
        weight = bump(np.hypot(out[:, 0], out[:, 1]), 1.15 * width)
        moves += (amount * weight)[:, None] * out * (0.8, 1.0, 0.0)
    return moves


def slim_nose(strength: float, rng: np.random.Generator) -> FloatArray:
    """Draw the wings of the nose together, by up to two fifths, and the tip up a little."""
    moves = np.zeros_like(SHAPE)
    nose = nose_points()
    down = rise(SHAPE[nose, 1], EYE_CENTRES[:, 1].mean(), NOSE_TIP[1])
    moves[nose, 0] = -0.42 * strength * rng.uniform(0.8, 1.0) * down * (SHAPE[nose, 0] - NOSE_TIP[0])
    moves[nose, 1] = -0.05 * strength * rng.random() * down
    return moves


def slim_jaw(strength: float, rng: np.random.Generator) -> FloatArray:
    """Draw cheeks and jaw in towards the midline, by up to a fifth, and shorten or lengthen the chin."""
    moves = np.zeros_like(SHAPE)
    low = rise(SHAPE[:, 1], EYE_CENTRES[:, 1].mean() + 0.1, MOUTH_CENTRE[1])
    outer = rise(np.abs(SHAPE[:, 0]) + 0.35 * np.maximum(0, SHAPE[:, 1] - MOUTH_CENTRE[1]), 0.25, 0.75)
    moves[:, 0] = -0.23 * strength * rng.uniform(0.8, 1.0) * low * outer * SHAPE[:, 0]
    chin = rise(SHAPE[:, 1], MOUTH_CENTRE[1] + 0.15, SHAPE[:, 1].max())
    moves[:, 1] = rng.uniform(-0.12, 0.06) * strength * chin
    return moves


def plump_lips(strength: float, rng: np.random.Generator) -> FloatArray:
    """Make the lips fuller: their outline grows up and down, where they meet stays."""
    moves = np.zeros_like(SHAPE)
    out = SHAPE - MOUTH_CENTRE
    half_width, half_height = np.ptp(SHAPE[LIPS, 0]) / 2, np.ptp(SHAPE[LIPS, 1]) / 2
    near = bump(np.hypot(out[:, 0] / half_width, out[:, 1] / (2.6 * half_height)), 1.15)
    grow = rise(np.abs(out[:, 1]), 0.1 * half_height, half_height)
    moves[:, 1] = 0.5 * strength * rng.uniform(0.7, 1.0) * half_height * near * grow * np.sign(out[:, 1])
    return moves
