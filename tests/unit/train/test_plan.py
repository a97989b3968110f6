"""Which faces stand in which batch."""

import dataclasses
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fakeweb.datasets import Sample
from fakeweb.train.classifier.plan import EpochPlan, part_of
from fakeweb.train.classifier.prepare import FaceSample
from fakeweb.train.recipe import AugmentRecipe, DataRecipe, ForgeRecipe, OptimRecipe, Recipe


def faces(**sources):
    """``name=(reals, fakes, shared)``: fake i has real i of its group beside it where ``shared``."""
    out = []
    for source, (reals, fakes, shared) in sources.items():
        for label, amount in ((0, reals), (1, fakes)):
            for i in range(amount):
                group = f"g{i}" if shared else f"g{label}-{i}"
                sample = Sample(Path(f"{source}-{label}-{i}"), label, None, "train", group, source)
                out.append(FaceSample(sample, (0, 0, 9, 9)))
    return out


def forging(samples, share, *, forgeable=None, batch=8, epochs_of=64, **optim):
    recipe = Recipe(
        "x", "1", "t", optim=OptimRecipe(batch=batch, faces_per_epoch=epochs_of, **optim),
        forge=ForgeRecipe(share=share, methods={"a": 3.0, "b": 1.0, "never": 0.0}),
    )  # fmt: skip
    return EpochPlan(samples, recipe, forgeable)


def plan(samples, *, batch=8, faces_per_epoch=64, power=0.5, seed=0):
    optim = OptimRecipe(batch=batch, faces_per_epoch=faces_per_epoch, source_power=power)
    return EpochPlan(samples, Recipe("x", "1", "t", seed=seed, optim=optim))


MIXED = faces(paired=(30, 30, True), alone=(0, 7, False), unpaired=(20, 11, False), genuine=(90, 0, False))


def test_every_batch_is_half_fake_and_full():
    made = plan(MIXED).batches(0)
    assert len(made) == 8
    for batch in made:
        assert [MIXED[p.index].sample.label for p in batch] == [1] * 4 + [0] * 4


def test_a_fake_brings_its_own_real():
    for epoch in range(5):
        for batch in plan(MIXED).batches(epoch):
            for fake, real in zip(batch[:4], batch[4:], strict=True):
                one, other = MIXED[fake.index].sample, MIXED[real.index].sample
                if one.source == "paired":
                    assert (one.source, one.group) == (other.source, other.group)
                else:
                    assert other.source in ("unpaired", "genuine")


def test_a_group_of_several_reals_gives_no_partner():
    twins = [
        FaceSample(Sample(Path(n), label, None, "train", "g", "s"), (0, 0, 9, 9))
        for n, label in (("a", 0), ("b", 0), ("c", 1))
    ]
    assert plan(twins).partner == {}
    assert plan(twins[1:]).partner == {1: 0}


@pytest.mark.parametrize("power", [0.0, 0.5, 1.0])
def test_sources_share_by_the_power_of_their_size(power):
    sizes = {"a": 400, "b": 100, "c": 25}
    samples = faces(**{s: (n, n, False) for s, n in sizes.items()})
    made = plan(samples, power=power, batch=20, faces_per_epoch=2000)
    counts = Counter(
        (sample.source, sample.label)
        for batch in made.batches(0)
        for sample in (samples[p.index].sample for p in batch)
    )
    shares = {s: n**power for s, n in sizes.items()}
    for label in (0, 1):
        for source, share in shares.items():
            assert counts[source, label] == pytest.approx(1000 * share / sum(shares.values()), abs=3)


def test_every_fake_is_seen_equally_often_over_the_epochs():
    made = plan(MIXED)
    seen = Counter(p.index for epoch in range(60) for batch in made.batches(epoch) for p in batch[:4])
    for source in ("paired", "alone", "unpaired"):
        times = [seen[i] for i, f in enumerate(MIXED) if f.sample.source == source and f.sample.label == 1]
        assert max(times) - min(times) <= 1
        assert min(times) > 0


def test_every_real_that_may_be_drawn_is_seen():
    made = plan(MIXED)
    seen = {p.index for epoch in range(60) for batch in made.batches(epoch) for p in batch[4:]}
    assert seen == {i for i, f in enumerate(MIXED) if f.sample.label == 0}


def test_the_same_for_the_same_recipe_and_epoch_alone():
    one, other = plan(MIXED), plan(MIXED)
    other.batches(7)
    assert one.batches(3) == other.batches(3)
    assert one.batches(3) != one.batches(4)
    assert one.batches(3) != plan(MIXED, seed=1).batches(3)


def test_no_two_augmentations_share_a_seed():
    made = plan(MIXED)
    seeds = [p.seed for epoch in range(4) for batch in made.batches(epoch) for p in batch]
    assert len(set(seeds)) == len(seeds)


def test_a_fake_and_its_real_may_go_through_the_same():
    """Nothing else of the plan changes, and pictures of different people keep seeds of their own."""
    plain = forging(MIXED, 0.5)
    recipe = dataclasses.replace(plain.recipe, augment=AugmentRecipe(paired=True))
    both = EpochPlan(MIXED, recipe)
    alike = apart = 0
    for one, other in zip(plain.batches(1), both.batches(1), strict=True):
        assert [(p.index, p.method) for p in one] == [(p.index, p.method) for p in other]
        seeds = [p.seed for p in other]
        for fake, real in zip(other[:4], other[4:], strict=True):
            if fake.method is not None or plain.partner.get(fake.index) == real.index:
                assert real.seed == fake.seed
                alike += 1
            else:
                assert seeds.count(real.seed) == seeds.count(fake.seed) == 1
                apart += 1
    assert min(alike, apart) > 4


def test_a_last_partial_batch_is_left_to_no_epoch():
    made = plan(MIXED, batch=10, faces_per_epoch=64)
    assert made.steps == 6
    assert {len(b) for b in made.batches(0)} == {10}


@pytest.mark.parametrize(
    "samples",
    [
        faces(s=(1, 1, False)),
        faces(s=(1, 1, True)),
        faces(a=(3, 3, True), b=(0, 5, False)),
        faces(a=(1000, 1000, True), b=(1, 0, False), c=(0, 1, False)),
        faces(a=(1, 0, False), b=(0, 1, False)),
    ],
    ids=["one of each", "one pair", "only paired reals", "a lone real that gets no share", "apart"],
)
def test_tiny_and_lopsided_sets_fill_their_batches(samples):
    for power in (0.0, 0.5, 1.0):
        for epoch in range(12):
            made = plan(samples, batch=4, faces_per_epoch=12, power=power).batches(epoch)
            labels = [[samples[p.index].sample.label for p in batch] for batch in made]
            assert labels == [[1, 1, 0, 0]] * 3


@given(
    sizes=st.lists(
        st.tuples(st.integers(0, 40), st.integers(0, 40), st.booleans()), min_size=1, max_size=6
    ).filter(lambda s: any(r for r, _, _ in s) and any(f for _, f, _ in s)),
    half=st.integers(1, 9),
    steps=st.integers(1, 9),
    power=st.sampled_from([0.0, 0.3, 0.5, 1.0]),
    epoch=st.integers(0, 30),
)
def test_any_set_fills_its_batches(sizes, half, steps, power, epoch):
    samples = faces(**{f"s{i}": size for i, size in enumerate(sizes)})
    made = plan(samples, batch=2 * half, faces_per_epoch=2 * half * steps, power=power).batches(epoch)
    labels = np.array([[samples[p.index].sample.label for p in batch] for batch in made])
    assert labels.shape == (steps, 2 * half)
    assert (labels[:, :half] == 1).all()
    assert (labels[:, half:] == 0).all()


def test_forged_faces_take_their_share_beside_the_face_they_are_made_of():
    made = forging(MIXED, 0.5, batch=16, epochs_of=160)
    for batch in made.batches(3):
        fakes, reals = batch[:8], batch[8:]
        assert sum(p.method is not None for p in fakes) == 4
        for fake, real in zip(fakes, reals, strict=True):
            assert real.method is None
            assert MIXED[real.index].sample.label == 0
            assert MIXED[fake.index].sample.label == (0 if fake.method else 1)
            assert not fake.method or fake.index == real.index
            assert fake.seed != real.seed
        for part in range(2):  # each part of a batch has its share
            small = part_of(batch, part, 2)
            assert len(small) == 8
            assert sum(p.method is not None for p in small) == 2
            assert [p in fakes for p in small] == [True] * 4 + [False] * 4


def test_methods_share_as_they_should_and_only_some_faces_are_forged():
    samples = faces(a=(40, 40, False), b=(40, 0, False))
    made = forging(samples, 1.0, forgeable=range(0, 40), batch=16, epochs_of=1600)
    picks = [p for batch in made.batches(0) for p in batch if p.method]
    counts = Counter(p.method for p in picks)
    assert counts["a"] / counts["b"] == pytest.approx(3, rel=0.25)
    assert set(counts) == {"a", "b"}
    assert {p.index for p in picks} == set(range(40))
    assert forging(samples, 0.5, forgeable=[]).forged == 0


def test_a_set_of_reals_alone_is_filled_by_the_forge():
    samples = faces(a=(5, 0, False))
    for batch in forging(samples, 0.2).batches(0):
        assert all(p.method for p in batch[:4])
        assert not any(p.method for p in batch[4:])


def test_weights_change_shares():
    samples = faces(a=(50, 50, False), b=(50, 50, False))
    recipe = Recipe("x", "1", "t", data=DataRecipe(weights={"a": 3.0}),
                    optim=OptimRecipe(batch=8, faces_per_epoch=800))  # fmt: skip
    made = EpochPlan(samples, recipe).batches(0)
    counts = Counter((samples[p.index].sample.source, samples[p.index].sample.label) for b in made for p in b)
    assert counts == {("a", 1): 300, ("b", 1): 100, ("a", 0): 300, ("b", 0): 100}


@pytest.mark.parametrize(
    ("key", "wanted"),
    [
        ("a/real", {("a", "real"): 150, ("b", "real"): 50, ("a", "fake"): 100, ("b", "fake"): 100}),
        ("a/fake", {("a", "real"): 100, ("b", "real"): 100, ("a", "fake"): 150, ("b", "fake"): 50}),
    ],
)
def test_weights_change_one_part_of_a_source(key, wanted):
    samples = faces(a=(50, 50, False), b=(50, 50, False))
    forge = ForgeRecipe(share=0.5, methods={"grid": 1.0})
    recipe = Recipe("x", "1", "t", data=DataRecipe(weights={key: 3.0}), forge=forge,
                    optim=OptimRecipe(batch=8, faces_per_epoch=800))  # fmt: skip
    counts: Counter[tuple[str, str]] = Counter()
    for batch in EpochPlan(samples, recipe).batches(0):
        known = [p for p, own in zip(batch[:4], batch[4:], strict=True) if p.method is None]
        forged = [p for p in batch[:4] if p.method is not None]
        singles = [own for p, own in zip(batch[:4], batch[4:], strict=True) if p.method is None]
        assert len(forged) == 2
        counts.update((samples[p.index].sample.source, "fake") for p in known)
        counts.update((samples[p.index].sample.source, "real") for p in singles)
        counts.update((samples[p.index].sample.source, "forged") for p in forged)
    assert {k: v for k, v in counts.items() if k[1] != "forged"} == wanted
    assert counts["a", "forged"] == counts["b", "forged"] == 100


def test_forged_faces_have_weights_of_their_own():
    samples = faces(a=(50, 50, False), b=(50, 50, False))
    recipe = Recipe("x", "1", "t", data=DataRecipe(weights={"a/forged": 3.0}),
                    forge=ForgeRecipe(share=0.5, methods={"grid": 1.0}),
                    optim=OptimRecipe(batch=8, faces_per_epoch=800))  # fmt: skip
    made = EpochPlan(samples, recipe).batches(0)
    counts = Counter(samples[p.index].sample.source for b in made for p in b if p.method is not None)
    assert counts == {"a": 150, "b": 50}


@pytest.mark.parametrize(("real", "fake"), [(90, 10), (20, 60)])
def test_batches_are_as_the_faces_are_where_that_is_asked_for(real, fake):
    samples = faces(s=(real, fake, False))
    even = plan(samples, batch=20, faces_per_epoch=2000)
    recipe = dataclasses.replace(even.recipe, data=dataclasses.replace(even.recipe.data, balance="natural"))

    def share(made):
        labels = [samples[p.index].sample.label for batch in made.batches(0) for p in batch]
        return sum(labels) / len(labels)

    assert share(even) == 0.5
    assert share(EpochPlan(samples, recipe)) == pytest.approx(fake / (real + fake), abs=0.03)
    assert EpochPlan(samples, recipe).batches(1) == EpochPlan(samples, recipe).batches(1)
