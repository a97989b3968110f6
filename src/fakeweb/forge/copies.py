"""Aligned reconstruction: a real face passed through a generator's last layers, pixel for pixel in its place.

The copy shows what the real one shows, so only the traces of decoder or up-sampler tell them apart (final component,
arXiv 2601.20461; Aligned Datasets, ICLR 2025; DDA, NeurIPS 2025). The networks are public ones that
``fakeweb models fetch`` brings; each is a family of its own, so that an evaluation can leave one out.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import ClassVar

import cv2
import numpy as np

from fakeweb.forge.blend import alpha
from fakeweb.forge.method import FULL, Method, Strength
from fakeweb.forge.patch import Patch, Worked
from fakeweb.forge.regions import BROWS, EYES, LIPS, MOUTH
from fakeweb.forge.spectral import faded
from fakeweb.runtime import Session, find_weights, open_session, sha256_of
from fakeweb.types import Face, FloatArray, Image, Kind, UInt8Array

Copier = Callable[[UInt8Array], UInt8Array]
"""Pixels, uint8 RGB (h, w, 3), to their copy of the same shape; the same pixels give the same copy."""
_VERSION = 1
"""Counts changes after which the same pixels give another copy."""
_WHOLE = 0.6
"""Share of the copies that cover the whole face; the others lie in a part of it, as after inpainting."""
_TONE_PX = 12
"""Differences wider than this (standard deviation of a Gaussian) are taken back: colours are not what shall tell."""
_KERNELS = (cv2.INTER_AREA, cv2.INTER_CUBIC, cv2.INTER_LANCZOS4)


class Network:
    """A decoder or super-resolution network, run by ONNX Runtime; loaded at its first call.

    Args:
        weights: Name of its graph among the weights of ``fakeweb models fetch``.
        scale: How much larger its output is; above 1 it is given a picture made smaller by that.
        step: Sides of its input must be multiples of this.
        rim_px: Width of a mirrored rim around its input, whose copy is cut off: networks see its borders as black.

    Raises:
        ModelMissing, ModelCorrupt, ModelIncompatible: When called; see :func:`fakeweb.runtime.find_weights`.
    """

    def __init__(self, weights: str, *, scale: int, step: int, rim_px: int) -> None:
        self.weights, self.scale, self.step, self.rim_px = weights, scale, step, rim_px

    def __call__(self, pixels: UInt8Array) -> UInt8Array:
        """Return the copy of pixels (h, w, 3), as large as they are and in the same place."""
        height, width = pixels.shape[:2]
        made = self._run(_shrunk(pixels, self.scale) if self.scale > 1 else pixels)[:height, :width]
        gap = cv2.GaussianBlur(pixels - made, (0, 0), _TONE_PX)
        return np.asarray(np.clip(np.rint(made + gap), 0, 255), np.uint8)

    def digest(self) -> str:
        """Return what tells this network from others, and its copies: of its weights and of how they are made."""
        told = (sha256_of(find_weights(self.weights)), self.scale, self.rim_px, _TONE_PX, _VERSION)
        return hashlib.sha256(repr(told).encode()).hexdigest()[:12]

    def _run(self, pixels: UInt8Array) -> FloatArray:
        """Return the network's output for pixels, float32 (scale * h, scale * w, 3) in [0, 255]."""
        height, width = pixels.shape[:2]
        rims = [(self.rim_px, self.rim_px + -(n + 2 * self.rim_px) % self.step) for n in (height, width)]
        fed = np.pad(pixels, (*rims, (0, 0)), mode="symmetric").transpose(2, 0, 1)[None]
        out = _session(self.weights).run(np.ascontiguousarray(fed, np.float32) / np.float32(255))
        whole = out["copy"][0].transpose(1, 2, 0)
        top, left = (
            self.rim_px * self.scale - (fed.shape[2 + axis] * self.scale - whole.shape[axis]) // 2
            for axis in (0, 1)
        )
        cut = whole[top : top + height * self.scale, left : left + width * self.scale]
        return np.asarray(cut * np.float32(255), np.float32)


def _session(weights: str) -> Session:
    path = find_weights(weights)
    return _opened(path, path.stat().st_mtime_ns)


@lru_cache(maxsize=8)
def _opened(path: Path, _changed: int) -> Session:
    return open_session(path)


def _shrunk(pixels: UInt8Array, scale: int) -> UInt8Array:
    """Make pixels smaller by a whole factor, by a kernel that depends on the pixels; sides are filled up before."""
    height, width = pixels.shape[:2]
    full = np.pad(pixels, ((0, -height % scale), (0, -width % scale), (0, 0)), mode="edge")
    kernel = _KERNELS[int(full[::7, ::7].sum()) % len(_KERNELS)]
    if kernel != cv2.INTER_AREA:
        full = np.asarray(cv2.GaussianBlur(full, (0, 0), 0.3 * scale), np.uint8)
    size = (full.shape[1] // scale, full.shape[0] // scale)
    return np.asarray(cv2.resize(full, size, interpolation=kernel), np.uint8)


class Copy(Method):
    """Base of the copies; a subclass says through which network.

    Args:
        strength: How much of the copy is laid over the real face, 1 all of it; see :class:`Method`.
        copier: Makes the copies; None: the network does.
    """

    kind: ClassVar[Kind] = "generated"
    optional: ClassVar[bool] = True
    reach: ClassVar[float] = 1.8
    network: ClassVar[Network]

    def __init__(self, *, strength: Strength = FULL, copier: Copier | None = None) -> None:
        super().__init__(strength=strength)
        self.copier = copier or self.network

    @classmethod
    def check_ready(cls) -> None:
        """Check that the network was fetched.

        Raises:
            ModelMissing, ModelCorrupt: It was not, or is damaged; the hint says the one command.
        """
        find_weights(cls.network.weights)

    @classmethod
    def source_of(cls, image: Image, face: Face) -> UInt8Array:
        """Return what of a picture is copied, uint8 (h, w, 3)."""
        return _bytes_of(cls.opened(image, face))

    def work(self, patch: Patch, strength: float, rng: np.random.Generator) -> Worked:
        """Return the patch with its copy laid over all of it or a part."""
        copy = np.asarray(self.copier(_bytes_of(patch)), np.float32)
        share = np.float32(0.2 + 0.8 * strength)
        whole = float(rng.uniform()) < _WHOLE
        part = _part(patch, rng)
        if whole:
            return faded(patch, patch.pixels + share * (copy - patch.pixels), float(share))
        return Worked(alpha(copy, patch.pixels, part * share), np.asarray(part * share, np.float32))


def _bytes_of(patch: Patch) -> UInt8Array:
    return np.ascontiguousarray(patch.pixels.astype(np.uint8))


def _part(patch: Patch, rng: np.random.Generator) -> FloatArray:
    """Draw a soft part of the face, (h, w): all of it, the eyes, the mouth or the middle."""
    drawn = int(rng.integers(4))
    feather, grow = float(rng.uniform(0.05, 0.2)), float(rng.uniform(0.05, 0.2))
    if drawn == 0:
        return patch.hull(feather=feather, grow=grow - 0.1)
    points = {1: np.concatenate([*EYES, *BROWS]), 2: np.concatenate([LIPS, MOUTH])}.get(drawn)
    if points is None:
        points = np.concatenate([*EYES, LIPS])
    outline = np.asarray(cv2.convexHull(patch.points[points]), np.float32)[:, 0]
    return patch.fill([outline], feather=feather, grow=grow)


class Taef2(Copy):
    """Through TAEF2, the tiny autoencoder of FLUX.2's latents: up-sampling by nearest neighbours and convolutions."""

    name: ClassVar[str] = "taef2"
    network: ClassVar[Network] = Network("taef2", scale=1, step=16, rim_px=8)


class VaeLight(Copy):
    """Through VAElight, a small autoencoder of Stable Diffusion's latents: four bands, transposed convolutions."""

    name: ClassVar[str] = "vaelight"
    network: ClassVar[Network] = Network("vaelight", scale=1, step=8, rim_px=16)


class Span(Copy):
    """Shrunk by two and enlarged by SPAN, a super-resolution network that shuffles pixels."""

    name: ClassVar[str] = "span"
    network: ClassVar[Network] = Network("span-x2", scale=2, step=1, rim_px=8)


class Waifu2x(Copy):
    """Shrunk by two and enlarged by waifu2x's network for photos, whose last layer is a transposed convolution."""

    name: ClassVar[str] = "waifu2x"
    network: ClassVar[Network] = Network("waifu2x-x2", scale=2, step=1, rim_px=8)
