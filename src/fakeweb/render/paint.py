"""Rasterisation: lines, text and plates as masks, blended into a picture only where a mask is not zero."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import ceil, isqrt

import cv2
import numpy as np
import numpy.typing as npt

from fakeweb.render.style import STYLE, Colour
from fakeweb.types import UInt8Array

Points = npt.NDArray[np.float64]
Rect = tuple[int, int, int, int]
"""(x0, y0, x1, y1) in whole pixels, x1 and y1 exclusive."""
DARK, PAPER, RAMP = STYLE.dark, STYLE.paper, STYLE.ramp
"""Ink, paper, and amber to red. Lightness falls all along the ramp, so that the order survives red-green blindness;
line weight and opacity rise with it, so that colour never carries the message alone."""

_SHIFT = 4
_FAR_PX = float(1 << 22)
_FONT = cv2.FONT_HERSHEY_SIMPLEX
_FONT_CAP_PX = 21.0
_SUPERSAMPLE = 4
_FINE_PX = 5.0  # lines at least so wide are drawn as they are
_BANDS = 8  # of strength, in which lines are drawn together
_MOST_PX = 1 << 24  # masks are not enlarged beyond this


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
    size: tuple[int, int],
    lines: Sequence[Points] | Points,
    width_px: float,
    shares: npt.NDArray[np.float64] | None = None,
) -> UInt8Array:
    """Return anti-aliased lines as uint8 coverage (h, w).

    Thin lines are drawn larger and shrunk, so that they may be thinner than a pixel.

    Args:
        size: Width and height of the mask in pixels.
        lines: Each (n, 2), x and y in pixels of the mask; may reach beyond it. Lines of one length may come as one
            array (m, n, 2).
        width_px: Width of the lines, above 0.
        shares: How strong each line is, in [0, 1]; None: all full. Where lines cross, the stronger one shows.
    """
    most = max(1, isqrt(_MOST_PX // max(1, size[0] * size[1])))
    times = min(most, _SUPERSAMPLE, max(1, ceil(_FINE_PX / width_px)))
    big = np.zeros((size[1] * times, size[0] * times), np.uint8)
    shift = (times - 1) / 2  # whole numbers are the middles of pixels
    if isinstance(lines, np.ndarray):
        fixed = list(_fixed(lines * times + shift))
    else:
        fixed = [_fixed(line * times + shift) for line in lines]
    bands = np.full(len(fixed), _BANDS) if shares is None else np.ceil(shares * _BANDS)
    thick, cover = _thickness(width_px * times)
    for band in np.unique(bands).tolist():
        those = [fixed[i] for i in np.flatnonzero(bands == band)]
        cv2.polylines(big, those, False, round(255 * cover * band / _BANDS), thick, cv2.LINE_AA, _SHIFT)
    if times > 1:
        big = cv2.resize(big, size, interpolation=cv2.INTER_AREA).astype(np.uint8, copy=False)
    return big


def _thickness(width_px: float) -> tuple[int, float]:
    """Return what to ask OpenCV for, and how much of it: it draws anti-aliased lines wider than asked, in steps.

    Asked for 1 it draws 1.35 pixels, for 2 it draws 3.4, for odd numbers from 3 on 2.4 more.

    Example:
        >>> _thickness(5.4), _thickness(0.675)
        ((3, 1.0), (1, 0.5))
    """
    if width_px <= 1.5:
        return 1, min(1.0, width_px / 1.35)
    if width_px <= 3.8:
        return 2, min(1.0, width_px / 3.4)
    odd = max(3, 2 * ceil((0.9 * width_px - 3.4) / 2) + 1)
    return odd, min(1.0, width_px / (odd + 2.4))


def fill(mask: UInt8Array, outline: Points) -> None:
    """Fill a closed outline (n, 2) in a mask in place, with anti-aliased borders."""
    cv2.fillPoly(mask, [_fixed(outline)], 255, cv2.LINE_AA, _SHIFT)


def _fixed(points: Points) -> npt.NDArray[np.int32]:
    """Return coordinates in OpenCV's fixed-point form, held where it cannot overflow."""
    return np.rint(np.clip(points, -_FAR_PX, _FAR_PX) * (1 << _SHIFT)).astype(np.int32)


def rounded_rectangle(width: float, height: float, radius: float, count: int = 12) -> Points:
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


def dashes(path: Points, period_px: float) -> list[Points]:
    """Cut a path into even dashes, a little longer than the gaps.

    Args:
        path: (n, 2), the first point repeated at the end.
        period_px: Wanted length of dash plus gap; rounded so that a whole number fits.
    """
    length = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(path, axis=0), axis=1))])
    count = int(np.clip(round(length[-1] / period_px), 8, 400))
    starts = np.arange(count)[:, None] * (length[-1] / count)
    at = starts + np.linspace(0.0, STYLE.dash_drawn, 6)[None] * (length[-1] / count)
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
