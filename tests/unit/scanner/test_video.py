"""Clips scanned with a finder that finds coloured squares and a model whose logit is brightness / 10 - 12.8."""

import json

import cv2
import numpy as np
import pytest

from fakeweb.media import Limits, Pace
from fakeweb.scanner import Scanner, VideoProgress, contact_sheet_of, html_of, overlay_clip
from fakeweb.scanner.video import MIN_FRAMES
from fakeweb.types import Face, Report

GROUND = (20, 20, 160)  # blue; people are grey


class GreySquares:
    """Finds every grey square on the blue ground."""

    name = "squares"

    def __init__(self):
        self.seen = 0

    def find(self, image):
        self.seen += 1
        pixels = image.pixels.astype(int)
        grey = (abs(pixels[..., 0] - pixels[..., 2]) < 40) & (abs(pixels[..., 0] - pixels[..., 1]) < 40)
        count, _, stats, _ = cv2.connectedComponentsWithStats(grey.astype(np.uint8))
        return [
            Face((int(x), int(y), int(x + w), int(y + h)), 0.9)
            for x, y, w, h, area in stats[1:count].tolist()
            if area > 60 and w > 7
        ]


def film(clip_maker, people, count=20, fps=10, width=320, height=160, **options):
    """Encode squares: each person is ``(x, y, side, brightness)`` as a function of the frame's number, or None."""

    def frames():
        for i in range(count):
            canvas = np.full((height, width, 3), GROUND, np.uint8)
            for person in people:
                where = person(i)
                if where is not None:
                    x, y, side, value = where
                    canvas[y : y + side, x : x + side] = value
            yield canvas

    return clip_maker.encode(frames(), fps=fps, options={"crf": "10"}, **options)


@pytest.fixture(autouse=True)
def well_seen(monkeypatch):
    """Let the flat squares of these tests pass for faces that can be seen."""
    monkeypatch.setattr("fakeweb.scanner.video.cautions_of", lambda *_: [])


@pytest.fixture(scope="module")
def card(tmp_path_factory, tiny_model):
    return tiny_model(tmp_path_factory.mktemp("model"))


@pytest.fixture
def scanner(card):
    return Scanner(mesher=None, finder=GreySquares(), model=card)


def still(x, y=50, side=60, value=90):
    return lambda i: (x, y, side, value)


EVERY = Pace(every=True)


class TestVerdicts:
    def test_the_fake_person_is_named_and_the_others_are_not(self, clip_maker, scanner):
        data = film(clip_maker, [still(20), still(120, value=200), still(230, value=95)])
        report = scanner.scan_video(data)
        assert [f.verdict.label for f in report.faces] == ["real", "fake", "real"]
        assert [f.face.track for f in report.faces] == [1, 2, 3]
        assert report.verdict.label == "fake"
        assert "manipulated: face 2" in report.verdict.reasons

    def test_a_few_bad_frames_do_not_accuse(self, clip_maker, scanner):
        data = film(clip_maker, [lambda i: (100, 50, 60, 230 if i == 7 else 90)])
        report = scanner.scan_video(data, pace=EVERY)
        assert report.verdict.label == "real"
        assert max(report.timeline[0]["p_fake"]) > 0.9

    def test_between_real_and_fake_is_uncertain(self, clip_maker, scanner):
        report = scanner.scan_video(film(clip_maker, [still(100, value=127)]))
        assert report.verdict.label == "uncertain"

    def test_no_face(self, clip_maker, scanner):
        report = scanner.scan_video(film(clip_maker, []))
        assert (report.verdict.label, report.verdict.p_fake, report.faces, report.timeline) == (
            "no_face",
            None,
            (),
            (),
        )
        assert report.verdict.reasons

    def test_too_short_and_too_small_say_why(self, clip_maker, scanner):
        data = film(
            clip_maker,
            [
                still(20),
                lambda i: (150, 50, 60, 200) if i in (8, 9) else None,
                still(280, side=14, value=200),
            ],
        )
        report = scanner.scan_video(data, pace=EVERY)
        reasons = {f.face.track: f.verdict.reasons for f in report.faces}
        assert report.faces[0].verdict.label == "real"
        assert f"too short to judge: large enough in 2 frames, {MIN_FRAMES} or 0.5 s needed" in reasons[3]
        assert any("too small to judge: 1" in r for r in reasons[2])
        assert report.verdict.label == "uncertain", "the small face was seen all the time"
        assert "only 1 of 3 faces could be judged" in report.verdict.reasons

    def test_one_frame_is_judged_like_a_picture(self, clip_maker, scanner):
        report = scanner.scan_video(film(clip_maker, [still(100, value=200)], count=1))
        assert report.verdict.label == "fake"
        assert report.video["frames"] == 1

    def test_company_does_not_change_a_person_without_norms(self, clip_maker, scanner):
        people = [still(10 + 60 * i, side=40, value=137 if i == 2 else 90) for i in range(5)]
        alone = scanner.scan_video(film(clip_maker, people[2:3]))
        company = scanner.scan_video(film(clip_maker, people))
        assert alone.verdict.label == "fake"
        assert company.verdict.label == "fake"


class TestReport:
    def test_curves_follow_the_people(self, clip_maker, scanner):
        data = film(clip_maker, [lambda i: (20 + 8 * i, 50, 60, 90 + 6 * i)], count=20)
        report = scanner.scan_video(data, pace=EVERY)
        (curve,) = report.timeline
        assert curve["time_s"] == pytest.approx([i / 10 for i in range(20)], abs=0.001)
        assert [b[0] for b in curve["box"]] == pytest.approx([20 + 8 * i for i in range(20)], abs=3)
        assert max(curve["p_fake"][:4]) < 0.3
        assert min(curve["p_fake"][10:]) > 0.8
        assert curve["telling_s"] >= 1.5
        assert (curve["from_s"], curve["to_s"]) == (0.0, 1.9)

    def test_json_there_and_back(self, clip_maker, scanner):
        import jsonschema

        from fakeweb.render import REPORT_SCHEMA, to_json

        report = scanner.scan_video(film(clip_maker, [still(100)]), name="ünï.mp4")
        data = json.loads(to_json(report))
        jsonschema.validate(data, REPORT_SCHEMA)
        assert Report.from_dict(data).to_dict() == data
        assert data["source"] == "ünï.mp4"
        assert data["video"]["frames_examined"] == 20
        assert data["video"]["complete"] is True

    def test_a_long_clip_states_its_coverage(self, clip_maker, scanner):
        data = film(clip_maker, [still(20, side=40)], count=330, fps=5, width=96, height=96, gop=20)
        report = scanner.scan_video(data)
        assert report.video["bursts"] == 30
        assert report.video["frames_examined"] < 330
        assert any("in 30 bursts" in w for w in report.warnings)
        assert len(report.faces) == 1

    def test_scan_knows_clips_from_pictures(self, clip_maker, scanner, tmp_path):
        path = tmp_path / "clip.jpg"  # whatever its name says
        path.write_bytes(film(clip_maker, [still(100)]))
        assert scanner.scan(path).video is not None
        assert scanner.scan(np.zeros((64, 64, 3), np.uint8)).video is None


class TestStopping:
    def test_progress_and_a_stop_give_a_valid_partial_report(self, clip_maker, scanner):
        data = film(clip_maker, [still(100, value=200)], count=40)
        told: list[VideoProgress] = []
        report = scanner.scan_video(
            data, pace=EVERY, on_progress=told.append, should_stop=lambda: len(told) >= 12
        )
        assert len(told) == 12
        assert (told[-1].done, told[-1].total) == (12, 40)
        assert report.verdict.label == "fake"
        assert report.video["complete"] is False
        assert report.video["frames_examined"] == 12
        assert any(w.startswith("stopped at 1.1 s of 4.0 s") for w in report.warnings)
        assert Report.from_dict(report.to_dict()).video["complete"] is False


class TestOutput:
    def test_the_overlay_keeps_time_sound_and_real_people(self, clip_maker, scanner, tmp_path):
        import av

        from fakeweb.media import open_clip

        data = film(clip_maker, [still(30), still(200, value=200)], sound_s=2.0)
        report = scanner.scan_video(data)
        out = tmp_path / "drawn.mp4"
        told = []
        assert overlay_clip(data, report, out, on_progress=told.append)
        assert told[-1].done == 20
        with open_clip(data) as before, open_clip(out) as after:
            assert (after.times_s == before.times_s).all()
            assert after.info.duration_s == before.info.duration_s
            assert after.info.has_sound
            old = [f.image.pixels.astype(int) for f in before.read(before.choose(EVERY))]
            new = [f.image.pixels.astype(int) for f in after.read(after.choose(EVERY))]
        for one, other in zip(old, new, strict=True):
            changed = abs(one - other).max(2) > 50
            assert changed[50:110, 200:260].any()
            assert not changed[50:110, 30:90].any()
        with av.open(str(out)) as container:
            assert container.streams.video[0].codec_context.name == "h264"
            assert container.streams.video[0].codec_context.pix_fmt == "yuv420p"
            assert container.streams.audio[0].codec_context.name == "aac"
        assert out.read_bytes().index(b"moov") < out.read_bytes().index(b"mdat")  # plays while it loads
        assert [p.name for p in tmp_path.iterdir()] == ["drawn.mp4"]

    def test_a_stopped_overlay_is_a_whole_shorter_clip(self, clip_maker, scanner, tmp_path):
        from fakeweb.media import open_clip

        data = film(clip_maker, [still(200, value=200)], sound_s=2.0)
        report = scanner.scan_video(data)
        told = []
        whole = overlay_clip(
            data, report, tmp_path / "o.mp4", on_progress=told.append, should_stop=lambda: len(told) == 8
        )
        assert not whole
        with open_clip(tmp_path / "o.mp4") as clip:
            assert clip.info.frames == 8

    def test_other_containers_odd_sizes_and_animations_become_mp4(self, clip_maker, scanner, tmp_path):
        import io

        from PIL import Image as Picture

        from fakeweb.media import open_clip

        odd = film(clip_maker, [still(20)], count=5, width=161, height=121, codec="mpeg4", container="avi")
        pictures = [Picture.fromarray(np.full((80, 90, 3), 30 * i, np.uint8)) for i in range(4)]
        gif = io.BytesIO()
        pictures[0].save(gif, "GIF", save_all=True, append_images=pictures[1:], duration=200)
        for data, size, count in ((odd, (162, 122), 5), (gif.getvalue(), (90, 80), 4)):
            report = scanner.scan_video(data)
            overlay_clip(data, report, tmp_path / "o.mp4")
            with open_clip(tmp_path / "o.mp4") as clip:
                assert (clip.info.width, clip.info.height) == size
                assert clip.info.frames == count
                assert clip.times_s[1] == pytest.approx(0.1 if size[0] == 162 else 0.2, abs=0.001)

    def test_the_sheet_shows_the_telling_frames(self, clip_maker, scanner):
        data = film(clip_maker, [still(30), lambda i: (200, 50, 60, 140 + 5 * i)])
        report = scanner.scan_video(data, pace=EVERY)
        sheet = contact_sheet_of(data, report).pixels
        first_tile = sheet[60:200, 40:180]
        assert 175 < np.median(first_tile) < 240  # the fake person comes first, at its worst
        assert sheet.shape[0] > 2 * 200
        assert "<svg" in html_of(data, report)

    def test_nobody_to_show(self, clip_maker, scanner):
        data = film(clip_maker, [])
        assert contact_sheet_of(data, scanner.scan_video(data)).width >= 400


def test_faces_beyond_what_a_frame_may_have_are_not_judged(clip_maker, card):
    scanner = Scanner(mesher=None, finder=GreySquares(), model=card, max_faces=2)
    data = film(clip_maker, [still(10 + 60 * i, side=40 - i) for i in range(4)], count=5)
    report = scanner.scan_video(data)
    judged = [f.face.track for f in report.faces if f.score is not None]
    assert len(judged) == 2
    assert sum("more than 2 faces" in f.verdict.reasons[0] for f in report.faces if f.verdict.reasons) == 2


def test_limits_hold(clip_maker, card):
    from fakeweb.errors import TooLarge

    scanner = Scanner(mesher=None, finder=GreySquares(), model=card, limits=Limits(max_duration_s=1))
    with pytest.raises(TooLarge):
        scanner.scan_video(film(clip_maker, [still(10)], count=40))


def test_the_map_of_a_clip_lies_on_the_face_it_was_made_of(clip_maker, tmp_path, tiny_model):
    scanner = Scanner(mesher=None, finder=GreySquares(), model=tiny_model(tmp_path, cells=4))
    (face,) = scanner.scan_video(film(clip_maker, [still(100, value=200)])).faces
    score = face.score
    assert score.evidence.shape == (4, 4)
    corners = score.evidence_to_image @ np.array([[-0.5, 3.5], [-0.5, 3.5], [1, 1]])
    x0, y0, x1, y1 = face.face.box
    assert corners[0].tolist() == pytest.approx([x0, x1], abs=1)
    assert corners[1].tolist() == pytest.approx([y0, y1], abs=1)
