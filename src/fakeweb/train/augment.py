"""Shared degradation of training faces: what every class and source goes through alike."""

from __future__ import annotations

import cv2
import numpy as np

from fakeweb.faces import align
from fakeweb.train.recipe import AugmentRecipe
from fakeweb.types import Box, Face, Image, UInt8Array


def augmented_crop(
    image: Image, box: Box, side_px: int, margin: float, recipe: AugmentRecipe, rng: np.random.Generator
) -> UInt8Array:
    """Cut a jittered crop and degrade it.

    The order is that of a picture's life: geometry, light, a first resize and encoding, blur or sharpening, the
    final size, a second encoding, noise.

    Args:
        image: The picture, RGB.
        box: The face.
        side_px: Side of the result.
        margin: See :func:`fakeweb.faces.align.align`.
        recipe: How much of everything.
        rng: Decides all; the same state gives the same bytes.

    Returns:
        uint8 RGB (side_px, side_px, 3).
    """
    first = max(16, round(side_px * rng.uniform(*recipe.resize)))
    x0, y0, x1, y1 = box
    dx, dy = rng.uniform(-recipe.shift, recipe.shift, 2) * max(x1 - x0, y1 - y0)
    scale = rng.uniform(*recipe.scale)
    crop = align(image, Face((x0 + dx, y0 + dy, x1 + dx, y1 + dy)), first, margin=margin * scale)
    pixels = np.array(crop.pixels)
    if rng.random() < recipe.flip:
        pixels = np.ascontiguousarray(pixels[:, ::-1])
    if recipe.rotate_deg and rng.random() < 0.4:
        pixels = _rotate(pixels, rng.uniform(-recipe.rotate_deg, recipe.rotate_deg))
    if rng.random() < recipe.colour:
        pixels = _colour(pixels, rng)
    if rng.random() < recipe.grey:
        pixels = _u8(cv2.cvtColor(cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB))
    if rng.random() < recipe.encode:
        pixels = _encode(pixels, recipe, rng)
    if rng.random() < recipe.blur:
        pixels = _u8(cv2.GaussianBlur(pixels, (0, 0), rng.uniform(0.3, 1.8)))
    elif rng.random() < recipe.sharpen:
        soft = cv2.GaussianBlur(pixels, (0, 0), rng.uniform(0.6, 2.0))
        amount = rng.uniform(0.3, 1.2)
        pixels = _u8(cv2.addWeighted(pixels, 1 + amount, soft, -amount, 0))
    pixels = resize(pixels, side_px, rng)
    if rng.random() < recipe.encode:
        pixels = _encode(pixels, recipe, rng)
    if rng.random() < recipe.noise:
        noise = rng.normal(
            0, rng.uniform(1, 9), pixels.shape if rng.random() < 0.5 else (*pixels.shape[:2], 1)
        )
        pixels = np.clip(pixels + noise, 0, 255).astype(np.uint8)
    return np.ascontiguousarray(pixels, np.uint8)


def resize(pixels: UInt8Array, side_px: int, rng: np.random.Generator) -> UInt8Array:
    """Resize a square to ``side_px`` with a kernel drawn by ``rng``; uint8 RGB in and out."""
    if pixels.shape[0] == side_px:
        return pixels
    down = pixels.shape[0] > side_px
    kernels = (cv2.INTER_AREA, cv2.INTER_LINEAR) if down else (cv2.INTER_LINEAR, cv2.INTER_CUBIC)
    return np.asarray(
        cv2.resize(pixels, (side_px, side_px), interpolation=kernels[rng.integers(2)]), np.uint8
    )


def _u8(array: object) -> UInt8Array:
    """Tell the type checker what OpenCV returns."""
    return np.asarray(array, np.uint8)


def _rotate(pixels: UInt8Array, angle_deg: float) -> UInt8Array:
    side = pixels.shape[0]
    matrix = cv2.getRotationMatrix2D((side / 2 - 0.5, side / 2 - 0.5), angle_deg, 1.0)
    turned = cv2.warpAffine(
        pixels, matrix, (side, side), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT
    )
    return _u8(turned)


def _colour(pixels: UInt8Array, rng: np.random.Generator) -> UInt8Array:
    """Change gamma, contrast, white balance and saturation."""
    gamma = np.exp(rng.uniform(-0.5, 0.5))
    gain = rng.uniform(0.75, 1.25) * rng.uniform(0.92, 1.08, 3)
    levels = np.arange(256) / 255.0
    tables = np.clip(((levels**gamma)[:, None] - 0.5) * gain + 0.5 + rng.uniform(-0.08, 0.08), 0, 1)
    out = cv2.LUT(pixels, np.rint(tables * 255).astype(np.uint8).reshape(1, 256, 3))
    saturation = rng.uniform(0.6, 1.4)
    grey = cv2.cvtColor(cv2.cvtColor(out, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)
    return _u8(cv2.addWeighted(out, saturation, grey, 1 - saturation, 0))


def _encode(pixels: UInt8Array, recipe: AugmentRecipe, rng: np.random.Generator) -> UInt8Array:
    """Through JPEG (either chroma sampling) or WebP and back."""
    quality = int(rng.integers(recipe.quality[0], recipe.quality[1] + 1))
    bgr = cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR)
    if rng.random() < 0.25:
        _, data = cv2.imencode(".webp", bgr, [cv2.IMWRITE_WEBP_QUALITY, quality])
    else:
        options = [cv2.IMWRITE_JPEG_QUALITY, quality]
        if rng.random() < 0.5:
            options += [cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444]
        _, data = cv2.imencode(".jpg", bgr, options)
    return _u8(cv2.cvtColor(_u8(cv2.imdecode(data, cv2.IMREAD_COLOR)), cv2.COLOR_BGR2RGB))
