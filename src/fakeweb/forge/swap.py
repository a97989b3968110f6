"""Face swaps: self-blended (a face with itself), and another person's face in this one's place."""

from __future__ import annotations

from typing import ClassVar

import cv2
import numpy as np

from fakeweb.forge.blend import alpha, match_covariance, match_lab, poisson
from fakeweb.forge.method import DonorMethod, Method
from fakeweb.forge.patch import Patch, Worked, soften
from fakeweb.forge.regions import BROWS, EYE_CENTRES, EYES, LIPS, NOSE_TIP, SHAPE, control_points
from fakeweb.forge.warp import enlarged, remap, spline
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

    The way of FaceSwap and its kin: landmarks decide the geometry, so expression and pose stay those of the picture and
    the features become the donor's. Weak ones match colours well and hide their seam, strong ones do not.
    """

    name: ClassVar[str] = "swap"
    kind: ClassVar[Kind] = "swap"

    def blend(self, patch: Patch, donor: Patch, strength: float, rng: np.random.Generator) -> Worked:
        """Return the swap."""
        over, seen = bring(donor, patch)
        mask = patch.hull(feather=0.10 + 0.16 * rng.random(), grow=-0.13)
        mask = deformed(mask, patch.unit_px, rng, amount=0.4)
        mask *= seen
        over = match_colours(over, patch.pixels, mask, strength, rng)
        over = resampled(over, 0.3 + 0.7 * strength, rng)
        opacity = 1.0 if strength > 0.5 else rng.uniform(0.65 + 0.6 * strength, 1.0)
        mask = (mask * opacity).astype(np.float32)
        lay = poisson if rng.random() < 0.75 - 0.5 * strength else alpha
        return Worked(lay(over, patch.pixels, mask), mask)


def bring(donor: Patch, patch: Patch) -> tuple[FloatArray, FloatArray]:
    """Warp a donor so that its mesh lies on the patch's.

    Returns:
        RGB (h, w, 3), and (h, w): 1 where the donor's picture has something to show, softly falling to 0.
    """
    steer = control_points()
    target = patch.points[steer]
    # spline the difference to the best affine map, so that scale and turn are exact everywhere
    homogeneous = np.concatenate([target, np.ones((len(target), 1), np.float32)], 1)
    affine = np.linalg.lstsq(homogeneous, donor.points[steer], rcond=None)[0].astype(np.float32)
    rest = spline(target, donor.points[steer] - homogeneous @ affine, patch.shape, stiffness=3e-3)
    height, width = patch.shape
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    there = enlarged(rest, patch.shape)
    there[..., 0] += x * affine[0, 0] + y * affine[1, 0] + affine[2, 0]
    there[..., 1] += x * affine[0, 1] + y * affine[1, 1] + affine[2, 1]
    shrink = float(np.sqrt(abs(np.linalg.det(affine[:2]))))
    pixels = donor.pixels
    if shrink > 1.3:  # the donor is larger: average first, else it comes out jagged
        pixels = np.asarray(cv2.GaussianBlur(pixels, (0, 0), 0.4 * shrink), np.float32)
    over = remap(pixels, there[..., 0], there[..., 1], cubic=False)
    high, wide = donor.shape
    outside = np.maximum.reduce(
        [-there[..., 0], there[..., 0] - wide + 1, -there[..., 1], there[..., 1] - high + 1]
    )
    seen = np.clip(-outside / (0.15 * donor.unit_px), 0, 1)
    return over, soften(seen.astype(np.float32), 0.05 * patch.unit_px) * (outside < 0)


def match_colours(
    over: FloatArray, under: FloatArray, mask: FloatArray, strength: float, rng: np.random.Generator
) -> FloatArray:
    """Match colours within the mask, the less the stronger the forgery; by either of two ways."""
    core = (mask > 0.5).astype(np.float32)
    if core.sum() < 12:
        return over
    matched = (match_lab if rng.random() < 0.5 else match_covariance)(over, under, core)
    share = 1.0 - (rng.uniform(0, 0.75) * max(0.0, strength - 0.25) / 0.75)
    return alpha(matched, over, np.full(mask.shape, share, np.float32))


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
