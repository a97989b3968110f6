"""A frontal face mesh of our own, built from formulas.

The mesh lives in *face units*: x to the right from the midline, y down from the top of a tight face box, z
towards the camera; the box is 1 wide and :data:`HEIGHT` tall. Eyes, nose tip and mouth corners
(:data:`REFERENCE`) stand where face finders put them on average: measured on 118 frontal portraits, with
boxes from brow and forehead to chin. Everything else follows from them by the proportions of the drawing
schools (five eye widths across, brows above the lids, nose and mouth a third each).

How it is made: each feature of the right half is a curve with a formula (the functions below); rings between
oval and centre fill the skin, leaving out points too close to a feature; the half is triangulated once
(Delaunay) and mirrored, which makes the mesh symmetric to the last bit. Eyes and mouth stay open.

No point, index or table is taken from another project.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import numpy as np
import numpy.typing as npt

from fakeweb.render.triangles import IntArray, delaunay, edges_of

Points = npt.NDArray[np.float64]
Detail = Literal["fine", "coarse"]

HEIGHT = 1.35
"""Height of a face box one unit wide: the usual ratio of tight face boxes."""

REFERENCE: Points = np.array([(-0.235, 0.524), (0.235, 0.524), (0.0, 0.795), (-0.203, 0.992), (0.203, 0.992)])
"""Eye, eye, nose tip, mouth corner, mouth corner in face units: where ``Face.points`` stand, (5, 2)."""

_CENTRE = np.array((0.0, 0.70))
_COUNTS: dict[Detail, dict[str, int]] = {
    "fine": {"oval": 15, "brow": 5, "eye": 12, "lid": 10, "wing": 5, "lip": 6, "inner": 6},
    "coarse": {"oval": 11, "brow": 3, "eye": 6, "lid": 0, "wing": 3, "lip": 4, "inner": 3},
}
_RINGS: dict[Detail, tuple[tuple[float, int], ...]] = {
    "fine": ((0.87, 13), (0.72, 11), (0.55, 9), (0.37, 7)),
    "coarse": ((0.80, 9), (0.58, 7)),
}
_CLEARANCE: dict[Detail, float] = {"fine": 0.062, "coarse": 0.11}


@dataclass(frozen=True, eq=False)
class FaceMesh:
    """A triangulated face.

    Attributes:
        points: float64 (N, 3) in face units.
        triangles: int32 (T, 3), indices into ``points``.
        edges: int32 (E, 2), every side of a triangle once.
        contours: Lines to stress, by region (``oval``, ``brows``, ``eyes``, ``nose``, ``lips``); each region
            is a tuple of index arrays, and a closed line repeats its first index at the end.
    """

    points: Points
    triangles: IntArray
    edges: IntArray
    contours: dict[str, tuple[IntArray, ...]]


@lru_cache(maxsize=2)
def canonical_mesh(detail: Detail = "fine") -> FaceMesh:
    """Return the canonical mesh; built once per process and level of detail.

    Args:
        detail: ``fine`` for faces seen large, ``coarse`` where fine lines would run into each other.

    Example:
        >>> mesh = canonical_mesh()
        >>> 100 <= len(mesh.points) <= 200
        True
    """
    half, lines, open_loops = _right_half(detail)
    holes = [set(loop.tolist()) for loop in open_loops]
    triangles = np.array(
        [t for t in delaunay(half) if not any(set(t.tolist()) <= hole for hole in holes)], np.int32
    )
    on_midline = half[:, 0] == 0.0
    twin = np.arange(len(half), dtype=np.int32)
    twin[~on_midline] = len(half) + np.arange(int((~on_midline).sum()), dtype=np.int32)
    points = np.concatenate([half, half[~on_midline] * (-1.0, 1.0)])
    both = np.concatenate([triangles, twin[triangles[:, ::-1]]])
    contours = {
        region: tuple(line for curve in curves for line in _mirrored(curve, twin))
        for region, curves in lines.items()
    }
    return FaceMesh(np.column_stack([points, depth(points)]), both, edges_of(both), contours)


def depth(points: Points) -> Points:
    """Return the height of the face above a plane behind it: an ellipsoid with a nose.

    Args:
        points: (N, 2) in face units.

    Returns:
        (N,) z in face units, towards the camera.
    """
    x, y = points[:, 0], points[:, 1]
    skull = 0.42 * np.sqrt(np.clip(1.0 - (x / 0.56) ** 2 - ((y - 0.68) / 0.9) ** 2, 0.0, 1.0))
    along = np.clip((y - 0.46) / (REFERENCE[2, 1] - 0.46), 0.0, 1.0) * np.clip((0.90 - y) / 0.08, 0.0, 1.0)
    nose: Points = 0.20 * along * np.exp(-((x / 0.08) ** 2))
    return skull + nose


def _mirrored(curve: IntArray, twin: IntArray) -> tuple[IntArray, ...]:
    """Return a line of the right half with its mirror image: joined where it meets the midline."""
    other = twin[curve]
    starts, ends = curve[0] == other[0], curve[-1] == other[-1]
    if starts and ends and not np.array_equal(curve, other):
        return (np.concatenate([curve, other[-2::-1]]),)
    return (curve,) if np.array_equal(curve, other) else (curve, other)


def _right_half(detail: Detail) -> tuple[Points, dict[str, list[IntArray]], list[IntArray]]:
    """Return points with x >= 0, contour lines by region, and the loops to be left open."""
    n = _COUNTS[detail]
    placed: list[Points] = []

    def put(curve: Points) -> IntArray:
        start = sum(len(p) for p in placed)
        placed.append(curve)
        return np.arange(start, start + len(curve), dtype=np.int32)

    oval = put(_oval(n["oval"]))
    brow = put(_brow(n["brow"]))
    eye = put(_eye(n["eye"], 1.0, 1.0))
    lips, inner = put(_lips(n["lip"])), put(_inner_lips(n["inner"]))
    ridge, wing = put(_ridge()), put(_wing(n["wing"]))
    if n["lid"]:
        put(_eye(n["lid"], 1.55, 2.1))
        put(np.array([(0.052, 0.52), (0.047, 0.60), (0.052, 0.68), (0.045, 0.755)]))
    features = np.concatenate(placed)
    put(_skin(detail, features))
    loop = np.append(eye, eye[:1])
    lines = {
        "oval": [oval],
        "brows": [np.append(brow, brow[:1]) if detail == "fine" else brow[: n["brow"]]],
        "eyes": [loop],
        "nose": [ridge, wing],
        "lips": [lips, inner] if detail == "fine" else [lips],
    }
    return np.concatenate(placed), lines, [eye, inner]


def _sample(
    curve: Callable[[Points], tuple[Points, Points]], start: float, stop: float, count: int
) -> Points:
    """Return ``count`` points spread evenly by length along a curve, (count, 2)."""
    dense = np.column_stack(curve(np.linspace(start, stop, 400)))
    length = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(dense, axis=0), axis=1))])
    at = np.linspace(0.0, length[-1], count)
    return np.column_stack([np.interp(at, length, dense[:, 0]), np.interp(at, length, dense[:, 1])])


def _snapped(points: Points) -> Points:
    """Put the points that lie on the midline but for rounding exactly on it."""
    points[np.abs(points[:, 0]) < 1e-9, 0] = 0.0
    return points


def _oval_curve(t: Points) -> tuple[Points, Points]:
    """Half an egg from the top (0) to the chin (pi): a square forehead, a jaw that narrows."""
    sin, cos = np.abs(np.sin(t)), np.cos(t)
    upper = 0.5 * sin**0.80
    lower = 0.5 * sin**0.92 * (1.0 - 0.05 * np.sin(2.0 * t) ** 2)
    above = cos > 0.0
    return np.where(above, upper, lower), 0.60 - np.where(above, 0.575, 0.735) * cos


def _oval(count: int) -> Points:
    points = _sample(_oval_curve, 0.0, np.pi, count)
    points[[0, -1], 0] = 0.0
    return points


def _brow(count: int) -> Points:
    """A closed sickle: upper arc outwards, lower arc back; it thins towards the temple."""
    t = np.linspace(0.0, 1.0, count)
    x = 0.095 + 0.315 * t
    top = 0.375 - 0.062 * np.sin(np.pi * (0.12 + 0.80 * t)) + 0.030 * t
    thickness = 0.046 * (1.0 - t**1.6) * (0.55 + 0.45 * np.minimum(1.0, 5.0 * t))
    upper, lower = np.column_stack([x, top]), np.column_stack([x, top + thickness])
    return np.concatenate([upper, lower[-2::-1]])


def _eye(count: int, wide: float, tall: float) -> Points:
    """An almond about the eye's reference point; ``wide`` and ``tall`` blow it up into a ring of the lids."""

    def almond(t: Points) -> tuple[Points, Points]:
        x = -0.100 * wide * np.cos(t)
        openness = np.where(np.sin(t) > 0.0, 0.049, 0.034) * tall
        y = -openness * np.sign(np.sin(t)) * np.abs(np.sin(t)) ** 1.3 - 0.07 * x
        return REFERENCE[1, 0] + x, REFERENCE[1, 1] + y

    upper, lower = (
        _sample(almond, 0.0, np.pi, count // 2 + 1),
        _sample(almond, np.pi, 2.0 * np.pi, count // 2 + 1),
    )
    return np.concatenate([upper[:-1], lower[:-1]])


def _ridge() -> Points:
    """The nose on the midline, from between the eyes to the tip."""
    return np.column_stack([np.zeros(5), np.linspace(0.47, REFERENCE[2, 1], 5)])


def _wing(count: int) -> Points:
    """The side of the nose: down to the wing, round it and under to the midline."""

    def curl(t: Points) -> tuple[Points, Points]:
        return 0.115 * np.sin(np.pi * t) ** 0.8, 0.745 + 0.125 * t

    points = _sample(curl, 0.30, 1.0, count)
    points[-1, 0] = 0.0
    return points


def _lips(count: int) -> Points:
    """The outer lips: from the cupid's bow over the corner to the middle of the lower lip."""
    corner_x, corner_y = REFERENCE[4]

    def upper(x: Points) -> tuple[Points, Points]:
        u = x / corner_x
        bow = 0.014 * np.exp(-((u / 0.16) ** 2))
        return x, corner_y - 0.050 * (1.0 - u**1.7) + bow * (1.0 - u)

    def lower(x: Points) -> tuple[Points, Points]:
        return x, corner_y + 0.085 * (1.0 - (x / corner_x) ** 2) ** 0.8

    over = _sample(upper, 0.0, corner_x, count)
    return _snapped(np.concatenate([over, _sample(lower, corner_x, 0.0, count)[1:]]))


def _inner_lips(count: int) -> Points:
    """Where the lips meet, slightly open: middle of the upper edge, corner, middle of the lower edge."""
    corner_x, corner_y = REFERENCE[4] * (0.84, 1.0)
    x = corner_x * np.sin(np.linspace(0.0, np.pi / 2.0, count))
    gap = 0.015 * (1.0 - (x / corner_x) ** 2) ** 0.7
    over = np.column_stack([x, corner_y + 0.003 - gap])
    under = np.column_stack([x, corner_y + 0.003 + gap])
    return np.concatenate([over, under[-2::-1]])


def _skin(detail: Detail, features: Points) -> Points:
    """Rings between oval and centre; a point nearer to a feature than the clearance is left out."""
    kept: list[Points] = []
    for scale, count in _RINGS[detail]:
        for point in _CENTRE + (_oval(count) - _CENTRE) * scale:
            near = features if not kept else np.concatenate([features, np.array(kept)])
            if np.linalg.norm(near - point, axis=1).min() >= _CLEARANCE[detail] and not _in_feature(point):
                kept.append(point)
    return np.array(kept).reshape(-1, 2)


def _in_feature(point: Points) -> bool:
    """Tell whether a point lies inside an eye or the mouth, where no skin is."""
    eye = ((point[0] - REFERENCE[1, 0]) / 0.11) ** 2 + ((point[1] - REFERENCE[1, 1]) / 0.06) ** 2
    mouth = (point[0] / REFERENCE[4, 0]) ** 2 + ((point[1] - 1.01) / 0.08) ** 2
    return bool(min(eye, mouth) < 1.0)
