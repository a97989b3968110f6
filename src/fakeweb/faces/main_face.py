"""The main face of a picture: the large and central one it is about. Training, evaluation and tables agree on it."""

from __future__ import annotations

from collections.abc import Sequence

from fakeweb.types import Box, Face, Image


def main_face(faces: Sequence[Face], image: Image) -> tuple[Face | None, int]:
    """Return the most important face of a picture, and how many there are.

    Returns:
        None where there is no face, or the middle of the main one lies outside the picture.
    """
    if not faces:
        return None, 0
    face = max(faces, key=lambda f: importance(f, image))
    return (face if middle_inside(face.box, image) else None), len(faces)


def importance(face: Face, image: Image) -> float:
    """Return a face's area in square pixels, less up to 80 % for its distance from the centre."""
    x0, y0, x1, y1 = face.box
    off = abs((x0 + x1) / image.width - 1) + abs((y0 + y1) / image.height - 1)
    return (x1 - x0) * (y1 - y0) * (1 - 0.4 * min(off, 2))


def middle_inside(box: Box, image: Image) -> bool:
    """Tell whether the middle of a box lies in the picture; else a crop around it might miss the picture."""
    x0, y0, x1, y1 = box
    return 0 <= x0 + x1 <= 2 * image.width and 0 <= y0 + y1 <= 2 * image.height
