"""What reports say about rarity, neighbours and stretches, and where it is drawn."""

from dataclasses import replace

import numpy as np
import pytest

from fakeweb.render import overlay_at, timeline, to_text
from fakeweb.render.labels import wordings
from fakeweb.render.page import About, Shown, to_html
from fakeweb.render.words import rarity_words
from fakeweb.types import Image, Neighbours, Rarity, Stretch, Verdict

BOX = (100.0, 50.0, 200.0, 175.0)


@pytest.mark.parametrize(
    ("one_in", "measured_on", "share"),
    [
        (240.4, 3310, "about 1 in 240 scored"),
        (7.4, 3310, "about 1 in 7 scored"),
        (1087.0, 9000, "about 1 in 1,100 scored"),
        (1103.3, 3310, "at most 1 in 1,100 scored"),
        (1.2, 3310, "about 83 in 100 scored"),
    ],
)
def test_rarity_is_said_in_round_numbers_and_never_without_what_it_was_measured_on(
    one_in, measured_on, share
):
    words = rarity_words(Rarity(one_in, (1.0, measured_on / 3), measured_on))
    assert share in words
    assert f"Of the {measured_on:,} genuine faces" in words
    assert "on other cameras and websites it can be several times more" in words


def test_the_terminal_says_it_of_faces_not_called_real(build):
    rarity = Rarity(240.0, (100.0, 900.0), 3310)
    faces = [
        replace(build.face(label, (0, 0, 90, 90)), rarity=rarity) for label in ("fake", "real", "uncertain")
    ]
    lines = to_text(build.report(faces)).splitlines()
    assert [n for n, line in enumerate(lines) if "about 1 in 240" in line] == [2, 5]


def test_a_face_that_stands_out_is_labelled_so(build):
    result = build.face("uncertain", BOX)
    near = {n: replace(result, neighbours=Neighbours(9, 3.1, n)) for n in (6.0, None)}
    assert wordings(near[6.0])[0] == "stands out"
    assert wordings(near[None])[0] == "uncertain"


@pytest.fixture
def clip(build):
    """A clip of ten seconds: somebody manipulated in two parts of it, or all the time."""

    def make(stretches, label="fake"):
        times = [float(t) for t in range(11)]
        curve = {
            "track": 1,
            "from_s": 0.0,
            "to_s": 10.0,
            "telling_s": 4.0,
            "time_s": times,
            "box": [list(BOX)] * 11,
            "p_fake": [0.9 if 3 <= t <= 6 else 0.1 for t in times],
        }
        video = {
            "duration_s": 10.0, "fps": 25.0, "frames": 250, "frames_examined": 11, "bursts": 1,
            "longest_gap_s": 1.0, "damaged_frames": 0, "complete": True, "codec": "h264", "has_sound": False,
        }  # fmt: skip
        result = build.face(label, BOX, 0.97 if label == "fake" else 0.5)
        result = replace(result, face=replace(result.face, track=1), stretches=stretches)
        return build.report([result], verdict=Verdict(label, 0.97), timeline=(curve,), video=video)

    return make


PARTS = (Stretch(3.0, 6.0, 0.97), Stretch(8.0, 9.0, 0.62))
FRAME = Image(np.full((240, 320, 3), 128, np.uint8))


def ink(report, time_s):
    return int((overlay_at(FRAME, report, time_s).pixels != FRAME.pixels).any(axis=2).sum())


def test_the_mesh_is_drawn_in_the_parts_that_look_manipulated(clip):
    report = clip(PARTS)
    assert [ink(report, t) > 0 for t in (1.0, 3.0, 4.5, 6.0, 7.0, 8.5, 9.5)] == [0, 1, 1, 1, 0, 1, 0]
    assert ink(clip(None), 1.0) > 0
    assert ink(clip((), label="uncertain"), 1.0) > 0
    strong, weak = (overlay_at(FRAME, report, t).pixels[70:150, 110:190].astype(int) for t in (4.5, 8.5))
    assert np.abs(strong - 128).mean() > 1.3 * np.abs(weak - 128).mean(), "each part as sure as it is"


def test_timeline_and_page_name_the_parts(clip):
    parts, whole = (timeline(clip(s)).to_svg() for s in (PARTS, None))
    assert parts.count("<rect") == whole.count("<rect") + 4
    text = to_html(Shown(clip(PARTS)), About("1"))
    assert "from 3.0 s to 6.0 s, from 8.0 s to 9.0 s" in text
    assert "from 3.0 s to 6.0 s" in to_text(clip(PARTS))
    assert timeline(clip(PARTS)).to_image(1).pixels.shape == timeline(clip(None)).to_image(1).pixels.shape


def test_page_and_timeline_of_a_clip_tell_no_path(clip):
    report = replace(clip(PARTS), source="/home/me/secret/clip.mp4")
    for text in (to_html(Shown(report), About("1")), timeline(report).to_svg()):
        assert "clip.mp4" in text
        assert "secret" not in text
