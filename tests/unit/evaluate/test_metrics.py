"""Figures from scores: against hand-computed values and scikit-learn."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fakeweb.evaluate import metrics

LABELS, SCORES = [0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8]
drawn = st.lists(st.tuples(st.integers(0, 1), st.integers(0, 20)), min_size=4, max_size=60).filter(
    lambda rows: {label for label, _ in rows} == {0, 1}
)


def test_by_hand():
    assert metrics.auc(LABELS, SCORES) == 0.75
    assert metrics.average_precision(LABELS, SCORES) == pytest.approx(0.5 * 1 + 0.5 * 2 / 3)
    assert metrics.equal_error_rate(LABELS, SCORES) == pytest.approx(0.5)
    assert metrics.brier(LABELS, SCORES) == pytest.approx((0.01 + 0.16 + 0.4225 + 0.04) / 4)
    want = -np.mean(np.log([0.9, 0.6, 0.35, 0.8]))
    assert metrics.log_loss(LABELS, SCORES) == pytest.approx(want)


def test_log_loss_clips_as_dfdc_does():
    assert metrics.log_loss([1], [0.0]) == pytest.approx(-math.log(0.01))
    assert metrics.log_loss([0, 1], [0.0, 1.0]) == pytest.approx(-math.log(0.99))
    assert metrics.log_loss([0, 1], [0.5, 0.5]) == pytest.approx(math.log(2))


def test_ties_count_half_and_perfect_scores_are_perfect():
    assert metrics.auc([0, 1], [0.5, 0.5]) == 0.5
    assert metrics.auc([0, 0, 1], [0.1, 0.2, 0.3]) == 1
    assert metrics.equal_error_rate([0, 0, 1], [0.1, 0.2, 0.3]) == 0
    assert metrics.auc([1, 0], [0.1, 0.2]) == 0


def test_calibration_error_by_hand():
    # one bin holds 0.05 twice (no fake), another 0.95 twice (one fake of two)
    value = metrics.calibration_error([0, 0, 1, 0], [0.05, 0.05, 0.95, 0.95], bins=10)
    assert value == pytest.approx((2 * 0.05 + 2 * 0.45) / 4)


def test_one_class_has_no_figure():
    for function in (metrics.auc, metrics.average_precision, metrics.equal_error_rate):
        assert math.isnan(function([1, 1], [0.2, 0.3]))
        assert math.isnan(function([0, 0], [0.2, 0.3]))
        assert math.isnan(function([], []))
    assert math.isnan(metrics.log_loss([], []))
    assert math.isnan(metrics.calibration_error([], []))


def test_decisions_by_hand():
    found = metrics.decisions([0, 0, 0, 1, 1], [1, 0, 0, 1, 0])
    assert found == {
        "accuracy": pytest.approx(0.6),
        "precision": 0.5,
        "recall": 0.5,
        "false_alarm_rate": pytest.approx(1 / 3),
    }
    assert math.isnan(metrics.decisions([0], [0])["precision"])


@given(drawn)
def test_as_scikit_learn_computes_them(rows):
    learn = pytest.importorskip("sklearn.metrics", reason="needs the extra 'evaluate'")
    y, p = [a for a, _ in rows], [b / 20 for _, b in rows]
    assert metrics.auc(y, p) == pytest.approx(learn.roc_auc_score(y, p))
    assert metrics.average_precision(y, p) == pytest.approx(learn.average_precision_score(y, p))
    assert metrics.brier(y, p) == pytest.approx(learn.brier_score_loss(y, p))
    assert metrics.log_loss(y, p) == pytest.approx(learn.log_loss(y, np.clip(p, 0.01, 0.99)))
    called = [v >= 0.5 for v in p]
    found = metrics.decisions(y, called)
    assert found["accuracy"] == pytest.approx(learn.accuracy_score(y, called))
    assert found["recall"] == pytest.approx(learn.recall_score(y, called))
    if any(called):
        assert found["precision"] == pytest.approx(learn.precision_score(y, called))


@given(drawn, st.integers(0, 5))
def test_a_weight_is_a_row_so_many_times(rows, seed):
    y, p = np.array([a for a, _ in rows]), np.array([b / 20 for _, b in rows])
    counts = np.random.default_rng(seed).integers(0, 3, len(rows))
    again_y, again_p = np.repeat(y, counts), np.repeat(p, counts)
    for name, value in zip(metrics.RANKED, metrics.ranked(y, p, counts[None].astype(float))[0], strict=True):
        function = getattr(metrics, name)
        want = function(again_y, again_p)
        assert value == pytest.approx(want, nan_ok=True), name
        assert function(y, p, counts) == pytest.approx(want, nan_ok=True), name


def test_shapes_are_checked():
    with pytest.raises(ValueError, match="must be"):
        metrics.auc([0, 1], [0.1])
