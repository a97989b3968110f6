"""Temporal network (CNN + LSTM) driven by its card: judges a face track as a whole."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from fakeweb.errors import ModelIncompatible
from fakeweb.runtime import Driven, TemporalCard
from fakeweb.types import Crop


class OnnxTemporal(Driven[TemporalCard]):
    """Judges tracks: some crops of one person, in order of time.

    Args:
        model: Name of a model, path of a card, or a card.
        threads: Threads inside one call.

    Raises:
        UnknownName, ModelMissing, ModelCorrupt, ModelIncompatible: As their names say.
    """

    takes, called = TemporalCard, "a temporal network"

    @property
    def side_px(self) -> int:
        """Side of the square crops it wants."""
        return self.card.side_px

    @property
    def margin(self) -> float:
        """Crop margin it was trained with."""
        return self.card.margin

    @property
    def min_face_px(self) -> float:
        """Faces narrower than this are too small to judge."""
        return self.card.min_face_px

    def score_track(self, crops: Sequence[Crop]) -> float:
        """Return P(fake) of one person.

        Args:
            crops: In order of time, at least one; as many as the card wants are taken, evenly, and some repeated
                where there are fewer.

        Raises:
            ValueError: No crop, or one of the wrong size.
            ModelIncompatible: The network gave no number.
        """
        if not crops:
            raise ValueError("a track needs at least one crop")
        if any(crop.side_px != self.side_px for crop in crops):
            raise ValueError(f"{self.reference} wants crops of {self.side_px} px")
        places = np.linspace(0, len(crops) - 1, self.card.frames).round().astype(int)
        out = self._session.run(np.stack([crops[p].pixels for p in places.tolist()])[None])
        logit = float(np.asarray(out.get("logit", [math.nan])).reshape(-1)[0])
        if not math.isfinite(logit):
            raise ModelIncompatible(f"{self.reference} gave no number", hint="export the model again")
        return self.card.calibration.probability(logit)
