"""Delaunay triangulation as index arrays: what OpenCV's ``Subdiv2D`` knows, without its loose ends."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

IntArray = npt.NDArray[np.int32]

_SPAN = 8192.0


def delaunay(points: npt.NDArray[np.floating[Any]]) -> IntArray:
    """Triangulate points of a plane (Delaunay, by OpenCV's ``Subdiv2D``).

    The outline is the points' convex hull; needles that rounding leaves on straight parts of it are dropped.

    Args:
        points: (N, 2), any finite coordinates. Of points at the same place one is used.

    Returns:
        int32 (T, 3) indices into ``points``, sorted, so that equal input gives equal output; (0, 3) where
        there is no triangle (fewer than three points, or all on one line).
    """
    flat = np.asarray(points, np.float64)
    low = flat.min(axis=0) if len(flat) else np.zeros(2)
    span = float((flat.max(axis=0) - low).max()) if len(flat) else 0.0
    if len(flat) < 3 or span == 0.0:
        return np.empty((0, 3), np.int32)
    grid = ((flat - low) * (_SPAN / span) + _SPAN).astype(np.float32)
    # The outer triangle of Subdiv2D stands three rectangles away: a wide rectangle keeps the hull straight.
    plane = cv2.Subdiv2D((0, 0, int(64 * _SPAN), int(64 * _SPAN)))
    number: dict[int, int] = {}
    for i, (x, y) in enumerate(grid.tolist()):
        number.setdefault(int(plane.insert((x, y))), i)
    index = {plane.getVertex(v)[0]: i for v, i in number.items()}
    found = [
        tuple(index.get((x, y), -1) for x, y in zip(t[::2], t[1::2], strict=True))
        for t in np.asarray(plane.getTriangleList()).reshape(-1, 6).tolist()
    ]
    triangles = np.array([t for t in found if min(t) >= 0], np.int32).reshape(-1, 3)
    corners = grid.astype(np.float64)[triangles]
    side_a, side_b = corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
    area = np.abs(side_a[:, 0] * side_b[:, 1] - side_a[:, 1] * side_b[:, 0])
    longest = np.maximum((side_a**2).sum(axis=1), (side_b**2).sum(axis=1))
    triangles = np.sort(triangles[area > 1e-4 * longest], axis=1)
    order = np.lexsort(triangles.T[::-1])
    return np.ascontiguousarray(triangles[order], dtype=np.int32)


def edges_of(triangles: IntArray) -> IntArray:
    """Return every side of the triangles once, as int32 (E, 2) with the lower index first."""
    if not len(triangles):
        return np.empty((0, 2), np.int32)
    sides = np.sort(
        np.concatenate([triangles[:, [0, 1]], triangles[:, [1, 2]], triangles[:, [0, 2]]]), axis=1
    )
    return np.unique(sides, axis=0).astype(np.int32)
