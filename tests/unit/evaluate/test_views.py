"""Damage, conditions, pairs and clips: what is done to pictures, and what is read off them."""

from pathlib import Path

import numpy as np
import pytest

from fakeweb.datasets import Sample
from fakeweb.evaluate.conditions import class_of, classes, measure
from fakeweb.evaluate.degrade import degrade, scaled_face, views
from fakeweb.evaluate.figures import by_clip
from fakeweb.evaluate.matched import handled, pair
from fakeweb.evaluate.protocol import clips, draw_evenly
from fakeweb.evaluate.scores import Row
from fakeweb.types import Face, Image


@pytest.fixture(scope="module")
def picture():
    rng = np.random.default_rng(0)
    return Image(rng.integers(0, 256, (16, 20, 3), np.uint8).repeat(8, 0).repeat(8, 1))


@pytest.mark.parametrize("view", views(robust=True))
def test_views_are_pictures_and_come_out_the_same(picture, view):
    once, again = degrade(picture, view, "a.jpg"), degrade(picture, view, "a.jpg")
    assert np.array_equal(once.pixels, again.pixels)
    assert np.array_equal(once.pixels, picture.pixels) == (view == "plain")
    if not view.startswith("resize"):
        assert once.pixels.shape == picture.pixels.shape


def test_stronger_damage_is_further_away(picture):
    def gap(view):
        return np.abs(degrade(picture, view, "a").pixels.astype(int) - picture.pixels).mean()

    assert gap("jpeg-95") < gap("jpeg-60") < gap("jpeg-30")
    assert gap("noise-2") < gap("noise-10") < gap("noise-20")
    assert gap("blur-0.5") < gap("blur-3")
    assert gap("screenshot-1") < gap("screenshot-3")


def test_a_face_follows_its_picture(picture):
    face = Face((16, 16, 96, 112), 0.9, points=np.full((5, 2), 40.0))
    small = degrade(picture, "resize-0.5", "a")
    there = scaled_face(face, picture, small)
    assert there.box == pytest.approx((8, 8, 48, 56))
    assert there.points == pytest.approx(np.full((5, 2), 20.0))


def skin(rgb):
    return measure(Image(np.full((64, 64, 3), rgb, np.uint8)), Face((8, 8, 56, 56)))


def test_skin_tones_come_in_the_order_of_lightness():
    tones = [
        skin(rgb).tone_deg
        for rgb in ((60, 40, 32), (141, 85, 36), (198, 134, 66), (241, 194, 125), (255, 224, 200))
    ]
    assert tones == sorted(tones)
    assert class_of("tone_deg", tones[0]) == "dark"
    assert class_of("tone_deg", tones[-1]) == "very light"


def test_brightness_size_and_sharpness(picture):
    assert skin((120, 120, 120)).brightness == pytest.approx(120)
    assert skin((120, 120, 120)).face_px == 48
    sharp = measure(picture, Face((10, 10, 110, 110)))
    soft = measure(degrade(picture, "blur-3", "a"), Face((10, 10, 110, 110)))
    assert sharp.sharpness > soft.sharpness + 1


def test_classes_cover_every_value_once():
    for name, values in {
        "face_px": (1, 63.9, 64, 500),
        "sharpness": (-9, 4.5, 20),
        "tone_deg": (-89, 0, 89),
    }.items():
        assert all(class_of(name, v) in classes(name) for v in values)
    assert class_of("brightness", float("nan")) == "not measured"
    assert class_of("face_px", 64) != class_of("face_px", 63.9)


def row(path, source, label, face_px=200.0, p=0.5, clip="", verdict="real"):
    return Row("m@1", "plain", path, source, label, "", "val", path, "A", clip or path, "judged", verdict, "", p, 0.0,
               1, float("nan"), 0.0, face_px, 100.0, 5.0)  # fmt: skip


def test_each_fake_gets_a_real_at_least_as_large_and_no_real_twice():
    rows = [row(f"f{i}", "gen", 1, 100 + i) for i in range(5)]
    rows += [row(f"r{i}", "portraits", 0, 90 + 10 * i) for i in range(12)]
    pairs = pair(rows)
    assert len(pairs) == 10
    size = {r.path: r.face_px for r in rows}
    fakes, reals = pairs[::2], pairs[1::2]
    assert len({m.path for m in reals}) == 5
    for fake, real in zip(fakes, reals, strict=True):
        assert fake.side_px == real.side_px
        assert size[real.path] >= size[fake.path]
        assert fake.side_px < 1.6 * size[fake.path]  # both are shrunk


def test_both_of_a_pair_end_in_one_frame(picture):
    for box in ((20, 20, 100, 100), (30, 10, 130, 122)):
        same, face = handled(picture, Face(box), 96)
        assert same.pixels.shape == (96, 96, 3)
        assert max(face.width_px, face.height_px) == pytest.approx(60)
        assert (face.box[0] + face.box[2]) / 2 == pytest.approx(48)


def sample(path, group, label=0, source="s"):
    return Sample(Path(path), label, None, "val", group, source)


def test_frames_in_a_folder_of_one_video_are_a_clip():
    samples = [
        sample("/d/v1/0.png", "v1"),
        sample("/d/v1/1.png", "v1"),
        sample("/d/mixed/a.png", "a"),
        sample("/d/mixed/b.png", "b"),
    ]
    found = clips(samples)
    assert found[Path("/d/v1/0.png")] == found[Path("/d/v1/1.png")] == str(Path("/d/v1"))
    assert found[Path("/d/mixed/a.png")] != found[Path("/d/mixed/b.png")]


def test_a_clip_is_the_mean_of_its_frames():
    rows = [
        row("a", "s", 1, p=0.2, clip="v"),
        row("b", "s", 1, p=0.9, clip="v", verdict="fake"),
        row("c", "s", 1, p=0.7, clip="v", verdict="fake"),
    ]
    (one,) = by_clip(rows)
    assert one.p_fake == pytest.approx(0.6)
    assert one.verdict == "fake"


def test_drawing_is_even_over_sources_and_classes():
    samples = [sample(f"/a/{i}", str(i), 0, "big") for i in range(90)] + [
        sample(f"/b/{i}", str(i), 0, "small") for i in range(5)
    ]
    drawn = draw_evenly(samples, 20, 0)
    assert len(drawn) == 20
    assert sum(s.source == "small" for s in drawn) == 5
    assert drawn == draw_evenly(samples, 20, 0)
    assert draw_evenly(samples, 500, 0) == samples
