"""Proposal network of the face detector: a small anchor-free one that runs over pictures of any size.

Trained by ``recipes/finder.toml``; see docs/decisions/0008-own-finder.md for why it looks at several scales.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from fakeweb.errors import ModelIncompatible
from fakeweb.faces import looks
from fakeweb.faces.anchor_free import STRIDES, groups, merge, read_maps
from fakeweb.faces.suppress import is_inside
from fakeweb.runtime import Card, Driven, FinderCard
from fakeweb.types import Face, FloatArray, Image, UInt8Array

SMALLEST_PX = 24.0
"""Faces from this width on are looked for in a picture that is looked at in full."""
_GRID_PX = 32  # the coarsest cell
# Larger faces in a look are left to the next smaller look, where false ones are rarer. Side of a square as large as the
# box, which hardly changes when a face turns.
_LARGEST_PX = 125.0
# From this size on a face shows at two scales or more. Where one alone shows it, its logit must be higher: that spares
# the mesh 4 of 10 false proposals and loses 2 of 1,809 faces of groups A.
_LONE_PX, _LONE_LOGIT = 60.0, 0.3
_NOTHING: npt.NDArray[np.float32] = np.empty((0, 15), np.float32)


class Proposer(Driven[FinderCard]):
    """Boxes and five points at any turn, from about 16 px, and some false ones.

    :class:`fakeweb.faces.own.OwnFinder` confirms them.

    The picture is looked at whole at three scales; a larger one also in full, in tiles, and a very long one at scales
    between. Time grows with the area up to a bound, see :func:`fakeweb.faces.looks.finest`.

    Args:
        model: Name of a finder that ships, path of a card, or a card.
        threads: Threads inside one look.

    Raises:
        UnknownName, ModelMissing, ModelCorrupt, ModelIncompatible: The model cannot be used.
    """

    name = "fakeweb"

    takes, called = FinderCard, "a finder"

    def __init__(self, model: str | Path | Card = "finder", *, threads: int = 1) -> None:
        super().__init__(model, threads=threads)

    @staticmethod
    def least_px(width: int, height: int) -> float:
        """Return the width of the smallest faces that are looked for in a picture of this size.

        Example:
            >>> Proposer.least_px(640, 480), round(Proposer.least_px(24_000, 12_000))
            (24.0, 52)
        """
        return SMALLEST_PX / looks.finest(width, height)

    def find(self, image: Image) -> list[Face]:
        """Return the faces with their five points, the most confident first.

        Args:
            image: The picture, RGB.

        Raises:
            ModelIncompatible: The model does not give what its card says.
        """
        return [views[0] for views in self.look(image)]

    def rows(self, pixels: UInt8Array) -> npt.NDArray[np.float32]:
        """Return the finds as rows of :func:`fakeweb.faces.anchor_free.read_maps`, each face once.

        Args:
            pixels: uint8 RGB (H, W, 3).
        """
        return merge(self._looks(pixels, tiles=True))

    def look(self, image: Image) -> list[list[Face]]:
        """Return every face as one scale or several show it, the most confident first.

        Args:
            image: The picture, RGB.

        Raises:
            ModelIncompatible: See :meth:`find`.
        """
        long_side = max(image.width, image.height)
        views = self._views(self._looks(image.pixels, tiles=True), image)
        if long_side <= looks.SIDES_PX[0]:  # one scale is all there is
            return views
        share = looks.finest(image.width, image.height)
        return [seen for seen in views if len(seen) > 1 or not _is_doubtful(seen[0], share)]

    def look_turned(self, image: Image, *, tiles: bool = True) -> list[list[Face]]:
        """Look once more with the picture turned by a quarter to the left, and to the right.

        Args:
            image: The picture, RGB.
            tiles: Look at a large picture in full as well.

        Raises:
            ModelIncompatible: See :meth:`find`.
        """
        left = self._looks(np.ascontiguousarray(np.rot90(image.pixels)), tiles=tiles)
        right = self._looks(np.ascontiguousarray(np.rot90(image.pixels, -1)), tiles=tiles)
        back = [looks.turned_back(left, image.width), looks.turned_forth(right, image.height)]
        return self._views(np.concatenate(back), image)

    def look_again(self, image: Image) -> list[list[Face]]:
        """Look once more, and at the mirrored picture too, for large faces at every scale; not in full.

        The network is small: what it misses in one view it mostly sees in another.

        Args:
            image: The picture, RGB.

        Raises:
            ModelIncompatible: See :meth:`find`.
        """
        plain = self._looks(image.pixels, tiles=False, largest=math.inf)
        other = self._looks(np.ascontiguousarray(image.pixels[:, ::-1]), tiles=False, largest=math.inf)
        return self._views(np.concatenate([plain, looks.mirrored(other, image.width)]), image)

    @staticmethod
    def _views(found: npt.NDArray[np.float32], image: Image) -> list[list[Face]]:
        faces = [[_to_face(found[i]) for i in group] for group in groups(found)]
        return [views for views in faces if is_inside(views[0], image)]

    def _looks(
        self, pixels: UInt8Array, *, tiles: bool, largest: float = _LARGEST_PX
    ) -> npt.NDArray[np.float32]:
        """Look at every scale; at all but the first, faces larger than ``largest`` are dropped.

        All but the finest are looked at as a whole. So is the finest without ``tiles``, where all else has failed;
        else only where a look at a copy hints at a face that does not show better elsewhere.
        """
        long_px = max(pixels.shape[:2])
        scale = looks.finest(pixels.shape[1], pixels.shape[0])
        sides = looks.sides(long_px * scale if tiles else looks.SIDES_PX[-1])
        finest, *others = [(copy, long_px / max(copy.shape[:2])) for copy in looks.copies(pixels, sides)]
        if not others:
            return self._parts(*finest, math.inf)[0]
        found, seen = self._parts(*others[-1], math.inf)
        for copy in others[-2::-1]:
            rows, seen = self._parts(*copy, largest)
            found = np.concatenate([found, rows])
        seen_scale = others[0][1]
        if tiles and looks.glanced(sides[0]) > looks.SIDES_PX[-1]:
            glance = looks.shrunk(finest[0], looks.glanced(sides[0]))
            seen_scale = long_px / max(glance.shape[:2])
            parts = looks.tiles(0, glance.shape[0], 0, glance.shape[1], narrow=True)
            seen = self._parts(glance, seen_scale, 0.0, parts)[1]
        hints = looks.Hints(seen, found, finest[1], seen_scale, largest) if tiles else None
        rows, _ = self._parts(*finest, largest, looks.places(finest[0].shape, hints))
        return np.concatenate([rows, found])

    def _parts(
        self, pixels: UInt8Array, scale: float, largest: float, places: Sequence[looks.Part] | None = None
    ) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
        """Look at parts of a copy.

        Args:
            pixels: The copy.
            scale: Pixels of the picture per pixel of the copy.
            largest: Larger faces are dropped.
            places: The parts; by default tiles that cover all of it.

        Returns:
            Finds, and hints for a closer look, in pixels of the picture.
        """
        height, width = pixels.shape[:2]
        parts, seen = [_NOTHING], [_NOTHING]
        for top, bottom, left, right in looks.places(pixels.shape, None) if places is None else places:
            part = pixels[top:bottom, left:right]
            for to, rows in zip((parts, seen), self._look(part, largest), strict=True):
                cut = looks.cut_off(rows, part.shape[:2], top, left, height, width)
                to.append(looks.scaled(looks.scaled(rows[~cut], 1.0, left, top), scale, 0, 0))
        return np.concatenate(parts), np.concatenate(seen)

    def _look(
        self, pixels: UInt8Array, largest: float
    ) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
        """Run the network over one picture; return faces up to ``largest``, and all hints of faces."""
        below, right = (-side % _GRID_PX for side in pixels.shape[:2])
        padded = cv2.copyMakeBorder(pixels, 0, below, 0, right, cv2.BORDER_CONSTANT)
        out = self._session.run(np.asarray(padded, np.uint8)[None])
        try:
            maps: list[FloatArray] = [out[f"stride_{stride}"][0] for stride in STRIDES]
        except KeyError as error:
            raise ModelIncompatible(
                f"{self.card.reference} gave no output {error}", hint="export the model again"
            ) from error
        hints = read_maps(maps, min(looks.HINT_LOGIT, self.card.min_logit))
        if not np.isfinite(hints).all():
            raise ModelIncompatible(
                f"{self.card.reference} gave no finite numbers", hint="export the model again"
            )
        found = merge(hints[hints[:, 0] >= self.card.min_logit])
        areas: FloatArray = (found[:, 3:5] - found[:, 1:3]).prod(axis=1)
        return found[areas <= largest**2], hints


def _is_doubtful(face: Face, share: float) -> bool:
    """Tell whether a face that one scale alone shows is large enough to show at others, and not sure by itself."""
    size = math.sqrt(face.width_px * face.height_px) * share
    return size >= _LONE_PX and logit_of(face.confidence) < _LONE_LOGIT


def _to_face(row: npt.NDArray[np.float32]) -> Face:
    logit = float(np.clip(row[0], -60, 60))
    x0, y0, x1, y1 = row[1:5].tolist()
    return Face((x0, y0, x1, y1), 1 / (1 + float(np.exp(-logit))), points=row[5:15].reshape(5, 2))


def logit_of(p: float) -> float:
    """Return the logit of a probability, finite also at 0 and 1."""
    p = min(max(p, 1e-9), 1 - 1e-9)
    return math.log(p / (1 - p))
