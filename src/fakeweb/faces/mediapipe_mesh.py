"""MediaPipe Face Mesh, the model inside the wheel 0.10.21: the teacher of our own mesh; an environment of its own.

Kartynnik, Ablavatski, Grishchenko, Grundmann: Real-time Facial Surface Geometry from Monocular Video on Mobile
GPUs, 2019.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from fakeweb.errors import MissingExtra, ModelIncompatible, ModelMissing
from fakeweb.faces.mediapipe_finder import INSTALL
from fakeweb.faces.square import cut, square_affine, to_picture
from fakeweb.types import Face, Image

_TRIES = ((1.7, 320), (2.4, 448), (1.35, 256))
"""Margins and sides of the squares that are shown one after the other, until a face is seen: MediaPipe looks for it
once more and misses those that are small, or that fill the square."""
_MIN_CONFIDENCE = 0.5


class MediaPipeMesher:
    """The 468 points of MediaPipe Face Mesh, in static mode, without refinement.

    Each face is shown alone, cut out and levelled. MediaPipe's objects crash when shared, so each thread has its
    own.

    Raises:
        MissingExtra: MediaPipe is not installed or cannot be imported.
        ModelMissing: This MediaPipe brings no Face Mesh.
    """

    name = "mediapipe"
    min_presence = 0.5
    max_printed = 1.0  # it was not asked

    def __init__(self) -> None:
        try:
            import mediapipe
        except (ImportError, OSError) as error:
            raise MissingExtra(
                f"the mesh 'mediapipe' needs MediaPipe, which cannot be imported here ({error})",
                hint=f"it takes an environment of its own; in the FakeWeb checkout run: {INSTALL}",
            ) from error
        if not hasattr(mediapipe, "solutions"):
            raise ModelMissing(
                f"MediaPipe {mediapipe.__version__} brings no Face Mesh", hint="install mediapipe==0.10.21"
            )
        self._guest: Any = mediapipe
        self._local = threading.local()

    def __reduce__(self) -> tuple[object, ...]:
        """Pickle as what made it."""
        return type(self), ()

    def mesh(self, image: Image, faces: Sequence[Face]) -> list[Face]:
        """Return the faces with ``mesh`` and ``presence`` (1 where MediaPipe saw a face, else 0 and no mesh).

        Args:
            image: The picture, RGB.
            faces: Where to look.
        """
        out = []
        for face in faces:
            found = next(
                (m for margin, side in _TRIES if (m := self._look(image, face, margin, side)) is not None),
                None,
            )
            out.append(replace(face, mesh=found, presence=0.0 if found is None else 1.0))
        return out

    def _look(self, image: Image, face: Face, margin: float, side_px: int) -> npt.NDArray[np.float32] | None:
        to_image = square_affine(face, side_px, margin)
        try:
            shown = self._graph().process(cut(image, to_image, side_px)).multi_face_landmarks
        except (OSError, RuntimeError, ValueError) as error:
            raise ModelIncompatible(
                f"MediaPipe {self._guest.__version__} failed: {str(error).partition(chr(10))[0]}",
                hint="install mediapipe==0.10.21",
            ) from error
        if not shown:
            return None
        points = np.array([(p.x, p.y, p.z) for p in shown[0].landmark]) * side_px
        points[:, :2] -= 0.5  # from the corner of the first pixel to its centre
        return to_picture(points, to_image)

    def _graph(self) -> Any:
        if not hasattr(self._local, "graph"):
            self._local.graph = self._guest.solutions.face_mesh.FaceMesh(
                static_image_mode=True,
                max_num_faces=1,
                refine_landmarks=False,
                min_detection_confidence=_MIN_CONFIDENCE,
            )
        return self._local.graph
