"""Faces on paper, cloth and screens, simulated: what a picture of a picture does to a face.

It is a simulation: paper takes away contrast and colour and shows its dots, screens add their grid and interfere
with it (moire), cloth bends the picture and shows its weave; often an edge of the print is seen.
"""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from fakeweb.types import UInt8Array

Floats = npt.NDArray[np.floating[Any]]


def print_face(
    pixels: UInt8Array, points: Floats, around: UInt8Array, rng: np.random.Generator
) -> tuple[UInt8Array, Floats]:
    """Show a face as a print on paper, on a screen or on cloth.

    Args:
        pixels: uint8 RGB (S, S, 3), the square.
        points: float32 (468, 3) in its pixels.
        around: uint8 RGB (S, S, 3), what may be seen beyond the print's edge.
        rng: Decides all.

    Returns:
        The square and the points, which move where cloth bends.
    """
    x: Floats = pixels.astype(np.float32) / 255
    kind = rng.integers(3)
    if kind == 2:
        x, points = _cloth(x, points, rng)
    elif kind == 1:
        x = _screen(x, rng)
    else:
        x = _paper(x, rng)
    if rng.random() < 0.6:
        x = _edge(x, around.astype(np.float32) / 255, points, rng)
    x = _flat_light(x, rng)
    return np.clip(x * 255 + 0.5, 0, 255).astype(np.uint8), points


def _grid(side: int, angle: float, period_px: float, rng: np.random.Generator) -> tuple[Floats, Floats]:
    """Return two phases of a turned grid, (S, S) each."""
    y, x = np.mgrid[:side, :side].astype(np.float32)
    turn = 2 * np.pi / period_px
    one, two = rng.uniform(0, 2 * np.pi, 2)
    across = (x * np.cos(angle) + y * np.sin(angle)) * turn + one
    along = (y * np.cos(angle) - x * np.sin(angle)) * turn + two
    return across.astype(np.float32), along.astype(np.float32)


def _wash(x: Floats, rng: np.random.Generator) -> Floats:
    """Take away contrast and colour; add the colour of the ground."""
    black, white = rng.uniform(0.02, 0.3), rng.uniform(0.7, 1.0)
    grey = x.mean(axis=2, keepdims=True)
    x = grey + (x - grey) * rng.uniform(0.0, 0.9)
    tint = 1 + rng.uniform(-0.15, 0.15, 3).astype(np.float32)
    return np.asarray((black + (white - black) * x) * tint, np.float32)


def _paper(x: Floats, rng: np.random.Generator) -> Floats:
    side = x.shape[0]
    x = _wash(x, rng)
    if rng.random() < 0.65:
        period = rng.uniform(2.0, 7.0)
        screens = (15, 75, 0) if rng.random() < 0.6 else (45, 45, 45)
        hard = rng.uniform(1.5, 8.0)
        dots = np.empty_like(x)
        for c, angle in enumerate(screens):
            across, along = _grid(side, np.deg2rad(angle + rng.uniform(-5, 5)), period, rng)
            wave = (np.cos(across) + np.cos(along)) / 4 + 0.5
            dots[..., c] = 1 / (1 + np.exp(-hard * 2 * (x[..., c] - wave)))
        x = x + (dots - x) * rng.uniform(0.3, 1.0)
        if rng.random() < 0.7:
            x = cv2.GaussianBlur(x, (0, 0), rng.uniform(0.4, 1.2)).astype(np.float32)
    if rng.random() < 0.3:
        levels = int(rng.integers(2, 7))
        x = np.asarray(np.round(x * levels) / levels, np.float32)
    return x


def _screen(x: Floats, rng: np.random.Generator) -> Floats:
    side = x.shape[0]
    grid = rng.uniform(2.0, 5.0)
    angle = rng.normal(0, 0.15)
    across, along = _grid(side, angle, grid, rng)
    strength = rng.uniform(0.04, 0.3)
    if rng.random() < 0.6:
        for c in range(3):
            x[..., c] *= 1 + strength * np.cos(across + 2 * np.pi * c / 3)
    x = x * (1 + strength * np.cos(along))[..., None]
    if rng.random() < 0.7:  # interference of two grids: slow bands, coloured
        bend = rng.uniform(6, 40)
        slow, bent = _grid(side, rng.uniform(0, np.pi), bend, rng)
        shift = rng.uniform(0, 1.2, 3)
        for c in range(3):
            x[..., c] *= 1 + rng.uniform(0.02, 0.14) * np.cos(slow + 0.7 * np.sin(bent / 3) + shift[c])
    tint = np.array([1 - rng.uniform(0, 0.15), 1.0, 1 + rng.uniform(0, 0.2)], np.float32)
    glow = rng.uniform(0, 0.15)
    return np.asarray(glow + (1 - glow) * x * tint, np.float32)


def _cloth(x: Floats, points: Floats, rng: np.random.Generator) -> tuple[Floats, Floats]:
    side = x.shape[0]
    y_, x_ = np.mgrid[:side, :side].astype(np.float32)
    shift = np.zeros((side, side, 2), np.float32)
    shade = np.zeros((side, side), np.float32)
    for _ in range(rng.integers(2, 5)):
        angle, length = rng.uniform(0, np.pi), side * rng.uniform(0.15, 0.7)
        size = rng.uniform(0.002, 0.012) * length
        phase = (x_ * np.cos(angle) + y_ * np.sin(angle)) * (2 * np.pi / length) + rng.uniform(0, 2 * np.pi)
        phase += 0.6 * np.sin(
            (y_ * np.cos(angle) - x_ * np.sin(angle)) * (2 * np.pi / (length * rng.uniform(1.5, 4)))
        )
        wave = np.sin(phase)
        shift += size * wave[..., None] * np.array([np.cos(angle), np.sin(angle)], np.float32)
        shade += rng.uniform(0.03, 0.14) * np.cos(phase)
    bent = cv2.remap(
        x, x_ + shift[..., 0], y_ + shift[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    moved = points.copy()
    for _ in range(3):  # where a point of the print went: p + shift(p) = old place
        at = cv2.remap(
            shift, moved[None, :, 0], moved[None, :, 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
        )
        moved[:, :2] = points[:, :2] - at[0]
    x = _wash(np.asarray(bent, np.float32), rng)
    if rng.random() < 0.35:  # one ink on coloured cloth
        ink, cloth = rng.random(3).astype(np.float32), rng.random(3).astype(np.float32)
        grey = x.mean(axis=2, keepdims=True)
        grey = 1 / (1 + np.exp(-rng.uniform(3, 15) * (grey - np.median(grey))))
        x = (ink * (1 - grey) + cloth * grey).astype(np.float32)
    across, along = _grid(side, rng.uniform(0, np.pi), rng.uniform(2.0, 4.5), rng)
    weave = rng.uniform(0.0, 0.12) * np.cos(across) * np.cos(along)
    x = x * (1 + shade + weave)[..., None]
    return np.asarray(x, np.float32), moved


def _edge(x: Floats, around: Floats, points: Floats, rng: np.random.Generator) -> Floats:
    """Let the print end beside the face: a margin of paper or the frame of a screen, then what is behind it."""
    side = x.shape[0]
    middle = points[:, :2].mean(axis=0)
    far = float(np.ptp(points[:, 1])) * 0.5
    for _ in range(rng.integers(1, 3)):
        angle = rng.choice([0, 0.5, 1, 1.5]) * np.pi + rng.normal(0, 0.12)
        reach = far * rng.uniform(0.85, 1.5)
        y_, x_ = np.mgrid[:side, :side].astype(np.float32)
        beyond = (x_ - middle[0]) * np.cos(angle) + (y_ - middle[1]) * np.sin(angle) - reach
        margin = rng.uniform(0, 0.1) * side
        colour = np.float32(rng.choice([0.05, 0.9])) + rng.normal(0, 0.05, 3).astype(np.float32)
        on_margin = np.clip(beyond + 0.5, 0, 1)[..., None]
        outside = np.clip(beyond - margin + 0.5, 0, 1)[..., None]
        x = x * (1 - on_margin) + colour * on_margin
        x = x * (1 - outside) + around * outside
    return np.asarray(x, np.float32)


def _flat_light(x: Floats, rng: np.random.Generator) -> Floats:
    """Light the whole print from one side, sometimes with a reflection."""
    side = x.shape[0]
    y_, x_ = np.mgrid[:side, :side].astype(np.float32) / side - 0.5
    angle = rng.uniform(0, 2 * np.pi)
    slope = x_ * np.cos(angle) + y_ * np.sin(angle)
    x = x * (rng.uniform(0.6, 1.15) + rng.uniform(0, 0.35) * slope)[..., None]
    if rng.random() < 0.25:
        where, width = rng.uniform(-0.5, 0.5), rng.uniform(0.03, 0.25)
        x = x + rng.uniform(0.1, 0.5) * np.exp(-(((slope - where) / width) ** 2))[..., None]
    return np.asarray(x, np.float32)
