"""Optimisers by name, and LARS, which torch lacks."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import nn

from fakeweb.train.recipe import OptimRecipe


class Lars(torch.optim.Optimizer):
    """Layer-wise adaptive rate scaling for large batches (You, Gitman, Ginsburg 2017, algorithm 1).

    For each layer, with gradient g and weights w: ``rate = trust * |w| / (|g| + decay * |w|)``,
    ``v = momentum * v + lr * rate * (g + decay * w)``, ``w = w - v``. Biases and normalisation (weights of one
    dimension) are neither scaled nor decayed, as is usual since Goyal et al. 2017.

    Args:
        params: As torch's own optimisers take them.
        lr: Rate over all layers.
        momentum: Of the velocity v.
        weight_decay: The decay above.
        trust: The paper's coefficient eta.
    """

    def __init__(
        self,
        params: Iterable[torch.Tensor],
        lr: float,
        momentum: float = 0.9,
        weight_decay: float = 0.0,
        trust: float = 0.001,
    ) -> None:
        super().__init__(
            params, {"lr": lr, "momentum": momentum, "weight_decay": weight_decay, "trust": trust}
        )

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> float | None:
        """Take one step."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            for weight in group["params"]:
                if weight.grad is not None:
                    self._move(weight, group)
        return loss

    def _move(self, weight: torch.Tensor, group: dict[str, Any]) -> None:
        rate, push = 1.0, weight.grad
        assert push is not None  # noqa: S101 - for the type checker
        if weight.ndim > 1:
            size, slope = float(weight.norm()), float(push.norm())
            below = slope + group["weight_decay"] * size
            if size > 0 and below > 0:
                rate = group["trust"] * size / below
            push = push.add(weight, alpha=group["weight_decay"])
        state = self.state[weight]
        if "momentum_buffer" not in state:
            state["momentum_buffer"] = torch.zeros_like(weight)
        state["momentum_buffer"].mul_(group["momentum"]).add_(push, alpha=group["lr"] * rate)
        weight.sub_(state["momentum_buffer"])


def make_optimizer(net: nn.Module, recipe: OptimRecipe) -> torch.optim.Optimizer:
    """Make the recipe's optimiser for all weights, the frozen ones too: those have no gradient."""
    weights = list(net.parameters())
    common = {"lr": recipe.lr, "weight_decay": recipe.weight_decay}
    if recipe.optimizer == "lars":
        return Lars(weights, momentum=recipe.momentum, trust=recipe.trust, **common)
    if recipe.optimizer == "sgd":
        return torch.optim.SGD(weights, momentum=recipe.momentum, **common)
    if recipe.optimizer == "adam":
        return torch.optim.Adam(weights, **common)
    return torch.optim.AdamW(weights, fused=_fusible(net), **common)


def _fusible(net: nn.Module) -> bool:
    """Tell whether one kernel may move all weights: on CPUs that takes half the time."""
    return all(weight.device.type in ("cpu", "cuda") for weight in net.parameters())


def one_cycle(part: float, warmup: float) -> float:
    """Return the rate over its peak: a linear rise, then a half cosine (Smith, Super-convergence, 2018).

    Args:
        part: Share of the steps that are done, in [0, 1].
        warmup: Share of the steps in which it rises.
    """
    if part < warmup:
        return max(part / warmup, 0.02)
    return 0.5 * (1 + math.cos(math.pi * (part - warmup) / (1 - warmup)))
