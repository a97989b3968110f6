"""The end of a training: calibrate on validation groups A, look once at B, export."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from fakeweb.errors import DatasetError
from fakeweb.metrics import calibration_error
from fakeweb.runtime import Calibration, Decision
from fakeweb.train.calibrate import (
    auc,
    balanced_weights,
    doubtful,
    fit_bent,
    fit_decision,
    source_aucs,
    undecided,
)
from fakeweb.train.classifier.crops import Crops
from fakeweb.train.classifier.export import export
from fakeweb.train.classifier.heads import outputs_of
from fakeweb.train.classifier.plan import Pick
from fakeweb.train.classifier.prepare import FaceSample, labels_and_sources
from fakeweb.train.progress import Progress
from fakeweb.train.recipe import to_dict
from fakeweb.train.task import Result
from fakeweb.types import KINDS

_DEGRADE_SEED = 990_001


def finish(result: Result, crops: Crops, seen_kinds: frozenset[str]) -> Path:
    """Calibrate, measure and export; return the card's path.

    Calibration sees every validation face of groups A twice, as it is and degraded like in training, so that
    the probabilities hold for shared and re-encoded pictures too. A model that cannot be calibrated is exported and
    measured as well; its card says that it is not for use, and it never decides.

    Args:
        result: What was trained.
        crops: What it was trained on.
        seen_kinds: Kinds of fakes that stood in its batches.
    """
    net, recipe, split = result.net, crops.recipe, crops.corpus.split
    present = {f.sample.kind for f in split["train"]} | seen_kinds
    kinds = tuple(k for k in KINDS if k in present)
    columns = [0, *(1 + KINDS.index(k) for k in kinds)]
    faces = split["A"] * 2
    labels, sources = labels_and_sources(faces)
    seeds = (None, _DEGRADE_SEED)
    first = [crops.outputs(net, split["A"], seed=seed) for seed in seeds]
    doubt = doubtful(np.concatenate(first)[:, 0], labels, recipe.calibration.second_look)
    looks = _Looks(crops, net, doubt)
    outputs = np.concatenate([looks(split["A"], s, one) for s, one in zip(seeds, first, strict=True)])
    calibration, decision, weak = _calibrated(outputs[:, 0], labels, sources, crops)
    plain = outputs[: len(split["A"])][:, columns]
    scores = {"validation_A": measure(plain, split["A"], kinds, calibration, decision)}
    if len({f.sample.label for f in split["B"]}) == 2:
        for name, seed in (("validation_B", None), ("validation_B_degraded", _DEGRADE_SEED)):
            out = looks(split["B"], seed)[:, columns]
            scores[name] = measure(out, split["B"], kinds, calibration, decision)
    if split["held_out"]:
        out = looks(held_out := [*split["held_out"], *_reals(split["B"])])[:, columns]
        scores["held_out"] = measure(out, held_out, kinds, calibration, decision)
    if (cells := evidence_auc(crops, net, split["B"])) is not None and "validation_B" in scores:
        scores["validation_B"]["auc_evidence_cells"] = _rounded(cells)
    return export(
        crops.deployed(net, columns).eval(),
        recipe,
        kinds,
        calibration,
        decision,
        _details(result, crops, scores, weak),
        crops.setting.out,
        second_look=looks.doubtful,
    )


def _calibrated(
    logits: np.ndarray, labels: np.ndarray, sources: np.ndarray, crops: Crops
) -> tuple[Calibration, Decision, str]:
    """Calibrate on faces as they are, then degraded; what cannot be has figures all the same, after hours of training.

    Returns:
        For the card: calibration, decision, and why the model is not for use, or "".
    """
    recipe = crops.recipe.calibration
    try:
        calibration = fit_bent(logits, labels, balanced_weights(labels, sources))
    except DatasetError as error:
        crops.setting.tell(Progress("export", 0, 1, note=f"not for use: {error.message}"))
        return *undecided(recipe), error.message
    views = np.repeat([0, 1], len(labels) // 2)
    return calibration, fit_decision(logits, labels, calibration, recipe, views), ""


class _Looks:
    """What a scanner's classifier says: one look at each crop, and a mirrored second one where the first leaves doubt.

    Attributes:
        doubtful: The logits between which it does.
    """

    def __init__(self, crops: Crops, net: nn.Module, doubtful: tuple[float, float] | None) -> None:
        self._crops, self._net, self.doubtful = crops, net, doubtful

    def __call__(
        self, faces: list[FaceSample], seed: int | None = None, first: np.ndarray | None = None
    ) -> np.ndarray:
        """Return the raw outputs, float64 (N, 1 + kinds); ``first`` are those of first looks, where they are known."""
        if first is None:
            first = self._crops.outputs(self._net, faces, seed=seed)
        if self.doubtful is None:
            return first
        second = self._crops.outputs(self._net, faces, seed=seed, mirrored=True)
        again = (self.doubtful[0] < first[:, 0]) & (first[:, 0] < self.doubtful[1])
        return np.where(again[:, None], (first + second) / 2, first)


def evidence_auc(crops: Crops, net: nn.Module, faces: list[FaceSample]) -> float | None:
    """Return the AUC of the evidence map's cells: touched (mask above 0.5) against untouched (below 0.1) ones.

    At first look. Only fakes with a known mask that has both count, so that it tells where, not whether. None
    without a map or without such fakes.
    """
    places = crops.corpus.places_of(faces)
    if not crops.recipe.evidence.weight or places is None:
        return None
    fakes = [face for face in faces if face.sample.label == 1]
    size = 2 * crops.recipe.optim.batch
    picks = [Pick(i, None) for i in range(len(fakes))]
    touched, clean = [], []
    for batch in crops.batches(fakes, [picks[i : i + size] for i in range(0, len(picks), size)]):
        with torch.no_grad():
            maps = outputs_of(net, batch["pixels"].permute(0, 3, 1, 2).float()).evidence
        assert maps is not None  # noqa: S101 - the recipe asks for it
        for cells, mask in zip(
            maps[batch["known"]].numpy(), batch["mask"][batch["known"]].numpy(), strict=True
        ):
            if (mask > 0.5).any() and (mask < 0.1).any():
                touched.append(cells[mask > 0.5])
                clean.append(cells[mask < 0.1])
    return auc(np.concatenate(touched), np.concatenate(clean)) if touched else None


def _reals(faces: list[FaceSample]) -> list[FaceSample]:
    return [face for face in faces if face.sample.label == 0]


def measure(
    outputs: np.ndarray,
    faces: list[FaceSample],
    kinds: tuple[str, ...],
    calibration: Calibration,
    decision: Decision,
) -> dict[str, Any]:
    """Return the figures of one set of faces, over all and per source, as the scanner would decide on each.

    Args:
        outputs: (N, 1 + K) raw outputs.
        faces: The N faces.
        kinds: Names of the K kinds.
        calibration: As it ships.
        decision: As it ships.
    """
    labels, sources = labels_and_sources(faces)
    logits = outputs[:, 0]
    p = np.array([calibration.probability(z) for z in logits])
    called_fake = p >= calibration.probability(decision.fake_logit())
    called_real = ~called_fake & (p <= decision.real)
    weights = balanced_weights(labels, sources)
    two_class = [s for s in set(sources) if len(set(labels[sources == s])) == 2]
    inside = np.isin(sources, two_class)
    known = np.array([f.sample.kind in kinds for f in faces]) & called_fake & (labels == 1)
    right = [kinds[outputs[i, 1:].argmax()] == faces[i].sample.kind for i in np.flatnonzero(known)]
    figures: dict[str, Any] = {
        "faces": Counter("real" if v == 0 else "fake" for v in labels.tolist()),
        "auc_two_class_sources": auc(logits[inside & (labels == 1)], logits[inside & (labels == 0)]),
        "auc_all": auc(logits[labels == 1], logits[labels == 0]),
        "ece": calibration_error(p, labels, weights),
        "real_called_fake": _share(called_fake[labels == 0]),
        "fake_called_fake": _share(called_fake[labels == 1]),
        "fake_called_real": _share(called_real[labels == 1]),
        "uncertain": float((~called_fake & ~called_real).mean()),
        "kind_accuracy_of_detected": float(np.mean(right)) if right else None,
        **source_aucs(logits, labels, sources),
    }
    for source in sorted(set(sources)):
        for label, name in ((0, "real"), (1, "fake")):
            chosen = (sources == source) & (labels == label)
            if chosen.any():
                figures[f"{name}_called_fake_{source}"] = float(called_fake[chosen].mean())
    return {k: _rounded(v) if isinstance(v, float) else v for k, v in figures.items()}


def _share(chosen: np.ndarray) -> float:
    return float(chosen.mean()) if len(chosen) else float("nan")


def _rounded(value: float) -> float | None:
    """Return four digits; None for what could not be measured, since JSON knows no NaN."""
    return round(float(value), 4) if np.isfinite(value) else None


def _details(result: Result, crops: Crops, scores: dict[str, Any], weak: str) -> dict[str, Any]:
    recipe = crops.recipe
    counts = Counter((f.sample.source, f.sample.label) for f in crops.corpus.split["train"])
    sources = sorted({source for source, _ in counts})
    return {
        "licence": recipe.licence,
        **({"not_for_use": weak} if weak else {}),
        "limits": [*([f"Not for use: {weak}."] if weak else []), *recipe.limits],
        "training_data": [
            {
                "source": s,
                "real": counts[s, 0],
                "fake": counts[s, 1],
                "licence": recipe.data.licences.get(s, "unknown"),
            }
            for s in sources
        ],
        "left_out": crops.corpus.prepared.reasons(),
        "selected_epoch": result.epoch,
        **({"averaged_epochs": list(result.averaged)} if result.averaged else {}),
        **({"held_out": list(recipe.data.held_out)} if recipe.data.held_out else {}),
        "scores": scores,
        "recipe": {k: v for k, v in to_dict(recipe).items() if k not in ("title", "licence", "limits")},
    }
