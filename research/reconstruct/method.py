"""A forge method by small autoencoders: a face as a generator paints it again.

Not one of ``fakeweb forge``: a training with it among its methods ended worse (docs/reference/experiments.md). It is
made and called by hand, as in ``spectra.py`` beside this file; its three networks were trained by
``recipes/autoencoder.toml`` of FakeWeb 0.8.0.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

import cv2
import numpy as np

from fakeweb.errors import ModelCorrupt, ModelMissing
from fakeweb.forge.method import FULL, Method, Strength
from fakeweb.forge.patch import Patch, Worked
from fakeweb.forge.spectral import faded
from fakeweb.runtime import Card, Session, open_session, read_card
from fakeweb.runtime.cards import TASKS
from fakeweb.types import FloatArray, Kind, UInt8Array

MODELS = Path(__file__).parent / "models"
_TRAIN = "version 0.8.0 trains them: `fakeweb train recipes/autoencoder.toml`"

MARGIN_PX = 16
"""Mirrored around the picture, so that the network's own border falls outside it."""


@dataclass(frozen=True, kw_only=True)
class AutoencoderCard(Card):
    """A small autoencoder described: uint8 RGB (N, H, W, 3) in, float RGB of the same shape in [0, 255] out.

    Attributes:
        upsampler: How its decoder doubles sizes.
        stride_px: H and W must be multiples of it.
    """

    task: str = "autoencoder"
    upsampler: str
    stride_px: int

    def __post_init__(self) -> None:
        super().__post_init__()
        if type(self.stride_px) is not int or not 1 <= self.stride_px <= 64:
            raise ValueError("stride_px must lie in [1, 64]")

    def _own(self) -> dict[str, Any]:
        return {"stride_px": self.stride_px, "upsampler": self.upsampler}


def _read_autoencoder(data: Mapping[str, Any]) -> dict[str, Any]:
    return {"upsampler": str(data["upsampler"]), "stride_px": data["stride_px"]}


TASKS["autoencoder"] = (AutoencoderCard, _read_autoencoder)


class Reconstructor:
    """One autoencoder, by its card.

    Args:
        card: Path of its card.

    Raises:
        ModelMissing, ModelCorrupt: The card is missing, or is not one of an autoencoder.
    """

    def __init__(self, card: Path) -> None:
        read = read_card(card)
        if not isinstance(read, AutoencoderCard):
            raise ModelCorrupt(f"{card} describes a {read.task}, not an autoencoder", hint=_TRAIN)
        self.card = read

    @cached_property
    def _session(self) -> Session:
        return open_session(self.card)

    def run(self, pixels: UInt8Array) -> FloatArray:
        """Reconstruct a picture.

        Args:
            pixels: uint8 RGB (H, W, 3), any size.

        Returns:
            float32 RGB (H, W, 3) in [0, 255].
        """
        height, width = pixels.shape[:2]
        below = MARGIN_PX + (-height - 2 * MARGIN_PX) % self.card.stride_px
        right = MARGIN_PX + (-width - 2 * MARGIN_PX) % self.card.stride_px
        padded = cv2.copyMakeBorder(pixels, MARGIN_PX, below, MARGIN_PX, right, cv2.BORDER_REFLECT)
        out = self.paint(np.asarray(padded, np.uint8))
        return out[MARGIN_PX : MARGIN_PX + height, MARGIN_PX : MARGIN_PX + width]

    def paint(self, pixels: UInt8Array) -> FloatArray:
        """Reconstruct as :meth:`run` does, without the margin; the sides must be multiples of ``stride_px``."""
        return np.asarray(self._session.run(pixels[None])["pixels"][0], np.float32)


class Reconstruct(Method):
    """The face and what is around it, painted anew by one of several small autoencoders, drawn by chance.

    Up-samplers leave the traces of a generator (Frank et al., ICML 2020), whatever they paint. At a low strength the
    finest detail of the picture is kept in part. Slower than the other methods: keep what it makes.

    Args:
        strength: See :class:`fakeweb.forge.method.Method`.
        folder: Where the cards of the autoencoders lie.

    Raises:
        ModelMissing, ModelCorrupt: No card in the folder, or a broken one.
    """

    name: ClassVar[str] = "reconstruct"
    kind: ClassVar[Kind] = "generated"
    reach: ClassVar[float] = 1.8

    def __init__(self, *, strength: Strength = FULL, folder: Path = MODELS) -> None:
        super().__init__(strength=strength)
        self.generators = tuple(Reconstructor(card) for card in sorted(folder.glob("*.json")))
        if not self.generators:
            raise ModelMissing(f"no autoencoder in {folder}", hint=_TRAIN)

    def work(self, patch: Patch, strength: float, rng: np.random.Generator) -> Worked:
        """Return the reconstruction."""
        generator = self.generators[rng.integers(len(self.generators))]
        before = patch.pixels.astype(np.uint8)
        painted = generator.run(before)
        lost = patch.pixels - painted
        lost -= np.asarray(cv2.GaussianBlur(lost, (0, 0), 1.5), np.float32)
        kept = np.float32(max(0.0, 0.6 * (1 - strength)))
        return faded(patch, painted + kept * lost, 0.3 + 0.7 * strength)
