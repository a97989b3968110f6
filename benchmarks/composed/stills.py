"""Stills to compose from: dealt so that each comes as seldom as possible, framed, forged."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import cv2
import numpy as np

from fakeweb import registry
from fakeweb.datasets import Sample
from fakeweb.media import read_image
from fakeweb.scanner import make_finder
from fakeweb.types import FaceFinder, FloatArray, UInt8Array

FORGED: Final = ("self_blend", "retouch", "beauty", "reenact")
"""Methods of the forge that need no donor."""
FACE_PX: Final = 224


class Deck:
    """Stills in random order, dealt again when all are out."""

    def __init__(self, samples: Sequence[Sample], rng: np.random.Generator) -> None:
        self._samples, self._rng = samples, rng
        self._order: list[int] = []

    def of_group(self, group: str) -> Sample | None:
        """Return a still of a group, if there is one."""
        return next((s for s in self._samples if s.group == group), None)

    def draw(self, taken: Collection[str], tries: int) -> tuple[Sample, bool]:
        """Return the next still of somebody who is not taken yet, or after so many tries of somebody who is.

        Returns:
            The still, and whether it is of somebody new.
        """
        for _ in range(tries):
            if not self._order:
                self._order = self._rng.permutation(len(self._samples)).tolist()
            sample = self._samples[self._order.pop()]
            if sample.group not in taken:
                return sample, True
        return sample, False


@dataclass(frozen=True, eq=False)
class Still:
    """Somebody who plays in a clip.

    Attributes:
        sample: The still.
        forged: What the forge makes of it; None: the still as it is.
        kind: How it was manipulated, or None.
        genuine: The same person's genuine picture, for fakes that are fake for a part of the time; else None.
    """

    sample: Sample
    forged: UInt8Array | None = None
    kind: str | None = None
    genuine: UInt8Array | None = None

    @property
    def label(self) -> int:
        """1 where manipulated."""
        return 1 if self.forged is not None else int(self.sample.label or 0)

    def pixels(self) -> UInt8Array:
        """Return the picture, uint8 RGB."""
        return read_image(self.sample.path).image.pixels if self.forged is None else self.forged


def forged_still(sample: Sample, seed: int) -> Still | None:
    """Return a genuine still with what the forge makes of its main face; None where no face can be measured.

    Methods that need no donor take their turns by ``seed``.
    """
    image = read_image(sample.path).image
    faces = [face for face in _finder().find(image) if face.mesh is not None]
    if not faces:
        return None
    face = max(faces, key=lambda f: f.width_px)
    method = registry.load("forge", FORGED[seed % len(FORGED)])(strength=(0.4, 1.0))
    forged = method(image, face, np.random.default_rng([seed, 2]))
    return Still(sample, forged.image.pixels, forged.kind, image.pixels)


@lru_cache(maxsize=1)
def _finder() -> FaceFinder:
    return make_finder("fakeweb")


def framed(pixels: UInt8Array, side_px: int = FACE_PX) -> UInt8Array:
    """Return the middle square of a still, resized once, in a frame of its own blurred mirror image.

    So a tight face has something around it that a classifier's crop may show.

    Args:
        pixels: uint8 RGB (H, W, 3).
        side_px: Side of the still; the frame adds a quarter on each side.

    Returns:
        uint8 RGB, square.
    """
    side = min(pixels.shape[:2])
    top, left = (pixels.shape[0] - side) // 2, (pixels.shape[1] - side) // 2
    square = pixels[top : top + side, left : left + side]
    how = cv2.INTER_AREA if side > side_px else cv2.INTER_CUBIC
    face = np.asarray(cv2.resize(square, (side_px, side_px), interpolation=how), np.uint8)
    m = side_px // 4
    wide = cv2.copyMakeBorder(face, m, m, m, m, cv2.BORDER_REFLECT)
    soft = cv2.GaussianBlur(wide, (0, 0), 6 * side_px / FACE_PX)
    return np.asarray(soft + _still_area(side_px)[..., None] * (wide.astype(np.float32) - soft), np.uint8)


@lru_cache(maxsize=16)
def _still_area(side_px: int) -> FloatArray:
    m = side_px // 4
    inside = np.zeros((side_px + 2 * m, side_px + 2 * m), np.float32)
    m += round(6 * side_px / FACE_PX)
    inside[m:-m, m:-m] = 1
    return np.asarray(cv2.GaussianBlur(inside, (0, 0), 3 * side_px / FACE_PX), np.float32)
