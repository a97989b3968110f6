"""Calibration and thresholds on numbers whose truth is known. Needs no torch."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fakeweb.errors import DatasetError
from fakeweb.metrics import calibration_error
from fakeweb.runtime import Calibration, Decision
from fakeweb.train.calibrate import (
    MIN_LOGITS,
    auc,
    balanced_weights,
    doubtful,
    fit_bent,
    fit_decision,
    fit_platt,
    source_aucs,
)
from fakeweb.train.recipe import CalibrationRecipe

RECIPE = CalibrationRecipe()


def equal(n):
    return np.full(n, 1 / n)


def drawn(seed, n=400, *, apart=1.5, spread=1.0, offset=0.0, rounded=False):
    """Logits and labels: two normal heaps."""
    rng = np.random.default_rng(seed)
    labels = (np.arange(n) % 2).astype(np.int64)
    logits = offset + spread * (rng.normal(size=n) + apart * labels)
    return (np.round(logits, 1) if rounded else logits), labels


@given(st.lists(st.integers(-4, 4), max_size=12), st.lists(st.integers(-4, 4), max_size=12))
def test_auc_is_the_share_of_ordered_pairs_and_ties_count_half(fake, real):
    pairs = [(f > r) + 0.5 * (f == r) for f in fake for r in real]
    if pairs:
        assert auc(fake, real) == pytest.approx(np.mean(pairs))
    else:
        assert np.isnan(auc(fake, real))


def test_source_aucs_take_own_reals_where_there_are_enough():
    sources = np.array(["a"] * 20 + ["b"] * 10 + ["c"] * 11)
    labels = np.array([0] * 10 + [1] * 10 + [1] * 10 + [0] + [1] * 10)
    logits = np.concatenate([np.zeros(10), np.ones(10), np.full(10, -1.0), [5.0], np.full(10, 0.5)])
    figures = source_aucs(logits, labels, sources)
    assert list(figures) == ["auc_a", "auc_b", "auc_c"]
    assert figures["auc_a"] == 1.0  # its own ten
    assert figures["auc_b"] == 0.0  # has no reals: all eleven
    assert figures["auc_c"] == pytest.approx(10 / 11)  # one of its own is too few: all eleven


def test_weights_balance_labels_and_soften_sources():
    labels = np.array([0] * 100 + [0] * 4 + [1] * 9)
    sources = np.array(["a"] * 100 + ["b"] * 4 + ["a"] * 9)
    weights = balanced_weights(labels, sources)
    assert weights[labels == 0].sum() == pytest.approx(0.5)
    assert weights[labels == 1].sum() == pytest.approx(0.5)
    assert weights[:100].sum() / weights[100:104].sum() == pytest.approx(10 / 2)


@pytest.mark.parametrize(("scale", "bias"), [(1.0, 0.0), (0.3, -2.0), (40.0, 8.0), (0.001, 0.5)])
def test_platt_finds_the_parameters_that_made_the_labels(scale, bias):
    rng = np.random.default_rng(5)
    z = rng.normal(0, 2, 20_000)
    labels = (rng.random(len(z)) < 1 / (1 + np.exp(-z))).astype(np.int64)
    found = fit_platt((z - bias) / scale, labels, equal(len(z)))
    assert found.scale == pytest.approx(scale, rel=0.05)
    assert found.bias == pytest.approx(bias, abs=0.05 * max(1, abs(bias)))


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("spread", [1e-3, 1.0, 1e3])
def test_platt_ends_where_the_gradient_does(seed, spread):
    logits, labels = drawn(seed, apart=0.5 + seed, spread=spread, offset=spread * (7 * seed - 20))
    weights = balanced_weights(labels, np.where(np.arange(len(labels)) % 3, "a", "b"))
    found = fit_platt(logits, labels, weights)
    p = np.array([found.probability(z) for z in logits])
    aims = np.where(labels == 1, 201 / 202, 1 / 202)
    assert abs(weights @ (p - aims)) < 1e-7
    assert abs(weights @ ((p - aims) * (logits - logits.mean()))) / logits.std() < 1e-7


def test_without_overlap_platt_is_no_surer_than_the_number_of_samples():
    labels = (np.arange(120) % 2).astype(np.int64)
    found = fit_platt(np.where(labels == 1, 3.0, -3.0), labels, equal(120))
    assert found.probability(3.0) == pytest.approx(61 / 62)
    assert found.probability(-3.0) == pytest.approx(1 / 62)


@pytest.mark.parametrize("logits", [np.zeros(200), -(np.arange(200) % 2.0), np.full(200, 1e6)])
def test_platt_refuses_logits_that_say_nothing_or_the_contrary(logits):
    with pytest.raises(DatasetError, match="does not rank"):
        fit_platt(logits, (np.arange(200) % 2).astype(np.int64), equal(200))


@pytest.mark.parametrize(("middle", "spread"), [(0.0, 1e-7), (3.0, 1e-5)], ids=["scale", "bias"])
def test_a_network_that_says_the_same_of_every_face_is_an_error_with_a_hint(middle, spread):
    # as a network at chance does: nearly constant, and what little differs happens to rank the right way
    rng = np.random.default_rng(0)
    labels = (np.arange(200) % 2).astype(np.int64)
    logits = middle + spread * (rng.normal(size=200) + 0.4 * labels)
    with pytest.raises(DatasetError, match="says the same of all validation faces") as caught:
        fit_platt(logits, labels, equal(200))
    assert "labels" in caught.value.hint


def test_a_diverged_network_is_an_error_with_a_hint():
    logits = np.where(np.arange(200) == 7, np.nan, np.arange(200.0))
    with pytest.raises(DatasetError, match="diverged") as caught:
        fit_platt(logits, (np.arange(200) % 2).astype(np.int64), equal(200))
    assert "lr" in caught.value.hint


@given(
    seed=st.integers(0, 10**6),
    n=st.integers(2 * MIN_LOGITS, 500),
    apart=st.floats(1, 6),
    false_alarms=st.sampled_from([0.001, 0.01, 0.02, 0.1, 0.3]),
    missed=st.sampled_from([0.0, 0.01, 0.1, 0.4]),
    rounded=st.booleans(),
)
def test_thresholds_keep_their_promises_on_their_own_faces(seed, n, apart, false_alarms, missed, rounded):
    logits, labels = drawn(seed, n, apart=apart, rounded=rounded)
    calibration = fit_platt(logits, labels, equal(n))
    decision = fit_decision(
        logits, labels, calibration, CalibrationRecipe(false_alarms=false_alarms, missed=missed)
    )
    p = np.array([calibration.probability(z) for z in logits])
    fake = calibration.probability(decision.fake_logit())
    assert (p[labels == 0] >= fake).mean() <= false_alarms
    assert (logits[labels == 0] >= decision.fake_logit()).mean() <= false_alarms
    assert (p[labels == 1] <= decision.real).mean() <= missed
    assert decision.real <= 0.5 <= fake


@pytest.mark.parametrize(
    "real",
    [np.zeros(60), np.repeat([0.0, 1.0], [50, 10]), np.repeat([0.0, 1.0], 30)],
    ids=["all alike", "a tied top", "two values"],
)
def test_ties_among_the_reals_do_not_break_the_tail(real):
    logits = np.concatenate([real, np.linspace(0.5, 4, 60)])
    labels = np.repeat([0, 1], 60)
    decision = fit_decision(logits, labels, Calibration(2.0, -2.0), RECIPE)
    assert all(np.isfinite(v) for v in vars(decision).values())
    assert decision.tail_scale > 0
    assert (real >= decision.fake_logit()).mean() <= RECIPE.false_alarms


def test_a_heavy_tail_raises_the_threshold():
    rng = np.random.default_rng(1)
    real = np.sort(np.concatenate([rng.normal(0, 1, 960), rng.uniform(20, 30, 40)]))
    logits = np.concatenate([real, rng.normal(25, 10, 1000)])
    decision = fit_decision(logits, np.repeat([0, 1], 1000), Calibration(0.2, -2.0), RECIPE)
    assert (real >= decision.fake_logit()).sum() == 20


def test_the_fake_threshold_of_a_perfect_model_is_even_odds():
    logits = np.concatenate([np.linspace(-9, -5, 60), np.linspace(5, 9, 60)])
    calibration = Calibration(1.0, 1.0)
    decision = fit_decision(logits, np.repeat([0, 1], 60), calibration, RECIPE)
    assert calibration.probability(decision.fake_logit()) == pytest.approx(0.5, abs=1e-5)
    assert decision.real == 0.5


def test_too_few_faces_are_refused():
    labels = np.repeat([0, 1], [MIN_LOGITS - 1, 500])
    with pytest.raises(DatasetError, match=f"got {MIN_LOGITS - 1} and 500"):
        fit_decision(np.arange(len(labels)) * 1.0, labels, Calibration(1, 0), RECIPE)


def test_decision_values_are_plain_floats():
    logits, labels = drawn(0)
    calibration = fit_platt(logits, labels, equal(len(labels)))
    decision = fit_decision(logits, labels, calibration, RECIPE)
    assert isinstance(decision, Decision)
    assert {type(v) for v in (*calibration.to_dict().values(), *vars(decision).values())} == {float}


def test_in_doubt_is_what_lies_between_clear_reals_and_clear_fakes():
    logits, labels = drawn(3, n=4000)
    low, high = doubtful(logits, labels, (0.1, 0.5))
    assert (logits[labels == 0] > low).mean() == pytest.approx(0.1, abs=0.001)
    assert (logits[labels == 1] < high).mean() == pytest.approx(0.5, abs=0.001)
    assert doubtful(logits, labels, ()) is None
    assert doubtful(logits + 20 * labels, labels, (0.1, 0.9)) == pytest.approx((low, low + 21.5), abs=1.5)
    assert doubtful(logits - 20 * labels, labels, (0.1, 0.5)) is None, "the wrong way round"


def test_bends_follow_what_a_line_cannot():
    """Steep in the middle, flat outside: every group of logits gets the frequency it has."""
    rng = np.random.default_rng(0)
    logits = rng.normal(0, 2, 20_000)
    truth = 1 / (1 + np.exp(-(0.3 * logits + 3 * np.clip(logits, -0.8, 0.8))))
    labels = (rng.random(len(logits)) < truth).astype(np.int64)
    weights = equal(len(labels))
    gaps = {}
    for fit in (fit_platt, fit_bent):
        calibration = fit(logits, labels, weights)
        p = np.array([calibration.probability(z) for z in logits])
        gaps[fit.__name__] = np.abs(p - truth).mean()
    assert gaps["fit_bent"] < 0.4 * gaps["fit_platt"]


@pytest.mark.parametrize("seed", range(5))
def test_a_bent_line_rises_however_few_and_odd_the_logits(seed):
    rng = np.random.default_rng(seed)
    logits = np.concatenate([rng.normal(0, 1, 30), rng.normal(3, 1, 30), rng.normal(6, 0.1, 5)])
    labels = np.repeat([0, 1, 0], [30, 30, 5])  # beyond the fakes, reals again
    calibration = fit_bent(logits, labels, equal(len(labels)))
    p = [calibration.probability(z) for z in np.linspace(-5, 12, 300)]
    assert (np.diff(p) > 0).all()


def test_a_straight_truth_needs_no_bends():
    logits, labels = drawn(3)
    weights = equal(len(labels))
    straight, bent = fit_platt(logits, labels, weights), fit_bent(logits, labels, weights)
    gap = [abs(straight.probability(z) - bent.probability(z)) for z in logits]
    assert np.mean(gap) < 0.02


def test_calibration_error_by_hand():
    p = np.array([0.05, 0.05, 0.95, 0.95, 1.0])
    labels = np.array([0, 1, 1, 1, 1])
    error = calibration_error(p, labels, equal(5), bins=10)
    assert error == pytest.approx((abs(0.1 - 1) + abs(0.95 + 0.95 + 1 - 3)) / 5)
    assert calibration_error(labels * 1.0, labels, equal(5)) == 0
