"""Fitting a donor to a face: its mesh, colours, light and detail, and where its skin may lie."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from fakeweb.forge.blend import alpha, grey_of, match_covariance, match_lab
from fakeweb.forge.patch import Patch, soften
from fakeweb.forge.regions import BROWS, EYES, LIPS, SHAPE, IndexArray, control_points, nose_points
from fakeweb.forge.warp import enlarged, remap, spline
from fakeweb.types import FloatArray

_SMALL = 64
"""Side at which light and skin are compared."""


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


@dataclass(frozen=True, eq=False)
class SkinFit:
    """Where a face and what is laid on it both show a face; see :func:`skin_fit`.

    Attributes:
        both: (h, w): 1 within the features and on skin of both, 0 at the rim where either shows hair, cloth or a hand.
        small: (s, s): 1 on skin of both, on a small grid; features are 0.
    """

    both: FloatArray
    small: FloatArray


def skin_fit(over: FloatArray, patch: Patch, mask: FloatArray, *, glasses: bool = False) -> SkinFit:
    """Compare what is laid on a face with the face.

    Args:
        over: RGB (h, w, 3), of the patch's shape, its mesh on the patch's.
        patch: The face.
        mask: (h, w): where it is to be laid.
        glasses: Whether to take the whole band of the eyes for features, since one of both wears glasses.
    """
    inside = _shrunk(mask) > 0.5
    if not inside.any():
        return SkinFit(np.ones(patch.shape, np.float32), inside.astype(np.float32))
    scale = np.array((_SMALL / patch.shape[1], _SMALL / patch.shape[0]), np.float32)
    unit = patch.unit_px * float(scale.mean())
    features = np.zeros((_SMALL, _SMALL), np.float32)
    for part in (*EYES, *BROWS, LIPS):
        hull = cv2.convexHull((patch.points[part] + 0.5) * scale - 0.5)
        cv2.fillConvexPoly(features, np.rint(hull * 16).astype(np.int32), 1, shift=4)
    wide = cv2.dilate(features, np.ones((3, 3), np.uint8))
    bare = inside & (wide < 0.5)
    skin = np.ones((_SMALL, _SMALL), np.float32)
    for pixels in (over, patch.pixels):
        skin *= _skin_likeness(_shrunk(pixels), bare if bare.any() else inside)
    skin = soften(skin, 0.08 * unit)
    inner = features.copy()
    hull = cv2.convexHull((patch.points[_core(glasses)] + 0.5) * scale - 0.5)
    cv2.fillConvexPoly(inner, np.rint(hull * 16).astype(np.int32), 1, shift=4)
    inner = soften(inner, 0.2 * unit)
    both = cv2.resize(np.maximum(inner, skin), patch.shape[::-1], interpolation=cv2.INTER_LINEAR)
    return SkinFit(np.asarray(both, np.float32), np.asarray(skin * (1 - wide) * _shrunk(mask), np.float32))


def _core(glasses: bool) -> IndexArray:
    """Return points around brows, eyes, nose and mouth; with glasses as far as the temples."""
    parts = [*BROWS, *EYES, LIPS, nose_points()]
    if glasses:
        low, high = SHAPE[np.concatenate(BROWS), 1].min(), SHAPE[np.concatenate(EYES), 1].max() + 0.3
        parts.append(np.flatnonzero((low < SHAPE[:, 1]) & (SHAPE[:, 1] < high)))
    return np.concatenate(parts)


def _shrunk(pixels: FloatArray) -> FloatArray:
    return np.asarray(cv2.resize(pixels, (_SMALL, _SMALL), interpolation=cv2.INTER_AREA), np.float32)


def _skin_likeness(pixels: FloatArray, bare: np.ndarray) -> FloatArray:
    """Return how much the colour of each pixel (s, s, 3) is that of the skin, which is most of ``bare`` (s, s)."""
    lab = np.asarray(cv2.cvtColor(pixels * np.float32(1 / 255), cv2.COLOR_RGB2Lab), np.float32)
    some = lab[bare]
    some = some[:: max(1, len(some) // 300)]  # as good as all for a median
    middle = np.median(some, 0)
    spread = 1.5 * np.median(np.abs(some - middle), 0) + np.array((7, 4, 4), np.float32)
    gap = (lab - middle) / spread
    gap[..., 0] = np.where(gap[..., 0] > 0, 0.6, 1) * gap[..., 0]  # highlights are skin
    far = np.sqrt((gap**2).sum(2))
    return np.asarray(np.clip(2.6 - 0.7 * far, 0, 1), np.float32)


def relit(over: FloatArray, under: FloatArray, fit: SkinFit, share: float) -> FloatArray:
    """Give what is laid on a face the face's light: the difference of their skins, spread smoothly.

    Args:
        over: RGB (h, w, 3).
        under: Of the same shape.
        fit: Where both are skin.
        share: 1 takes the face's light, 0 keeps the donor's.
    """
    gap = _shrunk(under) - _shrunk(over)
    sigma = _SMALL * 0.09
    weight = fit.small + np.float32(1e-3)
    field = cv2.GaussianBlur(gap * weight[..., None], (0, 0), sigma, borderType=cv2.BORDER_REPLICATE)
    total = cv2.GaussianBlur(weight, (0, 0), sigma, borderType=cv2.BORDER_REPLICATE)
    field = np.asarray(field, np.float32) / total[..., None] * np.float32(share)
    full = cv2.resize(field, over.shape[1::-1], interpolation=cv2.INTER_LINEAR)
    return np.asarray(np.clip(cv2.add(over, full), 0, 255), np.float32)


def match_detail(over: FloatArray, under: FloatArray, mask: FloatArray) -> FloatArray:
    """Give what is laid on a face the face's finest contrast: soften it, or sharpen it within reason."""
    core = np.ascontiguousarray(mask[::2, ::2] > 0.5)
    if core.sum() < 12:
        return over
    mine, wanted = (
        float(np.abs((grey - cv2.GaussianBlur(grey, (0, 0), 1.0))[::2, ::2][core]).mean())
        for grey in (grey_of(over), grey_of(under))
    )
    gain = np.float32(np.clip(wanted / (mine + 1e-3), 0.2, 1.9))
    soft = np.asarray(cv2.GaussianBlur(over, (0, 0), 1.0), np.float32)
    sharp = cv2.addWeighted(over, float(gain), soft, float(1 - gain), 0)
    return np.asarray(np.clip(sharp, 0, 255), np.float32)
