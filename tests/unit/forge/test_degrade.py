"""Degradations, one step at a time."""

import cv2
import numpy as np
import pytest

from fakeweb.forge import degrade

RED = np.full((32, 48, 3), (200, 40, 30), np.uint8)


@pytest.fixture
def picture():
    coarse = np.random.default_rng(0).integers(0, 256, (8, 12, 3), np.uint8)
    return np.asarray(cv2.resize(coarse, (96, 64)), np.uint8)


@pytest.mark.parametrize("codec", [degrade.jpeg, degrade.jpeg_bgr, degrade.webp])
def test_codecs_keep_the_colours_and_lose_more_at_less_quality(codec, picture):
    assert np.abs(codec(RED, 90).astype(int) - RED).max() < 12
    fine, rough = (np.abs(codec(picture, q).astype(int) - picture).mean() for q in (95, 20))
    assert 0 < fine < rough


def test_full_colour_keeps_more_of_the_colours(picture):
    half, full = (degrade.jpeg(picture, 90, full_colour=f).astype(int) - picture for f in (False, True))
    assert np.abs(full).mean() < np.abs(half).mean()


def test_blue_first_is_the_same_with_red_and_blue_exchanged(picture):
    swapped = np.ascontiguousarray(picture[..., ::-1])
    assert (degrade.jpeg_bgr(swapped, 70)[..., ::-1] == degrade.jpeg(picture, 70)).all()


def test_a_curve_that_changes_nothing_and_one_that_darkens(picture):
    assert (degrade.curve(picture, 1.0, np.ones(3), 0.5, 0.0) == picture).all()
    assert (degrade.curve(picture, 2.0, np.ones(3), 0.5, 0.0) <= picture).all()
    red_alone = degrade.curve(picture, 1.0, np.array([0.5, 1.0, 1.0]), 0.0, 0.0)
    assert (red_alone[..., 1:] == picture[..., 1:]).all()
    assert red_alone[..., 0].mean() == pytest.approx(picture[..., 0].mean() / 2, abs=1)


def test_grey_noise_and_size(picture):
    assert np.ptp(degrade.grey(picture), axis=2).max() == 0
    assert (
        degrade.noise(np.full((2, 2, 3), 250, np.uint8), np.array([[[9.9]], [[-300.0]]])) == [[[255]], [[0]]]
    ).all()
    assert degrade.resize(picture, 48, 0).shape == (1, 48, 3)
    assert degrade.resize(RED, 96, 64).shape == (64, 96, 3)
