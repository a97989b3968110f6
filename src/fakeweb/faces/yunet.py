"""YuNet face detector through OpenCV's own class; the model file is the user's.

Wu, Peng, Yu: YuNet: A Tiny Millisecond-level Face Detector, Machine Intelligence Research 2023. The file
``face_detection_yunet_*.onnx`` comes with the OpenCV model zoo.
"""

from __future__ import annotations

import threading
from functools import partial
from pathlib import Path

import cv2
import numpy as np

from fakeweb.errors import ModelIncompatible, ModelMissing
from fakeweb.faces.suppress import is_inside
from fakeweb.types import Face, Image

_LONG_SIDE_PX = 640
_SMALLEST_PX = 20  # of these the network finds nine in ten
_GRID_PX = 32  # the net's coarsest cell; left to itself, OpenCV sees phantoms in thin pictures
_GREY = (114, 114, 114)


class YuNetFinder:
    """Boxes and five points from a YuNet model file.

    The picture is shrunk and framed with grey (a face that fills it is missed otherwise) to a long side of
    640 px. OpenCV's object is not safe to share, so each thread has its own.

    Args:
        model: Path of the ONNX file.
        min_confidence: Weaker faces are dropped.

    Raises:
        ModelMissing: No model file was given or it is not there.
        ModelIncompatible: OpenCV cannot load it.
    """

    name = "yunet"

    def __init__(self, model: str | Path | None = None, *, min_confidence: float = 0.6) -> None:
        hint = "give the file of OpenCV's model zoo with --finder-model face_detection_yunet_2023mar.onnx"
        if model is None:
            raise ModelMissing("the finder 'yunet' needs a model file", hint=hint)
        if not Path(model).is_file():
            raise ModelMissing(f"no model file at {model}", hint=hint)
        self._model = str(model)
        self._min_confidence = min_confidence
        self._local = threading.local()
        self._net()

    def __reduce__(self) -> tuple[object, ...]:
        """Pickle as what made it."""
        return partial(type(self), min_confidence=self._min_confidence), (self._model,)

    def least_px(self, width: int, height: int) -> float:
        """Return the width of the smallest faces that are looked for in a picture of this size."""
        return _SMALLEST_PX * max(1.0, 1.3 * max(width, height) / _LONG_SIDE_PX)

    def find(self, image: Image) -> list[Face]:
        """Return the faces, the most confident first."""
        scale = min(1.0, _LONG_SIDE_PX / (1.3 * max(image.width, image.height)))
        size = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
        small = image.pixels if scale == 1 else cv2.resize(image.pixels, size, interpolation=cv2.INTER_AREA)
        frame = max(size) * 3 // 20
        framed = cv2.copyMakeBorder(small, frame, frame, frame, frame, cv2.BORDER_CONSTANT, value=_GREY)
        right, below = -framed.shape[1] % _GRID_PX, -framed.shape[0] % _GRID_PX
        framed = cv2.copyMakeBorder(framed, 0, below, 0, right, cv2.BORDER_CONSTANT)
        net = self._net()
        net.setInputSize((framed.shape[1], framed.shape[0]))
        _, rows = net.detect(cv2.cvtColor(framed, cv2.COLOR_RGB2BGR))
        if rows is None:
            return []
        found = (
            self._to_face(row, scale, frame) for row in np.asarray(rows, np.float64) if np.isfinite(row).all()
        )
        faces = [f for f in found if f is not None and is_inside(f, image)]
        return sorted(faces, key=lambda f: -f.confidence)

    @staticmethod
    def _to_face(row: np.ndarray, scale: float, frame: int) -> Face | None:
        x, y, width, height = (row[:4] - (frame, frame, 0, 0)) / scale
        if width <= 0 or height <= 0:
            return None
        points = (row[4:14].reshape(5, 2) - frame) / scale
        return Face(
            (x, y, x + width, y + height), float(np.clip(row[14], 0, 1)), points=points.astype(np.float32)
        )

    def _net(self) -> cv2.FaceDetectorYN:
        if not hasattr(self._local, "net"):
            try:
                net = cv2.FaceDetectorYN.create(self._model, "", (32, 32), self._min_confidence)
                net.detect(np.zeros((32, 32, 3), np.uint8))  # another network loads, and fails only here
                self._local.net = net
            except cv2.error as error:
                raise ModelIncompatible(
                    f"OpenCV cannot load {self._model}", hint="is it a YuNet ONNX file of OpenCV's model zoo?"
                ) from error
        made: cv2.FaceDetectorYN = self._local.net
        return made
