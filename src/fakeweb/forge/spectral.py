"""Up-sampling artefacts of generators: the regular traces they leave, laid on real pictures.

They cover the picture as far as it is near the face: a generator paints all of it. Farther away in larger pictures they
fade out.
"""

from __future__ import annotations

from typing import ClassVar

import cv2
import numpy as np

from fakeweb.forge.blend import alpha, grey_of
from fakeweb.forge.method import Method
from fakeweb.forge.patch import Patch, Worked
from fakeweb.types import FloatArray, Kind


class Grid(Method):
    """Every second (or fourth) pixel comes from another kernel, as after a transposed convolution.

    A generator fills the pixels between those it has with learned kernels that differ by position; what remains is a
    grid (Odena et al., Distill 2016). Here the finest detail of each phase of the grid is gained and shifted by amounts
    of its own, drawn once per picture.
    """

    name: ClassVar[str] = "grid"
    kind: ClassVar[Kind] = "generated"
    reach: ClassVar[float] = 1.8

    def work(self, patch: Patch, strength: float, rng: np.random.Generator) -> Worked:
        """Return the picture with the grid."""
        period = int(rng.choice((2, 4), p=(0.6, 0.4)))
        sigma = float(rng.uniform(0.6, 1.2))
        soft = np.asarray(cv2.GaussianBlur(patch.pixels, (0, 0), sigma), np.float32)
        spread = 0.15 + 0.85 * strength
        gains = 1 - spread * rng.uniform(0, 1, (period, period))
        offsets = spread * rng.normal(0, 1.6, (period, period, 3))
        out = np.asarray(cv2.subtract(patch.pixels, soft), np.float32)
        cv2.multiply(out, _tile(np.repeat(gains[..., None], 3, 2), patch), dst=out)
        cv2.add(out, soft, dst=out)
        cv2.add(out, _tile(offsets, patch), dst=out)
        return faded(patch, out, 0.3 + 0.7 * strength)


class Peaks(Method):
    """A faint regular pattern at the frequencies at which generators' spectra have peaks: 1/2, 1/4, 1/8 of sampling.

    Zhang, Karaman, Chang, Detecting and Simulating Artifacts in GAN Fake Images, WIFS 2019. The pattern is stronger
    where the picture has texture, as with real generators.
    """

    name: ClassVar[str] = "peaks"
    kind: ClassVar[Kind] = "generated"
    reach: ClassVar[float] = 1.8

    def work(self, patch: Patch, strength: float, rng: np.random.Generator) -> Worked:
        """Return the picture with the pattern."""
        period = int(rng.choice((2, 4, 8), p=(0.4, 0.35, 0.25)))
        tile = np.zeros((period, period, 3), np.float32)
        y, x = np.mgrid[0:period, 0:period] * (2 * np.pi / period)
        for _ in range(int(rng.integers(2, 5))):
            fx, fy = rng.integers(0, period // 2 + 1, 2)
            if fx == fy == 0:
                fx = period // 2
            colour = rng.normal(1, 0.4, 3)
            phase = rng.uniform(0, 2 * np.pi) if period > 2 else 0.0
            tile += (np.cos(fx * x + fy * y * rng.choice((-1, 1)) + phase)[..., None] * colour).astype(
                np.float32
            )
        tile *= np.float32((0.6 + 4.2 * strength) / max(float(np.abs(tile).max()), 1e-3))
        grey = grey_of(patch.pixels)
        texture = cv2.blur(np.abs(grey - cv2.blur(grey, (5, 5))), (9, 9))
        local = 0.35 + np.clip(texture / 6.0, 0, 1)
        out = _tile(tile, patch)
        cv2.multiply(out, cv2.merge([local] * 3), dst=out)
        cv2.add(out, patch.pixels, dst=out)
        return faded(patch, out, 0.3 + 0.7 * strength)


def faded(patch: Patch, pixels: FloatArray, touched: float) -> Worked:
    """Lay pixels on a patch, fading out towards those of its sides that are not the picture's own.

    Args:
        patch: The patch as it was.
        pixels: (h, w, 3), its new pixels, before they are clipped; may be returned.
        touched: Weight of the mask where they are laid on in full.
    """
    height, width = patch.shape
    fade = max(2.0, 0.25 * patch.unit_px)
    x, y = np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32)
    columns, rows = np.ones_like(x), np.ones_like(y)
    if patch.left > 0:
        columns = np.minimum(columns, x / fade)
    if patch.left + width < patch.of[1]:
        columns = np.minimum(columns, x[::-1] / fade)
    if patch.top > 0:
        rows = np.minimum(rows, y / fade)
    if patch.top + height < patch.of[0]:
        rows = np.minimum(rows, y[::-1] / fade)
    if rows.min() == columns.min() == 1:  # the patch is the whole picture
        return Worked(pixels, np.full(patch.shape, touched, np.float32))
    share = np.clip(rows, 0, 1)[:, None] * np.clip(columns, 0, 1)[None]
    over = np.clip(pixels, 0, 255, out=pixels)
    return Worked(alpha(over, patch.pixels, share), (share * np.float32(touched)).astype(np.float32))


def _tile(tile: FloatArray, patch: Patch) -> FloatArray:
    """Repeat a tile (p, p, 3) over the patch, in step with the picture's own pixel grid; a new array (h, w, 3)."""
    height, width = patch.shape
    period = len(tile)
    tile = np.roll(tile, (-patch.top % period, -patch.left % period), (0, 1)).astype(np.float32)
    strip = np.tile(tile, (1, -(-width // period), 1))[:, :width]
    out: FloatArray = np.tile(strip, (-(-height // period), 1, 1))[:height]
    return out
