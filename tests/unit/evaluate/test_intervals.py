"""Intervals: of groups, and of shares."""

import numpy as np
import pytest

from fakeweb.evaluate import metrics
from fakeweb.evaluate.intervals import bootstrap, share_interval, wilson


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
