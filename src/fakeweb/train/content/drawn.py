"""Screens, pages, charts and plain colours, drawn: what is neither animal nor person nor vehicle."""

from __future__ import annotations

import cv2
import numpy as np

from fakeweb.types import UInt8Array

_LETTERS = "abcdefghijklmnopqrstuvwxyz   ABCDEFGHIKLMNOPRST0123456789.,:-"


def draw(side_px: int, rng: np.random.Generator) -> UInt8Array:
    """Draw a page with text, bars, boxes and lines, or next to nothing: uint8 RGB (side_px, side_px, 3)."""
    page = np.full((side_px, side_px, 3), _colour(rng, pale=rng.random() < 0.7), np.uint8)
    kind = rng.integers(5)
    if kind == 0:  # a plain or shaded area
        across, other = np.linspace(0, 1, side_px)[None, :, None], _colour(rng)
        shade = page * (1 - across) + np.array(other) * across
        return np.asarray(np.rot90(shade, int(rng.integers(4))) + rng.normal(0, rng.uniform(0, 12), page.shape)).clip(
            0, 255
        ).astype(np.uint8)  # fmt: skip
    if kind == 1:
        _chart(page, rng)
    for _ in range(int(rng.integers(0, 6))):
        _box(page, rng)
    if kind >= 2:
        _text(page, rng)
    return page


def on_screen(pixels: UInt8Array, rng: np.random.Generator) -> UInt8Array:
    """Show a picture on a drawn screen, between bars, buttons and text; it fills a quarter of it at least."""
    height, width = pixels.shape[:2]
    side = round(max(height, width) * rng.uniform(1.15, 1.6))
    screen = draw(side, rng)
    top, left = (int(rng.integers(0, side - length + 1)) for length in (height, width))
    screen[top : top + height, left : left + width] = pixels
    return screen


def as_drawing(pixels: UInt8Array, rng: np.random.Generator) -> UInt8Array:
    """Turn a picture into a drawing: its outlines, over few colours or on paper."""
    grey = cv2.cvtColor(cv2.GaussianBlur(pixels, (0, 0), rng.uniform(0.6, 1.4)), cv2.COLOR_RGB2GRAY)
    block = int(rng.integers(2, 6)) * 2 + 1
    lines = cv2.adaptiveThreshold(grey, 255, cv2.ADAPTIVE_THRESH_MEAN_C, cv2.THRESH_BINARY, block, 4)[
        ..., None
    ]
    if rng.random() < 0.5:
        return np.repeat(np.asarray(lines, np.uint8), 3, 2)
    step = int(rng.integers(32, 86))
    flat = cv2.medianBlur(pixels, 5).astype(np.int32) // step * step + step // 2
    return np.where(lines == 0, 20, flat.clip(0, 255)).astype(np.uint8)


def _colour(rng: np.random.Generator, *, pale: bool = False) -> list[int]:
    return [int(v) for v in rng.integers(215 if pale else 0, 256, 3)]


def _box(page: UInt8Array, rng: np.random.Generator) -> None:
    side = page.shape[0]
    x, y = (int(v) for v in rng.integers(0, side, 2))
    across, down = (int(v) for v in rng.integers(4, side, 2) // rng.integers(1, 6, 2))
    filled = cv2.FILLED if rng.random() < 0.6 else 1
    if rng.random() < 0.2:
        cv2.circle(page, (x, y), max(2, down // 2), _colour(rng), filled, cv2.LINE_AA)
    else:
        cv2.rectangle(page, (x, y), (x + across, y + down), _colour(rng), filled)


def _text(page: UInt8Array, rng: np.random.Generator) -> None:
    side, y = page.shape[0], int(rng.integers(6, 24))
    x, size, ink = int(rng.integers(0, side // 2)), rng.uniform(0.2, 0.9), _colour(rng)
    while y < side:
        words = "".join(_LETTERS[i] for i in rng.integers(0, len(_LETTERS), int(rng.integers(4, 48))))
        cv2.putText(page, words, (x, y), cv2.FONT_HERSHEY_SIMPLEX, size, ink, 1, cv2.LINE_AA)
        y += int(26 * size * rng.uniform(1.0, 2.2)) + 3


def _chart(page: UInt8Array, rng: np.random.Generator) -> None:
    side, count = page.shape[0], int(rng.integers(3, 14))
    heights = rng.integers(4, side, count)
    places = np.linspace(0, side - 1, count).astype(int)
    if rng.random() < 0.5:
        line = np.stack([places, side - heights], 1).reshape(-1, 1, 2).astype(np.int32)
        cv2.polylines(page, [line], False, _colour(rng), int(rng.integers(1, 4)), cv2.LINE_AA)
        return
    for x, height in zip(places.tolist(), heights.tolist(), strict=True):
        cv2.rectangle(page, (x, side - height), (x + side // (2 * count), side), _colour(rng), cv2.FILLED)
