"""Donor (source) faces of swaps: other people's, and which one fits where."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import cv2
import numpy as np

from fakeweb.forge.patch import axes_of, need_mesh
from fakeweb.forge.regions import LIPS, MOUTH
from fakeweb.types import Face, Image


class DonorPool:
    """Draws a donor whose head is turned like the face it is for.

    Args:
        faces: The donors' faces, each with its mesh.
        read: Returns the picture of the donor with this number; must give the same one every time.
        candidates: So many are drawn, and the one turned most alike is taken.

    Raises:
        ValueError: No face, or one without a mesh.

    Example:
        >>> pool = DonorPool([face], lambda number: picture)  # doctest: +SKIP
        >>> load("forge", "swap")(donors=pool)(image, other_face, rng)  # doctest: +SKIP
    """

    def __init__(self, faces: Sequence[Face], read: Callable[[int], Image], *, candidates: int = 12) -> None:
        if not faces:
            raise ValueError("a pool of donors needs at least one face")
        self._faces, self._read, self._candidates = tuple(faces), read, candidates
        self._poses = np.stack([pose_of(face) for face in faces])
        self._sizes = np.array([face.width_px for face in faces])

    def __call__(self, face: Face, rng: np.random.Generator) -> tuple[Image, Face]:
        """Return the picture and the face of a donor; a face with the same mesh is never lent to itself."""
        drawn = rng.permutation(len(self._faces))[: self._candidates + 1]
        other = [i for i in drawn if not self._same(int(i), face)] or list(drawn)
        mine = pose_of(face)
        small = np.clip(np.log(face.width_px / self._sizes[other]), 0, None)  # a coarse face looks pasted in
        apart = np.abs(self._poses[other] - mine).sum(1) + 0.2 * small
        best = int(other[int(np.argmin(apart))])
        return self._read(best), self._faces[best]

    def _same(self, number: int, face: Face) -> bool:
        own = self._faces[number].mesh
        return own is not None and face.mesh is not None and np.array_equal(own, face.mesh)


def pose_of(face: Face) -> np.ndarray:
    """Return how a head is turned and whether its mouth is open, (5,); size, place and tilt do not matter."""
    axes = axes_of(need_mesh(face))
    unit = np.linalg.norm(axes[:, :2]) / np.sqrt(2)
    turn = axes[:, 0] / (np.linalg.norm(axes[:, 0]) + 1e-6)
    level = np.array([[turn[0], turn[1]], [-turn[1], turn[0]]])
    points = need_mesh(face)
    mouth = cv2.contourArea(points[MOUTH]) / max(cv2.contourArea(points[LIPS]), 1e-3)
    turned = np.concatenate([level @ axes[:, 2], (level @ axes[:, 1]) * 0.5]) / (unit + 1e-6)
    out: np.ndarray = np.append(turned, mouth)
    return out
