"""Face swaps: self-blended (a face with itself), and another person's face in this one's place."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar

import cv2
import numpy as np

from fakeweb.forge.blend import alpha
from fakeweb.forge.fit import bring, match_colours, match_detail, relit, skin_fit
from fakeweb.forge.method import DonorMethod, Method
from fakeweb.forge.patch import Patch, Worked, soften
from fakeweb.forge.regions import BROWS, EYE_CENTRES, EYES, LIPS, NOSE_TIP, SHAPE, bump, control_points
from fakeweb.forge.traits import glasses_of
from fakeweb.forge.warp import warp_mesh
from fakeweb.types import FloatArray, Kind


class SelfBlend(Method):
    """A face blended with a slightly changed copy of itself under a deformed, blurred mask.

    After Shiohara and Yamasaki, Detecting Deepfakes with Self-Blended Images, CVPR 2022: what is left of a swap when
    identity is taken away, the seam and the mismatch. Unlike theirs, only the copy is changed: outside the mask the
    picture stays as it is.
    """

    name: ClassVar[str] = "self_blend"
    kind: ClassVar[Kind] = "swap"

    def work(self, patch: Patch, strength: float, rng: np.random.Generator) -> Worked:
        """Return the blend."""
        copy = shifted(patch.pixels, patch.unit_px, strength, rng)
        copy = recoloured(copy, strength, rng)
        copy = resampled(copy, strength, rng)
        mask = deformed(blend_region(patch, rng), patch.unit_px, rng)
        mask *= rng.choice((0.5, 0.75, 1.0, 1.0, 1.0)) if strength < 0.7 else 1.0
        return Worked(alpha(copy, patch.pixels, mask), mask)


class Swap(DonorMethod):
    """Another person's face, warped onto this one's mesh, its colours matched, blended in.

    The way of FaceSwap and its kin, by landmarks, and of face morphing (Ferrara et al., 2014) where it is weak: the
    inner face takes the donor's shape and skin by degrees. At strength 1 it is all the donor's, and its colours and its
    seam no longer match as well.
    """

    name: ClassVar[str] = "swap"
    kind: ClassVar[Kind] = "swap"
    far: ClassVar[float] = 42.0

    def blend(self, patch: Patch, donor: Patch, strength: float, rng: np.random.Generator) -> Worked:
        """Return the swap."""
        moves = _towards(patch, donor) * np.float32(strength)
        share = np.float32(1 - (1 - strength) ** 1.6)
        base: FloatArray = patch.pixels
        moved: FloatArray = np.zeros(patch.shape, np.float32)
        if share < 0.97 and float(np.abs(moves).max()) > 0.5:  # else nothing of it is seen
            base, moved = warp_mesh(patch, moves, steer=control_points()[::2])
        glasses = glasses_of(patch) > 0.3  # then the donor wears some, too
        over, seen = bring(donor, replace(patch, points=patch.points + moves))
        mask = np.asarray(_inner_face(patch, rng) * seen, np.float32)
        over = match_colours(over, base, mask, 0.5 * strength, rng)
        fit = skin_fit(over, replace(patch, pixels=base, points=patch.points + moves), mask, glasses=glasses)
        mask = deformed(mask * fit.both, patch.unit_px, rng, amount=0.3)
        over = relit(over, base, fit, float(rng.uniform(0.85, 1.0) - 0.2 * strength))
        over = match_detail(over, base, mask)
        over = resampled(over, 0.2 * strength, rng)
        mask = np.where(mask < 0.004, 0, mask * share).astype(np.float32)
        return Worked(alpha(over, base, mask), np.maximum(mask, moved), moves)


def _towards(patch: Patch, donor: Patch) -> FloatArray:
    """Return how each point would move to where the donor has it, in pixels (468, 2); the rim stays."""
    homogeneous = np.concatenate([donor.points, np.ones((len(SHAPE), 1), np.float32)], 1)
    inner = bump(np.hypot(SHAPE[:, 0], SHAPE[:, 1] / 1.15), 0.95) ** 0.5
    weight = (inner + 0.05)[:, None]
    fit = np.linalg.lstsq(homogeneous * weight, patch.points * weight, rcond=None)[0]
    gap = homogeneous @ fit - patch.points
    length = np.linalg.norm(gap, axis=1, keepdims=True) / patch.unit_px
    gap *= (
        0.15 * np.tanh(length / 0.15) / (length + 1e-6)
    )  # faces of people differ by less than their expressions
    return np.asarray(gap * inner[:, None], np.float32)


def _inner_face(patch: Patch, rng: np.random.Generator) -> FloatArray:
    """Return what a swap covers, (h, w): up to the hair, or to just above the brows."""
    feather, inwards = 0.10 + 0.14 * rng.random(), -rng.uniform(0.10, 0.16)
    if rng.random() < 0.4:
        return patch.hull(feather=feather, grow=inwards)
    top = SHAPE[np.concatenate(BROWS), 1].min() - 0.12
    outline = np.asarray(cv2.convexHull(patch.points[top < SHAPE[:, 1]]), np.float32)[:, 0]
    return patch.fill([outline], feather=feather, grow=inwards + 0.05)


def blend_region(patch: Patch, rng: np.random.Generator) -> FloatArray:
    """Return one of the regions a blend may cover, (h, w): the face, less of it, its lower part, its features."""
    which = rng.choice(4, p=(0.4, 0.3, 0.15, 0.15))
    if which == 0:
        return patch.hull(feather=0.05, grow=-0.05)
    if which == 1:
        return patch.hull(feather=0.05, grow=float(rng.uniform(-0.25, -0.1)))
    if which == 2:
        return lower_face(patch, feather=0.06)
    around = np.concatenate([*EYES, *BROWS, LIPS])
    outline = np.asarray(cv2.convexHull(patch.points[around]), np.float32)[:, 0]
    return patch.fill([outline], feather=0.08, grow=0.10)


def lower_face(patch: Patch, *, feather: float) -> FloatArray:
    """Return the part of the face below the middle of the nose, (h, w)."""
    level = (EYE_CENTRES[:, 1].mean() + NOSE_TIP[1]) / 2
    low = np.flatnonzero(SHAPE[:, 1] > level)
    outline = np.asarray(cv2.convexHull(patch.points[low]), np.float32)[:, 0]
    return patch.fill([outline], feather=feather, grow=-0.08)


def deformed(
    mask: FloatArray, unit_px: float, rng: np.random.Generator, *, amount: float = 1.0
) -> FloatArray:
    """Deform a mask elastically, and blur it twice by drawn radii."""
    full, half = mask.shape[::-1], tuple(max(1, n // 2) for n in mask.shape[::-1])
    unit_px = unit_px / 2
    mask = np.asarray(cv2.resize(mask, half, interpolation=cv2.INTER_AREA), np.float32)
    coarse = rng.normal(0, 0.055 * amount * unit_px, (5, 5, 2)).astype(np.float32)
    shift = np.asarray(cv2.resize(coarse, half, interpolation=cv2.INTER_CUBIC))
    y, x = np.mgrid[0 : half[1], 0 : half[0]].astype(np.float32)
    moved = cv2.remap(
        mask, x + shift[..., 0], y + shift[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    soft = soften(np.asarray(moved, np.float32), float(rng.uniform(0.02, 0.25)) * unit_px)
    edge = float(rng.uniform(0.0, 0.5))
    soft = np.clip(
        (soft - edge) / (1 - edge), 0, 1
    )  # moves the rim inwards, so that the blend ends on the face
    out = soften(soft.astype(np.float32), float(rng.uniform(0.0, 0.12)) * unit_px)
    out[out < 0.004] = 0
    return np.asarray(cv2.resize(out, full, interpolation=cv2.INTER_LINEAR), np.float32)


def shifted(pixels: FloatArray, unit_px: float, strength: float, rng: np.random.Generator) -> FloatArray:
    """Shift and scale a copy a little: up to 6 % of the half face width, 5 % of the size."""
    height, width = pixels.shape[:2]
    dx, dy = rng.uniform(-0.08, 0.08, 2) * unit_px * (0.25 + 0.75 * strength)
    scale = 1 + rng.uniform(-0.05, 0.05) * (0.25 + 0.75 * strength)
    turn = rng.uniform(-2, 2) * strength
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), turn, scale)
    matrix[:, 2] += dx, dy
    out = cv2.warpAffine(
        pixels, matrix, (width, height), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101
    )
    return np.asarray(out, np.float32)


def recoloured(pixels: FloatArray, strength: float, rng: np.random.Generator) -> FloatArray:
    """Change light and colour of a copy: gain, offset, white balance, saturation, gamma."""
    k = 0.2 + 0.8 * strength
    gain = (1 + rng.uniform(-0.16, 0.16) * k) * (1 + rng.uniform(-0.07, 0.07, 3) * k)
    offset = rng.uniform(-16, 16) * k + rng.uniform(-9, 9, 3) * k
    out = cv2.pow(np.clip(pixels, 0, 255) * np.float32(1 / 255), float(np.exp(rng.uniform(-0.25, 0.25) * k)))
    # gain, offset and saturation in one matrix
    saturation = 1 + rng.uniform(-0.35, 0.35) * k
    matrix = saturation * np.eye(3) + (1 - saturation) * np.array([[0.299, 0.587, 0.114]] * 3)
    whole = np.concatenate([matrix * gain * 255, (matrix @ offset)[:, None]], 1).astype(np.float32)
    return np.clip(np.asarray(cv2.transform(out, whole), np.float32), 0, 255)


def resampled(pixels: FloatArray, strength: float, rng: np.random.Generator) -> FloatArray:
    """Soften as a smaller generator would, sharpen, or leave: a copy's resolution is rarely that of its new place."""
    kind = rng.choice(3, p=(0.55, 0.25, 0.2))
    height, width = pixels.shape[:2]
    if kind == 0:
        factor = 1 + rng.uniform(0.15, 1.6) * strength
        small = (max(4, round(width / factor)), max(4, round(height / factor)))
        kernel = (cv2.INTER_LINEAR, cv2.INTER_CUBIC)[int(rng.integers(2))]
        down = cv2.resize(pixels, small, interpolation=cv2.INTER_AREA)
        return np.clip(
            np.asarray(cv2.resize(down, (width, height), interpolation=kernel), np.float32), 0, 255
        )
    if kind == 1:
        soft = cv2.GaussianBlur(pixels, (0, 0), float(rng.uniform(0.7, 1.6)))
        return np.clip(pixels + (pixels - soft) * np.float32(rng.uniform(0.2, 1.2) * strength), 0, 255)
    return pixels
