"""Views of a picture: what happens to pictures on their way, for the robustness curves. OpenCV and numpy only."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Final

import cv2
import numpy as np

from fakeweb.forge.degrade import blur, jpeg, resize
from fakeweb.types import Face, Image, UInt8Array

PLAIN: Final = "plain"
CURVES: Final[dict[str, tuple[float, ...]]] = {
    "jpeg": (95, 85, 75, 60, 45, 30),
    "resize": (0.75, 0.5, 0.35, 0.25),
    "blur": (0.5, 1, 2, 3),
    "noise": (2, 5, 10, 20),
    "brightness": (0.4, 0.7, 1.4, 1.8),
    "screenshot": (1, 2, 3),
}
"""Kind of damage -> strengths, the mildest first (brightness: from dark to light).

JPEG quality; side over the original's; sigma of a Gaussian in pixels per 256 of the picture's longer side; sigma of
noise in grey levels; factor on the pixel values; how often it was shown on a screen, captured and sent on.
"""

_QUALITY_SENT = 80


def views(robust: bool) -> tuple[str, ...]:
    """Return the names of the views: ``plain`` alone, or all, such as ``jpeg-60``."""
    damaged = tuple(f"{kind}-{strength:g}" for kind, levels in CURVES.items() for strength in levels)
    return (PLAIN, *damaged) if robust else (PLAIN,)


def degrade(image: Image, view: str, key: str) -> Image:
    """Return the picture as the view shows it.

    Args:
        image: RGB.
        view: Out of :func:`views`.
        key: Decides the noise, so that the same picture always gets the same; its path, say.
    """
    if view == PLAIN:
        return image
    kind, _, strength = view.partition("-")
    seed = int.from_bytes(hashlib.sha256(f"{view}/{key}".encode(errors="surrogatepass")).digest()[:8], "big")
    pixels = _KINDS[kind](np.asarray(image.pixels), float(strength), np.random.default_rng(seed))
    return Image(np.ascontiguousarray(pixels, np.uint8))


def scaled_face(face: Face, before: Image, after: Image) -> Face:
    """Return where a face lies after the view has changed the picture's size."""
    across, down = after.width / before.width, after.height / before.height
    x0, y0, x1, y1 = face.box
    points = None if face.points is None else face.points * np.array([across, down], np.float32)
    mesh = None if face.mesh is None else face.mesh * np.array([across, down, across], np.float32)
    return Face((x0 * across, y0 * down, x1 * across, y1 * down), face.confidence, points=points, mesh=mesh)


def _scale(pixels: UInt8Array, factor: float) -> UInt8Array:
    height, width = pixels.shape[:2]
    return resize(pixels, round(width * factor), round(height * factor))


def _jpeg(pixels: UInt8Array, quality: float, _rng: np.random.Generator) -> UInt8Array:
    return jpeg(pixels, int(quality))


def _resize(pixels: UInt8Array, factor: float, _rng: np.random.Generator) -> UInt8Array:
    return _scale(pixels, factor)


def _blur(pixels: UInt8Array, sigma: float, _rng: np.random.Generator) -> UInt8Array:
    return blur(pixels, sigma * max(pixels.shape[:2]) / 256)


def _noise(pixels: UInt8Array, sigma: float, rng: np.random.Generator) -> UInt8Array:
    noisy = pixels + rng.normal(0, sigma, pixels.shape)
    return np.clip(np.rint(noisy), 0, 255).astype(np.uint8)


def _brightness(pixels: UInt8Array, factor: float, _rng: np.random.Generator) -> UInt8Array:
    return np.clip(np.rint(pixels * factor), 0, 255).astype(np.uint8)


def _screenshot(pixels: UInt8Array, times: float, rng: np.random.Generator) -> UInt8Array:
    """Show at a screen's scale, off the JPEG grid, capture, and send on as JPEG; so many times."""
    for _ in range(int(times)):
        shown = _scale(pixels, rng.uniform(0.7, 1.3))
        top, left = rng.integers(1, 8, 2)
        shown = np.asarray(cv2.copyMakeBorder(shown, top, 0, left, 0, cv2.BORDER_REPLICATE), np.uint8)
        sent = jpeg(shown, _QUALITY_SENT)[top:, left:]
        pixels = resize(sent, pixels.shape[1], pixels.shape[0])
    return pixels


_KINDS: Final[dict[str, Callable[[UInt8Array, float, np.random.Generator], UInt8Array]]] = {
    "jpeg": _jpeg,
    "resize": _resize,
    "blur": _blur,
    "noise": _noise,
    "brightness": _brightness,
    "screenshot": _screenshot,
}
