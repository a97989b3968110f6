"""Metrics from scores against hand-computed values and scikit-learn; their intervals."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fakeweb import metrics
from fakeweb.metrics import bootstrap, share_interval, wilson

LABELS, SCORES = [0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8]
drawn = st.lists(st.tuples(st.integers(0, 1), st.integers(0, 20)), min_size=4, max_size=60).filter(
    lambda rows: {label for label, _ in rows} == {0, 1}
)


def figures(labels, p, weights=None):
    """All figures of one weighting, by name."""
    w = np.ones(len(labels)) if weights is None else np.asarray(weights, float)
    return dict(zip(metrics.RANKED, metrics.ranked(labels, p, w[None])[0], strict=True))


def area(labels, p):
    """The AUC by the function that needs no weights."""
    y, s = np.asarray(labels), np.asarray(p)
    return metrics.auc(s[y == 1], s[y == 0])


def test_by_hand():
    found = figures(LABELS, SCORES)
    assert metrics.auc([0.35, 0.8], [0.1, 0.4]) == found["auc"] == 0.75
    assert found["average_precision"] == pytest.approx(0.5 * 1 + 0.5 * 2 / 3)
    assert found["equal_error_rate"] == pytest.approx(0.5)
    assert found["brier"] == pytest.approx((0.01 + 0.16 + 0.4225 + 0.04) / 4)
    want = -np.mean(np.log([0.9, 0.6, 0.35, 0.8]))
    assert metrics.log_loss(LABELS, SCORES) == pytest.approx(want)
    assert found["log_loss"] == pytest.approx(want)


def test_log_loss_clips_as_dfdc_does():
    assert metrics.log_loss([1], [0.0]) == pytest.approx(-math.log(0.01))
    assert metrics.log_loss([0, 1], [0.0, 1.0]) == pytest.approx(-math.log(0.99))
    assert metrics.log_loss([0, 1], [0.5, 0.5]) == pytest.approx(math.log(2))


def test_ties_count_half_and_perfect_scores_are_perfect():
    for labels, p, want in (
        ([0, 1], [0.5, 0.5], 0.5),
        ([0, 0, 1], [0.1, 0.2, 0.3], 1),
        ([1, 0], [0.1, 0.2], 0),
    ):
        assert figures(labels, p)["auc"] == area(labels, p) == want
    assert figures([0, 0, 1], [0.1, 0.2, 0.3])["equal_error_rate"] == 0


def test_calibration_error_by_hand():
    # one bin holds 0.05 twice (no fake), another 0.95 twice (one fake of two)
    labels, p, want = np.array([0, 0, 1, 0]), np.array([0.05, 0.05, 0.95, 0.95]), (2 * 0.05 + 2 * 0.45) / 4
    assert metrics.calibration_error(p, labels, np.ones(4), bins=10) == pytest.approx(want)
    said, found, total = metrics.reliability(labels, p, bins=10)
    assert (said[0], found[9], total[9]) == (pytest.approx(0.05), 0.5, 2)
    assert math.isnan(said[4])


def test_one_class_has_no_figure():
    for labels, p in (([1, 1], [0.2, 0.3]), ([0, 0], [0.2, 0.3]), ([], [])):
        found = figures(labels, p)
        assert all(math.isnan(found[k]) for k in ("auc", "average_precision", "equal_error_rate"))
    assert all(math.isnan(v) for v in found.values())
    assert math.isnan(metrics.auc([0.2], []))
    assert math.isnan(metrics.log_loss([], []))


@given(drawn)
def test_as_scikit_learn_computes_them(rows):
    learn = pytest.importorskip("sklearn.metrics", reason="needs the extra 'evaluate'")
    y, p = [a for a, _ in rows], [b / 20 for _, b in rows]
    found = figures(y, p)
    assert found["auc"] == pytest.approx(learn.roc_auc_score(y, p))
    assert found["average_precision"] == pytest.approx(learn.average_precision_score(y, p))
    assert found["brier"] == pytest.approx(learn.brier_score_loss(y, p))
    assert found["log_loss"] == pytest.approx(learn.log_loss(y, np.clip(p, 0.01, 0.99)))
    assert area(y, p) == pytest.approx(found["auc"])
    false, hits, _ = learn.roc_curve(y, p, drop_intermediate=False)
    assert np.allclose(metrics.roc(y, p), (false, hits))
    for name, most in metrics.ALARMS.items():
        assert found[name] == pytest.approx(hits[false <= most].max())


@given(drawn, st.integers(0, 5))
def test_a_weight_is_a_row_so_many_times(rows, seed):
    y, p = np.array([a for a, _ in rows]), np.array([b / 20 for _, b in rows])
    counts = np.random.default_rng(seed).integers(0, 3, len(rows))
    want = figures(np.repeat(y, counts), np.repeat(p, counts))
    for name, value in figures(y, p, counts).items():
        assert value == pytest.approx(want[name], nan_ok=True), name


def test_shapes_are_checked():
    with pytest.raises(ValueError, match="must be"):
        metrics.log_loss([0, 1], [0.1])


def mean_of(values):
    values = np.asarray(values, float)
    return lambda w: (w @ values / w.sum(1))[:, None]


def test_wilson_by_hand():
    assert wilson(0, 100)[0] == 0
    assert wilson(0, 100)[1] == pytest.approx(0.0370, abs=1e-4)
    assert wilson(50, 100) == pytest.approx((0.4038, 0.5962), abs=1e-4)
    assert wilson(100, 100)[1] == 1
    assert np.isnan(wilson(0, 0)).all()


def test_a_mean_of_many_is_surer_than_of_few():
    rng = np.random.default_rng(0)
    values = rng.normal(size=400)
    many = bootstrap(mean_of(values), [str(i) for i in range(400)])[0]
    few = bootstrap(mean_of(values[:40]), [str(i) for i in range(40)])[0]
    assert many[0] < values.mean() < many[1]
    assert few[1] - few[0] > 2 * (many[1] - many[0])
    assert many[1] - many[0] == pytest.approx(2 * 1.96 / 20, rel=0.2)


def test_frames_of_one_video_count_once():
    values = np.repeat(np.random.default_rng(0).normal(size=20), 20)
    by_frame = bootstrap(mean_of(values), [str(i) for i in range(400)])[0]
    by_video = bootstrap(mean_of(values), np.repeat([str(i) for i in range(20)], 20))[0]
    assert by_video[1] - by_video[0] > 3 * (by_frame[1] - by_frame[0])
    assert share_interval(values > 0, np.repeat([str(i) for i in range(20)], 20)) == wilson(
        20 * float((values > 0).mean()), 20
    )


def test_the_same_seed_gives_the_same_and_one_group_none():
    y, p = np.arange(40) % 2, np.linspace(0, 1, 40)

    def figures(w):
        return metrics.ranked(y, p, w)

    names = [str(i) for i in range(40)]
    assert bootstrap(figures, names) == bootstrap(figures, names)
    assert np.isnan(bootstrap(figures, ["one"] * 40)).all()
    assert np.isnan(share_interval([], [])).all()


def names(count):
    return [str(i) for i in range(count)]


def test_hits_at_few_false_alarms_by_hand():
    # 100 reals at 0 to 0.99; fakes above 99, 98, 96 and 50 of them
    labels, p = [0] * 100 + [1] * 4, [i / 100 for i in range(100)] + [0.985, 0.975, 0.955, 0.495]
    found = figures(labels, p)
    assert [found[k] for k in metrics.ALARMS] == [0.25, 0.5, 0.75]
    assert figures([0, 1], [0.9, 0.1])["hits_at_5"] == 0


@pytest.mark.parametrize(("shift", "rows"), [(0.0, 150), (0.5, 150), (1.5, 150), (1.5, 48)])
def test_calibration_error_has_little_bias_and_its_interval_holds_the_truth(shift, rows):
    rng = np.random.default_rng(1)
    said = rng.beta(0.6, 0.6, 200_000).clip(1e-3, 1 - 1e-3)
    true = 1 / (1 + np.exp(-(np.log(said / (1 - said)) + shift)))
    place = (said * 15).astype(int)
    truth = sum(abs((said - true)[place == b].mean()) * (place == b).mean() for b in range(15))
    plain, values, held = [], [], 0
    for _ in range(60):
        at = rng.integers(len(said), size=rows)
        labels = (rng.random(rows) < true[at]).astype(int)
        value, (low, high) = metrics.calibration(labels, said[at], names(rows), repeats=100)
        assert 0 <= low <= value <= high <= 1
        plain.append(metrics.calibration_error(said[at], labels, np.ones(rows)))
        values.append(value)
        held += low <= truth <= high
    bias, before = abs(np.mean(values) - truth), abs(np.mean(plain) - truth)
    assert bias < max(0.02, 0.65 * before)
    assert held >= 54  # of 60; 57 are meant


def test_frames_of_one_video_count_once_in_the_calibration_too():
    rng = np.random.default_rng(3)
    said = rng.random(40)
    labels = (rng.random(40) < said).astype(int)
    alone = metrics.calibration(labels, said, names(40))
    often = metrics.calibration(np.repeat(labels, 9), np.repeat(said, 9), np.repeat(names(40), 9))
    assert [often[0], *often[1]] == pytest.approx([alone[0], *alone[1]])
    assert np.isnan(metrics.calibration([1], [0.5], ["one"])[1]).all()
    assert np.isnan(metrics.calibration([], [], [])[0])


def test_a_perfect_auc_of_few_is_no_certainty():
    labels = np.repeat([0, 1], 24)
    low, high = metrics.auc_interval(1.0, (1.0, 1.0), labels, names(48))
    assert (low, high) == (pytest.approx(0.025 ** (1 / 24)), 1)  # 0.857
    pairs = np.tile(names(24), 2)  # each group holds both: half as many independent pairs
    assert metrics.auc_interval(1.0, (1.0, 1.0), labels, pairs)[0] == pytest.approx(0.025 ** (1 / 12))
    assert metrics.auc_interval(0.0, (0.0, 0.0), labels, names(48))[1] == pytest.approx(1 - 0.025 ** (1 / 24))
    assert metrics.auc_interval(0.7, (0.6, 0.8), labels, names(48)) == (0.6, 0.8)
    assert np.isnan(metrics.auc_interval(math.nan, (math.nan, math.nan), labels, names(48))).all()


def test_the_interval_of_an_auc_near_one_holds_the_truth():
    truth, held, by_draws = 0.9977, 0, 0  # normal scores, four spreads apart
    for seed in range(60):
        rng = np.random.default_rng(seed)
        labels, p = np.repeat([0, 1], 24), np.r_[rng.normal(0, 1, 24), rng.normal(4, 1, 24)]
        drawn = bootstrap(lambda w, y=labels, s=p: metrics.ranked(y, s, w)[:, :1], names(48), repeats=100)[0]
        low, high = metrics.auc_interval(figures(labels, p)["auc"], drawn, labels, names(48))
        held += low <= truth <= high
        by_draws += drawn[0] <= truth <= drawn[1]
    assert held >= 57
    assert by_draws < 45


def test_clopper_pearson_by_hand():
    assert metrics.clopper_pearson(0, 24) == (0, pytest.approx(1 - 0.025 ** (1 / 24)))
    assert metrics.clopper_pearson(5, 10) == pytest.approx((0.1871, 0.8129), abs=1e-4)
    assert metrics.clopper_pearson(10, 10)[1] == 1
