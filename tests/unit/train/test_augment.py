"""Shared degradation: reproducible, of one shape, and blind to the label. Needs no torch."""

import dataclasses
import inspect

import numpy as np
import pytest

from fakeweb.faces import align
from fakeweb.train.augment import augmented_crop, augmented_pair, views
from fakeweb.train.recipe import AugmentRecipe
from fakeweb.types import Face, Image

PLAIN = AugmentRecipe(
    flip=0, shift=0, scale=(1, 1), rotate_deg=0, encode=0, resize=(1, 1), blur=0, sharpen=0, noise=0, colour=0, grey=0
)  # fmt: skip
BOX = (20.0, 16.0, 60.0, 64.0)


@pytest.fixture(scope="module")
def image():
    y, x = np.mgrid[0:80, 0:96]
    return Image(np.stack([x * 2, y * 3, 128 + 60 * np.sin(x / 5)], -1).astype(np.uint8))


def crop(image, seed, recipe=None, *, box=BOX, side_px=32):
    return augmented_crop(image, box, side_px, 1.1, recipe or AugmentRecipe(), np.random.default_rng(seed))


def test_the_same_generator_gives_the_same_bytes_and_another_others(image):
    seen = {crop(image, seed).tobytes() for seed in range(40)}
    assert len(seen) == 40
    assert all(crop(image, seed).tobytes() in seen for seed in range(40))


@pytest.mark.parametrize("side_px", [16, 33, 160])
def test_shape_type_and_layout(image, side_px):
    for seed in range(20):
        pixels = crop(image, seed, side_px=side_px)
        assert (pixels.shape, pixels.dtype) == ((side_px, side_px, 3), np.uint8)
        assert pixels.flags.c_contiguous
        assert pixels.flags.writeable


def test_nothing_asked_for_is_the_plain_crop(image):
    assert np.array_equal(crop(image, 0, PLAIN), align(image, Face(BOX), 32, margin=1.1).pixels)


@pytest.mark.parametrize(
    "name",
    [
        "flip",
        "flip_down",
        "encode",
        "shares",
        "down_up",
        "blur",
        "sharpen",
        "noise",
        "colour",
        "grey",
    ],
)
def test_each_part_changes_something_alone(image, name):
    changed = crop(image, 0, dataclasses.replace(PLAIN, **{name: 1}))
    plain = crop(image, 0, PLAIN)
    assert not np.array_equal(changed, plain)
    if name == "flip":
        assert np.array_equal(changed, plain[:, ::-1])
    if name == "flip_down":
        assert np.array_equal(changed, plain[::-1])
    if name == "grey":
        assert np.ptp(changed.astype(int), axis=2).max() == 0


def test_every_picture_survives_everything_at_any_place(image):
    all_of_it = dataclasses.replace(
        AugmentRecipe(), shift=0.49, scale=(0.9, 1.3), encode=1, colour=1, noise=1
    )
    for seed in range(60):
        for box in [(-20.0, -20.0, 20.0, 20.0), (90.0, 70.0, 102.0, 90.0), (0.0, 0.0, 1.0, 1.0)]:
            assert crop(image, seed, all_of_it, box=box).shape == (32, 32, 3)


def test_no_argument_could_tell_it_the_label():
    names = list(inspect.signature(augmented_crop).parameters)
    assert names == ["image", "box", "side_px", "margin", "recipe", "rng"]


@pytest.mark.parametrize(
    "change",
    [
        {"rotate_deg": 30.0},
        {"shear_deg": 30.0},
        {"flip": 1},
        {"flip_down": 1},
        {"shift": 0.3},
        {"scale": (1.5, 1.5)},
        {"zoom": 1},
    ],
)
def test_a_mask_goes_where_its_pixels_go(change):
    """The mask is drawn into the picture as brightness, and must stay where it is bright."""
    mask = np.zeros((80, 96), np.uint8)
    mask[20:45, 25:40] = 255
    drawn = Image(np.repeat(mask[..., None], 3, 2))
    for seed in range(12):
        recipe = dataclasses.replace(PLAIN, **change)
        pixels, moved = augmented_pair(drawn, mask, BOX, 48, 1.6, recipe, np.random.default_rng(seed))
        assert moved.shape == pixels.shape[:2]
        assert np.abs(pixels[..., 0].astype(int) - moved).max() <= 2


def test_brightness_is_a_factor(image):
    for factor in (0.5, 1.5):
        pixels = crop(image, 0, dataclasses.replace(PLAIN, brightness=(factor, factor)))
        want = np.clip(np.rint(crop(image, 0, PLAIN) * factor), 0, 255)
        assert np.abs(pixels - want).max() <= 1


def test_validation_sees_whole_faces_and_stands_upright():
    seen = views(dataclasses.replace(AugmentRecipe(), flip_down=0.5, zoom=0.5))
    assert (seen.flip_down, seen.zoom, seen.encode) == (0, 0, AugmentRecipe().encode)


def test_a_zoomed_crop_is_a_part_of_the_plain_one_wherever():
    """The picture tells where each pixel comes from: red is x, green is y."""
    y, x = np.mgrid[0:200, 0:200]
    where = Image(np.stack([x, y, 0 * x], -1).astype(np.uint8))
    box = (60.0, 60.0, 140.0, 140.0)
    plain = crop(where, 0, PLAIN, box=box)[..., :2].astype(int)
    low, high = plain.min(), plain.max()
    sides, middles = [], []
    for seed in range(200):
        part = crop(where, seed, dataclasses.replace(PLAIN, zoom=1), box=box)[..., :2].astype(int)
        assert low - 2 <= part.min() <= part.max() <= high + 2
        sides.append(np.ptp(part[..., 0]) / (high - low))
        middles.append(part.mean((0, 1)))
    assert 0.36 < min(sides) < 0.45 < 0.8 < max(sides) < 0.87
    assert np.ptp(middles, axis=0).min() > 0.4 * (high - low)


def test_a_spared_crop_keeps_its_detail_and_others_lose_it():
    """A fine pattern survives in as many crops as are spared."""
    y, x = np.mgrid[0:80, 0:96]
    fine = Image(
        np.repeat((128 + 60 * np.where((x // 2 + y // 2) % 2, 1, -1)).astype(np.uint8)[..., None], 3, 2)
    )
    harsh = dataclasses.replace(
        PLAIN, encode=1, quality=(35, 40), resize=(0.5, 0.6), blur=1, down_up=1, shares=1, noise=0
    )

    def kept(spare):
        recipe = dataclasses.replace(harsh, spare=spare)
        crops = [crop(fine, seed, recipe, box=(20.0, 16.0, 60.0, 56.0), side_px=44) for seed in range(60)]
        return np.mean([np.abs(np.diff(c[..., 1].astype(int), axis=1)).mean() > 15 for c in crops])

    assert kept(0.0) == 0
    assert kept(1.0) == 1
    assert 0.2 < kept(0.5) < 0.8


def test_half_of_the_spared_crops_are_cut_as_in_use(image):
    """Nothing but the crop itself happens to them where nothing else is asked for."""
    plain = crop(image, 0, PLAIN)
    recipe = dataclasses.replace(PLAIN, spare=1.0)
    untouched = [np.array_equal(crop(image, seed, recipe), plain) for seed in range(60)]
    assert 0.25 < np.mean(untouched) < 0.75


@pytest.mark.parametrize(("chance", "turned"), [(1.0, 1.0), (0.4, 0.4), (0.0, 0.0)])
def test_as_many_crops_are_rotated_as_asked(image, chance, turned):
    recipe = dataclasses.replace(PLAIN, rotate_deg=20.0, rotate=chance)
    plain = crop(image, 0, PLAIN)
    share = np.mean([not np.array_equal(crop(image, seed, recipe), plain) for seed in range(300)])
    assert share == pytest.approx(turned, abs=0.09)
