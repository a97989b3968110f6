"""The one crop function: an upright square around the face."""

from __future__ import annotations

import cv2
import numpy as np

from fakeweb.types import Crop, Face, Image

DEFAULT_MARGIN = 1.1
"""Side of the crop over the longer side of the box."""


def align(image: Image, face: Face, side_px: int, *, margin: float = DEFAULT_MARGIN) -> Crop:
    """Cut an upright square around a face and resize it.

    The square is centred on the box and ``margin`` times its longer side wide, on whole pixels. What lies
    outside the picture is mirrored in, so that no black bar tells the classifier anything. Shrinking averages
    over pixel areas, enlarging is bilinear.

    Args:
        image: The picture, RGB.
        face: Where to cut; only its ``box`` is used.
        side_px: Side of the crop in pixels.
        margin: Side of the square over the longer side of the box.

    Returns:
        The crop, uint8 RGB (side_px, side_px, 3), with the affine that leads back to the picture.

    Raises:
        ValueError: The square lies wholly outside the picture, or a size is not positive.
    """
    if side_px < 1 or margin <= 0:
        raise ValueError(f"align needs side_px >= 1 and margin > 0, got {side_px}, {margin}")
    x0, y0, x1, y1 = face.box
    side = max(2, round(margin * max(x1 - x0, y1 - y0)))
    left, top = round((x0 + x1 - side) / 2), round((y0 + y1 - side) / 2)
    inside = image.pixels[max(top, 0) : max(top + side, 0), max(left, 0) : max(left + side, 0)]
    if 0 in inside.shape:
        raise ValueError(f"the face {face.box} lies outside the {image.width} x {image.height} picture")
    square = _mirror_to_square(inside, left, top, side)
    shrink = side > side_px
    pixels = cv2.resize(
        square, (side_px, side_px), interpolation=cv2.INTER_AREA if shrink else cv2.INTER_LINEAR
    )
    scale = side / side_px
    offset = scale / 2 - 0.5  # pixel centres meet pixel centres
    to_image = np.array([[scale, 0, left + offset], [0, scale, top + offset]], np.float32)
    return Crop(np.asarray(pixels, np.uint8), face, to_image)


def _mirror_to_square(inside: np.ndarray, left: int, top: int, side: int) -> np.ndarray:
    """Pad the part of the square that lies in the picture to the full (side, side, 3) by reflection."""
    height, width = inside.shape[:2]
    if (height, width) == (side, side):
        return inside
    above, before = max(-top, 0), max(-left, 0)
    return cv2.copyMakeBorder(
        inside, above, side - height - above, before, side - width - before, cv2.BORDER_REFLECT
    )
