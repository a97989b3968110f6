"""Forging a track: one forgery through all frames, and the flicker that gives it away."""

from itertools import pairwise

import numpy as np
import pytest

from fakeweb import registry
from fakeweb.forge import DonorPool, Flicker, forge_track
from fakeweb.types import Face

STILL = Flicker(mesh=0, colour=0, opacity=0, miss=0, pace=0)
COUNT = 12


@pytest.fixture(scope="module")
def still(drawn_face):
    """One frame shown over and over: whatever differs between forgeries is flicker."""
    return [drawn_face((128, 128), 130, seed=3)] * COUNT


@pytest.fixture(scope="module")
def swap(drawn_face):
    others = [drawn_face((130, 126), 120 + 10 * i, turn_deg=5 * i, seed=20 + i) for i in range(3)]
    return registry.load("forge", "swap")(donors=DonorPool([f for _, f in others], lambda n: others[n][0]))


def forge(method, frames, flicker=None, seed=1):
    return list(forge_track(method, frames, np.random.default_rng(seed), flicker))


def differences(forged, part=lambda f: f.image.pixels):
    """Return the mean difference from each frame to the next."""
    values = [part(f).astype(np.float64) for f in forged]
    return np.array([np.abs(b - a).mean() for a, b in pairwise(values)])


@pytest.mark.parametrize("name", ["swap", "self_blend", "reenact", "smooth", "jaw"])
def test_without_flicker_a_still_picture_is_forged_alike_in_every_frame(name, still, swap):
    method = swap if name == "swap" else registry.load("forge", name)()
    forged = forge(method, still, STILL)
    assert len(forged) == COUNT
    assert (forged[0].image.pixels != still[0][0].pixels).any()
    assert all(np.array_equal(f.image.pixels, forged[0].image.pixels) for f in forged)
    assert {f.kind for f in forged} == {method.kind}


def test_donor_and_strength_are_drawn_once_and_differ_between_tracks(still, swap):
    tracks = [forge(swap, still[:2], STILL, seed) for seed in range(4)]
    assert len({t[0].image.pixels.tobytes() for t in tracks}) >= 3


def test_the_same_rng_gives_the_same_track(still, swap):
    one, again, other = (forge(swap, still, seed=seed) for seed in (5, 5, 6))
    assert all(
        np.array_equal(a.image.pixels, b.image.pixels) and np.array_equal(a.mask, b.mask)
        for a, b in zip(one, again, strict=True)
    )
    assert any(not np.array_equal(a.image.pixels, b.image.pixels) for a, b in zip(one, other, strict=True))


def test_mask_and_colour_flicker_each_by_its_own_setting(still, swap):
    masks = {
        share: differences(
            forge(swap, still, Flicker(mesh=share, colour=0, opacity=0, miss=0)), lambda f: f.mask
        )
        for share in (0, 0.003, 0.02)
    }
    assert masks[0].max() == 0
    assert 0 < masks[0.003].mean() < masks[0.02].mean()
    for setting in ({"colour": 4}, {"opacity": 0.5}):
        flicker = Flicker(**{"mesh": 0, "colour": 0, "opacity": 0, "miss": 0, **setting})
        forged = forge(swap, still, flicker)
        assert differences(forged, lambda f: f.mask).max() == 0
        assert differences(forged).min() > 0


def test_colours_shift_by_about_as_much_as_asked_under_the_mask_only(still):
    smooth = registry.load("forge", "smooth")(strength=(0.8, 0.8))
    steady = forge(smooth, still, STILL)
    shaken = forge(smooth, still, Flicker(mesh=0, colour=3, opacity=0, miss=0))
    full = steady[0].mask > 0.9
    shifts = [
        (b.image.pixels[full].astype(float) - a.image.pixels[full]).mean(0)
        for a, b in zip(steady, shaken, strict=True)
    ]
    assert 1 < np.std(shifts) < 6  # three grey levels, walking
    for forged in shaken:
        untouched = forged.mask == 0
        assert np.array_equal(forged.image.pixels[untouched], still[0][0].pixels[untouched])


def test_a_long_memory_drifts_where_a_short_one_trembles(still):
    smooth = registry.load("forge", "smooth")(strength=(0.8, 0.8))
    frames = still * 3
    step = {
        memory: differences(
            forge(smooth, frames, Flicker(mesh=0, colour=4, opacity=0, miss=0, memory=memory))
        ).mean()
        for memory in (0.0, 0.95)
    }
    assert step[0.95] < 0.6 * step[0.0]


def test_frames_may_be_missed_and_then_are_as_they_were(still, swap):
    forged = forge(swap, still * 4, Flicker(miss=0.3))
    missed = [f for f in forged if np.array_equal(f.image.pixels, still[0][0].pixels)]
    assert 5 <= len(missed) <= 25
    assert all(f.mask.max() == 0 for f in missed)
    assert all(f.mask.max() > 0 for f in forged if not any(f is m for m in missed))
    assert len(forge(swap, still, Flicker(miss=1.0))) == COUNT


def test_the_forgery_moves_with_the_face(drawn_face):
    frames = [drawn_face((100 + 5 * i, 128), 110, seed=3) for i in range(10)]
    forged = forge(registry.load("forge", "smooth")(strength=(0.8, 0.8)), frames, STILL)
    x = np.arange(256)
    centres = np.array([(f.mask.sum(0) * x).sum() / f.mask.sum() for f in forged])
    assert np.diff(centres) == pytest.approx(5, abs=2.5)
    assert centres[-1] - centres[0] == pytest.approx(45, abs=5)


def test_a_frame_without_a_mesh_is_a_mistake(still, swap):
    image, face = still[0]
    with pytest.raises(ValueError, match="468"):
        forge(swap, [still[0], (image, Face(face.box))])
