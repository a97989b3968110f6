"""Measure faces that a finder gave without a mesh, and drop what turns out to be none."""

from __future__ import annotations

from collections.abc import Sequence

from fakeweb.types import Face, FaceMesher, Image


def measure(image: Image, faces: Sequence[Face], mesher: FaceMesher | None) -> list[Face]:
    """Return the faces in their order with meshes, without those that are no face.

    Args:
        image: The picture, RGB.
        faces: Of any finder; those that have a mesh already stay as they are.
        mesher: Measures; None leaves everything as it is.
    """
    if mesher is None:
        return list(faces)
    todo = [face for face in faces if face.mesh is None]
    new = iter(mesher.mesh(image, todo) if todo else ())
    now = [next(new) if face.mesh is None else face for face in faces]
    return [face for face in now if face.mesh is not None or face.presence is None]
