"""What is made small. Every loss is a sum over the faces at hand, divided by counts over the whole batch.

So the parts of a batch, wherever they are computed, add up to the gradient of the whole.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import torch
from torch.nn import functional

from fakeweb.train.classifier.heads import Outputs
from fakeweb.train.classifier.loader import NO_KIND
from fakeweb.train.recipe import EvidenceRecipe, LossRecipe, Recipe


@dataclass(frozen=True)
class Counts:
    """How many faces, known kinds and known masks a whole batch holds."""

    faces: float
    kinds: float
    masks: float


@dataclass(frozen=True)
class Targets:
    """What the network should say.

    Attributes:
        labels: float (N,) in [0, 1].
        kinds: long (N,), :data:`NO_KIND` where unknown.
        masks: float (N, h, w) in [0, 1], or None.
        known: bool (N,): whether the mask is; or None.
        taught: float (N,): P(fake) by the teacher, NaN where unknown; or None.
    """

    labels: torch.Tensor
    kinds: torch.Tensor
    masks: torch.Tensor | None = None
    known: torch.Tensor | None = None
    taught: torch.Tensor | None = None


def plain_loss(
    logits: torch.Tensor, labels: torch.Tensor, kinds: torch.Tensor, recipe: Recipe
) -> tuple[float, float]:
    """Return the mean loss for label and kind alone, which training and validation have in common, and right answers.

    Args:
        logits: (N, 1 + K).
        labels: (N,) 0 or 1.
        kinds: (N,) :data:`NO_KIND` where unknown.
        recipe: Its label smoothing and weight of the kinds.
    """
    alone = dataclasses.replace(recipe, loss=LossRecipe(), evidence=EvidenceRecipe())
    counts = Counts(len(labels), float((kinds != NO_KIND).sum()), 0.0)
    loss = loss_of(Outputs(logits), Targets(labels.float(), kinds), alone, counts)
    return float(loss), float(((logits[:, 0] >= 0) == (labels > 0.5)).sum())


def loss_of(said: Outputs, targets: Targets, recipe: Recipe, counts: Counts) -> torch.Tensor:
    """Return this part's share of the whole batch's loss; rows: fakes, then as many reals."""
    logits = said.logits.float()
    smooth = recipe.optim.label_smoothing
    soft = targets.labels * (1 - 2 * smooth) + smooth
    if targets.taught is not None:
        asked = ~targets.taught.isnan()
        soft = torch.where(asked, torch.lerp(soft, targets.taught, recipe.loss.distil), soft)
    each = functional.binary_cross_entropy_with_logits(logits[:, 0], soft, reduction="none")
    loss = each.sum() / counts.faces
    if counts.kinds and recipe.optim.kind_weight and bool((targets.kinds != NO_KIND).any()):
        kinds = functional.cross_entropy(logits[:, 1:], targets.kinds, ignore_index=NO_KIND, reduction="sum")
        loss = loss + recipe.optim.kind_weight * kinds / counts.kinds
    if said.evidence is not None and targets.masks is not None and targets.known is not None and counts.masks:
        cells = functional.binary_cross_entropy_with_logits(
            said.evidence.float(), targets.masks, reduction="none"
        ).mean((1, 2))
        loss = loss + recipe.evidence.weight * (cells * targets.known.float()).sum() / counts.masks
    if recipe.loss.pair:
        half = len(logits) // 2
        apart = targets.labels[:half] > targets.labels[half:]
        order = (functional.softplus(logits[half:, 0] - logits[:half, 0]) * apart).sum()
        loss = loss + recipe.loss.pair * order / (counts.faces / 2)
    return loss
