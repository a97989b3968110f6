"""From looks to a moment: repeated pictures are one look, windows are searched, stretches have times."""

import math

import numpy as np
import pytest

from fakeweb.runtime import ClipNorm
from fakeweb.scanner.moments import Looks, looks_of, scan_looks

NORM = ClipNorm(1.0, 0.5, 0.4)


def sigmoid(z):
    return 1 / (1 + math.exp(-z))


def moving(*logits, step=0.25):
    """A look every quarter of a second."""
    times = step * np.arange(len(logits))
    return Looks(times, times + step, np.full(len(logits), step), np.array(logits, float))


def scan(looks, norm=NORM):
    return scan_looks(looks, norm, sigmoid, 0.9)


def test_frames_of_one_picture_are_one_look():
    times = np.arange(8) / 4
    looks = looks_of(times, np.full(8, 0.25), np.array([1.0] * 4 + [2.0] * 4), np.array([1] * 4 + [2] * 4))
    assert looks.from_s.tolist() == [0, 1]
    assert looks.to_s.tolist() == [1, 2]
    assert looks.shown_s.tolist() == [1, 1]
    assert looks.logit.tolist() == [1, 2]


@pytest.mark.parametrize("seconds", [0.1, 1, 100])
def test_one_look_counts_as_it_is_however_long(seconds):
    logit = 0.1 + 0.2
    moment = scan(Looks(np.zeros(1), np.array([seconds]), np.array([seconds]), np.array([logit])))
    assert (moment.logit, moment.level) == (logit, logit)


def test_motion_is_taken_off():
    moment = scan(moving(*[3.0] * 4))
    assert moment.logit == pytest.approx(2.5)
    assert moment.level == pytest.approx(3.0)


def test_the_longer_the_clip_the_more_one_window_must_say():
    short, long = ([-2.0] * n + [3.0] * 8 + [-2.0] * n for n in (4, 200))
    assert scan(moving(*long)).logit < scan(moving(*short)).logit < 2.5


def test_a_part_is_found_with_its_times():
    moment = scan(moving(*[-2.0] * 12, *[4.5] * 12, *[-2.0] * 16))
    (stretch,) = moment.stretches
    assert (stretch.from_s, stretch.to_s) == (pytest.approx(3.0, abs=0.3), pytest.approx(6.0, abs=0.3))
    assert stretch.p_fake == pytest.approx(sigmoid(moment.logit))


def test_two_parts_are_two():
    moment = scan(moving(*[5.0] * 12, *[-3.0] * 20, *[5.0] * 12))
    assert [round(s.from_s) for s in moment.stretches] == [0, 8]


def test_all_of_it_is_one():
    (stretch,) = scan(moving(*np.random.default_rng(0).normal(4.5, 0.3, 40))).stretches
    assert (stretch.from_s, stretch.to_s) == (0, pytest.approx(10))


def test_a_moment_shorter_than_the_window_accuses_nobody():
    moment = scan(moving(*[-2.0] * 20, 6.0, *[-2.0] * 20))
    assert moment.stretches == ()
    assert moment.logit < 0


def test_nothing_where_nothing_is_above_the_line():
    assert scan(moving(*[1.0] * 30)).stretches == ()
