"""Image pyramid and tiles for a face detector, and the way back to the picture's own pixels.

Finds are rows of :func:`fakeweb.faces.anchor_free.read_maps`: logit, box, five points.
"""

from __future__ import annotations

import math

import cv2
import numpy as np
import numpy.typing as npt

from fakeweb.types import UInt8Array

SIDES_PX = (112, 256, 640)
"""A picture is looked at whole, shrunk to these long sides."""
TILE_PX = 768
"""A larger one is looked at in tiles too."""
LAP_PX = 112
"""Tiles lap over each other by so much at least."""
_FULL_PX = 4096**2  # at full size up to this area
_LEAST_SCALE = 0.75  # and shrunk no further than to this, whatever its area, but for
_MOST_TILES = 160  # this bound: two seconds
_STEP, _LONG_STEP = 6.4, 4.0  # from one scale to the next at most, and where one between is needed anyway


def finest(width: int, height: int) -> float:
    """Return the scale, in (0, 1], of the largest copy of a picture that is looked at.

    Example:
        >>> finest(4000, 3000), round(finest(1080, 20_000), 2), finest(12_000, 9000)
        (1.0, 0.88, 0.75)
    """
    scale = min(1.0, max(_LEAST_SCALE, math.sqrt(_FULL_PX / (width * height))))
    while len(starts(round(width * scale))) * len(starts(round(height * scale))) > _MOST_TILES:
        scale *= 0.98
    return scale


def sides_between(side_px: float) -> list[float]:
    """Return the long sides of copies between the largest that is looked at whole and one in tiles.

    A face too large for one scale shows well at the next smaller one, where that is not much smaller.

    Args:
        side_px: Long side of the largest copy.

    Returns:
        The largest first.

    Example:
        >>> sides_between(4096), [round(side) for side in sides_between(20_000)]
        ([], [6350, 2016])
    """
    ratio = side_px / SIDES_PX[-1]
    steps = math.ceil(math.log(ratio, _LONG_STEP)) if ratio > _STEP else 1
    return [SIDES_PX[-1] * ratio ** (i / steps) for i in range(steps - 1, 0, -1)]


def shrunk(pixels: UInt8Array, side_px: float) -> UInt8Array:
    """Shrink a picture to this long side, unless it is smaller."""
    while max(pixels.shape[:2]) >= 4 * side_px and min(pixels.shape[:2]) > 1:
        pixels = _resized(pixels, pixels.shape[1] // 2, pixels.shape[0] // 2)  # halving is much faster
    height, width = pixels.shape[:2]
    scale = side_px / max(height, width)
    if scale >= 1:
        return pixels
    return _resized(pixels, max(1, round(width * scale)), max(1, round(height * scale)))


def _resized(pixels: UInt8Array, width: int, height: int) -> UInt8Array:
    return np.asarray(cv2.resize(pixels, (width, height), interpolation=cv2.INTER_AREA), np.uint8)


def starts(length: int) -> list[int]:
    """Return where tiles begin so that they cover a length, evenly, lapping over."""
    if length <= TILE_PX:
        return [0]
    count = -(-(length - LAP_PX) // (TILE_PX - LAP_PX))
    return [round(i * (length - TILE_PX) / (count - 1)) for i in range(count)]


def cut_off(
    found: npt.NDArray[np.float32], shape: tuple[int, ...], top: int, left: int, height: int, width: int
) -> npt.NDArray[np.bool_]:
    """Tell which faces reach over a tile's edge that is not the picture's: the next tile has them whole."""
    over = np.zeros(len(found), bool)
    x0, y0, x1, y1 = found[:, 1:5].T
    if left > 0:
        over |= x0 < 1
    if top > 0:
        over |= y0 < 1
    if left + shape[1] < width:
        over |= x1 > shape[1] - 1
    if top + shape[0] < height:
        over |= y1 > shape[0] - 1
    return over


def scaled(found: npt.NDArray[np.float32], scale: float, left: float, top: float) -> npt.NDArray[np.float32]:
    """Bring finds from a part of a shrunk copy to the picture: enlarge, then move."""
    moved = found.copy()
    moved[:, 1:] *= scale
    moved[:, 1::2] += left
    moved[:, 2::2] += top
    return moved


def mirrored(found: npt.NDArray[np.float32], width: int) -> npt.NDArray[np.float32]:
    """Undo mirroring from left to right: (x, y) there was (width - x, y) here, and left eyes were right ones."""
    back = found.copy()
    back[:, 1], back[:, 3] = width - found[:, 3], width - found[:, 1]
    points = found[:, 5:15].reshape(-1, 5, 2)[:, [1, 0, 2, 4, 3]]
    back[:, 5:15:2], back[:, 6:15:2] = width - points[..., 0], points[..., 1]
    return back


def turned_back(found: npt.NDArray[np.float32], width: int) -> npt.NDArray[np.float32]:
    """Undo a quarter turn to the left (``np.rot90``): (x, y) there was (width - y, x) here."""
    back = found.copy()
    back[:, 1], back[:, 3] = width - found[:, 4], width - found[:, 2]
    back[:, 2], back[:, 4] = found[:, 1], found[:, 3]
    back[:, 5::2], back[:, 6::2] = width - found[:, 6::2], found[:, 5::2]
    return back


def turned_forth(found: npt.NDArray[np.float32], height: int) -> npt.NDArray[np.float32]:
    """Undo a quarter turn to the right (``np.rot90(..., -1)``): (x, y) there was (y, height - x) here."""
    back = found.copy()
    back[:, 1], back[:, 3] = found[:, 2], found[:, 4]
    back[:, 2], back[:, 4] = height - found[:, 3], height - found[:, 1]
    back[:, 5::2], back[:, 6::2] = found[:, 6::2], height - found[:, 5::2]
    return back
