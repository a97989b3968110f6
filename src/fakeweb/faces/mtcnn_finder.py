"""MTCNN face detector through facenet-pytorch, whose wheel carries the weights; in an environment of its own.

Zhang, Zhang, Li, Qiao: Joint Face Detection and Alignment Using Multitask Cascaded Convolutional Networks, IEEE
Signal Processing Letters 2016. Margin 14 and thresholds of 0.9 as in the DFDC pipelines.
"""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from fakeweb.errors import MissingExtra, ModelIncompatible
from fakeweb.faces.suppress import is_inside, suppress
from fakeweb.types import Face, Image

INSTALL = (
    "python3 -m venv .venv-mtcnn"
    " && .venv-mtcnn/bin/pip install torch torchvision requests tqdm ."
    " && .venv-mtcnn/bin/pip install --no-deps facenet-pytorch==2.6.0"
)
"""The commands that make the environment, run in the checkout; docs/guide/finders.md repeats them."""

_FRAME = 0.15  # without a frame, a few faces that fill the picture are missed
_LONG_SIDE_PX = 1280
_SMALLEST_PX = 20
_MARGIN_PX = 14  # of the crops MTCNN would cut; it does not move the boxes
_THRESHOLDS = (0.9, 0.9, 0.9)


class MtcnnFinder:
    """Boxes and five points from MTCNN's three networks.

    The picture is shrunk to a long side of 1280 px and framed by repeating its border. Networks that only look
    are safe to share between threads.

    Raises:
        MissingExtra: facenet-pytorch is not installed or cannot be imported.
    """

    name = "mtcnn"

    def __init__(self) -> None:
        self._mtcnn = _guest()(
            margin=_MARGIN_PX, min_face_size=_SMALLEST_PX, thresholds=list(_THRESHOLDS), keep_all=True
        )

    def __reduce__(self) -> tuple[object, ...]:
        """Pickle as what made it."""
        return type(self), ()

    def least_px(self, width: int, height: int) -> float:
        """Return the width of the smallest faces that are looked for in a picture of this size."""
        return _SMALLEST_PX * max(1.0, max(width, height) / _LONG_SIDE_PX)

    def find(self, image: Image) -> list[Face]:
        """Return the faces with their five points, the most confident first.

        Args:
            image: The picture, RGB.

        Raises:
            ModelIncompatible: facenet-pytorch fails on this picture.
        """
        scale = min(1.0, _LONG_SIDE_PX / max(image.width, image.height))
        size = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
        small = image.pixels if scale == 1 else cv2.resize(image.pixels, size, interpolation=cv2.INTER_AREA)
        frame = max(
            round(max(size) * _FRAME), _SMALLEST_PX
        )  # MTCNN fails on pictures below its smallest face
        framed = cv2.copyMakeBorder(small, frame, frame, frame, frame, cv2.BORDER_REPLICATE)
        try:
            boxes, confidences, points = self._mtcnn.detect(framed, landmarks=True)
        except (IndexError, RuntimeError) as error:  # what it does when a candidate leaves the picture
            raise ModelIncompatible(
                f"MTCNN failed on a picture of {image.width} x {image.height}: {error}",
                hint="try another finder, such as --finder haar",
            ) from error
        if boxes is None:
            return []
        rows = zip(boxes, confidences, points, strict=True)
        found = [_to_face(box, confidence, five, scale, frame) for box, confidence, five in rows]
        return suppress([f for f in found if f is not None and is_inside(f, image)])


def _guest() -> Any:
    """Import MTCNN's class; only facenet-pytorch itself touches torch."""
    try:
        from facenet_pytorch import MTCNN
    except ImportError as error:
        raise MissingExtra(
            f"the finder 'mtcnn' needs facenet-pytorch, which cannot be imported here ({error})",
            hint=f"it takes an environment of its own; in the FakeWeb checkout run: {INSTALL}",
        ) from error
    return MTCNN


def _to_face(
    box: npt.NDArray[Any], confidence: float, points: npt.NDArray[Any], scale: float, frame: int
) -> Face | None:
    """Undo frame and scale; a box that regression has turned inside out is no face."""
    x0, y0, x1, y1 = ((np.asarray(box, np.float64) - frame) / scale).tolist()
    if x1 <= x0 or y1 <= y0:
        return None
    five = (np.asarray(points, np.float64) - frame) / scale
    return Face((x0, y0, x1, y1), float(np.clip(confidence, 0, 1)), points=five.astype(np.float32))
