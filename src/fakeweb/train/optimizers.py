"""Optimisers by name, and what a step does beside them."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterator
from typing import Any

import torch
from torch import nn

from fakeweb.errors import missing_extra
from fakeweb.train.recipe import OptimRecipe


def make_optimizer(net: nn.Module, recipe: OptimRecipe) -> torch.optim.Optimizer:
    """Make the recipe's optimiser for all weights, the frozen ones too: those have no gradient."""
    weights = list(net.parameters())
    common = {"lr": recipe.lr, "weight_decay": recipe.weight_decay}
    if recipe.optimizer == "lars":
        return _lars(net, recipe)
    if recipe.optimizer == "sgd":
        return torch.optim.SGD(weights, momentum=recipe.momentum, **common)
    if recipe.optimizer == "adam":
        return torch.optim.Adam(weights, **common)
    return torch.optim.AdamW(weights, fused=_fusible(net), **common)


def _lars(net: nn.Module, recipe: OptimRecipe) -> torch.optim.Optimizer:
    """Make timm's LARS (You, Gitman, Ginsburg 2017).

    Biases and normalisation are neither scaled nor decayed, as is usual since Goyal et al. 2017.
    """
    try:
        from timm.optim import Lars
    except ImportError as error:
        raise missing_extra("train", "the optimiser 'lars'") from error
    heavy, light = decay_groups(net, recipe.weight_decay)
    heavy["always_adapt"] = True
    return Lars([heavy, light], lr=recipe.lr, momentum=recipe.momentum, trust_coeff=recipe.trust)


def decay_groups(net: nn.Module, decay: float) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the weights of convolutions and layers, which decay, and those of one dimension, which do not."""
    heavy = [p for p in net.parameters() if p.ndim > 1]
    light = [p for p in net.parameters() if p.ndim <= 1]
    return {"params": heavy, "weight_decay": decay}, {"params": light, "weight_decay": 0.0}


@contextlib.contextmanager
def uphill(net: nn.Module, length: float) -> Iterator[None]:
    """Move the weights so far along their gradient, and back to where they were."""
    moved = [w for w in net.parameters() if w.grad is not None]
    kept = [w.detach().clone() for w in moved]
    slopes = [w.grad for w in moved if w.grad is not None]
    with torch.no_grad():
        steep = torch.linalg.vector_norm(torch.stack(torch._foreach_norm(slopes)))
        torch._foreach_add_(moved, torch._foreach_mul(slopes, length / (steep + 1e-12)))
    yield
    with torch.no_grad():
        torch._foreach_copy_(moved, kept)


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
