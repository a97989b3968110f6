"""Photometric retouching: skin, lips, teeth, eyes, make-up and sharpness; nothing moves."""

from __future__ import annotations

import cv2
import numpy as np

from fakeweb.forge.blend import alpha, grey_of
from fakeweb.forge.patch import Patch, Worked, soften
from fakeweb.forge.regions import BROWS, EYE_CENTRES, EYES, LIPS, MOUTH, MOUTH_CENTRE, SHAPE
from fakeweb.types import FloatArray

_GREY = np.array((0.299, 0.587, 0.114), np.float32)


def smooth_skin(patch: Patch, strength: float, rng: np.random.Generator) -> Worked:
    """Smooth the skin and keep its edges: a guided filter (He, Sun, Tang, ECCV 2010) under the mask of the skin.

    Weak ones keep a part of the finest texture, as careful retouching does; strong ones keep none.
    """
    radius = max(1, round(patch.unit_px * rng.uniform(0.05, 0.09)))
    softened = _guided(patch.pixels, radius, float((8 + 22 * strength) ** 2))
    keep = np.float32(max(0.0, rng.uniform(0.1, 0.4) * (1 - strength)))
    mask = patch.skin * np.float32(min(1.0, 0.3 + 0.9 * strength))
    return Worked(alpha(softened, patch.pixels, mask * (1 - keep)), mask)


def whiten_skin(patch: Patch, strength: float, rng: np.random.Generator) -> Worked:
    """Make the skin lighter and paler: a curve that lifts the middle tones, less red."""
    mask = patch.hull(feather=0.22, grow=-0.08) * (0.25 + 0.75 * patch.skin)
    mask *= 1 - 0.85 * patch.polygon(*EYES, LIPS, feather=0.05)
    x = patch.pixels * np.float32(1 / 255)
    lift = (0.08 + 0.30 * strength) * rng.uniform(0.8, 1.0)
    light = x - np.float32(2.15)  # x + 1.6 lift x (1 - x) (1.15 - x), in place
    light *= x
    light += np.float32(1.15)
    light *= np.float32(1.6 * lift)
    light += np.float32(1)
    light *= x
    pale = np.float32(0.4 * strength)
    paler = 255 * ((1 - pale) * np.eye(3, dtype=np.float32) + pale * _GREY)
    tint = 255 * strength * np.array((0.0, 0.004, 0.016), np.float32)
    light = np.asarray(cv2.transform(light, np.hstack([paler, tint[:, None]]).astype(np.float32)), np.float32)
    return Worked(alpha(np.clip(light, 0, 255, out=light), patch.pixels, mask), mask)


def colour_lips(patch: Patch, strength: float, rng: np.random.Generator) -> Worked:
    """Paint the lips: a drawn shade of red, their own light and shadow kept."""
    mask = patch.polygon(LIPS, feather=0.035) * (1 - patch.polygon(MOUTH, feather=0.02))
    shades = np.array(((168, 30, 46), (196, 62, 84), (150, 28, 66), (204, 88, 78), (120, 24, 40)), np.float32)
    shade = shades[rng.integers(len(shades))]
    grey = grey_of(patch.pixels)
    typical = float((grey * mask).sum() / max(float(mask.sum()), 1e-3))
    painted = shade * (grey / max(typical, 20.0))[..., None] ** np.float32(1.1)
    # a dark face keeps darker lips: meet between the shade's own light and the lips'
    painted *= np.float32((typical / float(shade @ _GREY)) ** 0.7)
    amount = mask * np.float32(0.15 + 0.7 * strength)
    return Worked(alpha(np.clip(painted, 0, 255), patch.pixels, amount), amount)


def brighten_teeth_and_eyes(patch: Patch, strength: float, rng: np.random.Generator) -> Worked:
    """Whiten teeth, where the mouth shows any, and the whites of the eyes."""
    grey = grey_of(patch.pixels)
    red, green, blue = cv2.split(patch.pixels)
    spread = np.maximum(np.maximum(red, green), blue) - np.minimum(np.minimum(red, green), blue)
    pale = np.clip(1.35 - spread / np.maximum(grey, 20) / 0.55, 0, 1)  # teeth and whites have little colour
    weight = np.zeros(patch.shape, np.float32)
    for region, feather in (
        (patch.polygon(MOUTH, feather=0.02, grow=0.01), 0.5),
        (patch.polygon(*EYES, feather=0.02), 0.6),
    ):
        inside = grey[region > 0.5]
        if not len(inside):
            continue
        low, high = np.percentile(inside, 25), np.percentile(inside, 80)
        light = np.clip((grey - low) / max(float(high - low), 6.0), 0, 1)
        weight = np.maximum(weight, region * light * pale * np.float32(0.6 + feather))
    weight = np.clip(soften(weight.astype(np.float32), 0.015 * patch.unit_px), 0, 1)
    weight *= np.float32(0.25 + 0.75 * strength)
    gain = np.float32(1.06 + 0.42 * strength * rng.uniform(0.8, 1.0))
    white = cv2.merge(
        [np.minimum(grey * gain, 250) + (c - grey) * np.float32(0.25) for c in (red, green, blue)]
    )
    return Worked(alpha(np.asarray(white, np.float32), patch.pixels, weight), weight)


def make_up(patch: Patch, strength: float, rng: np.random.Generator) -> Worked:
    """Lay colour filters on the face: a tone over the skin, blush on the cheeks, shadow on the lids."""
    out: FloatArray = patch.pixels * np.float32(1 / 255)
    amount: FloatArray = np.zeros(patch.shape, np.float32)
    warmth, light = rng.uniform(-0.12, 0.18) * (0.35 + strength), rng.uniform(-0.1, 0.1) * strength
    tone = np.exp(light + warmth * np.array((-0.7, 0.1, 0.9)))  # exponents: below 1 lifts a channel
    face = patch.hull(feather=0.16, grow=-0.06) * (1 - patch.polygon(*EYES, MOUTH, feather=0.03))
    toned = cv2.merge([cv2.pow(np.maximum(out[..., i], 0), float(tone[i])) for i in range(3)])
    out, amount = alpha(np.asarray(toned, np.float32), out, face), np.maximum(amount, face * np.float32(0.5))
    shades = np.array(((0.86, 0.36, 0.38), (0.80, 0.30, 0.36), (0.86, 0.48, 0.36)), np.float32)
    blush = shades[rng.integers(len(shades))]
    for centre in EYE_CENTRES:
        spot = np.array((centre[0] * 1.28, (centre[1] + MOUTH_CENTRE[1]) / 2, 0))
        near = int(np.argmin(((SHAPE - spot) ** 2)[:, :2].sum(1)))
        out, amount = _tint(out, amount, face * _spot(patch, near, 0.36, 0.26), blush, 0.1 + 0.4 * strength)
    lid = np.array(((0.35, 0.22, 0.26), (0.30, 0.26, 0.34), (0.42, 0.26, 0.18)), np.float32)[rng.integers(3)]
    for eye, brow in zip(EYES, BROWS, strict=True):
        centre, above = patch.points[eye].mean(0), patch.points[brow].mean(0)
        lids = _spot_at(patch, centre + 0.35 * (above - centre), 0.34, 0.17)
        lids = lids * (1 - patch.polygon(eye, feather=0.02))
        out, amount = _tint(out, amount, lids, lid, 0.1 + 0.5 * strength)
    return Worked(np.clip(out * 255, 0, 255), amount)


def sharpen(patch: Patch, strength: float, rng: np.random.Generator) -> Worked:
    """Sharpen the face by unsharp masking, strongest on eyes, brows and mouth."""
    sigma = float(rng.uniform(0.8, 1.2 + 1.8 * strength))
    detail = patch.pixels - np.asarray(cv2.GaussianBlur(patch.pixels, (0, 0), sigma), np.float32)
    features = patch.polygon(*EYES, *BROWS, LIPS, feather=0.12, grow=0.06)
    face = patch.hull(feather=0.12, grow=-0.05)
    weight = np.clip(0.55 * face + 0.45 * features, 0, 1) * (face > 0)
    amount = np.float32(0.25 + 2.0 * strength)
    return Worked(
        np.clip(alpha(patch.pixels + amount * detail, patch.pixels, weight), 0, 255),
        weight.astype(np.float32),
    )


def _tint(
    pixels: FloatArray, amount: FloatArray, mask: FloatArray, colour: FloatArray, opacity: float
) -> tuple[FloatArray, FloatArray]:
    """Lay a colour on as a film that keeps light and shadow."""
    shade = np.asarray(colour / float(colour @ _GREY) * 0.94, np.float32)
    film = np.clip(cv2.merge([grey_of(pixels) * c for c in shade]), 0, 0.94)
    weight = mask * np.float32(opacity)
    return alpha(film, pixels, weight), np.maximum(amount, weight)


def _spot(patch: Patch, point: int, width: float, height: float) -> FloatArray:
    return _spot_at(patch, patch.points[point], width, height)


def _spot_at(patch: Patch, at: FloatArray, width: float, height: float) -> FloatArray:
    """Return a soft ellipse around a place, sized in face units and turned with the face, (h, w)."""
    axes = patch.axes[:, :2] * np.array((width, height), np.float32)
    angle = np.linspace(0, 2 * np.pi, 24, endpoint=False, dtype=np.float32)
    outline = at + np.stack([np.cos(angle), np.sin(angle)], 1) @ axes.T * np.float32(0.6)
    return patch.fill([outline.astype(np.float32)], feather=0.8 * min(width, height))


def _guided(pixels: FloatArray, radius: int, epsilon: float) -> FloatArray:
    """Smooth each channel, guided by the picture's own brightness; (h, w, 3) in and out."""
    coarse = max(1, min(4, radius // 2))  # He and Sun, Fast guided filter, 2015
    shape = pixels.shape[1::-1]
    small_shape = tuple(max(1, n // coarse) for n in shape)
    small = np.asarray(cv2.resize(pixels, small_shape, interpolation=cv2.INTER_AREA), np.float32)
    side = (2 * max(1, round(radius / coarse)) + 1,) * 2
    guide = grey_of(small)
    mean = cv2.blur(guide, side)
    variance = cv2.blur(guide * guide, side) - mean * mean
    means = cv2.blur(small, side)
    covariance = cv2.blur(small * guide[..., None], side) - means * mean[..., None]
    slope = covariance / (variance + np.float32(epsilon))[..., None]
    offset = means - slope * mean[..., None]
    slope_full, offset_full = (
        np.asarray(cv2.resize(cv2.blur(f, side), shape, interpolation=cv2.INTER_LINEAR), np.float32)
        for f in (slope, offset)
    )
    return np.asarray(
        cv2.add(cv2.multiply(slope_full, cv2.merge([grey_of(pixels)] * 3)), offset_full), np.float32
    )
