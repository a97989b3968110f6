"""From a trained network to ``<name>.onnx`` and its card."""

from __future__ import annotations

import json
import warnings
from dataclasses import replace
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
OPSET = 18
"""What the exporter writes without conversion, and every ONNX Runtime since 1.14 reads."""


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
    path = folder / f"{recipe.name}.onnx"
    write_atomically(path, _to_onnx(model, side))
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
        details=details,
    )
    card = replace(card, details={**details, "parity_max_gap": _parity_gap(model, card)})
    card_path = folder / f"{recipe.name}.json"
    text = json.dumps(card.to_dict(), indent=2, ensure_ascii=False, allow_nan=False)
    write_atomically(card_path, (text + "\n").encode("utf-8", "replace"))
    return card_path


def _to_onnx(model: nn.Module, side: int) -> bytes:
    """Export to one self-contained file, the same bytes for the same weights and torch."""
    example = torch.from_numpy(np.random.default_rng(0).integers(0, 256, (2, side, side, 3), np.uint8))
    with warnings.catch_warnings(), torch.no_grad():
        for category in (DeprecationWarning, FutureWarning):  # the exporter's own, about itself
            warnings.simplefilter("ignore", category)
        program = torch.onnx.export(
            model,
            (example,),
            input_names=["pixels"],
            output_names=["logit", "kinds"],
            opset_version=OPSET,
            dynamic_shapes=({0: torch.export.Dim("n", min=1)},),
            dynamo=True,
            verbose=False,
        )
    proto = program.model_proto
    strip_notes(proto)
    return bytes(proto.SerializeToString(deterministic=True))


def strip_notes(part: Any) -> None:
    """Drop what the exporter notes beside the network, such as stack traces with paths of this machine."""
    for field, value in part.ListFields():
        if field.name in ("doc_string", "metadata_props"):
            part.ClearField(field.name)
        elif field.type == field.TYPE_MESSAGE:
            for inner in value if hasattr(value, "__len__") else (value,):
                strip_notes(inner)


def _parity_gap(model: nn.Module, card: ModelCard) -> float:
    """Return the largest difference in P(fake) on coarse noise, one by one and as one batch."""
    session = open_session(card)
    side = card.side_px
    coarse = np.random.default_rng(1).integers(0, 256, (16, 8, 8, 3), np.uint8)
    pixels = coarse.repeat(-(-side // 8), 1).repeat(-(-side // 8), 2)[:, :side, :side]
    with torch.no_grad():
        torchs = model(torch.from_numpy(pixels))[0].numpy()
    alone = np.concatenate([session.run(one[None])["logit"] for one in pixels])
    p_torch, p_alone, p_batch = (
        np.array([card.calibration.probability(float(z)) for z in logits])
        for logits in (torchs, alone, session.run(pixels)["logit"])
    )
    gap = float(np.abs(np.stack([p_alone, p_batch]) - p_torch).max())
    if not gap <= MAX_PARITY_GAP:
        raise ModelIncompatible(
            f"torch and ONNX Runtime differ by {gap:.2g} in P(fake)",
            hint="a model near chance magnifies rounding: train longer; or try another version of torch or onnxruntime",
        )
    return gap
