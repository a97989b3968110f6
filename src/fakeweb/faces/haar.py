"""Haar cascade face detector (OpenCV's): no download; one cascade proposes, two must confirm.

Viola and Jones, Rapid object detection using a boosted cascade of simple features, CVPR 2001; the cascades come
with OpenCV below 5. Measured in docs/decisions/0003-haar-by-vote.md.
"""

from __future__ import annotations

import threading
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
import numpy.typing as npt

from fakeweb.errors import ModelMissing
from fakeweb.faces.suppress import is_inside, suppress
from fakeweb.types import Face, Image, UInt8Array

_PROPOSES = "frontalface_alt2"
_CONFIRM = ("frontalface_default", "frontalface_alt")
_FRAME = 0.15  # without a frame, faces that fill the picture are missed
_SMALLEST_PX = 32
_LONG_SIDE_PX = 1280
_AROUND = 0.35  # how far around a proposal the others look, over its side
_LOOK_PX = 120  # larger proposals are shrunk to this before they are confirmed
# a cascade's square (centre, side) -> our box, fitted to YuNet's boxes on some 400 faces of eight sources
_DOWN, _WIDE, _HIGH = 0.010, 0.83, 1.12


class _Square(NamedTuple):
    x: float
    """Centre, as is ``y``."""
    y: float
    side: float


class HaarFinder:
    """Frontal faces by three Haar cascades that must agree.

    The picture is framed by repeating its border and shrunk to a long side of 1280 px. OpenCV's cascades are not
    safe to share, so each thread has its own.

    Example:
        >>> HaarFinder().find(Image(np.zeros((64, 64, 3), np.uint8)))
        []
    """

    name = "haar"

    def __init__(self) -> None:
        self._local = threading.local()
        self._cascades()

    def __reduce__(self) -> tuple[object, ...]:
        """Pickle as what made it."""
        return type(self), ()

    def least_px(self, width: int, height: int) -> float:
        """Return the width of the smallest faces that are looked for in a picture of this size."""
        return _SMALLEST_PX * max(1.0, max(width, height) / _LONG_SIDE_PX)

    def find(self, image: Image) -> list[Face]:
        """Return the faces, the surest first; boxes without points.

        Args:
            image: The picture, RGB.
        """
        scale = min(1.0, _LONG_SIDE_PX / max(image.width, image.height))
        size = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
        grey = cv2.cvtColor(image.pixels, cv2.COLOR_RGB2GRAY)
        if scale < 1:
            grey = cv2.resize(grey, size, interpolation=cv2.INTER_AREA)
        frame = round(max(size) * _FRAME)
        framed = np.pad(np.asarray(grey, np.uint8), frame, mode="edge")
        cascades = self._cascades()
        faces = []
        for square, neighbours in _squares(cascades[_PROPOSES], framed, 1, _SMALLEST_PX):
            seen = [_confirm(cascades[name], framed, square) for name in _CONFIRM]
            agreed = [square, *(s for s in seen if s is not None)]
            if len(agreed) == 1 + len(_CONFIRM):
                faces.append(_to_face(agreed, neighbours, scale, frame))
        return suppress([f for f in faces if is_inside(f, image)])

    def _cascades(self) -> dict[str, cv2.CascadeClassifier]:
        if not hasattr(self._local, "cascades"):
            self._local.cascades = {name: _load(name) for name in (_PROPOSES, *_CONFIRM)}
        cascades: dict[str, cv2.CascadeClassifier] = self._local.cascades
        return cascades


def _squares(cascade: cv2.CascadeClassifier, grey: UInt8Array, neighbours: int, low: int, high: int = 0,
             step: float = 1.1) -> list[tuple[_Square, int]]:  # fmt: skip
    """Return the squares a cascade sees, each with the number of hits behind it."""
    boxes, hits = cascade.detectMultiScale2(grey, step, neighbours, 0, (low, low), (high, high))
    rows: npt.NDArray[np.float64] = np.asarray(boxes, np.float64).reshape(-1, 4)
    squares = [_Square(x + side / 2, y + side / 2, side) for x, y, side, _ in rows.tolist()]
    return list(zip(squares, np.asarray(hits, int).reshape(-1).tolist(), strict=True))


def _confirm(cascade: cv2.CascadeClassifier, grey: UInt8Array, at: _Square) -> _Square | None:
    """Return what another cascade sees at the place and about the size of a proposal."""
    reach = (0.5 + _AROUND) * at.side
    left, top = max(0, int(at.x - reach)), max(0, int(at.y - reach))
    window = grey[top : int(at.y + reach), left : int(at.x + reach)]
    shrink = min(1.0, _LOOK_PX / at.side)
    if shrink < 1:
        window = np.asarray(
            cv2.resize(window, None, fx=shrink, fy=shrink, interpolation=cv2.INTER_AREA), np.uint8
        )
    low, high = int(0.7 * at.side * shrink), int(1.45 * at.side * shrink)
    for found, _ in _squares(cascade, np.ascontiguousarray(window), 2, low, high, 1.05):
        square = _Square(found.x / shrink + left, found.y / shrink + top, found.side / shrink)
        if max(abs(square.x - at.x), abs(square.y - at.y)) < 0.25 * max(square.side, at.side):
            return square
    return None


def _load(name: str) -> cv2.CascadeClassifier:
    """Load one of the cascades that OpenCV below 5 carries."""
    folder = getattr(getattr(cv2, "data", None), "haarcascades", "")
    path = Path(folder) / f"haarcascade_{name}.xml"
    cascade = cv2.CascadeClassifier(str(path)) if folder and path.is_file() else None
    if cascade is None or cascade.empty():
        raise ModelMissing(
            f"this OpenCV ({cv2.__version__}) carries no Haar cascade '{name}'",
            hint="pip install 'opencv-python-headless<5'",
        )
    return cascade


def _to_face(agreed: list[_Square], neighbours: int, scale: float, frame: int) -> Face:
    """Average the squares and turn them into a box; more hits mean more confidence."""
    x, y, side = np.mean(agreed, axis=0).tolist()
    x, y, side = (x - frame) / scale, (y - frame) / scale, side / scale
    y += _DOWN * side
    box = (x - _WIDE * side / 2, y - _HIGH * side / 2, x + _WIDE * side / 2, y + _HIGH * side / 2)
    return Face(box, confidence=neighbours / (neighbours + 5))
