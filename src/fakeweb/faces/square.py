"""Alignment for the landmark mesh: the square around a face, levelled by its five points."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from fakeweb.types import Face, Image, UInt8Array

Affine = npt.NDArray[np.float64]

_EYES_APART, _EYES_TO_MOUTH = 1.0, 1.05  # of a frontal face, in the same unit


def roll_rad(face: Face) -> float:
    """Return how far a face is turned in the picture's plane, clockwise in radians; 0 without points.

    The line between the eyes and the line from their middle to the mouth's vote by their lengths, so that a face
    seen from the side, whose eyes are close together, goes by the second.

    Example:
        >>> roll_rad(Face((0, 0, 2, 2)))
        0.0
    """
    if face.points is None:
        return 0.0
    points = face.points[:, 0].astype(np.float64) + 1j * face.points[:, 1]
    down = (points[3] + points[4]) / 2 - (points[0] + points[1]) / 2
    across = points[1] - points[0]
    if (across.conjugate() * down).imag < 0:  # beyond 90 degrees, left and right may have changed places
        across = -across
    vote = across * _EYES_APART + down / 1j * _EYES_TO_MOUTH
    return float(np.angle(vote)) if abs(vote) > 0 else 0.0


def square_affine(face: Face, side_px: int, margin: float, *, turn_rad: float | None = None) -> Affine:
    """Return the map from a square of ``side_px`` around a face to the picture, (2, 3).

    The square is centred on the box, ``margin`` times the box's longer side wide, and turned with the face.

    Args:
        face: The face, of any finder.
        side_px: Side of the square that will be cut.
        margin: Side of the square over the longer side of the box.
        turn_rad: Turn it by this angle instead.
    """
    x0, y0, x1, y1 = face.box
    angle = roll_rad(face) if turn_rad is None else turn_rad
    scale = margin * max(x1 - x0, y1 - y0) / side_px
    turn = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    middle = np.full(2, (side_px - 1) / 2)
    centre = np.array([(x0 + x1 - 1) / 2, (y0 + y1 - 1) / 2])
    return np.column_stack([turn, centre - turn @ middle])


def cut(image: Image, to_image: Affine, side_px: int) -> UInt8Array:
    """Cut a square out of a picture; what lies outside repeats the picture's border.

    Shrinking averages over areas first, so that fine detail does not turn into false patterns.

    Args:
        image: The picture, RGB.
        to_image: Map from the square to the picture, (2, 3).
        side_px: Side of the square.

    Returns:
        uint8 RGB (side_px, side_px, 3).
    """
    scale = float(np.sqrt(abs(np.linalg.det(to_image[:, :2]))))
    corners = np.array([[0, 0, 1], [side_px, 0, 1], [0, side_px, 1], [side_px, side_px, 1]], np.float64)
    reach = corners @ to_image.T
    shrink = max(1, int(scale / 1.2))
    low = np.maximum(np.floor(reach.min(axis=0)).astype(int) - 2 * shrink, 0)
    high = np.ceil(reach.max(axis=0)).astype(int) + 2 * shrink
    low = np.minimum(low, (image.width - 1, image.height - 1))
    high = np.maximum(high, low + 1)
    part = image.pixels[low[1] : high[1], low[0] : high[0]]
    there = to_image - np.column_stack([np.zeros((2, 2)), low])
    if shrink > 1:
        size = (max(1, round(part.shape[1] / shrink)), max(1, round(part.shape[0] / shrink)))
        factor = np.array([size[0] / part.shape[1], size[1] / part.shape[0]])
        part = np.asarray(cv2.resize(part, size, interpolation=cv2.INTER_AREA), np.uint8)
        there = there * factor[:, None]
        there[:, 2] += 0.5 * factor - 0.5  # pixel centres meet pixel centres
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    out = cv2.warpAffine(part, there, (side_px, side_px), flags=flags, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(out, np.uint8)


def to_picture(points: npt.NDArray[np.floating], to_image: Affine) -> npt.NDArray[np.float32]:
    """Bring points from a square to the picture; z is scaled like x and y.

    Args:
        points: (N, 2) or (N, 3) in pixels of the square.
        to_image: Map from the square to the picture, (2, 3); a similarity.
    """
    flat = points[:, :2] @ to_image[:, :2].T + to_image[:, 2]
    if points.shape[1] == 2:
        return flat.astype(np.float32)
    scale = np.sqrt(abs(np.linalg.det(to_image[:, :2])))
    return np.column_stack([flat, points[:, 2] * scale]).astype(np.float32)
