"""What stands on a network beside its plain outputs: an evidence map, a second stage.

A network of ``nets/`` maps float RGB (N, 3, S, S) to (N, outputs). To carry an evidence map it also has

* ``map_channels: tuple[int, ...]``, and ``with_maps(x, stride) -> (outputs, maps)``: feature maps of these
  channels, the first of them with about S / stride cells a side;
* ``head_names: tuple[str, ...]``: beginnings of its new layers' names, for ``freeze = "backbone"`` and ``net.tune``.

``put_on(make, pooling, side_px)`` lets it take a head of the recipe's, ``make(features) -> module``.
"""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import NamedTuple

import torch
from torch import nn
from torch.nn import functional

from fakeweb import registry
from fakeweb.errors import BadRecipe
from fakeweb.runtime import ENCODERS
from fakeweb.train.recipe import HeadRecipe, Recipe
from fakeweb.train.tuning import add_lora, learns, make_head
from fakeweb.train.weights import load_fitting, read_state
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


class FrozenHead(nn.Module):
    """Features of a frozen encoder (N, size) -> (N, outputs): standardised as the training's are, then the head.

    Args:
        size: Numbers per crop.
        recipe: The layers.
        outputs: How many.
    """

    head_names = ("head",)

    def __init__(self, size: int, recipe: HeadRecipe, outputs: int) -> None:
        super().__init__()
        self.size = size
        self.register_buffer("mean", torch.zeros(size))
        self.register_buffer("std", torch.ones(size))
        self.head = make_head(size, recipe, outputs)

    def standardise(self, rows: torch.Tensor) -> None:
        """Take mean and deviation of the training's features (N, size)."""
        self.mean.copy_(rows.mean(0))
        self.std.copy_(rows.std(0).clamp_min(1e-4))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head((x - self.mean) / self.std)


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
            self.evidence = EvidenceHead(_map_channels(net, self.stride, recipe.net.arch), side)

    def go_on(self, weights: Path) -> None:
        """Take the map's layers from a file, too, where it has them in these shapes; else they stay new."""
        if self.evidence is None:
            return
        state = read_state(weights, "the map")
        own = {name: state.get(f"evidence.{name}") for name in self.evidence.state_dict()}
        found = {name: v for name, v in own.items() if v is not None}
        if all(
            name in found and found[name].shape == v.shape for name, v in self.evidence.state_dict().items()
        ):
            self.evidence.load_state_dict(found)
            self.fitted = f"{weights.name}: the map's {len(found)} tensors fitted"

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
    net = _one_net(recipe, weights)
    sorter = _one_net(recipe, weights) if recipe.optim.heads == "two-stage" else None
    whole = dress(net, recipe, sorter)
    if isinstance(whole, Judge) and weights is not None:
        whole.go_on(weights)
    return whole


def _one_net(recipe: Recipe, weights: Path | None) -> nn.Module:
    """Build a network with the head and the additions of the recipe.

    Raises:
        BadRecipe: The network takes none of them.
    """
    wanted, outputs = recipe.net, 1 + len(KINDS)
    if wanted.frozen:
        frozen = FrozenHead(ENCODERS[wanted.arch].size(patches=wanted.patches), wanted.head, outputs)
        if weights is not None:
            load_fitting(frozen, read_state(weights, wanted.arch), weights, wanted.arch, ())
        return frozen
    name, _, argument = wanted.arch.partition(":")
    build = registry.load("net", name)
    sided = {"side_px": recipe.data.side_px} if "side_px" in inspect.signature(build).parameters else {}
    net: nn.Module = build(outputs, argument, weights, **sided)
    if wanted.head != HeadRecipe():
        if not hasattr(net, "put_on"):
            raise BadRecipe(
                f"the network '{wanted}' takes no net.head", hint="take mobilenet_v2 or timm:NAME"
            )
        net.put_on(lambda n: make_head(n, wanted.head, outputs), wanted.head.pooling, recipe.data.side_px)
    if wanted.tune == "lora":
        add_lora(net, wanted, _head_names(net, wanted.arch))
    return net


def freeze(net: nn.Module, recipe: Recipe, frozen: bool) -> None:
    """Set which weights learn, for training mode; call after ``net.train()``.

    Raises:
        BadRecipe: Only a part is to learn, and the network does not tell its new layers apart.
    """
    tune, arch = recipe.net.tune, recipe.net.arch
    how = recipe.optim.freeze if frozen else "none"
    how, tune = ("backbone", "head") if tune == "head" else (how, tune)
    norms = {name for name, module in net.named_modules() if isinstance(module, _NORMS)}
    for name, weight in net.named_parameters():
        rule = "head" if how == "backbone" else tune
        new = rule != "all" and _is_new(net, name, arch)
        weight.requires_grad_(learns(rule, name, new=new, norm=name.rpartition(".")[0] in norms))
    for name, module in net.named_modules():
        if isinstance(module, _NORMS) and (
            how == "norm" or ((how == "backbone" or tune == "lora") and not _is_new(net, name + ".", arch))
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
