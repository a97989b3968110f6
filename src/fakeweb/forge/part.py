"""Part swaps: another person's eyes, nose or mouth, as the makers of photo montages do."""

from __future__ import annotations

from typing import ClassVar

import cv2
import numpy as np

from fakeweb.forge.blend import alpha, poisson
from fakeweb.forge.fit import bring, match_colours
from fakeweb.forge.method import DonorMethod
from fakeweb.forge.patch import Patch, Worked
from fakeweb.forge.regions import BROWS, EYES, LIPS, nose_points
from fakeweb.forge.swap import resampled
from fakeweb.types import FloatArray, Kind

PARTS = ("eyes", "one_eye", "nose", "mouth")


class PartSwap(DonorMethod):
    """Eyes, nose or mouth of a donor, warped onto this face, colours matched, blended in.

    Strong ones take two parts and match colours worse.
    """

    name: ClassVar[str] = "part"
    kind: ClassVar[Kind] = "retouch"

    def blend(self, patch: Patch, donor: Patch, strength: float, rng: np.random.Generator) -> Worked:
        """Return the montage."""
        over, seen = bring(donor, patch)
        count = 1 + int(rng.random() < strength - 0.3)
        chosen = rng.permutation(PARTS)[:count]
        mask = np.maximum.reduce([region(patch, str(part), rng) for part in chosen]) * seen
        mask = np.where(mask < 0.004, 0, mask).astype(np.float32)
        over = match_colours(over, patch.pixels, mask, 0.7 * strength, rng)
        over = resampled(over, 0.5 * strength, rng)
        lay = poisson if rng.random() < 0.8 - 0.4 * strength else alpha
        opacity = np.float32(min(1.0, 0.55 + 0.6 * strength))
        mask = mask * opacity
        return Worked(lay(over, patch.pixels, mask), mask)


def region(patch: Patch, part: str, rng: np.random.Generator) -> FloatArray:
    """Return the soft region of a part, (h, w)."""
    feather = float(rng.uniform(0.06, 0.14))
    if part in ("eyes", "one_eye"):
        with_brows = rng.random() < 0.5
        outlines = []
        for eye, brow in zip(EYES, BROWS, strict=True):
            around = np.concatenate([eye, brow]) if with_brows else eye
            outlines.append(_hull(patch, around))
        if part == "one_eye":
            outlines = outlines[:1] if rng.random() < 0.5 else outlines[1:]
        return patch.fill(outlines, feather=feather, grow=0.07)
    points = nose_points() if part == "nose" else LIPS
    return patch.fill([_hull(patch, points)], feather=feather, grow=0.06)


def _hull(patch: Patch, points: np.ndarray) -> FloatArray:
    return np.asarray(cv2.convexHull(patch.points[points]), np.float32)[:, 0]
