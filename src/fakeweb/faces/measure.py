"""Landmark meshes for faces that a finder gave without one; what turns out to be no face is dropped."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from fakeweb.types import Face, FaceMesher, Image


def measure(
    image: Image, faces: Sequence[Face], mesher: FaceMesher | None, *, done_by: FaceMesher | None = None
) -> list[Face]:
    """Return the faces in their order with meshes, without those that are no face.

    Args:
        image: The picture, RGB.
        faces: Of any finder.
        mesher: Measures; None leaves everything as it is.
        done_by: Who measured the faces that have a mesh already; where that is ``mesher`` they stay as they are, else
            they are measured anew.
    """
    if mesher is None:
        return list(faces)
    if done_by is not mesher:
        faces = [replace(face, mesh=None) for face in faces]
    todo = [face for face in faces if face.mesh is None]
    new = iter(mesher.mesh(image, todo) if todo else ())
    now = [next(new) if face.mesh is None else face for face in faces]
    return [face for face in now if face.mesh is not None or face.presence is None]


def stretched(face: Face, across: float, down: float) -> Face:
    """Return a face found in a shrunk picture in the pixels of the picture itself.

    Args:
        face: In pixels of the shrunk picture.
        across: Width of the picture over that of the shrunk one.
        down: Height of the picture over that of the shrunk one.

    Example:
        >>> stretched(Face((1, 2, 3, 4)), 10, 100).box
        (10.0, 200.0, 30.0, 400.0)
    """
    x0, y0, x1, y1 = face.box
    points = None if face.points is None else face.points * np.array([across, down], np.float32)
    mesh = None if face.mesh is None else face.mesh * np.array([across, down, across], np.float32)
    return replace(face, box=(x0 * across, y0 * down, x1 * across, y1 * down), points=points, mesh=mesh)
