"""Optimisers by name, and what a step does beside them."""

from __future__ import annotations

import contextlib
import difflib
import math
from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import nn

from fakeweb.errors import BadRecipe, missing_extra
from fakeweb.train.recipe import OptimRecipe
from fakeweb.train.task import Schedule


def make_optimizer(net: nn.Module, recipe: OptimRecipe) -> torch.optim.Optimizer:
    """Make the recipe's optimiser for all weights, the frozen ones too: those have no gradient.

    Raises:
        BadRecipe: Nobody knows its name, or the network's layers cannot be told apart where they learn at rates of
            their own.
        MissingExtra: timm is not installed.
    """
    name, common = recipe.optimizer, {"lr": recipe.lr, "weight_decay": recipe.weight_decay}
    if name in ("adamw", "adam", "sgd"):
        weights = list(net.parameters()) if recipe.layer_decay == 1 else _by_layer(net, recipe)
        if name == "sgd":
            return torch.optim.SGD(weights, momentum=recipe.momentum, **common)
        if name == "adam":
            return torch.optim.Adam(weights, **common)
        return torch.optim.AdamW(weights, fused=_fusible(net), **common)
    try:
        from timm import optim
    except ImportError as error:
        raise missing_extra("train", f"the optimiser '{name}'") from error
    if name not in optim.list_optimizers():
        near = difflib.get_close_matches(name, optim.list_optimizers(), n=5)
        raise BadRecipe(
            f"optim.optimizer: neither torch nor timm has '{name}'",
            hint=f"some that they have: {', '.join(near or ('adamw', 'adam', 'sgd', 'lars', 'rmsprop', 'lamb'))}",
        )
    groups = (
        list(decay_groups(net, recipe.weight_decay)) if recipe.layer_decay == 1 else _by_layer(net, recipe)
    )
    if name == "lars":  # as You, Gitman and Ginsburg (2017) have it
        for group in groups:
            group["always_adapt"] = any(weight.ndim > 1 for weight in group["params"])
        return optim.Lars(groups, lr=recipe.lr, momentum=recipe.momentum, trust_coeff=recipe.trust)
    made: torch.optim.Optimizer = optim.create_optimizer_v2(
        groups, opt=name, momentum=recipe.momentum, **common
    )
    return made


def decay_groups(net: nn.Module, decay: float) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the weights of convolutions and layers, which decay, and those of one dimension, which do not.

    Biases and normalisation are neither decayed nor, by LARS, scaled, as is usual since Goyal et al. 2017.
    """
    heavy = [p for p in net.parameters() if p.ndim > 1]
    light = [p for p in net.parameters() if p.ndim <= 1]
    return {"params": heavy, "weight_decay": decay}, {"params": light, "weight_decay": 0.0}


def _by_layer(net: nn.Module, recipe: OptimRecipe) -> list[dict[str, Any]]:
    """Return groups by layer, each with the factor ``lr_scale`` on its rate: 1 for the new layers, less before them."""
    from timm.models import group_parameters

    depth: dict[int, int] = {}
    for module in net.modules():
        if hasattr(module, "group_matcher"):
            names = group_parameters(module, module.group_matcher(coarse=False), reverse=True)
            depth |= {id(w): names[name] for name, w in module.named_parameters()}
    if not depth:
        raise BadRecipe(
            "optim.layer_decay: the network does not say which layer comes first",
            hint="take a network timm:NAME, or leave it out",
        )
    last = max(depth.values())
    found: dict[tuple[int, bool], dict[str, Any]] = {}
    for weight in net.parameters():
        at, heavy = depth.get(id(weight), last), weight.ndim > 1
        scale = recipe.layer_decay ** (last - at)
        empty = {"params": [], "lr_scale": scale, "weight_decay": recipe.weight_decay if heavy else 0.0}
        found.setdefault((at, heavy), empty)["params"].append(weight)
    return list(found.values())


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


def rate_at(step: int, plan: Schedule, fallen: int = 0) -> float:
    """Return the rate over its peak at a step (from 0), by the plan's schedule.

    Args:
        step: Steps that are done.
        plan: Schedule, warm-up, and how many steps there are.
        fallen: Of ``plateau``: how often it has fallen.
    """
    part = step / (plan.epochs * plan.steps)
    if plan.schedule == "cosine" or part < plan.warmup:
        return one_cycle(part, plan.warmup)
    if plan.schedule == "step":
        fallen = step // plan.steps // plan.every
    return 1.0 if plan.schedule == "constant" else plan.gamma**fallen


def drops(scores: Sequence[float], every: int) -> int:
    """Return how often the rate has fallen on a plateau: each time so many epochs brought no better score.

    Args:
        scores: Of the epochs so far.
        every: So many.
    """
    best, waited, fallen = -math.inf, 0, 0
    for score in scores:
        waited = 0 if score > best else waited + 1
        best = max(best, score)
        if waited == every:
            fallen, waited = fallen + 1, 0
    return fallen
