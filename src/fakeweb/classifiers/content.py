"""What a picture shows as a whole: an animal, a person, a vehicle, or something else.

It explains a picture in which no face was found and is never a vote on whether a face was manipulated.
"""

from __future__ import annotations

from pathlib import Path
from typing import cast

import cv2
import numpy as np

from fakeweb.errors import ModelIncompatible
from fakeweb.runtime import Card, ContentCard, Driven
from fakeweb.types import Content, Image, Shown, UInt8Array

DEFAULT_CONTENT = "content"
"""The model that ships."""


class ContentClassifier(Driven[ContentCard]):
    """Says what a picture shows, in one look at a small copy of it. Share it between threads.

    Args:
        model: Name of a model, path of a card, or a card.
        threads: Threads inside one look.

    Raises:
        UnknownName, ModelMissing, ModelCorrupt, ModelIncompatible: The model cannot be used.

    Example:
        >>> said = ContentClassifier().look(Image(np.zeros((64, 64, 3), np.uint8)))
        >>> round(sum(said.p.values()), 2)
        1.0
    """

    takes, called = ContentCard, "a content classifier"

    def __init__(self, model: str | Path | Card = DEFAULT_CONTENT, *, threads: int = 1) -> None:
        super().__init__(model, threads=threads)

    def look(self, image: Image) -> Content:
        """Say what a picture shows.

        Args:
            image: The picture, RGB.

        Raises:
            ModelIncompatible: The model does not give what its card says.
        """
        card = self.card
        out = self._session.run(to_square(image.pixels, card.side_px)[None])
        logits = out.get("logits")
        if logits is None or logits.shape != (1, len(card.classes)):
            raise ModelIncompatible(
                f"{card.reference} gave no 'logits' of {len(card.classes)} classes",
                hint="export the model again",
            )
        p = card.probabilities(logits[0])
        best = cast(Shown, max(p, key=lambda name: p[name]))
        return Content(best if p[best] >= card.least_p else "uncertain", p, self.reference)


def to_square(pixels: UInt8Array, side_px: int) -> UInt8Array:
    """Return the whole picture as a square, shrunk by area and stretched where it is none: uint8 RGB (S, S, 3).

    Args:
        pixels: uint8 RGB (H, W, 3).
        side_px: Side of the square.
    """
    while min(pixels.shape[:2]) >= 4 * side_px:  # halving is much faster
        pixels = _resized(pixels, pixels.shape[1] // 2, pixels.shape[0] // 2, cv2.INTER_AREA)
    if pixels.shape[:2] == (side_px, side_px):
        return np.ascontiguousarray(pixels)
    down = min(pixels.shape[:2]) >= side_px
    return _resized(pixels, side_px, side_px, cv2.INTER_AREA if down else cv2.INTER_LINEAR)


def _resized(pixels: UInt8Array, width: int, height: int, kernel: int) -> UInt8Array:
    return np.asarray(cv2.resize(pixels, (width, height), interpolation=kernel), np.uint8)
