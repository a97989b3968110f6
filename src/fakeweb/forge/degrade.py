"""What happens to pictures on their way, one step at a time: the degradations of all trainings and measurements.

Each is a function of pixels, uint8 RGB (H, W, 3), and of how much; who draws how much, and in which order, is told
apart on purpose: a training's random sequence is part of its recipe.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
import numpy.typing as npt

from fakeweb.types import UInt8Array


def jpeg(pixels: UInt8Array, quality: int, *, full_colour: bool = False) -> UInt8Array:
    """Send pixels through JPEG and back, the colours at half resolution or in full."""
    return _rgb(jpeg_bgr(_rgb(pixels), quality, full_colour=full_colour))


def jpeg_bgr(pixels: UInt8Array, quality: int, *, full_colour: bool = False) -> UInt8Array:
    """Do the same with blue first, as OpenCV has it: what shipped finders and meshes were taught with RGB."""
    options = [cv2.IMWRITE_JPEG_QUALITY, quality]
    if full_colour:
        options += [cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444]
    return _through(pixels, ".jpg", options)


def webp(pixels: UInt8Array, quality: int) -> UInt8Array:
    """Send pixels through WebP and back."""
    return _rgb(_through(_rgb(pixels), ".webp", [cv2.IMWRITE_WEBP_QUALITY, quality]))


def blur(pixels: UInt8Array, sigma_px: float) -> UInt8Array:
    """Blur by a Gaussian."""
    return _u8(cv2.GaussianBlur(pixels, (0, 0), sigma_px))


def grey(pixels: UInt8Array) -> UInt8Array:
    """Take the colours away."""
    return _u8(cv2.cvtColor(cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB))


def curve(
    pixels: UInt8Array, gamma: float, gain: npt.NDArray[np.float64], middle: float, lift: float
) -> UInt8Array:
    """Change gamma, contrast around a middle grey, white balance and brightness.

    Args:
        pixels: See above.
        gamma: Power of the values in [0, 1].
        gain: Contrast of each colour, (3,).
        middle: The value that the contrast leaves alone.
        lift: Added to the values.
    """
    levels = (np.arange(256) / 255.0) ** gamma
    tables = np.clip((levels[:, None] - middle) * gain + middle + lift, 0, 1)
    return _u8(cv2.LUT(pixels, np.rint(tables * 255).astype(np.uint8).reshape(1, 256, 3)))


def noise(pixels: UInt8Array, values: npt.NDArray[np.floating]) -> UInt8Array:
    """Add noise that was drawn: anything that fits the pixels, in grey levels; fractions are cut off."""
    return np.clip(pixels + values, 0, 255).astype(np.uint8)


def resize(pixels: UInt8Array, width: int, height: int, kernel: int | None = None) -> UInt8Array:
    """Resize by OpenCV's kernel; None: areas when shrinking, bilinear when enlarging."""
    if kernel is None:
        smaller = width * height < pixels.shape[0] * pixels.shape[1]
        kernel = cv2.INTER_AREA if smaller else cv2.INTER_LINEAR
    return _u8(cv2.resize(pixels, (max(1, width), max(1, height)), interpolation=kernel))


def _through(pixels: UInt8Array, suffix: str, options: Sequence[int]) -> UInt8Array:
    _, data = cv2.imencode(suffix, pixels, options)
    return _u8(cv2.imdecode(data, cv2.IMREAD_COLOR))


def _rgb(pixels: UInt8Array) -> UInt8Array:
    """Exchange red and blue."""
    return _u8(cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB))


def _u8(array: object) -> UInt8Array:
    """Tell the type checker what OpenCV returns."""
    return np.asarray(array, np.uint8)
