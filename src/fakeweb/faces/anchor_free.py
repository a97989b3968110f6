"""From the maps of the anchor-free finder to faces: the same code validates a training and finds faces.

Each cell of a map (strides 8, 16 and 32) gives 15 numbers: the logit of a face, the middle of its box and the logarithm
of its size, both in strides from the cell's centre, and five points likewise.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from fakeweb.types import FloatArray

STRIDES = (8, 16, 32)


def read_maps(maps: Sequence[FloatArray], min_logit: float) -> npt.NDArray[np.float32]:
    """Read every cell that speaks of a face.

    Args:
        maps: Per stride float32 (H/s, W/s, 15).
        min_logit: Cells below it are silent.

    Returns:
        float32 (F, 15): logit, box (x0, y0, x1, y1), five points (x, y), in pixels of the network's input.
    """
    parts = [np.empty((0, 15))]
    for stride, level in zip(STRIDES, maps, strict=True):
        rows, columns = np.nonzero(level[..., 0] >= min_logit)
        if not len(rows):
            continue
        raw = level[rows, columns]
        centres = (np.stack([columns, rows], 1) + 0.5) * stride
        middle = centres + raw[:, 1:3] * stride
        half = np.exp(raw[:, 3:5].clip(-4, 6)) * (stride / 2)
        points = centres[:, None] + (raw[:, 5:] * stride).reshape(-1, 5, 2)
        parts.append(
            np.concatenate([raw[:, :1], middle - half, middle + half, points.reshape(-1, 10)], axis=1)
        )
    return np.concatenate(parts).astype(np.float32)


def merge(found: npt.NDArray[np.float32], *, overlap: float = 0.35) -> npt.NDArray[np.float32]:
    """Join cells that speak of the same face, the surest first: greedy suppression.

    Args:
        found: float32 (F, 15) of :func:`read_maps`.
        overlap: See :func:`groups`.
    """
    return found[[group[0] for group in groups(found, overlap=overlap)]]


def groups(found: npt.NDArray[np.float32], *, overlap: float = 0.35) -> list[npt.NDArray[np.intp]]:
    """Tell which finds speak of the same face.

    Two boxes are the same face where their intersection over union exceeds ``overlap``, or where one lies in the
    other and is not much smaller.

    Args:
        found: float32 (F, 15) of :func:`read_maps`.
        overlap: Largest intersection over union of two faces.

    Returns:
        Rows of ``found`` per face, the surest row and the surest face first; every row is in one face.
    """
    order = np.lexsort((found[:, 2], found[:, 1], -found[:, 0]))
    boxes = found[order, 1:5]
    areas = (boxes[:, 2:] - boxes[:, :2]).prod(1)
    alive = np.ones(len(order), bool)
    faces = []
    for i in range(len(order)):
        if not alive[i]:
            continue
        low = np.maximum(boxes[i, :2], boxes[:, :2])
        high = np.minimum(boxes[i, 2:], boxes[:, 2:])
        shared = (high - low).clip(0).prod(1)
        union = areas[i] + areas - shared
        smaller = np.minimum(areas[i], areas)
        same = (shared > overlap * union) | ((shared > 0.7 * smaller) & (smaller > 0.12 * areas[i]))
        same[i] = True
        faces.append(order[alive & same])
        alive &= ~same
    return faces
