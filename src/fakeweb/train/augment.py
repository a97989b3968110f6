"""Shared degradation of training faces: what every class and source goes through alike."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np

from fakeweb.faces import align
from fakeweb.forge import degrade
from fakeweb.train.recipe import AugmentRecipe
from fakeweb.types import Box, Face, Image, UInt8Array

MOST_SHARES = 3
_SPARED_RESIZE = (0.85, 1.3)
_SPARED_QUALITY = (80, 98)
_CUT_ONCE = 0.5
_PART = (0.4, 0.85)  # of the plain crop's side, where zoomed


def views(recipe: AugmentRecipe) -> AugmentRecipe:
    """Return the recipe without what happens to no picture on its way, for looking at validation faces."""
    return replace(recipe, flip_down=0.0, zoom=0.0)


def spared(recipe: AugmentRecipe, cut_once: bool = False) -> AugmentRecipe:
    """Return the recipe of a crop that keeps its detail: the fine traces that strong degradation hides are in there.

    Args:
        recipe: The recipe.
        cut_once: Cut at the final size, as in use, instead of being resized twice.
    """
    return replace(
        recipe, resize=(1.0, 1.0) if cut_once else _SPARED_RESIZE, quality=_SPARED_QUALITY,
        shares=0.0, down_up=0.0, blur=0.0, sharpen=0.0, noise=0.0, spare=0.0,
    )  # fmt: skip


def augmented_crop(
    image: Image, box: Box, side_px: int, margin: float, recipe: AugmentRecipe, rng: np.random.Generator
) -> UInt8Array:
    """Cut a jittered crop and degrade it; see :func:`augmented_pair`.

    Returns:
        uint8 RGB (side_px, side_px, 3).
    """
    return augmented_pair(image, None, box, side_px, margin, recipe, rng)[0]


def augmented_pair(
    image: Image,
    mask: UInt8Array | None,
    box: Box,
    side_px: int,
    margin: float,
    recipe: AugmentRecipe,
    rng: np.random.Generator,
) -> tuple[UInt8Array, UInt8Array | None]:
    """Cut a jittered crop and degrade it; its mask goes through the geometry alone.

    The order is that of a picture's life: geometry, light, a first resize and encoding, sharing, blur or
    sharpening, the final size, a second encoding, noise. What has probability 0 draws nothing from ``rng``.

    Args:
        image: The picture, RGB.
        mask: uint8 (H, W) over the picture, or None.
        box: The face.
        side_px: Side of the result.
        margin: See :func:`fakeweb.faces.align.align`.
        recipe: How much of everything.
        rng: Decides all; the same state gives the same bytes.

    Returns:
        uint8 RGB (side_px, side_px, 3), and the mask's crop, uint8 (S, S) of a side of its own, or None.
    """
    if recipe.spare and rng.random() < recipe.spare:
        recipe = spared(recipe, cut_once=rng.random() < _CUT_ONCE)
    first = max(16, round(side_px * rng.uniform(*recipe.resize)))
    x0, y0, x1, y1 = box
    dx, dy = rng.uniform(-recipe.shift, recipe.shift, 2) * max(x1 - x0, y1 - y0)
    scale = rng.uniform(*recipe.scale)
    if recipe.zoom and rng.random() < recipe.zoom:
        part = rng.uniform(*_PART)
        free = (1 - part) * margin * scale * max(x1 - x0, y1 - y0)
        (dx, dy), scale = (dx, dy) + free * rng.uniform(-0.5, 0.5, 2), scale * part
    face = Face((x0 + dx, y0 + dy, x1 + dx, y1 + dy))
    pixels = np.array(align(image, face, first, margin=margin * scale).pixels)
    if mask is not None:
        mask = mask_crop(mask, face, first, margin * scale)
    pixels, mask = _geometry(pixels, mask, recipe, rng)
    pixels = _light(pixels, recipe, rng)
    if rng.random() < recipe.encode:
        pixels = _encode(pixels, recipe, rng)
    pixels = _detail(pixels, recipe, rng)
    pixels = resize(pixels, side_px, rng)
    if rng.random() < recipe.encode:
        pixels = _encode(pixels, recipe, rng)
    if rng.random() < recipe.noise:
        sigma = rng.uniform(1, 9)
        shape = pixels.shape if rng.random() < 0.5 else (*pixels.shape[:2], 1)
        pixels = degrade.noise(pixels, rng.normal(0, sigma, shape))
    return np.ascontiguousarray(pixels, np.uint8), mask


def mask_crop(mask: UInt8Array, face: Face, side_px: int, margin: float) -> UInt8Array:
    """Cut a mask, uint8 (H, W), as :func:`fakeweb.faces.align.align` cuts its picture."""
    crop = align(Image(np.repeat(mask[..., None], 3, 2)), face, side_px, margin=margin)
    return np.ascontiguousarray(crop.pixels[..., 0])


def resize(pixels: UInt8Array, side_px: int, rng: np.random.Generator) -> UInt8Array:
    """Resize a square to ``side_px`` with a kernel drawn by ``rng``; uint8 RGB in and out."""
    if pixels.shape[0] == side_px:
        return pixels
    down = pixels.shape[0] > side_px
    kernels = (cv2.INTER_AREA, cv2.INTER_LINEAR) if down else (cv2.INTER_LINEAR, cv2.INTER_CUBIC)
    return degrade.resize(pixels, side_px, side_px, kernels[rng.integers(2)])


def _geometry(
    pixels: UInt8Array, mask: UInt8Array | None, recipe: AugmentRecipe, rng: np.random.Generator
) -> tuple[UInt8Array, UInt8Array | None]:
    """Mirror, rotate and shear both alike."""
    if rng.random() < recipe.flip:
        pixels, mask = pixels[:, ::-1], None if mask is None else mask[:, ::-1]
    if recipe.flip_down and rng.random() < recipe.flip_down:
        pixels, mask = pixels[::-1], None if mask is None else mask[::-1]
    angle = (
        rng.uniform(-recipe.rotate_deg, recipe.rotate_deg)
        if recipe.rotate_deg and rng.random() < recipe.rotate
        else 0
    )
    shear = rng.uniform(-recipe.shear_deg, recipe.shear_deg) if recipe.shear_deg else 0
    pixels = np.ascontiguousarray(pixels)
    if angle or shear:
        side = pixels.shape[0]
        centre = side / 2 - 0.5
        matrix = cv2.getRotationMatrix2D((centre, centre), angle, 1.0)
        slant = np.tan(np.deg2rad(shear))
        matrix = matrix @ np.array([[1, slant, -slant * centre], [0, 1, 0], [0, 0, 1]])
        pixels = _warp(pixels, matrix)
        mask = None if mask is None else _warp(np.ascontiguousarray(mask), matrix)
    return pixels, None if mask is None else np.ascontiguousarray(mask)


def _warp(pixels: UInt8Array, matrix: np.ndarray) -> UInt8Array:
    size = pixels.shape[1::-1]
    out = cv2.warpAffine(pixels, matrix, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)
    return np.asarray(out, np.uint8)


def _light(pixels: UInt8Array, recipe: AugmentRecipe, rng: np.random.Generator) -> UInt8Array:
    """Colours, brightness, grey."""
    if rng.random() < recipe.colour:
        pixels = _colour(pixels, rng)
    if recipe.brightness != (1.0, 1.0):
        pixels = np.asarray(cv2.convertScaleAbs(pixels, alpha=rng.uniform(*recipe.brightness)), np.uint8)
    if rng.random() < recipe.grey:
        pixels = degrade.grey(pixels)
    return pixels


def _detail(pixels: UInt8Array, recipe: AugmentRecipe, rng: np.random.Generator) -> UInt8Array:
    """Sharing, loss of detail, and blur or sharpening."""
    for _ in range(MOST_SHARES):
        if not recipe.shares or rng.random() >= recipe.shares:
            break
        smaller = max(16, round(pixels.shape[0] * rng.uniform(0.6, 1.0)))
        pixels = _encode(resize(pixels, smaller, rng), recipe, rng)
    if recipe.down_up and rng.random() < recipe.down_up:
        side = pixels.shape[0]
        pixels = resize(resize(pixels, max(8, round(side * rng.uniform(0.25, 0.8))), rng), side, rng)
    if rng.random() < recipe.blur:
        return degrade.blur(pixels, rng.uniform(0.3, 1.8))
    if rng.random() < recipe.sharpen:
        soft = degrade.blur(pixels, rng.uniform(0.6, 2.0))
        amount = rng.uniform(0.3, 1.2)
        return np.asarray(cv2.addWeighted(pixels, 1 + amount, soft, -amount, 0), np.uint8)
    return pixels


def _colour(pixels: UInt8Array, rng: np.random.Generator) -> UInt8Array:
    """Change gamma, contrast, white balance and saturation."""
    gamma = np.exp(rng.uniform(-0.5, 0.5))
    gain = rng.uniform(0.75, 1.25) * rng.uniform(0.92, 1.08, 3)
    out = degrade.curve(pixels, gamma, gain, 0.5, rng.uniform(-0.08, 0.08))
    saturation = rng.uniform(0.6, 1.4)
    mixed = cv2.addWeighted(out, saturation, degrade.grey(out), 1 - saturation, 0)
    return np.asarray(mixed, np.uint8)


def _encode(pixels: UInt8Array, recipe: AugmentRecipe, rng: np.random.Generator) -> UInt8Array:
    """Through JPEG (either chroma sampling) or WebP and back."""
    quality = int(rng.integers(recipe.quality[0], recipe.quality[1] + 1))
    if rng.random() < 0.25:
        return degrade.webp(pixels, quality)
    return degrade.jpeg(pixels, quality, full_colour=rng.random() < 0.5)
