"""Where fakes were touched. Needs no torch."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from fakeweb.datasets import Sample
from fakeweb.errors import DatasetError
from fakeweb.train.classifier.masks import pair_mask, part_mask, touched, untouched
from fakeweb.types import Image

BOX = (30.0, 20.0, 98.0, 108.0)


@pytest.fixture(scope="module")
def scene():
    """A picture with some texture, 128 px."""
    rng = np.random.default_rng(0)
    coarse = rng.integers(40, 200, (16, 16, 3)).astype(np.uint8)
    return cv2.resize(coarse, (128, 128), interpolation=cv2.INTER_CUBIC)


def jpeg(pixels, quality=80):
    return Image(cv2.imdecode(cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, quality])[1], 1))


def changed(scene):
    out = scene.copy()
    out[60:90, 40:80] = 255 - out[60:90, 40:80]
    return out


def test_a_pair_tells_what_was_changed_through_any_encoder(scene):
    mask = pair_mask(jpeg(changed(scene), 60), jpeg(scene, 90))
    assert mask[64:86, 44:76].mean() > 230
    away = np.ones((128, 128), bool)
    away[45:105, 25:95] = False
    assert mask[away].mean() < 5
    assert not untouched(mask)


def test_a_pair_that_does_not_differ_is_untouched(scene):
    assert untouched(pair_mask(jpeg(scene, 60), jpeg(scene, 90)))
    assert not untouched(None)


def test_another_moment_or_another_size_is_unknown(scene):
    moved = np.roll(scene, (6, 4), (0, 1))
    assert pair_mask(jpeg(changed(moved)), jpeg(scene)) is None
    assert pair_mask(jpeg(scene[:100]), jpeg(scene)) is None
    assert pair_mask(jpeg(255 - scene), jpeg(scene)) is None


@pytest.mark.parametrize(
    ("name", "inside", "outside"),
    [
        ("hard_9_1111.jpg", [(50, 52), (78, 52), (64, 69), (64, 90)], [(5, 5)]),
        ("mid_2_0010.jpg", [(64, 69)], [(50, 52), (64, 92), (5, 5)]),
        ("easy_181_0001.jpg", [(64, 90)], [(50, 52), (78, 52)]),
    ],
)
def test_parts_by_name(scene, name, inside, outside):
    mask = part_mask(name, Image(scene), BOX)
    assert all(mask[y, x] == 255 for x, y in inside)
    assert all(mask[y, x] == 0 for x, y in outside)


def test_one_eye_is_half_sure_on_both_sides(scene):
    mask = part_mask("easy_1_1000.jpg", Image(scene), BOX)
    assert mask[52, 50] == mask[52, 78] == 128


@pytest.mark.parametrize("name", ["real_00044.jpg", "a_12.jpg", "x_1121.jpg", ""])
def test_other_names_tell_nothing(scene, name):
    assert part_mask(name, Image(scene), BOX) is None


def test_rules(scene, tmp_path):
    image = Image(scene)
    white = np.zeros((128, 128), np.uint8)
    white[:64] = 255
    cv2.imwrite(str(tmp_path / "mask.png"), white)
    cv2.imwrite(str(tmp_path / "real.png"), scene[:, :, ::-1])
    masked = Sample(tmp_path / "a", 1, "swap", "train", "g_1111", "s", mask=tmp_path / "mask.png")
    bare = Sample(tmp_path / "a", 1, "swap", "train", "g_1111", "s")
    assert (touched(masked, "", image, BOX, None) == white).all()
    assert (touched(masked, "file", image, BOX, None) == white).all()
    assert touched(masked, "none", image, BOX, None) is None
    assert touched(bare, "", image, BOX, None) is None
    assert touched(bare, "whole", image, BOX, None).min() == 255
    assert touched(bare, "parts", image, BOX, None).max() == 255
    assert touched(bare, "pair", image, BOX, None) is None
    assert untouched(touched(bare, "pair", image, BOX, tmp_path / "real.png"))


def test_a_mask_that_does_not_fit_is_an_error(scene, tmp_path):
    cv2.imwrite(str(tmp_path / "mask.png"), np.zeros((9, 9), np.uint8))
    for name, message in (("mask.png", "has 9 x 9 px"), ("none.png", "none.png")):
        sample = Sample(Path("a"), 1, "swap", "train", "g", "s", mask=tmp_path / name)
        with pytest.raises(DatasetError, match=message):
            touched(sample, "", Image(scene), BOX, None)
