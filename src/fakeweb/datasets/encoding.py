"""The one rule by which every picture of a built data set is cut and encoded, whatever its class."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np

from fakeweb.media import encode_jpeg
from fakeweb.types import Image, UInt8Array

_GRID_PX: Final = 8
_RATIOS: Final = (0.35, 0.7)


@dataclass(frozen=True)
class Encoding:
    """How every picture of a data set is written, whatever its class.

    Attributes:
        longest_px: Longer side at most; 0 leaves every picture at its own scale. None is enlarged.
        quality: Lowest and highest JPEG quality; each picture's is drawn.
        seed: Of the dice.
        resample: Whether what its source did not resample is shrunk and enlarged here, so that all classes were.
    """

    longest_px: int = 0
    quality: tuple[int, int] = (80, 97)
    seed: int = 0
    resample: bool = False

    def encoded(self, image: Image, blob: str, *, resampled: bool) -> tuple[bytes, UInt8Array]:
        """Return a picture as JPEG, and the pixels that were encoded.

        Up to seven rows and columns are cut off, so that the block grid of an earlier JPEG lies anywhere.

        Args:
            image: RGB.
            blob: Name of its bytes; decides the dice.
            resampled: Whether its source shrank or enlarged it before.
        """
        dice = np.random.default_rng([self.seed, *bytes.fromhex(blob)])
        top, left = (int(v) for v in dice.integers(0, _GRID_PX, 2))
        quality = int(dice.integers(self.quality[0], self.quality[1] + 1))
        pixels = image.pixels[top:, left:]
        longer = max(pixels.shape[:2])
        if 0 < self.longest_px < longer:
            share = self.longest_px / longer
            size = tuple(max(1, round(n * share)) for n in pixels.shape[1::-1])
            pixels = np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), np.uint8)
        if self.resample and not resampled:
            pixels = _down_up(pixels, float(dice.uniform(*_RATIOS)))
        pixels = np.ascontiguousarray(pixels)
        return encode_jpeg(Image(pixels), quality), pixels


def _down_up(pixels: UInt8Array, ratio: float) -> UInt8Array:
    """Shrink a picture and enlarge it to what it was."""
    height, width = pixels.shape[:2]
    small = (max(1, round(ratio * width)), max(1, round(ratio * height)))
    shrunk = cv2.resize(np.ascontiguousarray(pixels), small, interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.resize(shrunk, (width, height), interpolation=cv2.INTER_CUBIC), np.uint8)
