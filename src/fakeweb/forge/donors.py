"""Donor (source) faces of swaps: other people's, and which one fits where."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache

import numpy as np

from fakeweb.forge.broken import LEAST_PX
from fakeweb.forge.patch import need_mesh, open_patch
from fakeweb.forge.regions import MOUTH_CENTRE, NOSE_TIP, IndexArray, bump
from fakeweb.forge.traits import Traits, cell_centres, cells, forehead, traits_of
from fakeweb.types import Face, FloatArray, Image

_POSE = np.array((12, 10, 1e9, 0.10, 0.10), np.float32)  # roll is undone when the donor is laid on the face
_CELLS = np.array((9, 6, 7, 3), np.float32)
_SKIN = np.array((18, 9, 11), np.float32)
_SAME_SHAPE, _SAME = 1e-5, 3.0
"""How little the mesh and the traits of a face differ from themselves when it is cut out and scaled anew."""


class DonorPool:
    """Draws donors that look like the face they are for: pose, light, skin, sharpness, glasses, hair.

    A donor's traits are measured once, when first drawn.

    Args:
        faces: The donors' faces, each with its mesh.
        read: Returns the picture of the donor with this number; must give the same one every time.
        candidates: So many are drawn for a face, and those most alike are lent.

    Raises:
        ValueError: No face, or one without a mesh.

    Example:
        >>> pool = DonorPool([face], lambda number: picture)  # doctest: +SKIP
        >>> load("forge", "swap")(donors=pool)(image, other_face, rng)  # doctest: +SKIP
    """

    def __init__(self, faces: Sequence[Face], read: Callable[[int], Image], *, candidates: int = 128) -> None:
        if not faces or any(face.mesh is None for face in faces):
            raise ValueError("a pool of donors needs at least one face, and each needs its mesh")
        self._faces, self._read, self._candidates = tuple(faces), read, candidates
        self._rows = np.full((len(faces), 14 + _CELLS.size * len(cells())), np.nan, np.float32)
        self._shapes = np.stack([_shape_of(face) for face in faces])

    def __call__(
        self, face: Face, traits: Traits, far: float, rng: np.random.Generator
    ) -> Iterator[tuple[Image, Face]]:
        """Yield pictures and faces of donors, the most alike first; see :class:`fakeweb.forge.method.Donors`.

        The same face, however cut out and scaled, is never lent to itself, unless there is no other.
        """
        drawn = rng.permutation(len(self._faces))[: self._candidates + 1]
        for number in drawn[np.isnan(self._rows[drawn, 0])].tolist():
            patch = open_patch(self._read(number), self._faces[number])
            self._rows[number] = _row_of(traits_of(patch))
        apart = distances(_row_of(traits), self._rows[drawn])
        itself = (np.abs(self._shapes[drawn] - _shape_of(face)).max(1) < _SAME_SHAPE) & (apart < _SAME)
        if not itself.all():
            drawn, apart = drawn[~itself], apart[~itself]
        for place in np.argsort(apart, kind="stable"):
            if apart[place] > far and traits.unit_px > LEAST_PX:
                return
            number = int(drawn[place])
            yield self._read(number), self._faces[number]


def _shape_of(face: Face) -> FloatArray:
    """Return some points of a mesh wherever it lies and however large it is, (18,)."""
    points = need_mesh(face)[::52]
    points = points - points.mean(0)
    return np.asarray(points / (np.linalg.norm(points) + 1e-6), np.float32).ravel()


def _row_of(traits: Traits) -> FloatArray:
    """Lay traits out in a row, each over the difference that counts as 1."""
    pattern = traits.cells.copy()
    pattern[:, :3] -= traits.skin
    pattern = np.clip(pattern / _CELLS, -4, 4) * _shares()[:, None]
    hair = traits.cells[forehead(), 0].min() - traits.skin[0]
    beard = [(traits.skin[0] - traits.cells[grown, 0].mean()) / 6 for grown in _bearded()]
    rest = (traits.sharpness / 0.3, np.log(traits.unit_px) / 0.5, 4 * traits.glasses, hair / 14, *beard)
    out = np.concatenate([rest, traits.pose / _POSE, traits.skin / _SKIN, pattern.ravel()])
    return np.asarray(out, np.float32)


@lru_cache(maxsize=1)
def _bearded() -> tuple[IndexArray, IndexArray]:
    """Return the cells of the upper lip, where a moustache grows, and those of the chin."""
    x, y = cell_centres().T
    lip = (np.abs(x) < 0.3) & (NOSE_TIP[1] + 0.2 < y) & (y < MOUTH_CENTRE[1])
    return np.flatnonzero(lip), np.flatnonzero((np.abs(x) < 0.55) & (y > MOUTH_CENTRE[1] + 0.2))


@lru_cache(maxsize=1)
def _shares() -> FloatArray:
    """Return the square root of each cell's share, (C,): the rim shows hair and what lies behind."""
    x, y = cell_centres().T
    inner = 0.1 + bump(np.hypot(x, y / 1.15), 1.0)
    return np.asarray(np.sqrt(8 * inner / inner.sum()), np.float32)


def distances(mine: FloatArray, theirs: FloatArray) -> FloatArray:
    """Return how unlike donors are; a softer or a smaller one counts, a sharper or a larger one hardly.

    Args:
        mine: (D,) row of the face.
        theirs: (N, D) rows of donors.
    """
    gap = theirs - mine
    gap[:, :2] = np.where(gap[:, :2] < 0, gap[:, :2], 0.3 * gap[:, :2])
    return np.asarray((gap**2).sum(1), np.float32)
