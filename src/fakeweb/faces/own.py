"""FakeWeb's own face detector (finder): what :mod:`.proposer` proposes and the mesh confirms.

See docs/decisions/0008-own-finder.md.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from fakeweb import registry
from fakeweb.faces.measure import stretched
from fakeweb.faces.proposer import Proposer, logit_of
from fakeweb.faces.square import roll_rad
from fakeweb.faces.suppress import is_inside, suppress
from fakeweb.runtime import Card
from fakeweb.topology import BOX, EYE_CORNERS, MEAN
from fakeweb.types import Face, FaceMesher, FloatArray, Image

_VIEWS = 3  # so many scales' views of a face are shown to the mesh before it is given up
_LYING_RAD = math.radians(50)
_BROW = 0.074  # so much of its height the teachers' box begins above the mean face's: median of groups A
_SURE = 2.1  # sum of the two networks' logits: two false faces per 100 megapixels on validation groups A
_SURE_AGAIN = 3.3  # where nothing was found at first: drops 5 of 7 false faces and 5 of 120 true ones
# Without a mesh, the first network's logit alone: five and one more false faces in 262 megapixels of groups A.
_SURE_ALONE, _SURE_ALONE_AGAIN = 2.2, 2.4


class OwnFinder:
    """Our finder: what :class:`Proposer` proposes and the mesh confirms; boxes, five points and 468 points.

    Boxes are drawn by the mesh. Where a face lies on its side, the picture probably does: it is looked at once more,
    turned by a quarter either way. Where there is no face, a shrunk copy of the picture is looked at mirrored, then
    turned.

    Args:
        model: Name of a finder that ships, or path of a card.
        mesher: Confirms and measures: a name, or an object with ``mesh``. With None there are only boxes and points as
            they were proposed, of which the network must be surer by itself.

    Raises:
        UnknownName, ModelMissing, ModelCorrupt, ModelIncompatible: A model cannot be used.

    Example:
        >>> OwnFinder().find(Image(np.zeros((64, 64, 3), np.uint8)))
        []
    """

    name = "fakeweb"

    def __init__(
        self, model: str | Path | Card = "finder", mesher: str | FaceMesher | None = "fakeweb"
    ) -> None:
        self.proposer = Proposer(model)
        self.mesher: FaceMesher | None = (
            registry.load("mesh", mesher)() if isinstance(mesher, str) else mesher
        )
        self._made_from = model, self.mesher  # the very mesher: whoever else has it keeps it in common

    def __reduce__(self) -> tuple[object, ...]:
        """Pickle as what made it."""
        return type(self), self._made_from

    @property
    def reference(self) -> str:
        """``name@version`` of the network that proposes."""
        return self.proposer.card.reference

    def least_px(self, width: int, height: int) -> float:
        """Return the width of the smallest faces that are looked for in a picture of this size."""
        return self.proposer.least_px(width, height)

    def find(self, image: Image) -> list[Face]:
        """Return the faces with points and mesh, the most confident first.

        Args:
            image: The picture, RGB.

        Raises:
            ModelIncompatible: A model does not give what its card says.
        """
        return self.find_shrunk(image, image)

    def find_shrunk(self, image: Image, small: Image, *, again: bool = True) -> list[Face]:
        """Look for faces in a shrunk copy of a picture, and confirm and measure them in the picture itself.

        Args:
            image: The picture, RGB.
            small: The same, smaller.
            again: Where there is no face, look at it mirrored and turned too: five times the work.

        Returns:
            As :meth:`find`, in pixels of ``image``.

        Raises:
            ModelIncompatible: A model does not give what its card says.
        """
        found = self._confirm(image, self.proposer.look(small), small)
        if again and not found:
            found = self._confirm(image, self.proposer.look_again(small), small, again=True)
        if again and not found:
            turned = self.proposer.look_turned(small, tiles=False)
            found = self._confirm(image, turned, small, again=True)
        if any(abs(_roll_rad(face)) > _LYING_RAD for face in found):
            found = suppress([*found, *self._confirm(image, self.proposer.look_turned(small), small)])
        return found

    def _confirm(
        self, image: Image, proposals: Sequence[Sequence[Face]], small: Image, *, again: bool = False
    ) -> list[Face]:
        """Measure the proposals and keep those of which the networks are sure enough.

        Where a view's box or points are too far off, the mesh sees no face; then it is shown the next, up to three;
        where one looks ``again`` there is one view only, and more is asked of it.
        """
        across, down = image.width / small.width, image.height / small.height
        kept: list[Face] = []
        for number in range(1 if again or self.mesher is None else _VIEWS):
            proposals = [seen for seen in proposals if len(seen) > number]
            shown = [stretched(seen[number], across, down) for seen in proposals]
            measured = shown if self.mesher is None else self.mesher.mesh(image, shown)
            judged = [self._sure(face, again=again) for face in measured]
            kept += [face for face in judged if face is not None]
            proposals = [seen for seen, face in zip(proposals, judged, strict=True) if face is None]
        return suppress([face for face in kept if is_inside(face, image)])

    def _sure(self, face: Face, *, again: bool) -> Face | None:
        """Return a face with its box by the mesh and the confidence of all who were asked, or None: no face."""
        if self.mesher is not None and face.mesh is None:
            return None
        sure = logit_of(face.confidence)
        least = _SURE_ALONE_AGAIN if again else _SURE_ALONE
        if face.presence is not None:
            sure, least = sure + logit_of(face.presence), _SURE_AGAIN if again else _SURE
        if sure < least:
            return None
        box = face.box if face.mesh is None else box_around(face.mesh)
        return replace(face, box=box, confidence=1 / (1 + math.exp(-sure)))


def box_around(mesh: FloatArray) -> tuple[float, float, float, float]:
    """Return the box that finders draw around a face of this mesh: brow to chin, cheek to cheek.

    The mean face's box is carried over by the affine map that brings the mean face nearest to the mesh, as the
    ellipse it holds, so that a turned face's box does not grow by its empty corners. A box of the mesh is the same
    whatever the size of the picture in which the face was found.
    """
    mean, flat = MEAN[:, :2].astype(np.float64), mesh[:, :2].astype(np.float64)
    middle, centre = mean.mean(0), flat.mean(0)
    linear = np.linalg.lstsq(mean - middle, flat - centre, rcond=None)[0].T
    x0, y0, x1, y1 = BOX
    y0 -= _BROW * (y1 - y0)
    at = linear @ (np.array([(x0 + x1) / 2, (y0 + y1) / 2]) - middle) + centre
    half = np.sqrt(((linear * np.array([(x1 - x0) / 2, (y1 - y0) / 2])) ** 2).sum(1))
    (left, top), (right, bottom) = (at - half).tolist(), (at + half).tolist()
    return left, top, right, bottom


def _roll_rad(face: Face) -> float:
    """Return how far the line through the outer corners of the eyes is turned; without a mesh, see :mod:`.square`."""
    if face.mesh is None:
        return roll_rad(face)
    x, y = (face.mesh[EYE_CORNERS[1]] - face.mesh[EYE_CORNERS[0]])[:2].tolist()
    return math.atan2(y, x)
