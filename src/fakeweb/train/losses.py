"""What is made small. Every loss is a sum over the faces at hand, divided by counts over the whole batch.

So the parts of a batch, wherever they are computed, add up to the gradient of the whole.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch.nn import functional

from fakeweb.train.heads import Outputs
from fakeweb.train.loader import NO_KIND
from fakeweb.train.recipe import Recipe


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
    """

    labels: torch.Tensor
    kinds: torch.Tensor
    masks: torch.Tensor | None = None
    known: torch.Tensor | None = None


def loss_of(said: Outputs, targets: Targets, recipe: Recipe, counts: Counts) -> torch.Tensor:
    """Return this part's share of the whole batch's loss; rows: fakes, then as many reals."""
    logits = said.logits.float()
    loss = _label_loss(logits[:, 0], targets, recipe) / counts.faces
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
    if recipe.loss.contrast and said.embedding is not None:
        contrast = supervised_contrast(said.embedding.float(), targets.labels.long(), recipe.loss.temperature)
        loss = loss + recipe.loss.contrast * contrast * len(logits) / counts.faces
    return loss


def _label_loss(logits: torch.Tensor, targets: Targets, recipe: Recipe) -> torch.Tensor:
    """Return the summed loss for real or fake."""
    smooth = recipe.optim.label_smoothing
    soft = targets.labels * (1 - 2 * smooth) + smooth
    each = functional.binary_cross_entropy_with_logits(logits, soft, reduction="none")
    if recipe.loss.name == "focal":
        off = (torch.sigmoid(logits) - soft).abs()
        each = each * off**recipe.loss.gamma
    return each.sum()


def supervised_contrast(embedding: torch.Tensor, labels: torch.Tensor, temperature: float) -> torch.Tensor:
    """Return the supervised contrastive loss (Khosla et al., NeurIPS 2020, equation 2), a mean over anchors.

    Args:
        embedding: (N, D), of any length; directions count.
        labels: (N,): rows of the same label belong together.
        temperature: Smaller looks at nearer neighbours.
    """
    unit = functional.normalize(embedding, dim=1)
    near = unit @ unit.T / temperature
    own = torch.eye(len(near), dtype=torch.bool, device=near.device)
    same = (labels[:, None] == labels[None]) & ~own
    log_p = near - near.masked_fill(own, float("-inf")).logsumexp(1, keepdim=True)
    mates = same.sum(1)
    each = -(log_p.masked_fill(~same, 0)).sum(1) / mates.clamp(min=1)
    return each[mates > 0].mean() if bool((mates > 0).any()) else near.sum() * 0


def mixed_up(
    pixels: torch.Tensor, targets: Targets, alpha: float, generator: torch.Generator
) -> tuple[torch.Tensor, Targets]:
    """Blend each face with another of the part (Zhang et al., mixup, ICLR 2018).

    Kinds keep their label only where the face outweighs its partner; masks fade likewise.
    """
    gamma = torch._standard_gamma(torch.full((2,), alpha), generator)
    share = float(gamma[0] / gamma.sum().clamp(min=1e-12))
    share = max(share, 1 - share)
    order = torch.randperm(len(pixels), generator=generator).to(pixels.device)

    def blend(values: torch.Tensor | None) -> torch.Tensor | None:
        return None if values is None else torch.lerp(values[order], values, share)

    labels, masks = blend(targets.labels), blend(targets.masks)
    known = None if targets.known is None else targets.known & targets.known[order]
    assert labels is not None  # noqa: S101 - for the type checker
    return torch.lerp(pixels[order], pixels, share), Targets(labels, targets.kinds, masks, known)
