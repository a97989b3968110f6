"""FakeWeb's own finder: a small anchor-free network that runs over pictures of any size.

Trained by ``recipes/finder.toml``; see docs/decisions/0008-own-finder.md for why it looks at several scales.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from fakeweb import registry
from fakeweb.errors import ModelIncompatible
from fakeweb.faces.anchor_free import STRIDES, groups, merge, read_maps
from fakeweb.faces.measure import stretched
from fakeweb.faces.square import roll_rad
from fakeweb.faces.suppress import is_inside, suppress
from fakeweb.runtime import Card, FinderCard, find_card, open_session
from fakeweb.topology import BOX, EYE_CORNERS, MEAN
from fakeweb.types import Face, FaceMesher, FloatArray, Image, UInt8Array

_GRID_PX = 32  # the coarsest cell
_LOOKS_PX = (112, 256, 640)  # a picture is looked at whole, shrunk to these long sides
_TILE_PX = 768  # large pictures are looked at in tiles too, at full size up to
_FULL_PX = 4096  # this long side
_LAP_PX = 112  # tiles lap over each other
# Larger faces in a look are left to the next smaller look, where false ones are rarer. Side of a square as large as the
# box, which hardly changes when a face turns.
_LARGEST_PX = 125.0
# From this size on a face shows at two scales or more. Where one alone shows it, its logit must be higher: that spares
# the mesh 4 of 10 false proposals and loses 2 of 1,809 faces of groups A.
_LONE_PX, _LONE_LOGIT = 60.0, 0.3
_VIEWS = 3  # so many scales' views of a face are shown to the mesh before it is given up
_LYING_RAD = math.radians(50)
_BROW = 0.074  # so much of its height the teachers' box begins above the mean face's: median of groups A
_SURE = 2.1  # sum of the two networks' logits: two false faces per 100 megapixels on validation groups A
_SURE_AGAIN = 3.3  # where nothing was found at first: drops 5 of 7 false faces and 5 of 120 true ones
# Without a mesh, the first network's logit alone: five and one more false faces in 262 megapixels of groups A.
_SURE_ALONE, _SURE_ALONE_AGAIN = 2.2, 2.4


class Proposer:
    """Boxes and five points at any turn, from about 16 px, and some false ones: :class:`OwnFinder` confirms them.

    The picture is looked at whole at three scales; a larger one also at full size, in tiles, so that time grows with
    its area and memory does not.

    Args:
        model: Name of a finder that ships, path of a card, or a card.
        threads: Threads inside one look.

    Raises:
        UnknownName, ModelMissing, ModelCorrupt, ModelIncompatible: The model cannot be used.
    """

    name = "fakeweb"

    def __init__(self, model: str | Path | Card = "finder", *, threads: int = 1) -> None:
        card = model if isinstance(model, Card) else find_card(model)
        if not isinstance(card, FinderCard):
            raise ModelIncompatible(
                f"{card.reference} is a {card.task}, not a finder", hint="see `fakeweb models`"
            )
        self.card = card
        self._made_from = model, threads
        self._session = open_session(card, threads=threads)

    def __reduce__(self) -> tuple[object, ...]:
        """Pickle as what made it."""
        return partial(type(self), threads=self._made_from[1]), self._made_from[:1]

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
        if long_side <= _LOOKS_PX[0]:  # one scale is all there is
            return views
        share = min(1.0, _FULL_PX / long_side)
        return [seen for seen in views if len(seen) > 1 or not _is_doubtful(seen[0], share)]

    def look_turned(self, image: Image, *, tiles: bool = True) -> list[list[Face]]:
        """Look once more with the picture turned by a quarter to the left, and to the right.

        Args:
            image: The picture, RGB.
            tiles: Look at a large picture at full size as well.

        Raises:
            ModelIncompatible: See :meth:`find`.
        """
        left = self._looks(np.ascontiguousarray(np.rot90(image.pixels)), tiles=tiles)
        right = self._looks(np.ascontiguousarray(np.rot90(image.pixels, -1)), tiles=tiles)
        back = [_turned_back(left, image.width), _turned_forth(right, image.height)]
        return self._views(np.concatenate(back), image)

    def look_again(self, image: Image) -> list[list[Face]]:
        """Look once more, and at the mirrored picture too, for large faces at every scale; not in tiles.

        The network is small: what it misses in one view it mostly sees in another.

        Args:
            image: The picture, RGB.

        Raises:
            ModelIncompatible: See :meth:`find`.
        """
        plain = self._looks(image.pixels, tiles=False, largest=math.inf)
        other = self._looks(np.ascontiguousarray(image.pixels[:, ::-1]), tiles=False, largest=math.inf)
        return self._views(np.concatenate([plain, _mirrored(other, image.width)]), image)

    @staticmethod
    def _views(found: npt.NDArray[np.float32], image: Image) -> list[list[Face]]:
        faces = [[_to_face(found[i]) for i in group] for group in groups(found)]
        return [views for views in faces if is_inside(views[0], image)]

    def _looks(
        self, pixels: UInt8Array, *, tiles: bool, largest: float = _LARGEST_PX
    ) -> npt.NDArray[np.float32]:
        """Look at every scale; at all but the first, faces larger than ``largest`` are dropped."""
        long_side = max(pixels.shape[:2])
        sides = [side for side, less in zip(_LOOKS_PX, (0, *_LOOKS_PX), strict=False) if less < long_side]
        small, parts = pixels, []
        for side_px in reversed(sides):  # a copy made of the next larger one takes a quarter of the time
            small = _shrunk(small, side_px)
            found = self._look(small, math.inf if side_px == _LOOKS_PX[0] else largest)
            parts.append(_scaled(found, max(1.0, long_side / side_px), 0, 0))
        if tiles and long_side > _LOOKS_PX[-1]:
            parts.append(self._tiles(pixels, min(long_side, _FULL_PX)))
        return np.concatenate(parts)

    def _tiles(self, pixels: UInt8Array, side_px: int) -> npt.NDArray[np.float32]:
        small, scale = _shrunk(pixels, side_px), min(1.0, side_px / max(pixels.shape[:2]))
        height, width = small.shape[:2]
        parts = []
        for top in _starts(height):
            for left in _starts(width):
                tile = small[top : top + _TILE_PX, left : left + _TILE_PX]
                found = self._look(tile, _LARGEST_PX)
                cut = _cut_off(found, tile.shape[:2], top, left, height, width)
                parts.append(_scaled(found[~cut], 1 / scale, left / scale, top / scale))
        return np.concatenate(parts)

    def _look(self, pixels: UInt8Array, largest: float) -> npt.NDArray[np.float32]:
        """Run the network over one picture; drop faces larger than ``largest``."""
        below, right = (-side % _GRID_PX for side in pixels.shape[:2])
        padded = cv2.copyMakeBorder(pixels, 0, below, 0, right, cv2.BORDER_CONSTANT)
        out = self._session.run(np.asarray(padded, np.uint8)[None])
        try:
            maps: list[FloatArray] = [out[f"stride_{stride}"][0] for stride in STRIDES]
        except KeyError as error:
            raise ModelIncompatible(
                f"{self.card.reference} gave no output {error}", hint="export the model again"
            ) from error
        found = merge(read_maps(maps, self.card.min_logit))
        if not np.isfinite(found).all():
            raise ModelIncompatible(
                f"{self.card.reference} gave no finite numbers", hint="export the model again"
            )
        areas: FloatArray = (found[:, 3:5] - found[:, 1:3]).prod(axis=1)
        return found[areas <= largest**2]


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
        sure = _logit(face.confidence)
        least = _SURE_ALONE_AGAIN if again else _SURE_ALONE
        if face.presence is not None:
            sure, least = sure + _logit(face.presence), _SURE_AGAIN if again else _SURE
        if sure < least:
            return None
        box = face.box if face.mesh is None else _box_around(face.mesh)
        return replace(face, box=box, confidence=1 / (1 + math.exp(-sure)))


def _box_around(mesh: FloatArray) -> tuple[float, float, float, float]:
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


def _is_doubtful(face: Face, share: float) -> bool:
    """Tell whether a face that one scale alone shows is large enough to show at others, and not sure by itself."""
    size = math.sqrt(face.width_px * face.height_px) * share
    return size >= _LONE_PX and _logit(face.confidence) < _LONE_LOGIT


def _roll_rad(face: Face) -> float:
    """Return how far the line through the outer corners of the eyes is turned; without a mesh, see :mod:`.square`."""
    if face.mesh is None:
        return roll_rad(face)
    x, y = (face.mesh[EYE_CORNERS[1]] - face.mesh[EYE_CORNERS[0]])[:2].tolist()
    return math.atan2(y, x)


def _logit(p: float) -> float:
    p = min(max(p, 1e-9), 1 - 1e-9)
    return math.log(p / (1 - p))


def _shrunk(pixels: UInt8Array, side_px: int) -> UInt8Array:
    """Shrink a picture to this long side, unless it is smaller."""
    while max(pixels.shape[:2]) >= 4 * side_px and min(pixels.shape[:2]) > 1:
        pixels = _resized(pixels, pixels.shape[1] // 2, pixels.shape[0] // 2)  # halving is much faster
    height, width = pixels.shape[:2]
    scale = side_px / max(height, width)
    if scale >= 1:
        return pixels
    return _resized(pixels, max(1, round(width * scale)), max(1, round(height * scale)))


def _resized(pixels: UInt8Array, width: int, height: int) -> UInt8Array:
    return np.asarray(cv2.resize(pixels, (width, height), interpolation=cv2.INTER_AREA), np.uint8)


def _starts(length: int) -> list[int]:
    """Return where tiles begin so that they cover a length, evenly, lapping over."""
    if length <= _TILE_PX:
        return [0]
    count = -(-(length - _LAP_PX) // (_TILE_PX - _LAP_PX))
    return [round(i * (length - _TILE_PX) / (count - 1)) for i in range(count)]


def _cut_off(
    found: npt.NDArray[np.float32], shape: tuple[int, ...], top: int, left: int, height: int, width: int
) -> npt.NDArray[np.bool_]:
    """Tell which faces reach over a tile's edge that is not the picture's: the next tile has them whole."""
    over = np.zeros(len(found), bool)
    x0, y0, x1, y1 = found[:, 1:5].T
    if left > 0:
        over |= x0 < 1
    if top > 0:
        over |= y0 < 1
    if left + shape[1] < width:
        over |= x1 > shape[1] - 1
    if top + shape[0] < height:
        over |= y1 > shape[0] - 1
    return over


def _scaled(found: npt.NDArray[np.float32], scale: float, left: float, top: float) -> npt.NDArray[np.float32]:
    moved = found.copy()
    moved[:, 1:] *= scale
    moved[:, 1::2] += left
    moved[:, 2::2] += top
    return moved


def _mirrored(found: npt.NDArray[np.float32], width: int) -> npt.NDArray[np.float32]:
    """Undo mirroring from left to right: (x, y) there was (width - x, y) here, and left eyes were right ones."""
    back = found.copy()
    back[:, 1], back[:, 3] = width - found[:, 3], width - found[:, 1]
    points = found[:, 5:15].reshape(-1, 5, 2)[:, [1, 0, 2, 4, 3]]
    back[:, 5:15:2], back[:, 6:15:2] = width - points[..., 0], points[..., 1]
    return back


def _turned_back(found: npt.NDArray[np.float32], width: int) -> npt.NDArray[np.float32]:
    """Undo a quarter turn to the left (``np.rot90``): (x, y) there was (width - y, x) here."""
    back = found.copy()
    back[:, 1], back[:, 3] = width - found[:, 4], width - found[:, 2]
    back[:, 2], back[:, 4] = found[:, 1], found[:, 3]
    back[:, 5::2], back[:, 6::2] = width - found[:, 6::2], found[:, 5::2]
    return back


def _turned_forth(found: npt.NDArray[np.float32], height: int) -> npt.NDArray[np.float32]:
    """Undo a quarter turn to the right (``np.rot90(..., -1)``): (x, y) there was (y, height - x) here."""
    back = found.copy()
    back[:, 1], back[:, 3] = found[:, 2], found[:, 4]
    back[:, 2], back[:, 4] = height - found[:, 3], height - found[:, 1]
    back[:, 5::2], back[:, 6::2] = found[:, 6::2], height - found[:, 5::2]
    return back


def _to_face(row: npt.NDArray[np.float32]) -> Face:
    logit = float(np.clip(row[0], -60, 60))
    x0, y0, x1, y1 = row[1:5].tolist()
    return Face((x0, y0, x1, y1), 1 / (1 + float(np.exp(-logit))), points=row[5:15].reshape(5, 2))
