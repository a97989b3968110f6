"""Face alignment: the one crop function, a square around the face, the same for training, evaluation and use."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import NamedTuple

import cv2
import numpy as np
import numpy.typing as npt

from fakeweb.faces.square import roll_rad
from fakeweb.topology import MEAN, STABLE
from fakeweb.types import Crop, Face, FloatArray, Image, UInt8Array

DEFAULT_MARGIN = 1.1
"""Side of the crop over the face's length, brow to chin."""

LEVEL_FROM_DEG = 25.0
"""Faces turned by more are levelled; the rest is cut as it stands, on whole pixels, so that no turning smooths the
fine traces a classifier looks for."""

# of the mean face, in distances between the outer eye corners: fitted to YuNet's boxes on 4,000 labelled faces
_LENGTH = 1.89
_MIDDLE = np.array([0.0, 0.275, 0.2])
_KEY = MEAN[STABLE].astype(np.float64)
_KEY_MIDDLE = _KEY.mean(axis=0)
_KEY_SIZE = float(((_KEY - _KEY_MIDDLE) ** 2).sum())


class Stand(NamedTuple):
    """Where a face stands in the picture, and how.

    Attributes:
        x, y: Middle of the face, between brow and chin, in pixels of the picture (0 is the border).
        length_px: Brow to chin, or the longer side of the box where there is no mesh.
        roll_rad: How far it is turned in the picture's plane, clockwise.
    """

    x: float
    y: float
    length_px: float
    roll_rad: float


@lru_cache(maxsize=64)
def stand_of(face: Face) -> Stand:
    """Say where a face stands: by the mesh's stable points, else by the box and the five points.

    The mean face is fitted to the stable points, which expressions hardly move, by a similarity in space (Umeyama,
    Least-squares estimation of transformation parameters, PAMI 1991); so neither an open mouth nor a turn of the
    head changes the size.

    Example:
        >>> stand_of(Face((10, 20, 50, 80)))
        Stand(x=30.0, y=50.0, length_px=60.0, roll_rad=0.0)
    """
    if face.mesh is None:
        x0, y0, x1, y1 = face.box
        return Stand((x0 + x1) / 2, (y0 + y1) / 2, max(x1 - x0, y1 - y0), roll_rad(face))
    turn, scale, middle = _fitted(face.mesh)
    x, y, _ = middle + scale * turn @ (_MIDDLE - _KEY_MIDDLE)
    return Stand(float(x) + 0.5, float(y) + 0.5, _LENGTH * scale, math.atan2(turn[1, 0], turn[0, 0]))


def turn_of(mesh: FloatArray) -> npt.NDArray[np.float64]:
    """Return the rotation (3, 3) that brings the mean face, which looks straight ahead, to a mesh (468, 3)."""
    return _fitted(mesh)[0]


def _fitted(mesh: FloatArray) -> tuple[npt.NDArray[np.float64], float, npt.NDArray[np.float64]]:
    """Fit the mean face's stable points to a mesh's; return rotation (3, 3), scale and the mesh's middle (3,)."""
    points = mesh[STABLE].astype(np.float64)
    middle = points.mean(axis=0)
    left, strengths, right = np.linalg.svd((points - middle).T @ (_KEY - _KEY_MIDDLE))
    proper = np.array([1, 1, np.sign(np.linalg.det(left @ right))])
    return left * proper @ right, float((strengths * proper).sum()) / _KEY_SIZE, middle


def align(image: Image, face: Face, side_px: int, *, margin: float = DEFAULT_MARGIN) -> Crop:
    """Cut a square around a face and resize it.

    The square is ``margin`` times the face's length wide (:func:`stand_of`) and upright on whole pixels, unless
    the face is turned by more than 25 degrees: then it is turned with the face. What lies outside the
    picture is mirrored in, so that no black bar tells the classifier anything. Shrinking averages over pixel areas,
    enlarging is bilinear.

    Args:
        image: The picture, RGB.
        face: Where to cut: by its mesh if it has one, else by its box and points.
        side_px: Side of the crop in pixels.
        margin: Side of the square over the face's length.

    Returns:
        The crop, uint8 RGB (side_px, side_px, 3), with the affine that leads back to the picture.

    Raises:
        ValueError: The square lies wholly outside the picture, or a size is not positive.
    """
    if side_px < 1 or margin <= 0:
        raise ValueError(f"align needs side_px >= 1 and margin > 0, got {side_px}, {margin}")
    stand = stand_of(face)
    side = max(2, round(margin * stand.length_px))
    if abs(stand.roll_rad) > math.radians(LEVEL_FROM_DEG):
        return _levelled(image, face, stand, side, side_px)
    left, top = round(stand.x - side / 2), round(stand.y - side / 2)
    square = _square(image, face, left, top, side)
    scale = side / side_px
    offset = scale / 2 - 0.5  # pixel centres meet pixel centres
    to_image = np.array([[scale, 0, left + offset], [0, scale, top + offset]], np.float32)
    return Crop(_resized(square, side_px), face, to_image)


def _levelled(image: Image, face: Face, stand: Stand, side: int, side_px: int) -> Crop:
    """Cut an upright square large enough, shrink it by area, then turn it."""
    wide = math.ceil(side * (abs(math.cos(stand.roll_rad)) + abs(math.sin(stand.roll_rad)))) + 2
    left, top = round(stand.x - wide / 2), round(stand.y - wide / 2)
    around = _square(image, face, left, top, wide)
    shrunk = min(wide, max(2, round(wide * side_px / side)))
    scale = wide / shrunk
    around = _resized(around, shrunk)
    there = np.array([[scale, 0, left + scale / 2 - 0.5], [0, scale, top + scale / 2 - 0.5]])
    step = side / side_px
    cos, sin = step * math.cos(stand.roll_rad), step * math.sin(stand.roll_rad)
    turn = np.array([[cos, -sin], [sin, cos]])
    middle = np.array([stand.x - 0.5, stand.y - 0.5]) - turn @ np.full(2, (side_px - 1) / 2)
    to_image = np.column_stack([turn, middle])
    to_around = np.column_stack([turn / scale, (middle - there[:, 2]) / scale])
    pixels = cv2.warpAffine(
        around,
        to_around,
        (side_px, side_px),
        flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_REFLECT,
    )
    return Crop(np.asarray(pixels, np.uint8), face, to_image.astype(np.float32))


def _square(image: Image, face: Face, left: int, top: int, side: int) -> npt.NDArray[np.uint8]:
    inside = image.pixels[max(top, 0) : max(top + side, 0), max(left, 0) : max(left + side, 0)]
    if 0 in inside.shape:
        raise ValueError(f"the face {face.box} lies outside the {image.width} x {image.height} picture")
    return _mirror_to_square(inside, left, top, side)


def _resized(square: UInt8Array, side_px: int) -> UInt8Array:
    how = cv2.INTER_AREA if square.shape[0] > side_px else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(square, (side_px, side_px), interpolation=how), np.uint8)


def _mirror_to_square(inside: UInt8Array, left: int, top: int, side: int) -> UInt8Array:
    """Pad the part of the square that lies in the picture to the full (side, side, 3) by reflection."""
    height, width = inside.shape[:2]
    if (height, width) == (side, side):
        return inside
    above, before = max(-top, 0), max(-left, 0)
    padded = cv2.copyMakeBorder(
        inside, above, side - height - above, before, side - width - before, cv2.BORDER_REFLECT
    )
    return np.asarray(padded, np.uint8)
