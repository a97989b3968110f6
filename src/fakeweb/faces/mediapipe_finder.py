"""MediaPipe's BlazeFace: the model in the wheel 0.10.21, or a file for newer wheels; an environment of its own.

Bazarevsky et al., BlazeFace: Sub-millisecond Neural Face Detection on Mobile GPUs, 2019. The full-range model looks
at the whole picture at 192 px.
"""

from __future__ import annotations

import atexit
import contextlib
import io
import threading
import weakref
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from fakeweb.errors import MissingExtra, ModelIncompatible, ModelMissing
from fakeweb.faces.suppress import is_inside, suppress
from fakeweb.types import Face, Image, UInt8Array

INSTALL = (
    "python3 -m venv .venv-mediapipe"
    " && .venv-mediapipe/bin/pip install mediapipe==0.10.21 onnxruntime pillow typer rich"
    " && .venv-mediapipe/bin/pip install --no-deps ."
)
"""The commands that make the environment, run in the checkout; docs/guide/finders.md repeats them."""

_FRAMES = (
    0.0,
    0.3,
)  # bare for small faces; framed for those that fill the picture, which it misses otherwise
_LONG_SIDE_PX = 640
_SMALLEST_PX = 60  # of these the network finds five in six
_MIN_CONFIDENCE = 0.6  # MediaPipe's legacy graph stops here whatever it is told
# MediaPipe's square (centre, side) -> our box, fitted to YuNet's boxes on 315 faces of eight sources
_DOWN, _WIDE, _HIGH = -0.057, 0.85, 1.15
_IN_BUNDLE = "face_detector.tflite"

_Found = tuple[float, float, float, float, float]
"""x, y, width, height in pixels of the picture that was shown, and the confidence."""
_Look = Callable[[UInt8Array], list[_Found]]

_TASKS: weakref.WeakSet[Any] = weakref.WeakSet()


@atexit.register  # registered before MediaPipe is imported, so it runs after MediaPipe's own exit handler
def _close_tasks() -> None:
    """Close what is still open: MediaPipe 1.x prints a traceback when its tasks outlive its modules."""
    for task in list(_TASKS):
        with contextlib.suppress(Exception):
            task.close()


class MediaPipeFinder:
    """Boxes from MediaPipe, legacy or Tasks; no points, since it gives the mouth's centre, not its corners.

    The picture is looked at twice, bare and framed by repeating its border, shrunk to a long side of 640 px.
    MediaPipe's objects crash when shared, so each thread has its own.

    Args:
        model: A face model for the Tasks API, ``.tflite``, or a ``.task`` bundle that holds one; None takes the
            full-range model that comes with MediaPipe 0.10.21.

    Raises:
        MissingExtra: MediaPipe is not installed or cannot be imported.
        ModelMissing: The file is not there, or none was given and this MediaPipe brings none.
        ModelIncompatible: MediaPipe cannot run it.
    """

    name = "mediapipe"

    def __init__(self, model: str | Path | None = None) -> None:
        guest = _guest()
        if model is None and not hasattr(guest, "solutions"):
            raise ModelMissing(
                f"MediaPipe {guest.__version__} brings no face model",
                hint="give one with --finder-model FILE.tflite, or install mediapipe==0.10.21",
            )
        self._label = "its own face model" if model is None else str(model)
        self._content = None if model is None else _read(Path(model))
        self._model = model
        self._guest = guest
        self._local = threading.local()
        self._show(np.zeros((64, 64, 3), np.uint8))  # some other networks load, and fail only here

    def __reduce__(self) -> tuple[object, ...]:
        """Pickle as what made it."""
        return type(self), (self._model,)

    def least_px(self, width: int, height: int) -> float:
        """Return the width of the smallest faces that are looked for in a picture of this size."""
        return _SMALLEST_PX * max(1.0, max(width, height) / _LONG_SIDE_PX)

    def find(self, image: Image) -> list[Face]:
        """Return the faces, the most confident first; boxes without points.

        Args:
            image: The picture, RGB.
        """
        faces = [face for share in _FRAMES for face in self._pass(image, share)]
        return suppress([f for f in faces if is_inside(f, image)])

    def _pass(self, image: Image, share: float) -> list[Face]:
        """Look once, with a frame of this share of the long side."""
        scale = min(1.0, _LONG_SIDE_PX / ((1 + 2 * share) * max(image.width, image.height)))
        size = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
        small = image.pixels if scale == 1 else cv2.resize(image.pixels, size, interpolation=cv2.INTER_AREA)
        frame = round(max(size) * share)
        framed = cv2.copyMakeBorder(small, frame, frame, frame, frame, cv2.BORDER_REPLICATE)
        found = self._show(np.ascontiguousarray(framed, np.uint8))
        return [_to_face(f, scale, frame) for f in found if f[2] > 0 and f[3] > 0]

    def _show(self, pixels: UInt8Array) -> list[_Found]:
        """Show this thread's MediaPipe object some pixels; translate what goes wrong."""
        try:
            if not hasattr(self._local, "look"):
                content = self._content
                self._local.look = _legacy(self._guest) if content is None else _tasks(self._guest, content)
            look: _Look = self._local.look
            return look(pixels)
        except (OSError, RuntimeError, ValueError) as error:
            why = (str(error).splitlines() or [type(error).__name__])[0].strip()
            raise ModelIncompatible(
                f"MediaPipe {self._guest.__version__} cannot run {self._label}: {why}",
                hint="give a BlazeFace .tflite or a face .task bundle; full-range files need MediaPipe 1.x",
            ) from error


def _guest() -> Any:
    try:
        import mediapipe
    except (ImportError, OSError) as error:
        raise MissingExtra(
            f"the finder 'mediapipe' needs MediaPipe, which cannot be imported here ({error})",
            hint=f"it takes an environment of its own; in the FakeWeb checkout run: {INSTALL}",
        ) from error
    return mediapipe


def _read(path: Path) -> bytes:
    """Return the face finder's network: the file, or the part of a ``.task`` bundle (a zip) that holds it."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ModelMissing(
            f"no model file at {path}", hint="give a BlazeFace .tflite or a face .task with --finder-model"
        ) from error
    if not content.startswith(b"PK"):
        return content
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as bundle:
            return bundle.read(_IN_BUNDLE)
    except (zipfile.BadZipFile, KeyError) as error:
        raise ModelIncompatible(
            f"the bundle {path} holds no {_IN_BUNDLE}", hint="face_landmarker.task holds one"
        ) from error


def _legacy(guest: Any) -> _Look:
    """Make the full-range finder of MediaPipe below 1.0."""
    graph = guest.solutions.face_detection.FaceDetection(_MIN_CONFIDENCE, model_selection=1)

    def look(pixels: UInt8Array) -> list[_Found]:
        height, width = pixels.shape[:2]
        found = []
        for face in graph.process(pixels).detections or ():
            box = face.location_data.relative_bounding_box
            x, y = box.xmin * width, box.ymin * height
            found.append((x, y, box.width * width, box.height * height, float(face.score[0])))
        return found

    return look


def _tasks(guest: Any, content: bytes) -> _Look:
    """Make a finder of the Tasks API from a model's bytes."""
    from mediapipe.tasks.python import BaseOptions, vision

    options = vision.FaceDetectorOptions(
        base_options=BaseOptions(model_asset_buffer=content), min_detection_confidence=_MIN_CONFIDENCE
    )
    task = vision.FaceDetector.create_from_options(options)
    _TASKS.add(task)

    def look(pixels: UInt8Array) -> list[_Found]:
        shown = guest.Image(image_format=guest.ImageFormat.SRGB, data=pixels)
        found = []
        for face in task.detect(shown).detections:
            box = face.bounding_box
            score = float(face.categories[0].score)
            found.append((box.origin_x, box.origin_y, box.width, box.height, score))
        return found

    return look


def _to_face(found: _Found, scale: float, frame: int) -> Face:
    """Undo frame and scale, and turn eyes to chin into brow to chin."""
    x, y, width, height, confidence = found
    middle = (x + width / 2 - frame) / scale
    centre = (y + height / 2 - frame + _DOWN * height) / scale
    wide, high = _WIDE * width / scale, _HIGH * height / scale
    box = (middle - wide / 2, centre - high / 2, middle + wide / 2, centre + high / 2)
    return Face(box, confidence=float(np.clip(confidence, 0, 1)))
