"""OpenCV's Haar cascades: no download, several faces, two cascades must agree.

Viola and Jones, Rapid object detection using a boosted cascade of simple features, CVPR 2001; the cascades come
with OpenCV below 5.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from fakeweb.errors import ModelMissing
from fakeweb.faces.suppress import suppress
from fakeweb.types import Face, Image, UInt8Array

# cascade -> neighbours a hit needs; the second and third vote only confirm or add what two of them see
_CASCADES = {"frontalface_default": 3, "frontalface_alt2": 2, "frontalface_alt": 2}
_VOTES = 2
_FRAME = 0.15  # without a frame, faces that fill the picture are missed: DFDC crops 0.3 -> 0.9 found
_STEP = 1.1
_SMALLEST_PX = 24
_LONG_SIDE_PX = 1280
# a cascade's square (centre, side) -> our box, fitted to YuNet's boxes on 480 faces of eight sources
_DOWN, _WIDE, _HIGH = 0.010, 0.83, 1.12


@dataclass(frozen=True)
class _Hit:
    cascade: str
    x: float
    y: float
    side: float

    def near(self, other: _Hit) -> bool:
        larger = max(self.side, other.side)
        apart = max(abs(self.x - other.x), abs(self.y - other.y))
        return apart < 0.25 * larger and min(self.side, other.side) > 0.6 * larger


class HaarFinder:
    """Frontal faces by a vote of three Haar cascades.

    The picture is framed by repeating its border and shrunk to a long side of 1280 px; a face stands where at
    least two cascades see one. OpenCV's cascades are not safe to share, so each thread has its own.

    Example:
        >>> HaarFinder().find(Image(np.zeros((64, 64, 3), np.uint8)))
        []
    """

    name = "haar"

    def __init__(self) -> None:
        self._local = threading.local()
        self._cascades()

    def find(self, image: Image) -> list[Face]:
        """Return the faces, those that more cascades agree on first; boxes without points.

        Args:
            image: The picture, RGB.
        """
        scale = min(1.0, _LONG_SIDE_PX / max(image.width, image.height))
        size = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
        grey = cv2.cvtColor(image.pixels, cv2.COLOR_RGB2GRAY)
        if scale < 1:
            grey = cv2.resize(grey, size, interpolation=cv2.INTER_AREA)
        frame = round(max(size) * _FRAME)
        framed = cv2.copyMakeBorder(grey, frame, frame, frame, frame, cv2.BORDER_REPLICATE)
        groups = _agree(self._hits(np.asarray(framed, np.uint8)))
        faces = [_to_face(group, scale, frame) for group in groups]
        return suppress([f for f in faces if _is_inside(f, image)])

    def _hits(self, grey: UInt8Array) -> list[_Hit]:
        hits = []
        for name, cascade in self._cascades().items():
            boxes = cascade.detectMultiScale(grey, _STEP, _CASCADES[name], 0, (_SMALLEST_PX, _SMALLEST_PX))
            rows: npt.NDArray[np.float64] = np.asarray(boxes, np.float64).reshape(-1, 4)
            hits += [_Hit(name, x + side / 2, y + side / 2, side) for x, y, side, _ in rows.tolist()]
        return hits

    def _cascades(self) -> dict[str, cv2.CascadeClassifier]:
        if not hasattr(self._local, "cascades"):
            self._local.cascades = {name: _load(name) for name in _CASCADES}
        cascades: dict[str, cv2.CascadeClassifier] = self._local.cascades
        return cascades


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


def _agree(hits: list[_Hit]) -> list[list[_Hit]]:
    """Group hits around the same place and keep groups that enough cascades share."""
    free, groups = list(hits), []
    while free:
        first = free.pop(0)
        group = [first, *(h for h in free if h.near(first))]
        free = [h for h in free if not h.near(first)]
        if len({h.cascade for h in group}) >= _VOTES:
            groups.append(group)
    return groups


def _to_face(group: list[_Hit], scale: float, frame: int) -> Face:
    x = (float(np.mean([h.x for h in group])) - frame) / scale
    y = (float(np.mean([h.y for h in group])) - frame) / scale
    side = float(np.mean([h.side for h in group])) / scale
    y += _DOWN * side
    votes = len({h.cascade for h in group})
    box = (x - _WIDE * side / 2, y - _HIGH * side / 2, x + _WIDE * side / 2, y + _HIGH * side / 2)
    return Face(box, confidence=votes / len(_CASCADES))


def _is_inside(face: Face, image: Image) -> bool:
    """Tell whether the face's centre lies in the picture, not in the frame around it."""
    x0, y0, x1, y1 = face.box
    return 0 <= (x0 + x1) / 2 < image.width and 0 <= (y0 + y1) / 2 < image.height
