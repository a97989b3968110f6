"""From a trained network to ``<name>.onnx`` and its card."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from fakeweb.errors import ModelIncompatible
from fakeweb.media import write_atomically
from fakeweb.runtime import Calibration, Decision, ModelCard, open_session, sha256_of
from fakeweb.train.classifier.heads import outputs_of
from fakeweb.train.export import MAX_PARITY_GAP, coarse_noise, to_bytes, to_onnx, write_card
from fakeweb.train.recipe import Recipe

OUTPUTS = ("logit", "kinds", "evidence")


class Deployed(nn.Module):
    """The network as it ships: uint8 RGB (N, S, S, 3) -> ``logit`` (N,), ``kinds`` (N, K) and, if it has a map,
    ``evidence`` (N, h, w) in [0, 1].

    Args:
        net: The trained network.
        columns: Its outputs that were trained: 0, then those of the kinds.
    """  # noqa: D205

    def __init__(self, net: nn.Module, columns: list[int]) -> None:
        super().__init__()
        self.net, self.columns = net, columns

    def to_proto(self) -> Any:
        """Return the ONNX model, where it is not torch that exports it; else None."""
        return None

    def forward(self, pixels: torch.Tensor) -> tuple[torch.Tensor, ...]:
        said = outputs_of(self.net, pixels.permute(0, 3, 1, 2).float())
        out = said.logits[:, self.columns]
        plain = (out[:, 0], out[:, 1:])
        return plain if said.evidence is None else (*plain, torch.sigmoid(said.evidence))


def export(
    model: Deployed,
    recipe: Recipe,
    kinds: tuple[str, ...],
    calibration: Calibration,
    decision: Decision,
    details: dict[str, Any],
    folder: Path,
    second_look: tuple[float, float] | None = None,
) -> Path:
    """Write the ONNX file and its card; check that ONNX Runtime gives what torch gives.

    Args:
        model: The trained network, in evaluation mode, on the CPU.
        recipe: What it was trained by.
        kinds: Names of the outputs after the first.
        calibration: For the card.
        decision: For the card.
        details: For the card.
        folder: Where both files go.
        second_look: For the card.

    Returns:
        Path of the card.

    Raises:
        ModelIncompatible: P(fake), or the evidence, differs by more than 0.001 between torch and ONNX Runtime.
    """
    with torch.no_grad():
        said = model(torch.zeros(1, recipe.data.side_px, recipe.data.side_px, 3, dtype=torch.uint8))
    evidence_side = said[2].shape[-1] if len(said) > 2 else 0
    side = recipe.data.side_px
    path = folder / f"{recipe.name}.onnx"
    any_number = {0: torch.export.Dim("n", min=1)}
    proto = model.to_proto() or to_onnx(model, (2, side, side, 3), OUTPUTS[: len(said)], any_number)
    write_atomically(path, to_bytes(proto))
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
        evidence_side=evidence_side,
        second_look=second_look,
    )
    card = replace(card, details={**details, "parity_max_gap": _parity_gap(model, card)})
    return write_card(card, folder)


def _parity_gap(model: nn.Module, card: ModelCard) -> float:
    """Return the largest difference in P(fake) and evidence on coarse noise, one by one and as one batch."""
    session = open_session(card)
    pixels = coarse_noise(np.random.default_rng(1), 16, card.side_px)
    with torch.no_grad():
        said = [v.numpy() for v in model(torch.from_numpy(pixels))]
    singles = [session.run(one[None]) for one in pixels]
    alone = {name: np.concatenate([one[name] for one in singles]) for name in singles[0]}
    gap = 0.0
    for theirs in (alone, session.run(pixels)):
        ours_p, theirs_p = (
            np.array([card.calibration.probability(float(z)) for z in logits])
            for logits in (said[0], theirs["logit"])
        )
        gap = max(gap, float(np.abs(ours_p - theirs_p).max()))
        if card.evidence_side:
            gap = max(gap, float(np.abs(said[2] - theirs["evidence"]).max()))
    if not gap <= MAX_PARITY_GAP:
        raise ModelIncompatible(
            f"torch and ONNX Runtime differ by {gap:.2g} in P(fake)",
            hint="a model near chance magnifies rounding: train longer; or try another version of torch or onnxruntime",
        )
    return gap
