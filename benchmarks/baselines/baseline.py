"""What published classifiers share: crops in, uncalibrated scores out, even odds as threshold."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from baselines.layers import Array
from fakeweb.types import Crop, Score, Thresholds


class Baseline:
    """A published classifier as it was published: its own probability, called fake from one half on.

    Args:
        reference: ``name@version``.
        network: Takes float32 RGB (256, 256, 3) in [0, 1] and returns the logit of P(fake).
        margin: Side of the crop over the longer side of the face's box, near to what its authors cut.
    """

    side_px = 256
    min_face_px = 1.0

    def __init__(self, reference: str, network: Callable[[Array], float], margin: float) -> None:
        self.reference = reference
        self.margin = margin
        self._network = network

    def score(self, crops: Sequence[Crop]) -> list[Score]:
        """Return one score per crop."""
        logits = [self._network((crop.pixels / 255.0).astype("float32")) for crop in crops]
        return [Score(1 / (1 + math.exp(-max(-500.0, min(500.0, z)))), z, self.reference) for z in logits]

    def thresholds(self) -> Thresholds:
        """Return one half: nothing else was published."""
        return Thresholds(0.5, 0.5)
