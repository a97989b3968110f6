"""Reenactment on a real portrait: what moves, whose teeth, who renders, and how it runs through a track."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from fakeweb import registry
from fakeweb.forge import DonorPool, Flicker, forge_track
from fakeweb.forge.expression import Expression
from fakeweb.forge.patch import close_patch, open_patch
from fakeweb.forge.reenact import express
from fakeweb.forge.regions import EYES, MOUTH
from fakeweb.media import read_image
from fakeweb.types import Face, Image

ROOT = Path(__file__).parents[3]
METHODS = ("reenact", "lower_face", "local_affine")


@pytest.fixture(scope="module")
def mesher():
    return registry.load("mesh", "fakeweb")()


@pytest.fixture(scope="module")
def portrait(mesher):
    image = read_image(ROOT / "examples" / "collins.jpg").image
    return image, mesher.mesh(image, [Face((178.0, 62.0, 272.0, 176.0))])[0]


def posed(portrait, **parts):
    """Return the portrait with an expression."""
    image, face = portrait
    patch = open_patch(image, face)
    worked = express(patch, Expression(**parts))
    return close_patch(image, patch, worked.pixels, worked.weight, "reenacted").image


def test_lids_close_over_the_eyes_and_the_head_turns_either_way(portrait, mesher):
    image, face = portrait
    for parts in ({"lids": 1.0}, {"lids": -1.0}):
        changed = np.abs(posed(portrait, **parts).pixels.astype(int) - image.pixels).mean(2)
        eyes = np.zeros(changed.shape, np.uint8)
        for eye in EYES:
            cv2.fillConvexPoly(eyes, cv2.convexHull(np.rint(face.mesh[eye, :2]).astype(np.int32))[:, 0], 1)
        assert changed[eyes > 0].mean() > 8 > 1 > changed[cv2.dilate(eyes, np.ones((45, 45))) == 0].mean()
    nose, rim = 1, 454  # the tip, and the left edge of the face: they move against each other
    left, right = (
        mesher.mesh(posed(portrait, yaw=yaw), [face])[0].mesh[[nose, rim], 0] for yaw in (-1.0, 1.0)
    )
    assert abs(np.ptp(left) - np.ptp(right)) > 1


def test_gaze_moves_what_is_between_the_lids_and_nothing_else(portrait):
    image, face = portrait
    looking = posed(portrait, gaze=1.0)
    changed = (looking.pixels != image.pixels).any(2)
    assert changed.any()
    near = np.zeros(changed.shape, np.uint8)
    for eye in EYES:
        cv2.fillConvexPoly(near, cv2.convexHull(np.rint(face.mesh[eye, :2]).astype(np.int32))[:, 0], 1)
    assert not changed[cv2.dilate(near, np.ones((13, 13))) == 0].any()


def test_the_mouth_of_another_picture_brings_its_teeth_and_leaves_the_upper_face(portrait):
    image, face = portrait
    inside = np.zeros(image.pixels.shape[:2], np.uint8)
    cv2.fillPoly(inside, [np.rint(face.mesh[MOUTH, :2]).astype(np.int32)], 1)
    toothless = image.pixels.copy()
    toothless[inside > 0] = (60, 15, 20)
    pool = DonorPool([face], lambda _: Image(toothless))
    made = registry.load("forge", "mouth")(donors=pool, strength=(1, 1))(
        image, face, np.random.default_rng(0)
    )
    assert made.kind == "reenacted"
    core = cv2.erode(inside, np.ones((3, 3))) > 0
    assert made.image.pixels[core].mean() < 0.7 * image.pixels[core].mean()
    low = face.mesh[:, 1].min() + 0.5 * np.ptp(face.mesh[:, 1])
    assert (np.argwhere(made.mask > 0)[:, 0] > low - 5).all()


@pytest.mark.parametrize("name", METHODS)
def test_a_renderer_draws_the_face_anew_within_the_mask(name, portrait):
    image, face = portrait
    calls = []

    def renderer(picture):
        calls.append(picture)
        return Image(np.full_like(picture.pixels, 128))

    method = registry.load("forge", name)(strength=(1, 1), renderer=renderer)
    made = [method(image, face, np.random.default_rng(seed)) for seed in range(6)]
    assert calls
    flat = [np.abs(m.image.pixels[m.mask > 0.98].astype(int) - 128).mean() for m in made]
    assert min(flat) < 30
    assert all((m.image.pixels[m.mask == 0] == image.pixels[m.mask == 0]).all() for m in made)


def test_an_expression_comes_and_goes_through_a_track(portrait):
    method = registry.load("forge", "reenact")(strength=(0.8, 0.8))
    flicker = Flicker(mesh=0, colour=0, opacity=0, miss=0, pace=0.1)
    frames = list(forge_track(method, [portrait] * 16, np.random.default_rng(4), flicker))
    image = portrait[0].pixels.astype(int)
    amount = np.array([np.abs(f.image.pixels - image).mean() for f in frames])
    assert amount.max() > 2.5 * amount.min()
    assert np.abs(np.diff(amount)).max() < 0.6 * np.ptp(amount)  # smoothly
    turns = np.diff(np.sign(np.diff(amount)))
    assert (turns != 0).sum() >= 2


def test_a_speaking_person_lends_to_itself(portrait):
    image, face = portrait
    mesh = np.array(face.mesh)
    mesh[MOUTH, 1] += np.where(mesh[MOUTH, 1] > mesh[MOUTH, 1].mean(), 8, 0)
    frames = [(image, face), (image, Face(face.box, mesh=mesh))] * 2

    class Nobody:
        def __call__(self, *_):
            raise AssertionError("the track has mouths of its own")

    method = registry.load("forge", "mouth")(donors=Nobody(), strength=(1, 1))
    made = list(forge_track(method, frames, np.random.default_rng(0), Flicker(miss=0)))
    assert any((f.mask > 0).any() for f in made)
