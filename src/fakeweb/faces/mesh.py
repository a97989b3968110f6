"""FakeWeb's own face mesh: 468 points, whether there is a face at all, and whether it is printed.

Trained by ``recipes/mesh.toml`` from what MediaPipe Face Mesh says; the order of the points is MediaPipe's, see
:mod:`fakeweb.topology`. How good it is stands in docs/reference/mesh.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from fakeweb.errors import ModelIncompatible
from fakeweb.faces.square import Affine, cut, square_affine, to_picture
from fakeweb.runtime import Card, Driven, MeshCard
from fakeweb.topology import MEAN, POINTS, STABLE
from fakeweb.types import Face, FloatArray, Image

_TURNED_RAD = np.deg2rad(20.0)
_MEAN = MEAN[STABLE, :2].astype(np.float64)


class OnnxMesher(Driven[MeshCard]):
    """Measures faces one by one, each in a square levelled by its five points.

    A face whose finder gives no points, or wrong ones, and that turns out to be tilted is looked at once more,
    levelled by the mesh.

    Args:
        model: Name of a mesh that ships, path of a card, or a card.
        threads: Threads inside one look.

    Raises:
        UnknownName, ModelMissing, ModelCorrupt, ModelIncompatible: The model cannot be used.

    Example:
        >>> picture = Image(np.zeros((64, 64, 3), np.uint8))
        >>> OnnxMesher().mesh(picture, [Face((8, 8, 56, 56))])[0].mesh is None
        True
    """

    name = "fakeweb"

    takes, called = MeshCard, "a mesh"

    def __init__(self, model: str | Path | Card = "mesh", *, threads: int = 1) -> None:
        super().__init__(model, threads=threads)

    @property
    def min_presence(self) -> float:
        """Below this ``presence`` there is no face."""
        return self.card.min_presence

    @property
    def max_printed(self) -> float:
        """Above this ``printed`` the face is taken for a print."""
        return self.card.max_printed

    def mesh(self, image: Image, faces: Sequence[Face]) -> list[Face]:
        """Return the same faces, in order, with ``presence`` and ``printed``, and ``mesh`` where there is a face.

        Args:
            image: The picture, RGB.
            faces: Where to look; of any finder.

        Raises:
            ModelIncompatible: The model does not give what its card says.
        """
        return [self._one(image, face) for face in faces]

    def _one(self, image: Image, face: Face) -> Face:
        to_image = square_affine(face, self.card.side_px, self.card.margin)
        mesh, presence, printed = self._look(image, to_image)
        roll = _roll_rad(mesh) if presence >= self.min_presence else 0.0
        if abs(roll) > _TURNED_RAD:
            turn = float(np.arctan2(to_image[1, 0], to_image[0, 0])) + roll
            again = square_affine(face, self.card.side_px, self.card.margin, turn_rad=turn)
            second = self._look(image, again)
            if second[1] >= presence:
                to_image, (mesh, presence, printed) = again, second
        there = to_picture(mesh, to_image) if presence >= self.min_presence else None
        return replace(face, mesh=there, presence=presence, printed=printed)

    def _look(self, image: Image, to_image: Affine) -> tuple[FloatArray, float, float]:
        """Return the mesh in pixels of the square, P(face) and P(print)."""
        out = self._session.run(cut(image, to_image, self.card.side_px)[None])
        if not {"mesh", "presence", "printed"} <= out.keys():
            raise self._not_as_promised(f"only {', '.join(out)}")
        mesh = np.asarray(out["mesh"][0], np.float32)
        presence, printed = (float(np.ravel(out[key])[0]) for key in ("presence", "printed"))
        if mesh.shape != (POINTS, 3) or not np.isfinite([mesh.sum(), presence, printed]).all():
            raise self._not_as_promised(f"a mesh of {mesh.shape}, or values that are no numbers")
        return mesh, self.card.presence.probability(presence), self.card.printed.probability(printed)

    def _not_as_promised(self, what: str) -> ModelIncompatible:
        return ModelIncompatible(f"{self.card.reference} gave {what}", hint="export the model again")


def _roll_rad(mesh: FloatArray) -> float:
    """Return how far a mesh is turned in its plane: the angle of the best similarity onto the mean face.

    Writing (x, y) as x + iy makes it one line (Umeyama 1991 in two dimensions).
    """
    seen, mean = (p[:, 0] + 1j * p[:, 1] for p in (mesh[STABLE].astype(np.float64), _MEAN))
    return float(np.angle(np.vdot(mean - mean.mean(), seen - seen.mean())))
