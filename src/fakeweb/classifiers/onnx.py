"""Classifier driven by its card: any network exported by ``fakeweb train``."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from fakeweb.classifiers.features import CropEncoder
from fakeweb.classifiers.remote import local_model
from fakeweb.errors import ModelIncompatible
from fakeweb.runtime import Adapter, Composition, Driven, ModelCard, Norms
from fakeweb.types import Crop, FloatArray, Score, Thresholds

DEFAULT_MODEL = "fast"


@dataclass(frozen=True)
class _Look:
    """What the network says of one crop: a logit, raw kinds (K,) and a map of evidence (cells, cells)."""

    logit: float
    kinds: npt.NDArray[np.float64] | None
    evidence: npt.NDArray[np.float32] | None

    def beside(self, mirrored: _Look) -> _Look:
        """Return the mean of this look and one at the mirrored crop."""
        kinds, evidence = self.kinds, self.evidence
        if kinds is not None and mirrored.kinds is not None:
            kinds = (kinds + mirrored.kinds) / 2
        if evidence is not None and mirrored.evidence is not None:
            evidence = (evidence + mirrored.evidence[:, ::-1]) * np.float32(0.5)
        return _Look((self.logit + mirrored.logit) / 2, kinds, evidence)


class OnnxClassifier(Driven[ModelCard]):
    """A classifier that is all data: an ONNX file and its card.

    Where the card asks for a second look at doubtful crops, those are judged once more, mirrored, and the mean of
    both looks counts. Crops go through the network one by one: a batch gains nothing on one core, and so a crop's
    score cannot depend on its neighbours. The file of a composed model is a head: the logit of another model and the
    features of a frozen encoder in, a logit out; kinds and map are the other model's.

    Args:
        model: Name of a shipped model, path or address of a card, or a card.
        threads: Threads inside one call.

    Raises:
        UnknownName, ModelMissing, ModelCorrupt, ModelIncompatible: As their names say.
    """

    takes, called = ModelCard, "a classifier"

    def __init__(self, model: str | Path | ModelCard = DEFAULT_MODEL, *, threads: int = 1) -> None:
        super().__init__(local_model(model), threads=threads)
        composed = self.card.composed
        self._base = None if composed is None else _base_of(self.card, composed, threads)
        self._encoder = None if composed is None else CropEncoder(composed, threads)

    @property
    def side_px(self) -> int:
        """Side of the square crop it wants."""
        return self.card.side_px

    @property
    def margin(self) -> float:
        """Crop margin it was trained with."""
        return self.card.margin

    @property
    def min_face_px(self) -> float:
        """Faces narrower than this are too small to judge."""
        return self.card.decision.min_face_px

    def score(self, crops: Sequence[Crop]) -> list[Score]:
        """Return one calibrated score per crop, in order.

        Raises:
            ValueError: A crop of the wrong size.
            ModelIncompatible: The network gave no number, or not the outputs its card promises.
        """
        return [self._score(crop) for crop in crops]

    def thresholds(self) -> Thresholds:
        """Return where verdicts begin."""
        fake = self.probability(self.card.decision.fake_logit())
        return Thresholds(real=min(self.card.decision.real, fake), fake=fake)

    @property
    def norms(self) -> Norms:
        """What genuine faces were measured to be like."""
        return self.card.norms

    def probability(self, logit: float) -> float:
        """Return calibrated P(fake) of a logit."""
        return self.card.calibration.probability(logit)

    def _score(self, crop: Crop) -> Score:
        if crop.side_px != self.side_px:
            raise ValueError(f"{self.reference} wants crops of {self.side_px} px, got {crop.side_px}")
        look = self._looks(crop.pixels)
        kinds = where = None
        if look.kinds is not None:
            shares = np.exp(look.kinds - look.kinds.max())
            kinds = dict(zip(self.card.kinds, (shares / shares.sum()).tolist(), strict=True))
        if look.evidence is not None:
            where = _cells_to_image(crop, self.card.evidence_side)
        p_fake = self.card.calibration.probability(look.logit)
        return Score(p_fake, look.logit, self.reference, kinds, look.evidence, where)

    def _looks(self, pixels: npt.NDArray[np.uint8]) -> _Look:
        """Look at one crop, uint8 RGB (S, S, 3), and once more, mirrored, where the card asks for it."""
        look = self._look(pixels)
        doubtful = self.card.second_look
        if doubtful is not None and doubtful[0] < look.logit < doubtful[1]:
            look = look.beside(self._look(np.ascontiguousarray(pixels[:, ::-1])))
        return look

    def _look(self, pixels: npt.NDArray[np.uint8]) -> _Look:
        """Run the network on one crop, uint8 RGB (S, S, 3).

        Raises:
            ModelIncompatible: As :meth:`score`.
        """
        if self._base is not None and self._encoder is not None:
            look = self._base._looks(pixels)
            features = np.concatenate([[look.logit], self._encoder(pixels)])
            return replace(look, logit=self._logit(self._session.run(features[None].astype(np.float32))))
        adapter = self.card.adapter
        out = self._session.run(pixels[None] if adapter is None else adapter.feed(pixels))
        logit = self._logit(out)
        kinds = None
        if self.card.kinds and "kinds" in out:
            kinds = np.asarray(out["kinds"][0], np.float64)
            if kinds.shape != (len(self.card.kinds),):
                raise self._not_as_promised(
                    f"kinds of shape {kinds.shape}, not {len(self.card.kinds)} of them"
                )
        return _Look(logit, kinds, self._evidence(out) if self.card.evidence_side else None)

    def _evidence(self, out: Mapping[str, npt.NDArray[np.floating[Any]]]) -> npt.NDArray[np.float32]:
        """Return the evidence map, float32 (cells, cells) in [0, 1]."""
        cells = self.card.evidence_side
        if "evidence" not in out:
            raise self._not_as_promised(f"no output 'evidence', only {', '.join(out)}")
        evidence = np.asarray(out["evidence"][0], np.float32)
        if evidence.shape != (cells, cells):
            raise self._not_as_promised(f"evidence of shape {evidence.shape}, not {(cells, cells)}")
        if not (evidence.min() >= -1e-3 and evidence.max() <= 1 + 1e-3):  # also where it is no number
            raise self._not_as_promised("evidence outside [0, 1]")
        return evidence.clip(0, 1)

    def _logit(self, out: Mapping[str, FloatArray]) -> float:
        """Return the logit out of a network's outputs; a finite number."""
        if self.card.adapter is not None:
            logit = self._adapted(self.card.adapter, out)
        elif "logit" not in out:
            raise self._not_as_promised(f"no output 'logit', only {', '.join(out)}")
        else:
            logit = float(out["logit"][0])
        if not math.isfinite(logit):
            raise self._not_as_promised(f"a logit of {logit}")
        return logit

    def _adapted(self, adapter: Adapter, out: Mapping[str, FloatArray]) -> float:
        try:
            return adapter.logit(out)
        except ValueError as error:
            raise ModelIncompatible(
                f"{self.reference} does not fit its card: {error}", hint="add it again with other options"
            ) from error

    def _not_as_promised(self, what: str) -> ModelIncompatible:
        return ModelIncompatible(f"{self.reference} gave {what}", hint="export the model again")


def _base_of(card: ModelCard, composed: Composition, threads: int) -> OnnxClassifier:
    """Return the model whose looks a composed one starts from.

    Raises:
        ModelIncompatible: It is not the one the head was trained beside.
    """
    base = OnnxClassifier(composed.base, threads=threads)
    same = (base.side_px, base.margin, base.card.kinds, base.card.evidence_side)
    if base.card.sha256 != composed.base_sha256 or same != (
        card.side_px, card.margin, card.kinds, card.evidence_side
    ):  # fmt: skip
        raise ModelIncompatible(
            f"{card.reference} was trained beside another {composed.base} than {base.reference}",
            hint="train its head again, or install the version of FakeWeb it came with",
        )
    return base


def _cells_to_image(crop: Crop, cells: int) -> npt.NDArray[np.float32]:
    """Return the map from (column, row, 1) of a map of evidence to the picture, float32 (2, 3); centres to centres."""
    step = crop.side_px / cells
    to_crop = np.array([[step, 0, (step - 1) / 2], [0, step, (step - 1) / 2], [0, 0, 1]])
    return np.asarray(crop.to_image @ to_crop, np.float32)
