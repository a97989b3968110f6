"""FakeWeb's own finder: a small anchor-free network that runs over pictures of any size.

Trained by ``recipes/finder.toml``; see docs/decisions/0008-own-finder.md for why it looks at several scales.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from fakeweb.errors import ModelIncompatible
from fakeweb.faces.anchor_free import STRIDES, merge, read_maps
from fakeweb.faces.mesh import OnnxMesher
from fakeweb.faces.suppress import is_inside, suppress
from fakeweb.runtime import Card, FinderCard, find_card, open_session
from fakeweb.types import Face, FaceMesher, FloatArray, Image, UInt8Array

_GRID_PX = 32  # the coarsest cell
_LOOKS_PX = (112, 256, 640)  # a picture is looked at whole, shrunk to these long sides
_TILE_PX = 768  # large pictures are looked at in tiles too, at full size up to
_FULL_PX = 4096  # this long side
_LAP_PX = 112  # tiles lap over each other
_WIDEST_PX = 100.0  # wider faces in a look are left to the next smaller look, where false ones are rarer
_SURE = 4.2  # sum of the two networks' logits: two false faces per 100 megapixels on validation groups A


class Proposer:
    """Boxes and five points at any turn, from about 16 px, and some false ones: :class:`OwnFinder` confirms them.

    The picture is looked at whole at three scales; a larger one also at full size, in tiles, so that time grows with
    its area and memory does not. Where nothing is found, it is looked at once more turned by a quarter.

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
        self._session = open_session(card, threads=threads)

    def find(self, image: Image) -> list[Face]:
        """Return the faces with their five points, the most confident first.

        Args:
            image: The picture, RGB.

        Raises:
            ModelIncompatible: The model does not give what its card says.
        """
        return self._faces(self.rows(image.pixels), image)

    def rows(self, pixels: UInt8Array) -> npt.NDArray[np.float32]:
        """Return the finds as rows of :func:`fakeweb.faces.anchor_free.read_maps`, each face once.

        Args:
            pixels: uint8 RGB (H, W, 3).
        """
        return merge(self._looks(pixels))

    def find_turned(self, image: Image) -> list[Face]:
        """Look once more with the picture turned by a quarter; arguments and result as for :meth:`find`."""
        turned = self.rows(np.ascontiguousarray(np.rot90(image.pixels)))
        return self._faces(_turned_back(turned, image.width), image)

    @staticmethod
    def _faces(found: npt.NDArray[np.float32], image: Image) -> list[Face]:
        faces = [_to_face(row) for row in found]
        return [face for face in faces if is_inside(face, image)]

    def _looks(self, pixels: UInt8Array) -> npt.NDArray[np.float32]:
        """Look at every scale."""
        long_side = max(pixels.shape[:2])
        parts = []
        for number, side_px in enumerate(_LOOKS_PX):
            small, scale = _shrunk(pixels, side_px)
            found = self._look(small, math.inf if number == 0 else _WIDEST_PX)
            parts.append(_scaled(found, 1 / scale, 0, 0))
            if long_side <= side_px:
                break
        else:
            parts.append(self._tiles(pixels, min(long_side, _FULL_PX)))
        return np.concatenate(parts)

    def _tiles(self, pixels: UInt8Array, side_px: int) -> npt.NDArray[np.float32]:
        small, scale = _shrunk(pixels, side_px)
        height, width = small.shape[:2]
        parts = []
        for top in _starts(height):
            for left in _starts(width):
                tile = small[top : top + _TILE_PX, left : left + _TILE_PX]
                found = self._look(tile, _WIDEST_PX)
                cut = _cut_off(found, tile.shape[:2], top, left, height, width)
                parts.append(_scaled(found[~cut], 1 / scale, left / scale, top / scale))
        return np.concatenate(parts)

    def _look(self, pixels: UInt8Array, widest: float) -> npt.NDArray[np.float32]:
        """Run the network over one picture; drop faces wider than ``widest``."""
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
        return found[found[:, 3] - found[:, 1] <= widest]


class OwnFinder:
    """Our finder: what :class:`Proposer` proposes and the mesh confirms; boxes, five points and 468 points.

    Args:
        model: Name of a finder that ships, or path of a card.
        mesher: Confirms and measures; None takes the one that ships.

    Raises:
        UnknownName, ModelMissing, ModelCorrupt, ModelIncompatible: A model cannot be used.

    Example:
        >>> OwnFinder().find(Image(np.zeros((64, 64, 3), np.uint8)))
        []
    """

    name = "fakeweb"

    def __init__(self, model: str | Path | Card = "finder", mesher: FaceMesher | None = None) -> None:
        self.proposer = Proposer(model)
        self.mesher: FaceMesher = mesher or OnnxMesher()

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
        return self._confirm(image, self.proposer.find(image)) or self._confirm(
            image, self.proposer.find_turned(image)
        )

    def _confirm(self, image: Image, proposals: Sequence[Face]) -> list[Face]:
        """Measure the proposals and keep those of which both networks together are sure enough."""
        kept = []
        for face in self.mesher.mesh(image, proposals):
            sure = _logit(face.confidence) + _logit(1.0 if face.presence is None else face.presence)
            if face.mesh is not None and sure >= _SURE:
                kept.append(replace(face, confidence=1 / (1 + math.exp(-sure))))
        return suppress(kept)


def _logit(p: float) -> float:
    p = min(max(p, 1e-9), 1 - 1e-9)
    return math.log(p / (1 - p))


def _shrunk(pixels: UInt8Array, side_px: int) -> tuple[UInt8Array, float]:
    height, width = pixels.shape[:2]
    scale = min(1.0, side_px / max(height, width))
    if scale == 1:
        return pixels, 1.0
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    return np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), np.uint8), scale


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


def _turned_back(found: npt.NDArray[np.float32], width: int) -> npt.NDArray[np.float32]:
    """Undo a quarter turn to the left (``np.rot90``): (x, y) there was (width - y, x) here."""
    back = found.copy()
    back[:, 1], back[:, 3] = width - found[:, 4], width - found[:, 2]
    back[:, 2], back[:, 4] = found[:, 1], found[:, 3]
    back[:, 5::2], back[:, 6::2] = width - found[:, 6::2], found[:, 5::2]
    return back


def _to_face(row: npt.NDArray[np.float32]) -> Face:
    logit = float(np.clip(row[0], -60, 60))
    x0, y0, x1, y1 = row[1:5].tolist()
    return Face((x0, y0, x1, y1), 1 / (1 + float(np.exp(-logit))), points=row[5:15].reshape(5, 2))
