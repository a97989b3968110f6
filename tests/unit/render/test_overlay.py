import colorsys
import time

import cv2
import numpy as np
import pytest

from fakeweb.render import REACH, overlay
from fakeweb.render.labels import percent, wordings
from fakeweb.render.paint import ramp
from fakeweb.types import Image


def flat(value, width=320, height=240):
    return Image(np.full((height, width, 3), value, np.uint8))


def noise(width=320, height=240):
    return Image(np.random.default_rng(5).integers(0, 256, (height, width, 3), np.uint8))


def changed(before, after):
    return (before.pixels != after.pixels).any(axis=2)


def box(x, y, side):
    return (x, y, x + side, y + 1.35 * side)


class TestRealFacesStayUntouched:
    @pytest.mark.parametrize(
        "real",
        [
            (150.0, 60.0, 230.0, 160.0),  # beside
            (110.0, 70.0, 210.0, 200.0),  # overlapping
            (60.4, 20.6, 180.3, 110.7),  # where the label would go
            (90.0, 60.0, 120.0, 110.0),  # inside the fake face
            (0.0, 200.0, 320.0, 240.0),  # where the note goes
            (-50.0, -50.0, 160.5, 300.0),  # across three borders
        ],
    )
    @pytest.mark.parametrize("label", ["fake", "uncertain"])
    def test_bit_for_bit(self, build, real, label):
        image = noise()
        faces = [build.face(label, (70.0, 50.0, 150.0, 158.0)), build.face("real", real)]
        after = overlay(image, build.report(faces))
        x0, y0, x1, y1 = np.clip(real, 0, (320, 240, 320, 240))
        inside = np.s_[int(np.floor(y0)) : int(np.ceil(y1)), int(np.floor(x0)) : int(np.ceil(x1))]
        assert not changed(image, after)[inside].any()

    def test_labels_go_round_them_whole(self, build):
        image = flat(128)
        fake = build.face("fake", box(110, 80, 80), kind="swap")
        alone = changed(image, overlay(image, build.report([fake])))
        above = build.face("real", (90.0, 0.0, 260.0, 78.0))
        routed = changed(image, overlay(image, build.report([fake, above])))
        assert alone[:72].any()
        assert not routed[:78].any()
        assert routed.sum() > 0.97 * alone.sum()

    @pytest.mark.parametrize("labels", [[], ["real"], ["real", "real"]])
    def test_nothing_to_draw_changes_nothing(self, build, labels):
        image = noise()
        faces = [build.face(label, box(40 + 90 * i, 50, 70)) for i, label in enumerate(labels)]
        assert np.array_equal(overlay(image, build.report(faces)).pixels, image.pixels)


class TestOpacity:
    def test_zero_is_the_picture(self, build):
        image = noise()
        faces = [build.face("fake", box(40, 50, 90)), build.face("uncertain", box(180, 50, 90))]
        after = overlay(image, build.report(faces), opacity=0.0)
        assert np.array_equal(after.pixels, image.pixels)
        assert after.pixels is not image.pixels

    def test_more_opacity_more_change(self, build):
        image, report = flat(128), build.report([build.face("fake", box(100, 50, 90))])
        amounts = [_change(image, overlay(image, report, opacity=o)) for o in (0.2, 0.6, 1.0)]
        assert amounts[0] < amounts[1] < amounts[2]

    @pytest.mark.parametrize("opacity", [-0.1, 1.1, float("nan")])
    def test_out_of_range(self, build, opacity):
        with pytest.raises(ValueError, match="opacity"):
            overlay(flat(0), build.report([]), opacity=opacity)


def test_a_report_about_another_picture_is_refused(build):
    with pytest.raises(ValueError, match="320 x 240"):
        overlay(flat(0, 64, 64), build.report([]))


class TestProbability:
    def test_surer_is_redder_and_stronger(self, build):
        image = flat(128)
        after = [
            overlay(image, build.report([build.face("fake", box(100, 50, 100), p)])) for p in (0.61, 0.8, 1.0)
        ]
        amounts = [_change(image, a) for a in after]
        assert amounts[0] < amounts[1] < amounts[2]
        hues = [_hue(image, a) for a in after]
        assert 30 < hues[0] < 60  # amber
        assert hues[0] > hues[1] > hues[2]
        assert -15 < hues[2] < 10  # red

    def test_ramp_darkens_all_the_way(self):
        lightness = [np.dot(ramp(s), (0.2126, 0.7152, 0.0722)) for s in np.linspace(0, 1, 11)]
        assert (np.diff(lightness) < 0).all()

    def test_measured_from_the_report_s_own_threshold(self, build):
        image = flat(128)
        high = type(build.THRESHOLDS)(real=0.3, fake=0.9)
        at_threshold = overlay(
            image, build.report([build.face("fake", box(100, 50, 100), 0.9)], thresholds=high)
        )
        assert 30 < _hue(image, at_threshold) < 60


class TestLegible:
    @pytest.mark.parametrize("ground", [0, 128, 255, (198, 150, 125)], ids=["black", "grey", "white", "skin"])
    @pytest.mark.parametrize("side", [40, 120, 600])
    @pytest.mark.parametrize("label", ["fake", "uncertain"])
    def test_lines_stand_out(self, build, ground, side, label):
        width, height = side * 2, round(side * 2.2)
        image = flat(ground, width, height)
        face = build.face(label, box(side / 2, side / 2, side), 0.62 if label == "fake" else 0.5)
        after = overlay(image, build.report([face], width, height))
        lab = [cv2.cvtColor(i.pixels.astype(np.float32) / 255, cv2.COLOR_RGB2LAB) for i in (image, after)]
        on_face = np.s_[side // 2 : side // 2 + round(1.35 * side), side // 2 : side // 2 + side]
        strong = np.linalg.norm(lab[1] - lab[0], axis=2)[on_face] > 15
        assert strong.mean() > (0.03 if label == "fake" else 0.012)

    @pytest.mark.parametrize("side", [24, 40, 60, 110, 200, 600])
    def test_a_certain_face_can_still_be_looked_at(self, build, side):
        """No part of it, such as an eye or the mouth, is filled: what lies beneath keeps most of its contrast."""
        width, height = 2 * side, round(2.4 * side)
        image = noise(width, height)
        face = build.face("fake", box(side / 2, side / 2, side), 1.0)
        after = overlay(image, build.report([face], width, height))
        x0, y0, x1, y1 = (round(v * side) for v in (0.62, 0.75, 1.38, 1.65))  # inside the oval
        before, after = (i.pixels[y0:y1, x0:x1].astype(float) for i in (image, after))
        kept = [
            np.polyfit(b.ravel(), a.ravel(), 1)[0] for b, a in zip(_cells(before), _cells(after), strict=True)
        ]
        assert np.mean(kept) > 0.65
        assert np.min(kept) > (0.25 if side < 40 else 0.45)

    @pytest.mark.parametrize("side", [60, 110, 200, 600])
    def test_the_surer_the_stronger_over_the_whole_range(self, build, side):
        width, height = 2 * side, round(2.4 * side)
        image = flat(128, width, height)
        inks = []
        for p in np.linspace(0.6, 1.0, 9):
            face = build.face("fake", box(side / 2, side / 2, side), p)
            after = overlay(image, build.report([face], width, height))
            inks.append(np.abs(after.pixels.astype(int) - 128)[side // 2 :].mean())
        assert (np.diff(inks) > 0).all()
        assert inks[-1] > 1.4 * inks[0]

    @pytest.mark.parametrize(("side", "words"), [(20, 0), (30, 1), (60, 3)])
    def test_small_faces_get_shorter_labels(self, build, side, words):
        assert len(wordings(build.face("fake", box(0, 0, side), kind="swap"))) == words

    @pytest.mark.parametrize(
        ("label", "kind", "expected"),
        [
            ("fake", "swap", "fake 95 %  swap"),
            ("fake", None, "fake 95 %"),
            ("uncertain", "swap", "uncertain"),
        ],
    )
    def test_words(self, build, label, kind, expected):
        assert wordings(build.face(label, box(0, 0, 200), kind=kind))[0] == expected

    @pytest.mark.parametrize(
        ("p", "expected"), [(0.9996, "99 %"), (1.0, "99 %"), (0.0, "1 %"), (0.6, "60 %")]
    )
    def test_never_certain(self, p, expected):
        assert percent(p) == expected


class TestPlaces:
    @pytest.mark.parametrize("label", ["fake", "uncertain"])
    def test_far_ground_is_untouched(self, build, label):
        image = flat(128, 800, 600)
        face = build.face(label, box(300, 200, 100), kind="swap")
        mask = changed(image, overlay(image, build.report([face], 800, 600)))
        reach = REACH * 135
        label_px = 45
        rows, columns = np.nonzero(mask[:570])  # the note stands below
        assert rows.min() >= 200 - reach - label_px
        assert rows.max() <= 335 + reach + label_px
        assert columns.min() >= 300 - reach
        assert columns.max() <= 400 + reach + 60

    def test_note_only_where_a_mesh_was_guessed(self, build):
        image, place = flat(128), box(100, 50, 80)
        bottom = np.s_[225:]
        mesh = np.random.default_rng(0).uniform(110, 150, (468, 3))
        guessed = overlay(image, build.report([build.face("fake", place)]))
        measured = overlay(image, build.report([build.face("fake", place, mesh=mesh)]))
        uncertain = overlay(image, build.report([build.face("uncertain", place)]))
        assert changed(image, guessed)[bottom].any()
        assert not changed(image, measured)[bottom].any()
        assert changed(image, measured)[110:150, 110:150].any()
        assert not changed(image, uncertain)[bottom].any()

    def test_no_note_on_narrow_pictures(self, build):
        image = flat(128, 150, 240)
        after = overlay(image, build.report([build.face("fake", box(40, 40, 70))], 150, 240))
        assert not changed(image, after)[225:].any()

    @pytest.mark.parametrize(
        "place",
        [
            (-60.0, -60.0, 60.0, 100.0),
            (280.0, 200.0, 400.0, 380.0),
            (-500.0, -500.0, 900.0, 900.0),
            (-1e9, -1e9, 1e9, 1e9),
            (5000.0, 5000.0, 5100.0, 5140.0),
            (-200.0, 20.0, -100.0, 150.0),
            (10.0, 10.0, 10.2, 10.3),
            (0.0, 0.0, 320.0, 1.0),
        ],
    )
    @pytest.mark.parametrize("label", ["fake", "uncertain"])
    @pytest.mark.parametrize("with_points", [False, True])
    def test_beyond_the_borders(self, build, place, label, with_points):
        points = build.frontal_points(place) if with_points else None
        after = overlay(noise(), build.report([build.face(label, place, kind="swap", points=points)]))
        assert after.pixels.shape == (240, 320, 3)

    @pytest.mark.parametrize("size", [(1, 1), (3, 200), (200, 3)])
    def test_tiny_pictures(self, build, size):
        faces = [build.face("fake", (0.0, 0.0, 50.0, 60.0)), build.face("uncertain", (0.0, 0.0, 50.0, 60.0))]
        overlay(flat(9, *size), build.report(faces, *size))


def test_the_input_keeps_its_pixels_and_the_answer_is_always_the_same(build):
    image = noise()
    copy = image.pixels.copy()
    faces = [build.face("fake", box(20 + 60 * i, 50, 70), points=None) for i in range(4)]
    first, second = (overlay(image, build.report(faces)).pixels for _ in range(2))
    assert np.array_equal(image.pixels, copy)
    assert np.array_equal(first, second)


def test_hundreds_of_faces_stay_quick(build):
    image = flat(128, 1920, 1080)
    rng = np.random.default_rng(2)
    places = [box(x, y, 45) for x, y in rng.uniform((0, 0), (1870, 1010), (300, 2))]
    kinds = ["fake", "uncertain", "real"]
    faces = [
        build.face(kinds[i % 3], p, points=build.frontal_points(p), kind="swap") for i, p in enumerate(places)
    ]
    report = build.report(faces, 1920, 1080)
    overlay(image, report)
    start = time.process_time()
    overlay(image, report)
    assert time.process_time() - start < 3.0  # 0.4 s where this was written


def _change(before, after):
    return np.abs(after.pixels.astype(int) - before.pixels).mean()


def _cells(pixels, count=6):
    """Cut an array into ``count`` x ``count`` pieces."""
    return [c for row in np.array_split(pixels, count) for c in np.array_split(row, count, axis=1)]


def _hue(before, after):
    """Hue in degrees (-180 to 180) of the colourful pixels that were drawn."""
    new = after.pixels[changed(before, after)].astype(float)
    vivid = new[np.ptp(new, axis=1) > 120].mean(axis=0) / 255
    hue = colorsys.rgb_to_hsv(*vivid)[0] * 360
    return hue - 360 if hue > 180 else hue
