"""Brighter copies of dark frames, for the finder and the classifier. Measured in docs/decisions/0026-dark-frames.md."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import cv2
import numpy as np

from fakeweb.types import Image

DARK: Final = 50.0
"""Frames whose mean grey value lies below this are dark."""
_AIM: Final = 90.0


def brightness(image: Image) -> float:
    """Return the mean grey value, 0 to 255, of every fourth pixel."""
    return float(cv2.mean(cv2.cvtColor(np.ascontiguousarray(image.pixels[::4, ::4]), cv2.COLOR_RGB2GRAY))[0])


def gamma(image: Image) -> Image:
    """Lift a dark picture by the gamma that brings its mean grey value to 90."""
    mean = max(brightness(image), 1.0) / 255
    power = float(np.clip(np.log(_AIM / 255) / np.log(mean), 0.35, 1.0))
    table = np.rint(255 * (np.arange(256) / 255) ** power).astype(np.uint8)
    return Image(np.asarray(cv2.LUT(image.pixels, table), np.uint8))


def clahe(image: Image) -> Image:
    """Equalise lightness in tiles with limited contrast (Zuiderveld, Graphics Gems IV, 1994)."""
    lab = np.array(cv2.cvtColor(image.pixels, cv2.COLOR_RGB2LAB))
    lab[..., 0] = cv2.createCLAHE(2.0, (8, 8)).apply(np.ascontiguousarray(lab[..., 0]))
    return Image(np.asarray(cv2.cvtColor(lab, cv2.COLOR_LAB2RGB), np.uint8))


METHODS: Final[dict[str, Callable[[Image], Image]]] = {"gamma": gamma, "clahe": clahe}
