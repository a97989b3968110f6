"""From a trained content classifier to calibration, ONNX and card."""

from __future__ import annotations

import dataclasses
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from fakeweb.errors import ModelIncompatible
from fakeweb.media import write_atomically
from fakeweb.metrics import Floats, Ints, wilson
from fakeweb.runtime import ContentCard, open_session, sha256_of
from fakeweb.train.content.pictures import Labelled
from fakeweb.train.content.recipe import ContentRecipe
from fakeweb.train.export import MAX_PARITY_GAP, coarse_noise, halved, to_bytes, to_onnx, write_card
from fakeweb.train.task import Result


class _Deployed(nn.Module):
    """The network as it ships: uint8 RGB (N, S, S, 3) -> ``logits`` (N, classes)."""

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.net = net

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        said: torch.Tensor = self.net(pixels.permute(0, 3, 1, 2).float())
        return said


def finish(
    result: Result,
    recipe: ContentRecipe,
    pictures: Mapping[str, Sequence[Labelled]],
    logits: Floats,
    out: Path,
) -> Path:
    """Calibrate on groups A, measure, write ``NAME.onnx`` (weights as float16) and its card; return the card's path.

    Args:
        result: What was trained; its weights fit float16.
        recipe: By what.
        pictures: Of the splits ``train`` and ``val``.
        logits: What it says of ``val``, (N, classes).
        out: Where both files go.

    Raises:
        ModelIncompatible: ONNX Runtime computes something else than torch.
    """
    val, side = pictures["val"], recipe.data.side_px
    labels = np.array([one.number for one in val], np.int64)
    first = np.array([one.half == "A" for one in val])
    temperature = fit_temperature(logits[first], labels[first]) if first.any() else 1.0
    path = out / f"{recipe.name}.onnx"
    model = _Deployed(result.net).eval()
    any_number = {0: torch.export.Dim("n", min=1)}
    proto = to_onnx(model, (2, side, side, 3), ["logits"], any_number)
    write_atomically(path, to_bytes(halved(proto)))
    card = ContentCard(
        name=recipe.name, version=recipe.version, title=recipe.title, path=path, sha256=sha256_of(path),
        licence=recipe.licence, side_px=side, classes=tuple(recipe.data.classes),
        temperature=round(temperature, 4), least_p=recipe.optim.least_p,
    )  # fmt: skip
    details = _details(recipe, pictures, card, logits, labels, first)
    gap = _parity_gap(model, card)
    card = dataclasses.replace(card, details={**details, "parity_max_gap": gap})
    return write_card(card, out)


def fit_temperature(logits: Floats, labels: Ints) -> float:
    """Return the temperature of the least log loss, from a grid of 1.02 to the n-th in [0.1, 10].

    Args:
        logits: (N, classes).
        labels: (N,) numbers of the right classes.
    """
    grid = 1.02 ** np.arange(-116, 117)
    losses = [
        -float(np.log(_softmax(logits / t)[np.arange(len(labels)), labels] + 1e-12).mean()) for t in grid
    ]
    return float(grid[int(np.argmin(losses))])


def _details(
    recipe: ContentRecipe,
    pictures: Mapping[str, Sequence[Labelled]],
    card: ContentCard,
    logits: Floats,
    labels: Ints,
    first: np.ndarray,
) -> dict[str, Any]:
    p = _softmax(logits / card.temperature)
    right, sure = p.argmax(1) == labels, p.max(1) >= card.least_p
    classes = {
        name: {"pictures": int((labels == i).sum()), "right": int(right[labels == i].sum())}
        for i, name in enumerate(card.classes)
    }
    counts = Counter((one.sample.source, one.folder) for one in pictures["train"])
    return {
        "training_data": [
            {"source": source, "folder": folder, "pictures": count,
             "licence": recipe.data.licences.get(source, "unknown")}
            for (source, folder), count in sorted(counts.items())
        ],
        "scores": {
            "pictures": len(labels), "accuracy": round(float(right.mean()), 4),
            "interval": [round(v, 4) for v in wilson(int(right.sum()), len(labels))],
            "uncertain": round(float((~sure).mean()), 4),
            "accuracy_of_answered": round(float(right[sure].mean()), 4) if sure.any() else None,
            "ece_half_b": round(_ece(p[~first], right[~first]), 4) if (~first).any() else None,
            "classes": classes,
        },
        "recipe": json.loads(json.dumps(dataclasses.asdict(recipe))),
        "limits": list(recipe.limits),
    }  # fmt: skip


def _softmax(z: Floats) -> Floats:
    odds: Floats = np.exp(z - z.max(1, keepdims=True))
    return np.asarray(odds / odds.sum(1, keepdims=True), np.float64)


def _ece(p: Floats, right: np.ndarray) -> float:
    """Return the expected calibration error over ten bins of the highest probability."""
    sure = p.max(1)
    bins = np.minimum((sure * 10).astype(int), 9)
    return float(
        sum(
            abs(sure[bins == b].mean() - right[bins == b].mean()) * (bins == b).mean()
            for b in set(bins.tolist())
        )
    )


def _parity_gap(model: nn.Module, card: ContentCard) -> float:
    session = open_session(card)
    pixels = coarse_noise(np.random.default_rng(1), 8, card.side_px)
    with torch.no_grad():
        ours = model(torch.from_numpy(pixels)).numpy()
    theirs = session.run(pixels)["logits"]
    p, q = (_softmax(np.asarray(z, np.float64) / card.temperature) for z in (ours, theirs))
    gap = float(np.abs(p - q).max())
    if not gap <= MAX_PARITY_GAP:
        raise ModelIncompatible(
            f"torch and ONNX Runtime differ by {gap:.2g} in a probability",
            hint="try another version of torch or onnxruntime",
        )
    return gap
