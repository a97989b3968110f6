"""The inner mouth: taken from another picture, of the same person if there is one, or painted."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar

import cv2
import numpy as np

from fakeweb.forge.blend import alpha, grey_of
from fakeweb.forge.expression import lower_half
from fakeweb.forge.fit import bring, match_colours, match_detail
from fakeweb.forge.method import DonorMethod
from fakeweb.forge.patch import Patch, Worked, soften
from fakeweb.forge.regions import LIPS, MOUTH, MOUTH_CENTRE, NOSE_TIP, SHAPE, bump, rise
from fakeweb.forge.traits import Traits
from fakeweb.forge.warp import warp_mesh
from fakeweb.types import FloatArray, Kind

_CLOSED = 0.06
"""Area of the open mouth over the square of the lips' width, below which no teeth are seen."""


class MouthTransfer(DonorMethod):
    """The mouth of another picture given to this face, as dubbing does (VDub, Garrido et al., 2015; Wav2Lip, 2020).

    Lips and jaw move to where the other picture has them; what the mouth shows inside, teeth and tongue, is that
    picture's. A pool of pictures of the same person gives that person's teeth.
    """

    name: ClassVar[str] = "mouth"
    kind: ClassVar[Kind] = "reenacted"
    own: ClassVar[bool] = True

    def wanted(self, traits: Traits, rng: np.random.Generator) -> Traits:
        """Ask for a mouth that is open where this one is closed, and the other way round."""
        pose = traits.pose.copy()
        pose[3] = rng.uniform(0.12, 0.4) if pose[3] < _CLOSED else rng.choice((0.0, rng.uniform(0.1, 0.4)))
        return replace(traits, pose=pose)

    def blend(self, patch: Patch, donor: Patch, strength: float, rng: np.random.Generator) -> Worked:
        """Return the face with the other mouth."""
        moves = _mouth_moves(patch, donor) * np.float32(0.1 + 0.9 * strength)
        pixels, weight = warp_mesh(patch, moves)
        whole = replace(patch, pixels=pixels, points=patch.points + moves)
        after = whole.around(whole.points[LIPS], 0.35)
        over, seen = bring(donor, after)
        lips = after.fill([_hull(after, LIPS)], feather=0.1, grow=0.03)
        over = match_colours(over, after.pixels, lips, 0.2, rng)
        where = lips  # shut: the line between the lips
        if height(donor.points[MOUTH]) / donor.unit_px > 0.03:
            where = after.polygon(MOUTH, feather=0.03, grow=0.012)
        place = whole.place_of(after)
        over = match_detail(over, patch.pixels[place], lips)
        where = where * seen * np.float32(min(1.0, 0.4 + 0.7 * strength))
        where = np.where(where < 0.004, 0, where).astype(np.float32)
        pixels[place] = alpha(over, after.pixels, where)
        weight[place] = np.maximum(weight[place], where)
        return Worked(pixels, weight, moves)


def _mouth_moves(patch: Patch, donor: Patch) -> FloatArray:
    """Return how lips and jaw move to where the donor has them, in pixels (468, 2)."""
    low = rise(SHAPE[:, 1], NOSE_TIP[1] - 0.05, MOUTH_CENTRE[1] - 0.1)
    still = (1 - low + 0.02)[:, None]
    homogeneous = np.concatenate([donor.points, np.ones((len(SHAPE), 1), np.float32)], 1)
    fit = np.linalg.lstsq(homogeneous * still, patch.points * still, rcond=None)[0]
    near = bump(np.hypot(SHAPE[:, 0] * 0.9, (SHAPE[:, 1] - MOUTH_CENTRE[1]) * 0.8), 0.75)
    gap = homogeneous @ fit - patch.points
    middle = gap[MOUTH].mean(0)  # faces differ in length: the mouth stays where it is, but for a dropped jaw
    gap -= middle * 0.8
    return np.asarray(gap * (low * near)[:, None], np.float32)


def _hull(patch: Patch, points: np.ndarray) -> FloatArray:
    return np.asarray(cv2.convexHull(patch.points[points]), np.float32)[:, 0]


def paint_mouth(before: Patch, after: Patch) -> tuple[FloatArray, FloatArray]:
    """Fill an opened mouth: dark towards the throat, the edge of the upper teeth in shadow; (pixels, where)."""
    opened, was = height(after.points[MOUTH]), height(before.points[MOUTH])
    grown = (opened - was) / max(after.unit_px, 1e-3)
    inside = after.polygon(MOUTH, feather=0.025, grow=-0.012)
    where = inside * np.float32(np.clip((grown - 0.02) / 0.08, 0, 1))
    if was > 0.5 * opened or not where.any():
        return after.pixels, np.zeros_like(
            where
        )  # it was open: what was inside has been stretched, which will do
    lips = grey_of(after.pixels)[after.polygon(LIPS, feather=0.01) > 0.1]
    light = float(np.median(lips)) if len(lips) else 90.0
    throat, ivory = (np.array(c, np.float32) * light for c in ((0.42, 0.17, 0.15), (0.97, 0.91, 0.82)))
    cavity = throat + (ivory - throat) * (0.85 * _teeth(after, opened))[..., None]
    cavity += (np.asarray(cv2.GaussianBlur(after.pixels, (0, 0), 1.0), np.float32) - cavity) * 0.18
    return alpha(cavity, after.pixels, where), where


def _teeth(patch: Patch, opened_px: float) -> FloatArray:
    """Return where the edge of the upper teeth shows, below the upper lip and along it, (h, w) in [0, 1]."""
    along = patch.axes[:, 0] / max(float(np.linalg.norm(patch.axes[:, 0])), 1e-3)
    turn = np.array([[along[0], along[1]], [-along[1], along[0]]], np.float32)  # to upright coordinates
    mouth = patch.points[MOUTH] @ turn.T
    upper = mouth[~lower_half(MOUTH)]
    upper = upper[np.argsort(upper[:, 0])]
    y, x = np.mgrid[0 : patch.shape[0], 0 : patch.shape[1]].astype(np.float32)
    u, v = turn[0, 0] * x + turn[0, 1] * y, turn[1, 0] * x + turn[1, 1] * y
    deep = v - np.interp(u.ravel(), upper[:, 0], upper[:, 1]).reshape(u.shape)
    band = np.clip(1 - np.abs(deep / max(0.42 * opened_px, 1.0) - 0.45) / 0.62, 0, 1)
    centre, width = (mouth[:, 0].min() + mouth[:, 0].max()) / 2, np.ptp(mouth[:, 0])
    sideways = np.clip(1 - np.abs(u - centre) / (0.42 * width + 1e-3), 0, 1)
    return soften(np.sqrt(band * sideways).astype(np.float32), 0.05 * patch.unit_px)


def height(outline: FloatArray) -> float:
    """Return area over width: the mean height of an outline, in pixels."""
    width = float(outline[:, 0].max() - outline[:, 0].min())
    return float(cv2.contourArea(outline.astype(np.float32))) / max(width, 1e-3)
