"""The small picture that cameras keep inside a file: does it still show the same?

Many editors change the picture and leave the thumbnail, so that it shows what was there before.
"""

from __future__ import annotations

import math
from base64 import b64encode
from typing import Final

import cv2
import numpy as np

from fakeweb.errors import FakeWebError
from fakeweb.media import Limits, encode_jpeg, read_image
from fakeweb.media.decode import upright
from fakeweb.provenance.values import Thumbnail
from fakeweb.types import Image, UInt8Array

_LIMITS: Final = Limits(max_bytes=1 << 17, max_pixels=640 * 640, max_side_px=640)
_MIN_SIDE_PX: Final = 24
_SAME: Final = 0.9
_RESIDUAL: Final = 30.0
"""Grey levels, in a place a tenth of the picture wide."""
_SMALL: Final = 64
_ASPECT_OFF: Final = 0.06


def compare(jpeg: bytes, picture: Image, orientation: int) -> Thumbnail | None:
    """Compare an embedded thumbnail with its picture.

    Args:
        jpeg: The thumbnail as it stands in the file.
        picture: Upright.
        orientation: Of the file, 1 to 8; thumbnails lie as the picture lies in the file.

    Returns:
        What became of it; None where it cannot be decoded or is too small to say anything.
    """
    try:
        stored = read_image(jpeg, limits=_LIMITS, name="thumbnail").image.pixels
    except FakeWebError:
        return None
    small = _grey(picture.pixels)
    aspect = picture.width / picture.height
    # some programs store it upright already; some fill it up with black bars, and some pictures have dark edges
    turned = [upright(stored, orientation)] + ([stored] if orientation != 1 else [])
    shapes = [s for way in turned for s in (way, *_bare(way, aspect)) if min(s.shape[:2]) >= _MIN_SIDE_PX]
    looks = [(shape, *_likeness(shape, small)) for shape in shapes]
    if not looks:
        return None
    best, correlation, _ = max(looks, key=lambda look: look[1])
    differs = not any(c >= _SAME and r <= _RESIDUAL and _fits(s, aspect) for s, c, r in looks)
    height, width = best.shape[:2]
    shown = b64encode(encode_jpeg(Image(best), 85)).decode() if differs else None
    return Thumbnail(width, height, correlation, differs, shown)


def _fits(thumbnail: UInt8Array, aspect: float) -> bool:
    """Tell whether the shape is the picture's, but for a pixel or two of rounding and bars."""
    height, width = thumbnail.shape[:2]
    return bool(abs(math.log(width / height / aspect)) <= _ASPECT_OFF + 2.0 / min(height, width))


def _likeness(thumbnail: UInt8Array, small: UInt8Array) -> tuple[float, float]:
    """Return the correlation, and the largest difference of a place once brightness and contrast are alike."""
    a, b = _grey(thumbnail).astype(np.float32), small.astype(np.float32)
    mean_a, mean_b = float(a.mean()), float(b.mean())
    a, b = a - mean_a, b - mean_b
    spread = float(np.sqrt((a * a).sum() * (b * b).sum()))
    if spread < _SMALL * _SMALL * 4:  # as good as even: nothing to compare but brightness
        return (1.0 if abs(mean_a - mean_b) < 16 else 0.0), 0.0
    residual = a - b * float((a * b).sum() / max(1e-6, float((b * b).sum())))
    worst = np.abs(cv2.blur(residual, (7, 7))).max()
    return float((a * b).sum() / spread), float(worst)


def _grey(pixels: UInt8Array) -> UInt8Array:
    """Return brightness at 64 x 64, blurred a little: thumbnails are sharpened and recompressed."""
    step = max(1, min(pixels.shape[:2]) // 256)
    small = cv2.resize(pixels[::step, ::step], (_SMALL, _SMALL), interpolation=cv2.INTER_AREA)
    grey = cv2.cvtColor(small, cv2.COLOR_RGB2GRAY)
    return np.asarray(cv2.GaussianBlur(grey, (3, 3), 0), np.uint8)


def _bare(pixels: UInt8Array, aspect: float) -> list[UInt8Array]:
    """Return what lies between the black bars with which cameras fill a thumbnail of 4:3, if there are any.

    Twice: with the rows or columns at the bars, which are part bar, and without them.
    """
    height, width = pixels.shape[:2]
    inner_h, inner_w = min(height, round(width / aspect)), min(width, round(height * aspect))
    top, left = (height - inner_h) // 2, (width - inner_w) // 2
    bars = [pixels[: max(0, top - 1)], pixels[:, : max(0, left - 1)]]
    if not any(bar.size for bar in bars) or any(bar.size and bar.mean() > 16 for bar in bars):
        return []
    cuts = ((top, left), (top + (top > 0), left + (left > 0)))
    return [np.ascontiguousarray(pixels[y : height - y, x : width - x]) for y, x in cuts]
