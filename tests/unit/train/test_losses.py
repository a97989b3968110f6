"""Losses: parts add up to the whole, and each does what its paper says."""

import dataclasses
import math

import pytest

from fakeweb.train.recipe import EvidenceRecipe, LossRecipe, OptimRecipe, Recipe

torch = pytest.importorskip("torch", reason="needs the extra 'train'")
losses = pytest.importorskip("fakeweb.train.classifier.losses")
heads = pytest.importorskip("fakeweb.train.classifier.heads")

PLAIN = Recipe("x", "1", "t", optim=OptimRecipe(label_smoothing=0.0, kind_weight=0.0))


def batch(n=8, seed=0):
    torch.manual_seed(seed)
    half = n // 2
    labels = torch.cat([torch.ones(half), torch.zeros(half)])
    kinds = torch.tensor([0, 2, 3, -100] * (n // 8) + [-100] * half)
    said = heads.Outputs(torch.randn(n, 5), torch.randn(n, 3, 3))
    known = torch.tensor([True, False] * half)
    return said, losses.Targets(labels, kinds, torch.rand(n, 3, 3), known)


def counts(targets):
    return losses.Counts(
        len(targets.labels), float((targets.kinds != -100).sum()), float(targets.known.sum())
    )


def rows(said, targets, which):
    pick = [None if v is None else v[which] for v in said]
    named = {f.name: getattr(targets, f.name) for f in dataclasses.fields(targets)}
    return heads.Outputs(*pick), losses.Targets(
        **{k: None if v is None else v[which] for k, v in named.items()}
    )


def test_parts_add_up_to_the_whole():
    recipe = Recipe("x", "1", "t", loss=LossRecipe(pair=0.7), evidence=EvidenceRecipe(weight=0.4))
    said, targets = batch(16)
    whole = losses.loss_of(said, targets, recipe, counts(targets))
    parts = 0
    for part in range(4):
        which = torch.tensor([2 * part, 2 * part + 1, 8 + 2 * part, 9 + 2 * part])
        parts = parts + losses.loss_of(*rows(said, targets, which), recipe, counts(targets))
    assert float(parts) == pytest.approx(float(whole), rel=1e-6)


def test_plain_is_cross_entropy():
    said, targets = batch()
    want = torch.nn.functional.binary_cross_entropy_with_logits(said.logits[:, 0], targets.labels)
    assert float(losses.loss_of(said, targets, PLAIN, counts(targets))) == pytest.approx(float(want))


def test_only_a_fake_is_ranked_above_the_real_beside_it():
    """A fake whose crop shows nothing that was touched counts as real, and nothing is ranked there."""
    recipe = dataclasses.replace(PLAIN, loss=LossRecipe(pair=0.4))
    logits = torch.tensor([[1.0, 0], [0.3, 0], [0.2, 0], [0.5, 0]])
    labels, kinds = torch.tensor([1.0, 0.0, 0.0, 0.0]), torch.full((4,), -100)
    said, targets = heads.Outputs(logits), losses.Targets(labels, kinds)
    ranked = [float(losses.loss_of(said, targets, r, losses.Counts(4, 0, 0))) for r in (recipe, PLAIN)]
    assert ranked[0] - ranked[1] == pytest.approx(0.4 * math.log(1 + math.exp(0.2 - 1.0)) / 2, rel=1e-5)


def test_the_map_counts_only_where_a_mask_is_known():
    recipe = dataclasses.replace(PLAIN, evidence=EvidenceRecipe(weight=1.0))
    said, targets = batch()
    one = losses.loss_of(said, targets, recipe, counts(targets))
    other = said.evidence.clone()
    other[~targets.known] += 5
    assert losses.loss_of(said._replace(evidence=other), targets, recipe, counts(targets)) == one
    other[targets.known] += 5
    assert losses.loss_of(said._replace(evidence=other), targets, recipe, counts(targets)) != one


def test_a_teacher_shares_the_target_where_it_was_asked():
    said, targets = batch()
    taught = dataclasses.replace(targets, taught=torch.tensor([0.3] * 4 + [math.nan] * 4))
    recipe = dataclasses.replace(PLAIN, loss=LossRecipe(teacher="t", distil=0.25))
    want = torch.nn.functional.binary_cross_entropy_with_logits(
        said.logits[:, 0],
        targets.labels * torch.tensor([0.75] * 4 + [1.0] * 4) + torch.tensor([0.075] * 4 + [0] * 4),
    )
    assert float(losses.loss_of(said, taught, recipe, counts(targets))) == pytest.approx(float(want))
