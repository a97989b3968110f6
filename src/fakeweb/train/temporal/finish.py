"""From a trained temporal network to calibration, ONNX and card."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from torch import nn

from fakeweb.errors import DatasetError, ModelIncompatible
from fakeweb.media import write_atomically
from fakeweb.runtime import Calibration, TemporalCard, open_session, sha256_of
from fakeweb.train.calibrate import auc, fit_platt
from fakeweb.train.export import MAX_PARITY_GAP, coarse_noise, to_bytes, to_onnx, write_card
from fakeweb.train.task import Result
from fakeweb.train.temporal.recipe import TemporalRecipe
from fakeweb.train.temporal.tracks import TrackSet


def finish(
    result: Result, recipe: TemporalRecipe, tracks: TrackSet, logits: Mapping[str, np.ndarray], out: Path
) -> Path:
    """Calibrate on groups A, measure groups B, write ``NAME.onnx`` and its card, and return the card's path.

    Args:
        result: What was trained.
        recipe: By what.
        tracks: On what.
        logits: What it says of the clips of ``A`` and ``B``.
        out: Where both files go.

    Raises:
        ModelIncompatible: ONNX Runtime computes something else than torch.
    """
    parts = {p: [c for c in tracks.clips if c.split == p] for p in ("train", "A", "B")}
    labels = {part: np.array([c.label for c in clips]) for part, clips in parts.items()}
    try:
        count = len(labels["A"])
        calibration = fit_platt(logits["A"], labels["A"], np.full(count, 1 / count))
    except DatasetError:  # worse than chance on groups A, as after a few steps: the card says so
        calibration = Calibration(1.0, 0.0)
    scores = {"validation_A": _figures(logits["A"], labels["A"], calibration)}
    if set(labels["B"].tolist()) == {0, 1}:
        scores["validation_B"] = _figures(logits["B"], labels["B"], calibration)
    path = out / f"{recipe.name}.onnx"
    data = recipe.data
    shape = (1, data.frames, data.side_px, data.side_px, 3)  # one track at a time
    write_atomically(path, to_bytes(to_onnx(result.net, shape, ["logit"])))
    counts = {
        p: {"real": sum(c.label == 0 for c in v), "fake": sum(c.label for c in v)} for p, v in parts.items()
    }
    details = {
        "selected_epoch": result.epoch, "clips": counts, "clips_left_out": tracks.left_out, "scores": scores,
        "recipe": json.loads(json.dumps(dataclasses.asdict(recipe))), "limits": list(recipe.limits),
        "shards": tracks.fingerprint,
    }  # fmt: skip
    card = TemporalCard(
        name=recipe.name, version=recipe.version, title=recipe.title, path=path, sha256=sha256_of(path),
        licence=recipe.licence, details=details, frames=data.frames, side_px=data.side_px,
        margin=data.margin, min_face_px=recipe.calibration.min_face_px, calibration=calibration,
    )  # fmt: skip
    _check_parity(result.net, card)
    return write_card(card, out)


def _figures(logits: np.ndarray, labels: np.ndarray, calibration: Calibration) -> dict[str, float]:
    p = np.clip([calibration.probability(float(z)) for z in logits], 0.01, 0.99)
    log_loss = float(-np.mean(np.where(labels == 1, np.log(p), np.log(1 - p))))
    return {
        "auc": auc(logits[labels == 1], logits[labels == 0]),
        "log_loss": log_loss,
        "clips": float(len(p)),
    }


def _check_parity(net: nn.Module, card: TemporalCard) -> None:
    session = open_session(card)
    rng = np.random.default_rng(1)
    for _ in range(3):
        pixels = coarse_noise(rng, 1, card.side_px, (card.frames,))
        with torch.no_grad():
            ours = float(net(torch.from_numpy(pixels))[0])
        theirs = float(session.run(pixels)["logit"][0])
        gap = abs(card.calibration.probability(ours) - card.calibration.probability(theirs))
        if gap > MAX_PARITY_GAP:
            raise ModelIncompatible(
                f"torch and ONNX Runtime differ by {gap:.2g} in P(fake)", hint="try another version of either"
            )
