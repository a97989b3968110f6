"""Ink: lines, text and plates as masks, blended into a picture only where a mask is not zero."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
import numpy.typing as npt

from fakeweb.types import UInt8Array

Rect = tuple[int, int, int, int]
"""(x0, y0, x1, y1) in whole pixels, x1 and y1 exclusive."""
Colour = tuple[int, int, int]
"""RGB, each 0 to 255."""

DARK: Colour = (14, 14, 18)
PAPER: Colour = (248, 248, 250)
RAMP: tuple[tuple[float, Colour], ...] = (
    (0.0, (255, 196, 46)),
    (0.5, (255, 122, 30)),
    (1.0, (240, 26, 46)),
)
"""Amber to red. Lightness falls all the way, so that the order survives red-green blindness; line weight and
opacity rise with it, so that colour never carries the message alone."""

_SHIFT = 4
_FAR_PX = float(1 << 22)
_FONT = cv2.FONT_HERSHEY_SIMPLEX
_FONT_CAP_PX = 21.0
_SUPERSAMPLE = 4


@dataclass(frozen=True, eq=False)
class Ink:
    """One layer to blend: uint8 (h, w) coverage, an RGB colour, the opacity in [0, 1] at full coverage."""

    mask: UInt8Array
    colour: Colour
    alpha: float


def ramp(strength: float) -> Colour:
    """Return the colour for a strength in [0, 1], from amber to red.

    Example:
        >>> ramp(1.0)
        (240, 26, 46)
    """
    stops = [s for s, _ in RAMP]
    red, green, blue = (round(float(np.interp(strength, stops, [c[i] for _, c in RAMP]))) for i in range(3))
    return (red, green, blue)


def blend(canvas: UInt8Array, at: Rect, layers: Sequence[Ink]) -> None:
    """Blend layers over ``canvas`` in place, first layer first; pixels where no mask shows keep every bit.

    Args:
        canvas: uint8 RGB (H, W, 3), writable.
        at: Where the masks lie; inside the canvas and as large as the masks.
        layers: The ink, all masks of the size of ``at``.
    """
    x0, y0, x1, y1 = at
    patch = canvas[y0:y1, x0:x1]
    union = layers[0].mask
    for layer in layers[1:]:
        union = union | layer.mask
    where = np.nonzero(union)
    pixels = np.ascontiguousarray(patch[where].T, np.float32)
    for layer in layers:
        cover = layer.mask[where].astype(np.float32) * np.float32(layer.alpha / 255.0)
        for channel, value in zip(pixels, layer.colour, strict=True):
            channel += (np.float32(value) - channel) * cover  # a view: updates pixels
    patch[where] = np.rint(pixels).astype(np.uint8).T


def stroke(
    mask: UInt8Array, lines: Sequence[npt.NDArray[np.float64]] | npt.NDArray[np.float64], width_px: int
) -> None:
    """Draw anti-aliased lines into a mask in place.

    Args:
        mask: uint8 (h, w).
        lines: Each (n, 2), x and y in pixels of the mask; may reach beyond it. Lines of one length may
            come as one array (m, n, 2).
        width_px: Line width, at least 1.
    """
    fixed = list(_fixed(lines)) if isinstance(lines, np.ndarray) else [_fixed(line) for line in lines]
    cv2.polylines(mask, fixed, False, 255, width_px, cv2.LINE_AA, _SHIFT)


def fill(mask: UInt8Array, outline: npt.NDArray[np.float64]) -> None:
    """Fill a closed outline (n, 2) in a mask in place, with anti-aliased borders."""
    cv2.fillPoly(mask, [_fixed(outline)], 255, cv2.LINE_AA, _SHIFT)


def _fixed(points: npt.NDArray[np.float64]) -> npt.NDArray[np.int32]:
    """Return coordinates in OpenCV's fixed-point form, held where it cannot overflow."""
    return np.rint(np.clip(points, -_FAR_PX, _FAR_PX) * (1 << _SHIFT)).astype(np.int32)


def spread(mask: UInt8Array) -> UInt8Array:
    """Return a mask one pixel wider all round."""
    return cv2.dilate(mask, np.ones((3, 3), np.uint8)).astype(np.uint8, copy=False)


def rounded_rectangle(width: float, height: float, radius: float, count: int = 12) -> npt.NDArray[np.float64]:
    """Return a closed rounded rectangle from (0, 0) to (width, height) as points (n, 2), clockwise."""
    radius = min(radius, width / 2, height / 2)
    turn = np.linspace(0.0, np.pi / 2, count)
    left, right, top, bottom = radius, width - radius, radius, height - radius
    corners = ((right, top, -1), (right, bottom, 0), (left, bottom, 1), (left, top, 2))
    arcs = [
        (x, y) + radius * np.column_stack([np.cos(turn + q * np.pi / 2), np.sin(turn + q * np.pi / 2)])
        for x, y, q in corners
    ]
    return np.concatenate([*arcs, arcs[0][:1]])


def dashes(path: npt.NDArray[np.float64], period_px: float) -> list[npt.NDArray[np.float64]]:
    """Cut a closed path into even dashes, a little longer than the gaps.

    Args:
        path: (n, 2), the first point repeated at the end.
        period_px: Wanted length of dash plus gap; rounded so that a whole number fits.
    """
    length = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(path, axis=0), axis=1))])
    count = int(np.clip(round(length[-1] / period_px), 8, 400))
    starts = np.arange(count)[:, None] * (length[-1] / count)
    at = starts + np.linspace(0.0, 0.54, 6)[None] * (length[-1] / count)
    x, y = np.interp(at, length, path[:, 0]), np.interp(at, length, path[:, 1])
    return list(np.stack([x, y], axis=2))


@lru_cache(maxsize=256)
def text_mask(text: str, cap_px: int) -> UInt8Array:
    """Return ASCII text as a read-only uint8 mask, drawn large and shrunk so that small type stays clean.

    Args:
        text: What to write.
        cap_px: Height of a capital letter.
    """
    scale = cap_px * _SUPERSAMPLE / _FONT_CAP_PX
    weight = max(1, round(cap_px * _SUPERSAMPLE * 0.135))
    (width, _), below = cv2.getTextSize(text, _FONT, scale, weight)
    pad = weight
    tall = cap_px * _SUPERSAMPLE + 2 * pad + below
    big = np.zeros((_up(tall), _up(width + 2 * pad)), np.uint8)
    cv2.putText(big, text, (pad, cap_px * _SUPERSAMPLE + pad), _FONT, scale, 255, weight, cv2.LINE_AA)
    size = (big.shape[1] // _SUPERSAMPLE, big.shape[0] // _SUPERSAMPLE)
    small = cv2.resize(big, size, interpolation=cv2.INTER_AREA).astype(np.uint8, copy=False)
    columns = np.flatnonzero(small.max(axis=0))
    cut = np.ascontiguousarray(small[:, columns[0] : columns[-1] + 1]) if len(columns) else small
    cut.flags.writeable = False
    return cut


def _up(value: int) -> int:
    """Round up to a multiple of the supersampling factor."""
    return -(-value // _SUPERSAMPLE) * _SUPERSAMPLE
