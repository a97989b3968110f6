"""What of a network learns, and low-rank additions to its layers (LoRA; Hu et al., ICLR 2022)."""

from __future__ import annotations

import torch
from torch import nn

from fakeweb.errors import BadRecipe
from fakeweb.train.recipe import HeadRecipe, NetRecipe

_LORA = "lora_"


class LoraLinear(nn.Module):
    """A linear layer and what is added to it: ``base(x) + alpha / rank * up(down(x))``; it begins as the layer."""

    def __init__(self, base: nn.Linear, rank: int, alpha: float) -> None:
        super().__init__()
        self.base, self.scale = base, alpha / rank
        self.lora_down = nn.Parameter(torch.empty(rank, base.in_features))
        self.lora_up = nn.Parameter(torch.zeros(base.out_features, rank))
        nn.init.kaiming_uniform_(self.lora_down, a=5**0.5)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.base(x) + self.scale * (x @ self.lora_down.T) @ self.lora_up.T

    def merged(self) -> nn.Linear:
        """Return the layer with what was added in its weights."""
        with torch.no_grad():
            self.base.weight += self.scale * self.lora_up @ self.lora_down
        return self.base


def add_lora(net: nn.Module, recipe: NetRecipe, new: tuple[str, ...]) -> None:
    """Put additions on every linear layer of a transformer's blocks.

    Args:
        net: The network.
        recipe: Rank and alpha.
        new: Beginnings of the names of new layers, which learn as they are.

    Raises:
        BadRecipe: It has no such layers.
    """
    found = [
        (name, module)
        for name, module in net.named_modules()
        if isinstance(module, nn.Linear) and "blocks." in name and not name.startswith(new)
    ]
    if not found:
        raise BadRecipe(
            f"the network '{recipe.arch}' has no blocks with linear layers, which net.tune = 'lora' needs",
            hint="take a transformer, or net.tune = 'norms'",
        )
    for name, module in found:
        parent, _, last = name.rpartition(".")
        setattr(net.get_submodule(parent), last, LoraLinear(module, recipe.lora_rank, recipe.lora_alpha))


def merge_lora(net: nn.Module) -> nn.Module:
    """Return the network with all additions in the weights of its layers, by the names it had without them."""
    for name, module in list(net.named_modules()):
        if isinstance(module, LoraLinear):
            parent, _, last = name.rpartition(".")
            setattr(net.get_submodule(parent), last, module.merged())
    return net


def learns(tune: str, name: str, *, new: bool, norm: bool) -> bool:
    """Tell whether a weight learns.

    Args:
        tune: As ``net.tune``.
        name: The weight's.
        new: Whether it belongs to the new layers.
        norm: Whether it belongs to a normalisation.
    """
    return new or tune == "all" or (tune == "norms" and norm) or (tune == "lora" and _LORA in name)


def make_head(features: int, recipe: HeadRecipe, outputs: int) -> nn.Sequential:
    """Return the last layers: features, flat or not, -> (N, outputs)."""
    layers: list[nn.Module] = [nn.Flatten()]
    inside = features
    for width in recipe.hidden:
        layers += [nn.Dropout(recipe.dropout), nn.Linear(inside, width), nn.ReLU()]
        inside = width
    layers += [nn.Dropout(recipe.dropout), nn.Linear(inside, outputs)]
    return nn.Sequential(*layers)
