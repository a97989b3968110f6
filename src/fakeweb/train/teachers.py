"""Other models whose P(fake) a network learns from (Hinton, Vinyals, Dean: Distilling the knowledge, 2015)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from fakeweb import registry
from fakeweb.classifiers import OnnxClassifier
from fakeweb.errors import ModelCorrupt, ModelIncompatible, ModelMissing
from fakeweb.runtime import ModelCard, find_card, open_session, sha256_of
from fakeweb.train.heads import dress
from fakeweb.train.recipe import Recipe, from_dict
from fakeweb.types import KINDS, Crop, Face

Ask = Callable[[torch.Tensor], torch.Tensor]


class Teachers:
    """Models that are asked together; P(fake) is their mean.

    Args:
        paths: Cards (``.json``), names of shipped models, or checkpoints of a training (``checkpoint.pt``).
        recipe: Whose crops they will see; their own must have the same margin, and may have another side.
        device: Where checkpoints compute; cards compute in ONNX Runtime, on the CPU.

    Raises:
        ModelMissing, ModelCorrupt, UnknownName: As their names say.
        ModelIncompatible: A teacher wants crops of another margin.
    """

    def __init__(self, paths: Sequence[str], recipe: Recipe, device: torch.device) -> None:
        self.digests: list[str] = []
        self._asked: list[Ask] = []
        for path in paths:
            if Path(path).suffix == ".pt":
                self._asked.append(self._checkpoint(Path(path), recipe, device))
            else:
                self._asked.append(self._card(path, recipe))

    def __bool__(self) -> bool:
        return bool(self._asked)

    def p_fake(self, pixels: torch.Tensor) -> torch.Tensor:
        """Return the mean P(fake), float32 (N,), for uint8 RGB (N, S, S, 3)."""
        with torch.no_grad():
            return torch.stack([ask(pixels) for ask in self._asked]).mean(0)

    def _card(self, path: str, recipe: Recipe) -> Ask:
        card = find_card(path)
        if not isinstance(card, ModelCard):
            raise ModelIncompatible(
                f"{card.reference} is a {card.task}, not a classifier", hint="see `fakeweb models`"
            )
        _same_margin(card.reference, card.margin, recipe)
        self.digests.append(card.sha256)
        if card.adapter is not None:
            return _adapted(card)
        session = open_session(card, threads=torch.get_num_threads())

        def ask(pixels: torch.Tensor) -> torch.Tensor:
            batch = _resized(pixels, card.side_px).permute(0, 2, 3, 1).round().clamp(0, 255)
            logits = session.run(batch.to(torch.uint8).cpu().numpy())["logit"]
            p = [card.calibration.probability(float(z)) for z in logits]
            return torch.from_numpy(np.array(p, np.float32)).to(pixels.device)

        return ask

    def _checkpoint(self, path: Path, recipe: Recipe, device: torch.device) -> Ask:
        if not path.is_file():
            raise ModelMissing(f"no teacher at {path}", hint="give a card.json or a training's checkpoint.pt")
        try:
            state = torch.load(path, map_location="cpu", weights_only=True)
            theirs = from_dict(state["recipe"], str(path))
            net = build_net(theirs, None)
            net.load_state_dict(state["best"]["state"] or state["average"])
        except (KeyError, RuntimeError, TypeError, OSError, EOFError) as error:
            reason = str(error).partition("\n")[0]
            raise ModelCorrupt(
                f"{path} is no checkpoint: {reason}", hint="give a card.json or a training's checkpoint.pt"
            ) from error
        _same_margin(str(path), theirs.data.margin, recipe)
        self.digests.append(sha256_of(path))
        net = net.to(device).eval().requires_grad_(False)
        return lambda pixels: torch.sigmoid(
            net(_resized(pixels.to(device), theirs.data.side_px))[:, 0].float()
        )


def build_net(recipe: Recipe, weights: Path | None) -> nn.Module:
    """Build the recipe's network with all that stands on it."""
    name, _, argument = recipe.net.partition(":")
    build = registry.load("net", name)
    net: nn.Module = build(1 + len(KINDS), argument, weights)
    sorter = build(1 + len(KINDS), argument, weights) if recipe.optim.heads == "two-stage" else None
    return dress(net, recipe, sorter)


def _adapted(card: ModelCard) -> Ask:
    """Ask a network that was not exported here, which takes crops one by one."""
    classifier = OnnxClassifier(card, threads=torch.get_num_threads())
    face, there = Face((0, 0, card.side_px, card.side_px)), np.eye(2, 3, dtype=np.float32)

    def ask(pixels: torch.Tensor) -> torch.Tensor:
        batch = _resized(pixels, card.side_px).permute(0, 2, 3, 1).round().clamp(0, 255).to(torch.uint8)
        scores = classifier.score([Crop(p, face, there) for p in batch.cpu().contiguous().numpy()])
        return torch.tensor([score.p_fake for score in scores], device=pixels.device)

    return ask


def _resized(pixels: torch.Tensor, side_px: int) -> torch.Tensor:
    """Return float RGB (N, 3, side, side) in [0, 255]."""
    x = pixels.permute(0, 3, 1, 2).float()
    if x.shape[-1] == side_px:
        return x
    return functional.interpolate(
        x, size=(side_px, side_px), mode="bilinear", antialias=x.shape[-1] > side_px
    )


def _same_margin(name: str, margin: float, recipe: Recipe) -> None:
    if abs(margin - recipe.data.margin) > 1e-6:
        raise ModelIncompatible(
            f"the teacher {name} wants crops of margin {margin:g}, the recipe cuts {recipe.data.margin:g}",
            hint="set data.margin to the teacher's",
        )
