"""Image pyramid and tiles for a face detector, and the way back to the picture's own pixels.

Finds are rows of :func:`fakeweb.faces.anchor_free.read_maps`: logit, box, five points.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from fakeweb.types import UInt8Array

Part = tuple[int, int, int, int]
"""Top, bottom, left and right of a part of a picture."""
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
_GLANCE = 2.5  # a copy smaller by this says where to look closely
# What a look gives at least this logit may be a face when looked at more closely: the larger it is shown, the better
# the look itself can tell.
_HINT_PX, _HINT_LOGITS = (14.0, 24.0, 40.0), (-3.0, -2.5, -1.5)
HINT_LOGIT = _HINT_LOGITS[0]
"""What a look gives less than this logit is no hint."""
_SLACK = 1.3  # a hint's size is this uncertain
_SURE_LOGIT = 2.0  # inside a larger face as sure as this nobody is looked for
_LIKELY_LOGIT = -0.5  # from here on more of the surroundings is shown
CELL_PX = 32
"""Parts that are looked at begin on a grid of so many pixels."""
_CALL_CELLS = 12  # each call of the network costs as much
_MOST_SHARE = 0.75  # beyond, all of a copy is looked at
_SMALL_CELLS = 100  # and of so small a one as soon as anything is
_WHOLE_PX = 1100  # and of one with no longer side where a face is likely


def finest(width: int, height: int) -> float:
    """Return the scale, in (0, 1], of the largest copy of a picture that is looked at.

    Example:
        >>> finest(4000, 3000), round(finest(1080, 20_000), 2), finest(12_000, 9000)
        (1.0, 0.88, 0.75)
    """
    scale = min(1.0, max(_LEAST_SCALE, math.sqrt(_FULL_PX / (width * height))))
    while len(spans(round(width * scale))) * len(spans(round(height * scale))) > _MOST_TILES:
        scale *= 0.98
    return scale


def sides(side_px: float) -> list[float]:
    """Return the long sides of the copies that are looked at, the largest first.

    A face too large for one scale shows well at the next smaller one, where that is not much smaller.

    Args:
        side_px: Long side of the largest copy.

    Example:
        >>> sides(640), sides(4000), [round(side) for side in sides(20_000)]
        ([640, 256, 112], [4000, 640, 256, 112], [20000, 6350, 2016, 640, 256, 112])
    """
    ratio = side_px / SIDES_PX[-1]
    steps = math.ceil(math.log(ratio, _LONG_STEP)) if ratio > _STEP else 1
    between = [SIDES_PX[-1] * ratio ** (i / steps) for i in range(steps - 1, 0, -1)]
    return [*([side_px] if ratio > 1 else []), *between, *SIDES_PX[::-1]]


def glanced(side_px: float) -> float:
    """Return the long side of the copy whose look says where to look closely at one of ``side_px``.

    Example:
        >>> glanced(4000), glanced(1200)
        (1600.0, 640)
    """
    return max(SIDES_PX[-1], side_px / _GLANCE) if side_px > _GLANCE * SIDES_PX[-1] * 1.1 else SIDES_PX[-1]


@dataclass(frozen=True)
class Hints:
    """What coarser looks say about where to look closely.

    Attributes:
        seen: Whatever the look before took for a face, however unsure, in pixels of the picture.
        found: Finds of all looks before, in pixels of the picture.
        scale: Pixels of the picture per pixel of the copy that is to be looked at.
        seen_scale: Of the copy that was looked at before.
        largest: Larger faces, in pixels of the copy, are not wanted there.
    """

    seen: npt.NDArray[np.float32]
    found: npt.NDArray[np.float32]
    scale: float
    seen_scale: float
    largest: float

    def likely(self) -> bool:
        """Tell whether something is probably a face of a size that shows better in the copy."""
        wanted = self._useful(1.1)[2]
        return bool((wanted & (self.seen[:, 0] >= _LIKELY_LOGIT)).any())

    def boxes(self) -> npt.NDArray[np.float32]:
        """Return the boxes to be looked at closely, (N, 4) in pixels of the copy, the face's surroundings included."""
        size, middle, wanted = self._useful(_SLACK)
        shown = size * (self.scale / self.seen_scale)  # in pixels of the look before
        wanted &= self.seen[:, 0] >= np.interp(shown, _HINT_PX, _HINT_LOGITS)
        likely = self.seen[:, 0] >= _LIKELY_LOGIT
        half = np.where(likely, 1.6 * size + 48.0, size + 16.0)[wanted, None]
        return np.concatenate([middle[wanted] - half, middle[wanted] + half], axis=1)

    def _useful(
        self, slack: float
    ) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32], npt.NDArray[np.bool_]]:
        """Return sizes (N,) and middles (N, 2) in pixels of the copy, and who is small enough and in no large face."""
        boxes = self.seen[:, 1:5] / self.scale
        size = np.sqrt((boxes[:, 2:] - boxes[:, :2]).prod(axis=1))
        middle = (boxes[:, :2] + boxes[:, 2:]) / 2
        wanted = size <= slack * self.largest
        large = self.found[self.found[:, 0] >= _SURE_LOGIT, 1:5] / self.scale
        for box in large[(large[:, 2:] - large[:, :2]).prod(axis=1) > self.largest**2]:
            wanted &= ((middle < box[:2]) | (middle > box[2:])).any(axis=1)
        return size, np.asarray(middle, np.float32), wanted


def places(shape: tuple[int, ...], hints: Hints | None) -> list[Part]:
    """Return the parts of a copy that are to be looked at: top, bottom, left, right; no larger than a tile.

    A small copy is looked at as a whole where a face is likely: what surrounds a face tells a little of its place, and
    where tiles lap over it has two views.

    Args:
        shape: Height and width of the copy.
        hints: Where there may be faces; None: everywhere.
    """
    height, width = shape[:2]
    if hints is None or (max(height, width) <= _WHOLE_PX and hints.likely()):
        return tiles(0, height, 0, width)
    marked = _marked(hints.boxes(), -(-height // CELL_PX), -(-width // CELL_PX))
    _, _, stats, _ = cv2.connectedComponentsWithStats(marked)
    parts = _joined([(y, y + h, x, x + w) for x, y, w, h, _ in stats[1:].tolist()])
    if sum(map(_area, parts)) > (_MOST_SHARE * marked.size if marked.size > _SMALL_CELLS else 0):
        return tiles(0, height, 0, width)
    found = []
    for part in parts:
        y0, y1, x0, x1 = (side * CELL_PX for side in part)
        for top, bottom, left, right in tiles(y0, min(y1, height), x0, min(x1, width)):
            inside = marked[top // CELL_PX : -(-bottom // CELL_PX), left // CELL_PX : -(-right // CELL_PX)]
            if inside.any():
                found.append((top, bottom, left, right))
    return found


def tiles(y0: int, y1: int, x0: int, x1: int, *, narrow: bool = False) -> list[Part]:
    """Return tiles that cover a part of a picture: the part itself if it is no larger than one; see :func:`spans`."""
    return [
        (y0 + top, y0 + bottom, x0 + left, x0 + right)
        for top, bottom in spans(y1 - y0, narrow=narrow)
        for left, right in spans(x1 - x0, narrow=narrow)
    ]


def _marked(boxes: npt.NDArray[np.float32], rows: int, columns: int) -> UInt8Array:
    """Return which cells of :data:`CELL_PX` the boxes touch, uint8 (rows, columns)."""
    low = np.floor(boxes[:, :2] / CELL_PX).astype(np.intp).clip(0, (columns, rows))
    high = np.ceil(boxes[:, 2:] / CELL_PX).astype(np.intp).clip(0, (columns, rows))
    edges = np.zeros((rows + 1, columns + 1), np.int32)
    for x, y, sign in ((low, low, 1), (high, low, -1), (low, high, -1), (high, high, 1)):
        np.add.at(edges, (y[:, 1], x[:, 0]), sign)
    return (edges.cumsum(0).cumsum(1)[:rows, :columns] > 0).astype(np.uint8)


def _joined(parts: list[Part]) -> list[Part]:
    """Join parts that meet, and those that cost less as one: each call of the network costs as much as some cells."""
    kept: list[Part] = []
    while parts:
        one = parts.pop()
        for other in kept:
            both = (
                min(one[0], other[0]),
                max(one[1], other[1]),
                min(one[2], other[2]),
                max(one[3], other[3]),
            )
            meet = one[0] < other[1] and other[0] < one[1] and one[2] < other[3] and other[2] < one[3]
            small = max(both[1] - both[0], both[3] - both[2]) * CELL_PX <= TILE_PX
            if small and (meet or _area(both) <= _area(one) + _area(other) + _CALL_CELLS):
                kept.remove(other)
                parts.append(both)
                break
        else:
            kept.append(one)
    return kept


def _area(part: Part) -> int:
    return (part[1] - part[0]) * (part[3] - part[2])


def copies(pixels: UInt8Array, sides_px: Sequence[float]) -> list[UInt8Array]:
    """Return the picture shrunk to these long sides, each of the next larger one; none twice."""
    made: list[UInt8Array] = []
    for side_px, next_px in zip(sides_px, (*sides_px[1:], 0), strict=True):
        if next_px < max(pixels.shape[:2]):
            made.append(shrunk(made[-1] if made else pixels, side_px))
    return made


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


def spans(length: int, *, narrow: bool = False) -> list[tuple[int, int]]:
    """Return where tiles begin and end so that they cover a length, evenly, lapping over.

    Args:
        length: In pixels.
        narrow: No more than need be. Faces that two tiles show have two views, of which the mesh may like one.
    """
    if length <= TILE_PX:
        return [(0, length)]
    count = -(-(length - LAP_PX) // (TILE_PX - LAP_PX))
    least = -(-(length + (count - 1) * LAP_PX) // (count * CELL_PX)) * CELL_PX
    side = min(TILE_PX, least) if narrow else TILE_PX
    begins = [round(i * (length - side) / (count - 1)) for i in range(count)]
    return [(begin, begin + side) for begin in begins]


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
