"""Mesh placement: where the 468 points lie in the picture, as measured, or the mean face over box or five points."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from fakeweb.topology import BOX, CONTOURS, EDGES, FIVE, MEAN, TRIANGLES
from fakeweb.types import Face

Points = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

_YAWS = np.deg2rad(np.arange(-42.0, 42.1, 3.0))
_YAW_COST = 0.012
"""Squared misfit that one radian squared of yaw must save: small turns are not guessed."""
_WORST_MISFIT = 0.07
"""Root mean square misfit, over the distance of the outer eye corners, beyond which five points are not believed."""
_EDGEWISE_DEG = 20.0
_MEAN: Points = MEAN.astype(np.float64)
_NEAREST = np.linalg.norm(_MEAN[:, None, :2] - FIVE[None], axis=2).argmin(axis=0)
_REFERENCE: Points = np.column_stack([FIVE.astype(np.float64), _MEAN[_NEAREST, 2]])


@dataclass(frozen=True, eq=False)
class PlacedMesh:
    """A mesh in picture coordinates.

    Attributes:
        points: float64 (468, 2) in pixels.
        facing: bool (T,) triangles that face the viewer; those on the far side of a turned head do not.
        approximate: Whether the mesh was guessed from box and points rather than measured.
    """

    points: Points
    facing: npt.NDArray[np.bool_]
    approximate: bool

    def net(self) -> Points:
        """Return the sides of all facing triangles, (E, 2, 2)."""
        return self.points[EDGES[_any_facing(self.facing)]]

    def contours(self) -> tuple[list[Points], list[Points]]:
        """Return the lines to stress as far as they face the viewer, each (n, 2): the oval's, and those inside it."""
        seen = _any_facing(self.facing)
        oval: list[Points] = []
        inner: list[Points] = []
        for name, (edges, points) in _LINES.items():
            pieces = oval if name == "oval" else inner
            pieces += [self.points[points[run.start : run.stop + 1]] for run in _runs(seen[edges])]
        return oval, inner


def _sides_of_edges() -> Ints:
    """Return the one or two triangles at each edge, (E, 2); a border edge repeats its own."""
    number = {tuple(pair): i for i, pair in enumerate(EDGES.tolist())}
    owners = np.full((len(EDGES), 2), -1)
    for i, (a, b, c) in enumerate(TRIANGLES.tolist()):
        for pair in ((a, b), (b, c), (a, c)):
            row = owners[number[min(pair), max(pair)]]
            row[0 if row[0] < 0 else 1] = i
    owners[owners[:, 1] < 0, 1] = owners[owners[:, 1] < 0, 0]
    return owners


def _contour_edges() -> dict[str, tuple[Ints, Ints]]:
    """Return each contour as numbers of edges, and its points."""
    number = {tuple(pair): i for i, pair in enumerate(EDGES.tolist())}
    out = {}
    for name, line in CONTOURS.items():
        pairs = [(min(p), max(p)) for p in pairwise(line)]
        out[name] = np.array([number[pair] for pair in pairs]), np.array(line)
    return out


_OWNERS = _sides_of_edges()
_LINES = _contour_edges()


def _any_facing(facing: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    return np.asarray(facing[_OWNERS].any(axis=1), np.bool_)


def _runs(flags: npt.NDArray[np.bool_]) -> list[slice]:
    """Return the stretches in which all flags are set."""
    padded = np.diff(np.concatenate([[0], flags.astype(np.int8), [0]]))
    return [
        slice(int(a), int(b)) for a, b in zip(*(np.flatnonzero(padded == s) for s in (1, -1)), strict=True)
    ]


def place_mesh(face: Face) -> PlacedMesh:
    """Return the mesh of a face in pixels.

    Without a measured mesh, the mean face is fitted: to the five points by a similarity transform of the mean
    face turned by the yaw that fits best; or, where there are no points, or none that agree with the box, it is
    stretched to the box.

    Args:
        face: The face; box, points and mesh in pixels.
    """
    if face.mesh is not None:
        mesh = face.mesh.astype(np.float64)
        return PlacedMesh(mesh[:, :2], facing(mesh), approximate=False)
    found = _by_points(face) if face.points is not None else None
    if found is None or not _near(found[:, :2], face):
        found = _by_box(face)
    return PlacedMesh(found[:, :2], facing(found), approximate=True)


def facing(mesh: Points) -> npt.NDArray[np.bool_]:
    """Tell which triangles face the viewer, or are turned away by less than :data:`_EDGEWISE_DEG`, (T,).

    The slack keeps the outline whole, where triangles are seen from the edge.
    """
    a, b, c = (mesh[TRIANGLES[:, i]] for i in range(3))
    normal = np.cross(b - a, c - a)
    size = np.linalg.norm(normal, axis=1)
    away = normal[:, 2] / np.maximum(size, 1e-12)
    return np.asarray((size > 1e-9) & (away < np.sin(np.deg2rad(_EDGEWISE_DEG))), np.bool_)


def _near(points: Points, face: Face) -> bool:
    """Tell whether a fitted mesh stays about its box; where it does not, one of the two is wrong."""
    x0, y0, x1, y1 = face.box
    slack = 0.3 * max(face.width_px, face.height_px)
    low, high = points.min(axis=0), points.max(axis=0)
    return bool((low > (x0 - slack, y0 - slack)).all() and (high < (x1 + slack, y1 + slack)).all())


def _by_box(face: Face) -> Points:
    scale = np.array([face.width_px / (BOX[2] - BOX[0]), face.height_px / (BOX[3] - BOX[1])])
    flat = (_MEAN[:, :2] - (BOX[0], BOX[1])) * scale + face.box[:2]
    return np.column_stack([flat, _MEAN[:, 2] * scale.mean()])


def _by_points(face: Face) -> Points | None:
    """Fit by five points: least squares over scale, roll and shift (closed form) for each yaw of a list.

    Writing (x, y) as the complex number x + iy makes a similarity ``a * z + b`` and its least squares
    solution one line (Umeyama 1991 in two dimensions).
    """
    assert face.points is not None  # noqa: S101  (narrowing for the type checker; the caller looked)
    seen = face.points[:, 0].astype(np.float64) + 1j * face.points[:, 1]
    turned = _turn(_REFERENCE, _YAWS)
    middle = turned.mean(axis=1, keepdims=True)
    model = turned - middle
    scale = (model.conj() @ (seen - seen.mean())) / (np.abs(model) ** 2).sum(axis=1)
    misfit = np.abs(scale[:, None] * model - (seen - seen.mean()))
    cost = (misfit**2).sum(axis=1) / np.maximum(np.abs(scale), 1e-9) ** 2 + _YAW_COST * _YAWS**2
    best = int(np.argmin(cost))
    rms = float(np.sqrt((misfit[best] ** 2).mean()) / max(abs(scale[best]), 1e-9))
    ratio = abs(scale[best]) * (BOX[2] - BOX[0]) / face.width_px
    if rms > _WORST_MISFIT or not 0.55 < ratio < 1.6:
        return None
    flat = _turn(_MEAN, _YAWS[best : best + 1])[0]
    there = scale[best] * (flat - middle[best, 0]) + seen.mean()
    return np.column_stack([there.real, there.imag, _MEAN[:, 2] * abs(scale[best])])


def _turn(points: Points, yaws: Points) -> npt.NDArray[np.complex128]:
    """Turn points about the vertical axis and look at them from the front, as x + iy: (len(yaws), N)."""
    x = points[:, 0] * np.cos(yaws)[:, None] - points[:, 2] * np.sin(yaws)[:, None]
    return np.asarray(x + 1j * points[:, 1], np.complex128)
