"""Where things lie on the mesh: regions by contour, control points, directions; all from :mod:`fakeweb.topology`.

Positions on the mean face are in *face units*: the oval's centre is the origin, its half width 1; x grows to the
right of the picture, y down, z away from the viewer.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import numpy.typing as npt

from fakeweb import topology
from fakeweb.types import FloatArray

IndexArray = npt.NDArray[np.intp]


def _contour(name: str) -> IndexArray:
    points = topology.CONTOURS[name]
    return np.asarray(points[:-1] if points[0] == points[-1] else points, np.intp)


OVAL = _contour("oval")
LIPS = _contour("lips_outer")
MOUTH = _contour("lips_inner")
EYES = (_contour("right_eye"), _contour("left_eye"))
BROWS = (_contour("right_brow"), _contour("left_brow"))


def _units() -> FloatArray:
    mean = np.asarray(topology.MEAN, np.float64)
    oval = mean[OVAL]
    middle = (oval.max(0) + oval.min(0)) / 2
    out: FloatArray = ((mean - middle) / (np.ptp(oval[:, 0]) / 2)).astype(np.float32)
    return out


SHAPE = _units()
"""The mean face, float32 (468, 3) in face units."""

EYE_CENTRES = np.stack([SHAPE[e].mean(0) for e in EYES])
MOUTH_CENTRE = SHAPE[LIPS].mean(0)
NOSE_TIP = SHAPE[np.argmin(SHAPE[:, 2])]


@lru_cache(maxsize=1)
def control_points() -> IndexArray:
    """Return the points that steer a warp: all contours, and others spread between them, 160 in all."""
    chosen = list(dict.fromkeys(np.concatenate([OVAL, LIPS, MOUTH, *EYES, *BROWS]).tolist()))
    nearest = np.min([np.sum((SHAPE - SHAPE[i]) ** 2, 1) for i in chosen], 0)
    while len(chosen) < 160:
        farthest = int(np.argmax(nearest))
        chosen.append(farthest)
        nearest = np.minimum(nearest, np.sum((SHAPE - SHAPE[farthest]) ** 2, 1))
    return np.asarray(chosen, np.intp)


@lru_cache(maxsize=1)
def nose_points() -> IndexArray:
    """Return the points of the nose, from between the eyes to below the tip, with its wings."""
    top, bottom = EYE_CENTRES[:, 1].mean(), NOSE_TIP[1] + 0.3 * (MOUTH_CENTRE[1] - NOSE_TIP[1])
    y = SHAPE[:, 1]
    down = np.clip((y - top) / (bottom - top), 0, 1)
    inside = (y > top) & (y < bottom) & (np.abs(SHAPE[:, 0]) < 0.1 + 0.22 * down)
    return np.flatnonzero(inside)


def bump(distance: FloatArray | float, radius: float) -> FloatArray:
    """Return a smooth weight: 1 at distance 0, 0 from ``radius`` on."""
    share = np.clip(1 - np.asarray(distance) / radius, 0, 1)
    return np.asarray(share * share * (3 - 2 * share), np.float32)


def rise(value: FloatArray, low: float, high: float) -> FloatArray:
    """Return a smooth step: 0 up to ``low``, 1 from ``high`` on."""
    share = np.clip((value - low) / (high - low), 0, 1)
    return np.asarray(share * share * (3 - 2 * share), np.float32)
