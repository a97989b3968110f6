"""From the trained finder to ``<name>.onnx`` and its card."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from fakeweb.errors import ModelIncompatible
from fakeweb.faces.anchor_free import STRIDES
from fakeweb.faces.proposer import Proposer
from fakeweb.media import write_atomically
from fakeweb.runtime import FinderCard, open_session, sha256_of
from fakeweb.train.export import to_bytes, to_onnx, write_card
from fakeweb.train.finder.measure import MIN_LOGIT, Validation
from fakeweb.train.finder.pool import Pool
from fakeweb.train.finder.recipe import FinderRecipe

MAX_GAP = 1e-2
"""Largest difference between torch and ONNX Runtime in any number of the maps."""


def finish(
    net: nn.Module, recipe: FinderRecipe, validation: Validation, pools: Mapping[str, Pool], folder: Path
) -> Path:
    """Export the network, check it against torch, and write its card.

    Args:
        net: The trained network in evaluation mode, on the CPU.
        recipe: What it was trained by.
        validation: Sets the threshold.
        pools: What it was trained on.
        folder: Where both files go.

    Returns:
        Path of the card.

    Raises:
        ModelIncompatible: ONNX Runtime gives something else than torch.
    """
    path = folder / f"{recipe.name}.onnx"
    write_atomically(path, _to_onnx(net))
    card = FinderCard(
        name=recipe.name,
        version=recipe.version,
        title=recipe.title,
        path=path,
        sha256=sha256_of(path),
        licence=recipe.licence,
        min_logit=MIN_LOGIT,
        smallest_px=recipe.scene.face_px[0],
    )
    _check_parity(net, card)
    threshold, figures = validation.measure(Proposer(card).rows, recipe.false_alarms)
    card = replace(card, min_logit=round(threshold, 3), details=_details(recipe, figures, pools))
    return write_card(card, folder)


def _details(recipe: FinderRecipe, figures: Mapping[str, float], pools: Mapping[str, Pool]) -> dict[str, Any]:
    counts = Counter(cutting.source for cutting in pools["train"].faces)
    return {
        "teachers": [Path(file).stem for file in recipe.data.files],
        "trained_on": {
            name: {"pictures": count, "licence": recipe.data.licences.get(name, "unknown")}
            for name, count in sorted(counts.items())
        },
        "empty_pictures": len(pools["train"].empty),
        "epochs": recipe.optim.epochs,
        "validation_a": {k: round(v, 4) for k, v in figures.items() if np.isfinite(v)},
        "limits": list(recipe.limits),
    }


def _to_onnx(net: nn.Module) -> bytes:
    height, width = (32 * torch.export.Dim(name, min=1, max=512) for name in ("rows", "columns"))
    outputs = [f"stride_{stride}" for stride in STRIDES]
    return to_bytes(to_onnx(net, (1, 96, 128, 3), outputs, {1: height, 2: width}))


def _check_parity(net: nn.Module, card: FinderCard) -> None:
    session = open_session(card)
    rng = np.random.default_rng(1)
    for shape in ((64, 96), (320, 32), (640, 640)):
        coarse = rng.integers(0, 256, (1, shape[0] // 8, shape[1] // 8, 3), np.uint8)
        pixels = coarse.repeat(8, 1).repeat(8, 2)
        out = session.run(pixels)
        with torch.no_grad():
            wanted = net(torch.from_numpy(pixels))
        for stride, theirs in zip(STRIDES, wanted, strict=True):
            gap = float(np.abs(out[f"stride_{stride}"] - theirs.numpy()).max())
            if not gap <= MAX_GAP:
                raise ModelIncompatible(
                    f"torch and ONNX Runtime differ by {gap:.2g} at stride {stride}",
                    hint="try another version of torch or onnxruntime",
                )
