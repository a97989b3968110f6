"""What stands on a network beside its plain outputs: an evidence map, a second stage.

A network of ``nets/`` maps float RGB (N, 3, S, S) to (N, outputs). To carry an evidence map it also has

* ``map_channels: tuple[int, ...]``, and ``with_maps(x, stride) -> (outputs, maps)``: feature maps of these
  channels, the first of them with about S / stride cells a side;
* ``head_names: tuple[str, ...]``: beginnings of its new layers' names, for ``freeze = "backbone"``.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import torch
from torch import nn
from torch.nn import functional

from fakeweb import registry
from fakeweb.errors import BadRecipe
from fakeweb.train.recipe import Recipe
from fakeweb.types import KINDS

_NORMS = (nn.modules.batchnorm._NormBase, nn.LayerNorm, nn.GroupNorm)


class Outputs(NamedTuple):
    """What a network says: ``logits`` (N, 1 + K), logits of ``evidence`` (N, h, w), or None."""

    logits: torch.Tensor
    evidence: torch.Tensor | None = None


class EvidenceHead(nn.Module):
    """From feature maps to one logit per cell: each map through a 1 x 1 convolution, added up at ``side`` cells."""

    def __init__(self, channels: tuple[int, ...], side: int, width: int = 64) -> None:
        super().__init__()
        self.side = side
        self.squeeze = nn.ModuleList(nn.Conv2d(c, width, 1) for c in channels)
        self.mix = nn.Conv2d(width, width, 3, padding=1)
        self.out = nn.Conv2d(width, 1, 1)
        nn.init.zeros_(self.out.weight)
        nn.init.constant_(self.out.bias, -2.0)  # most of most faces is untouched

    def forward(self, maps: list[torch.Tensor]) -> torch.Tensor:
        size = (self.side, self.side)
        parts = [
            functional.interpolate(squeeze(m), size=size, mode="bilinear", align_corners=False)
            for squeeze, m in zip(self.squeeze, maps, strict=True)
        ]
        mixed = functional.relu(torch.stack(parts).sum(0))
        return self.out(functional.relu(self.mix(mixed)))[:, 0]


class Judge(nn.Module):
    """A network with what the recipe asks for beside its outputs.

    Args:
        net: The network.
        recipe: The recipe.
        sorter: A second network, whose outputs say which kind; None: the first says both.
    """

    def __init__(self, net: nn.Module, recipe: Recipe, sorter: nn.Module | None = None) -> None:
        super().__init__()
        self.net, self.sorter = net, sorter
        self.stride = recipe.evidence.stride
        self.evidence: EvidenceHead | None = None
        if recipe.evidence.weight:
            side = -(-recipe.data.side_px // self.stride)
            self.evidence = EvidenceHead(_map_channels(net, self.stride, recipe.net), side)

    def said(self, x: torch.Tensor) -> Outputs:
        """Return all outputs for float RGB (N, 3, S, S) in [0, 255]."""
        evidence = None
        if self.evidence is None:
            logits = self.net(x)
        else:
            logits, maps = self.net.with_maps(x, self.stride)
            evidence = self.evidence(maps)
        if self.sorter is not None:
            logits = torch.cat([logits[:, :1], self.sorter(x)[:, 1:]], 1)
        return Outputs(logits, evidence)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.said(x).logits


def outputs_of(net: nn.Module, x: torch.Tensor) -> Outputs:
    """Run any network; a plain one says nothing but its logits."""
    said = getattr(net, "said", None)
    return Outputs(net(x)) if said is None else said(x)


def dress(net: nn.Module, recipe: Recipe, sorter: nn.Module | None = None) -> nn.Module:
    """Put on a network what the recipe asks for; the network itself, where that is nothing."""
    plain = not (recipe.evidence.weight or sorter)
    return net if plain else Judge(net, recipe, sorter)


def build_net(recipe: Recipe, weights: Path | None) -> nn.Module:
    """Build the recipe's network with all that stands on it."""
    name, _, argument = recipe.net.partition(":")
    build = registry.load("net", name)
    net: nn.Module = build(1 + len(KINDS), argument, weights)
    sorter = build(1 + len(KINDS), argument, weights) if recipe.optim.heads == "two-stage" else None
    return dress(net, recipe, sorter)


def freeze(net: nn.Module, recipe: Recipe, frozen: bool) -> None:
    """Set which weights learn, for training mode; call after ``net.train()``.

    Raises:
        BadRecipe: ``freeze = "backbone"`` and the network does not tell its new layers apart.
    """
    how = recipe.optim.freeze if frozen else "none"
    for name, weight in net.named_parameters():
        weight.requires_grad_(how != "backbone" or _is_new(net, name, recipe.net))
    for name, module in net.named_modules():
        if isinstance(module, _NORMS) and (
            how == "norm" or (how == "backbone" and not _is_new(net, name + ".", recipe.net))
        ):
            module.eval()
            for weight in module.parameters():
                weight.requires_grad_(False)


def _is_new(net: nn.Module, name: str, asked: str) -> bool:
    """Tell whether a weight belongs to the layers that no pretrained file brings."""
    if not isinstance(net, Judge):
        return name.startswith(_head_names(net, asked))
    part, _, rest = name.partition(".")
    inner = {"net": net.net, "sorter": net.sorter}.get(part)
    return inner is None or rest.startswith(_head_names(inner, asked))


def _head_names(net: nn.Module, asked: str) -> tuple[str, ...]:
    names = getattr(net, "head_names", None)
    if not names:
        raise BadRecipe(
            f"the network '{asked}' does not say which of its layers are new",
            hint='give it head_names, or set optim.freeze = "none"',
        )
    return tuple(names)


def _map_channels(net: nn.Module, stride: int, asked: str) -> tuple[int, ...]:
    channels = getattr(net, "map_channels", None)
    if channels is None:
        raise BadRecipe(
            f"the network '{asked}' gives no feature maps, which an evidence map needs",
            hint="set evidence.weight = 0, or choose another net",
        )
    return tuple(channels(stride))
