"""From a trained network to ``<name>.onnx`` and its card."""

from __future__ import annotations

import io
import json
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from fakeweb.errors import ModelIncompatible
from fakeweb.media import write_atomically
from fakeweb.runtime import Calibration, Decision, ModelCard, open_session, sha256_of
from fakeweb.train.recipe import Recipe

MAX_PARITY_GAP = 1e-3


class Deployed(nn.Module):
    """The network as it ships: uint8 RGB (N, S, S, 3) -> ``logit`` (N,) and ``kinds`` (N, K)."""

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.net = net

    def forward(self, pixels: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        out = self.net(pixels.permute(0, 3, 1, 2).float())
        return out[:, 0], out[:, 1:]


def export(
    net: nn.Module,
    recipe: Recipe,
    kinds: tuple[str, ...],
    calibration: Calibration,
    decision: Decision,
    details: dict[str, Any],
    folder: Path,
) -> Path:
    """Write the ONNX file and its card; check that ONNX Runtime gives what torch gives.

    Args:
        net: The trained network, in evaluation mode, on the CPU.
        recipe: What it was trained by.
        kinds: Names of the outputs after the first.
        calibration: For the card.
        decision: For the card.
        details: For the card.
        folder: Where both files go.

    Returns:
        Path of the card.

    Raises:
        ModelIncompatible: P(fake) differs by more than 0.001 between torch and ONNX Runtime.
    """
    model = Deployed(net).eval()
    side = recipe.data.side_px
    example = torch.from_numpy(np.random.default_rng(0).integers(0, 256, (2, side, side, 3), np.uint8))
    buffer = io.BytesIO()
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")  # the exporter warns about itself
        program = torch.onnx.export(
            model,
            (example,),
            input_names=["pixels"],
            output_names=["logit", "kinds"],
            dynamic_shapes=({0: torch.export.Dim("n", min=1)},),
            dynamo=True,
            verbose=False,
        )
        program.save(buffer)
    path = folder / f"{recipe.name}.onnx"
    write_atomically(path, buffer.getvalue())
    card = ModelCard(
        name=recipe.name,
        version=recipe.version,
        title=recipe.title,
        task="classifier",
        path=path,
        sha256=sha256_of(path),
        side_px=side,
        margin=recipe.data.margin,
        kinds=kinds,
        calibration=calibration,
        decision=decision,
        licence=details["licence"],
        details={
            **details,
            "parity_max_gap": _parity_gap(model, path, side, calibration, recipe, kinds, decision),
        },
    )
    card_path = folder / f"{recipe.name}.json"
    write_atomically(card_path, (json.dumps(card.to_dict(), indent=2, ensure_ascii=False) + "\n").encode())
    return card_path


def _parity_gap(model: nn.Module, path: Path, side: int, calibration: Calibration, recipe: Recipe,
                kinds: tuple[str, ...], decision: Decision) -> float:  # fmt: skip
    card = ModelCard(recipe.name, recipe.version, "", "classifier", path, sha256_of(path), side,
                     recipe.data.margin, kinds, calibration, decision, "")  # fmt: skip
    session = open_session(card)
    rng = np.random.default_rng(1)
    gap = 0.0
    for _ in range(16):
        coarse = rng.integers(0, 256, (1, 8, 8, 3), np.uint8)
        pixels = np.repeat(np.repeat(coarse, -(-side // 8), 1), -(-side // 8), 2)[:, :side, :side]
        with torch.no_grad():
            ours = calibration.probability(float(model(torch.from_numpy(pixels))[0][0]))
        gap = max(gap, abs(ours - calibration.probability(float(session.run(pixels)["logit"][0]))))
    if gap > MAX_PARITY_GAP:
        raise ModelIncompatible(
            f"torch and ONNX Runtime differ by {gap:.2g} in P(fake)",
            hint="try another version of torch or onnxruntime",
        )
    return gap
