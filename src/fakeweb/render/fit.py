"""Puts a face mesh where a face is: by its five points where the finder gave them, else by its box."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fakeweb.render.canonical import HEIGHT, REFERENCE, Detail, Points, canonical_mesh, depth
from fakeweb.render.triangles import IntArray, delaunay, edges_of
from fakeweb.types import Box, Face, FloatArray

_YAWS = np.deg2rad(np.arange(-42.0, 42.1, 3.0))
_YAW_COST = 0.012
"""Squared misfit (in face units) that one radian squared of yaw must save: small turns are not guessed."""
_WORST_MISFIT = 0.09
"""Root mean square misfit, in face units, beyond which five points are not believed."""


@dataclass(frozen=True, eq=False)
class PlacedMesh:
    """A mesh in picture coordinates.

    Attributes:
        points: float64 (N, 2) in pixels.
        edges: int32 (E, 2), indices into ``points``.
        contours: Index arrays of the lines to stress, the oval first.
        approximate: Whether the mesh was guessed from box and points rather than measured.
    """

    points: Points
    edges: IntArray
    contours: tuple[IntArray, ...]
    approximate: bool


def place_mesh(face: Face, detail: Detail) -> PlacedMesh:
    """Return the mesh of a face in pixels.

    A measured ``face.mesh`` is triangulated as it is (Delaunay, clipped to its hull). Without one, the
    canonical mesh is fitted: to the five points by a similarity transform of the mesh turned by the yaw that
    fits best; or, where there are no points, or none that agree with the box, it is stretched to the box.

    Args:
        face: The face; box, points and mesh in pixels.
        detail: Level of detail of the canonical mesh.
    """
    if face.mesh is not None:
        return _measured(face.mesh)
    mesh = canonical_mesh(detail)
    points = _by_points(mesh.points, face) if face.points is not None else None
    if points is None or not _near(points, face):
        points = _by_box(mesh.points, face.box)
    contours = tuple(line for lines in mesh.contours.values() for line in lines)
    return PlacedMesh(points, mesh.edges, contours, approximate=True)


def _near(points: Points, face: Face) -> bool:
    """Tell whether a fitted mesh stays about its box; where it does not, one of the two is wrong."""
    x0, y0, x1, y1 = face.box
    slack = 0.18 * max(face.width_px, face.height_px)
    low, high = points.min(axis=0), points.max(axis=0)
    return bool((low > (x0 - slack, y0 - slack)).all() and (high < (x1 + slack, y1 + slack)).all())


def _measured(mesh: FloatArray) -> PlacedMesh:
    points = mesh[:, :2].astype(np.float64)
    triangles = delaunay(points)
    edges = edges_of(triangles)
    return PlacedMesh(points, edges, _border(triangles), approximate=False)


def _border(triangles: IntArray) -> tuple[IntArray, ...]:
    """Return the sides that belong to one triangle only: the outline of the mesh."""
    sides = np.sort(
        np.concatenate([triangles[:, [0, 1]], triangles[:, [1, 2]], triangles[:, [0, 2]]]), axis=1
    )
    unique, times = np.unique(sides, axis=0, return_counts=True)
    return tuple(unique[times == 1].astype(np.int32))


def _by_box(points: Points, box: Box) -> Points:
    x0, y0, x1, y1 = box
    centred = np.column_stack([points[:, 0] + 0.5, points[:, 1] / HEIGHT])
    return np.asarray((x0, y0) + centred * (x1 - x0, y1 - y0), np.float64)


def _by_points(points: Points, face: Face) -> Points | None:
    """Fit by five points: least squares over scale, roll and shift (closed form) for each yaw of a list.

    Writing (x, y) as the complex number x + iy makes a similarity ``a * z + b`` and its least squares
    solution one line (Umeyama 1991 in two dimensions).
    """
    assert face.points is not None  # noqa: S101  (narrowing for the type checker; the caller looked)
    seen = face.points[:, 0].astype(np.float64) + 1j * face.points[:, 1]
    height = depth(REFERENCE)
    turned = REFERENCE[:, 0] * np.cos(_YAWS)[:, None] + height * np.sin(_YAWS)[:, None] + 1j * REFERENCE[:, 1]
    middle = turned.mean(axis=1, keepdims=True)
    model = turned - middle
    scale = (model.conj() @ (seen - seen.mean())) / (np.abs(model) ** 2).sum(axis=1)
    misfit = np.abs(scale[:, None] * model - (seen - seen.mean()))
    ratio = np.abs(scale) / face.width_px
    cost = (misfit**2).sum(axis=1) / np.maximum(np.abs(scale), 1e-9) ** 2 + _YAW_COST * _YAWS**2
    best = int(np.argmin(cost))
    rms = float(np.sqrt((misfit[best] ** 2).mean()) / max(abs(scale[best]), 1e-9))
    if rms > _WORST_MISFIT or not 0.55 < ratio[best] < 1.6:
        return None
    yaw = _YAWS[best]
    flat = points[:, 0] * np.cos(yaw) + points[:, 2] * np.sin(yaw) + 1j * points[:, 1]
    there = scale[best] * (flat - middle[best, 0]) + seen.mean()
    return np.column_stack([there.real, there.imag])
