"""What one way in says, every other says too: stills and clips, pictures and the frames of slide shows."""

import io
import json
from fractions import Fraction

import av
import numpy as np
import pytest
from PIL import Image as Picture

from fakeweb.media import read_image
from fakeweb.scanner import Scanner
from fakeweb.types import Image

REAL = "portrait.jpg"
FAKE = "beautified.jpg"


@pytest.fixture(scope="module")
def scanner():
    return Scanner()


@pytest.fixture(scope="module")
def pictures(portrait_path):
    examples = portrait_path.parents[1] / "src" / "fakeweb" / "examples"
    return {name: read_image(examples / name).image for name in (REAL, FAKE)}


def film(frames, *, fps=8, codec="ffv1", crf=None):
    """Encode RGB pictures, each with the seconds it is shown, at a fixed rate."""
    out = io.BytesIO()
    with av.open(out, "w", format="matroska") as container:
        stream = container.add_stream(codec, rate=fps)
        first = frames[0][0].pixels
        stream.height, stream.width = first.shape[:2]
        stream.pix_fmt = "bgr0" if codec == "ffv1" else "yuv420p"
        if crf is not None:
            stream.options = {"crf": str(crf)}
        stream.time_base = Fraction(1, fps)
        for image, seconds in frames:
            for _ in range(round(seconds * fps)):
                for packet in stream.encode(av.VideoFrame.from_ndarray(image.pixels, "rgb24")):
                    container.mux(packet)
        for packet in stream.encode():
            container.mux(packet)
    return out.getvalue()


def told(report):
    return [(f.verdict.label, f.verdict.p_fake, f.verdict.reasons) for f in report.faces]


def blurred(image, sigma):
    import cv2

    return Image(np.ascontiguousarray(cv2.GaussianBlur(image.pixels, (0, 0), sigma)))


@pytest.mark.parametrize("name", [REAL, FAKE])
@pytest.mark.parametrize("seconds", [0.25, 2, 20])
def test_a_still_of_any_length_is_judged_as_its_picture(scanner, pictures, name, seconds):
    clip, picture = scanner.scan_video(film([(pictures[name], seconds)])), scanner.scan(pictures[name].pixels)
    assert told(clip) == told(picture)
    assert clip.verdict.label == picture.verdict.label
    assert clip.models == picture.models


def test_cautions_hold_in_clips_too(scanner, pictures):
    soft = blurred(pictures[FAKE], 2.4)
    clip, picture = scanner.scan_video(film([(soft, 2)])), scanner.scan(soft.pixels)
    assert picture.verdict.label == "uncertain"
    assert any("blurred" in why for why in picture.verdict.reasons)
    assert told(clip) == told(picture)


def test_a_group_held_still_is_judged_as_the_group(scanner, pictures):
    group = Image(np.ascontiguousarray(np.hstack([pictures[n].pixels for n in (REAL, FAKE, REAL)])))
    clip, picture = scanner.scan_video(film([(group, 2)])), scanner.scan(group.pixels)
    assert told(clip) == told(picture)
    assert [f.neighbours for f in clip.faces] == [f.neighbours for f in picture.faces]


@pytest.mark.parametrize("crf", [18, 26])
def test_an_encoded_still_says_nearly_the_same(scanner, pictures, crf):
    for name in (REAL, FAKE):
        clip = scanner.scan_video(film([(pictures[name], 3)], codec="libx264", crf=crf))
        picture = scanner.scan(pictures[name].pixels)
        assert clip.verdict.label == picture.verdict.label
        assert clip.verdict.p_fake == pytest.approx(picture.verdict.p_fake, abs=0.03)


@pytest.mark.parametrize(("begin", "length"), [(3.5, 3), (0, 2), (7, 3)])
def test_a_fake_part_of_one_shot_is_found_with_its_times(scanner, pictures, begin, length):
    real, fake = pictures[REAL], pictures[FAKE]
    parts = [(real, begin), (fake, length), (real, 10 - begin - length)]
    report = scanner.scan_video(film([p for p in parts if p[1]], codec="libx264", crf=23))
    assert report.verdict.label == "fake"
    (stretch,) = report.faces[0].stretches
    assert stretch.from_s == pytest.approx(begin, abs=0.6)
    assert stretch.to_s == pytest.approx(begin + length, abs=0.6)


def test_a_genuine_clip_has_no_such_part(scanner, pictures):
    report = scanner.scan_video(film([(pictures[REAL], 10)], codec="libx264", crf=23))
    assert report.verdict.label == "real"
    assert report.faces[0].stretches == ()


def slides(kind, pictures, milliseconds):
    out = io.BytesIO()
    frames = [Picture.fromarray(p.pixels) for p in pictures]
    options = {"lossless": True} if kind == "WEBP" else {}
    frames[0].save(out, kind, save_all=True, append_images=frames[1:], duration=milliseconds, **options)
    return out.getvalue()


@pytest.mark.parametrize("kind", ["WEBP", "PNG"])
def test_every_slide_is_judged_as_the_still_it_is(scanner, pictures, kind):
    report = scanner.scan(slides(kind, [pictures[REAL], pictures[FAKE]], 1000))
    assert report.verdict.label == "fake"
    alone = scanner.scan(pictures[FAKE].pixels).verdict.p_fake
    assert max(f.verdict.p_fake or 0 for f in report.faces) == pytest.approx(alone, abs=0.01)


def test_an_animation_of_two_frames_is_judged(scanner, pictures):
    report = scanner.scan(slides("WEBP", [pictures[FAKE], blurred(pictures[FAKE], 0.6)], 100))
    assert report.verdict.label in ("fake", "uncertain")
    assert report.verdict.p_fake is not None


def test_the_command_line_says_what_the_python_api_says(cli, scanner, pictures, tmp_path):
    group = np.hstack([pictures[n].pixels for n in (REAL, FAKE, REAL)])
    Picture.fromarray(group).save(tmp_path / "group.png")
    (tmp_path / "clip.mkv").write_bytes(film([(pictures[REAL], 1), (pictures[FAKE], 2)]))
    for name in ("group.png", "clip.mkv"):
        told = json.loads(cli("scan", "--json", tmp_path / name).out)
        report = scanner.scan(tmp_path / name).to_dict()
        for one in (told, report):
            one.pop("timings_s")
        assert told == report


@pytest.fixture(scope="module")
def nine(pictures, tmp_path_factory):
    """Nine portraits, the fifth forged, in three rows."""
    tiles = [pictures[FAKE if i == 4 else REAL].pixels for i in range(9)]
    rows = [np.hstack([np.roll(t, 3 * i, axis=1) for t in tiles[3 * i : 3 * i + 3]]) for i in range(3)]
    path = tmp_path_factory.mktemp("nine") / "nine.png"
    Picture.fromarray(np.vstack(rows)).save(path)
    return path


def test_one_forged_face_of_nine_gets_a_mesh_and_a_reason(cli, nine, tmp_path):
    result = cli("scan", nine, "--out", tmp_path)
    assert "FAKE" in result.out
    assert "9 faces, 1 manipulated" in result.out
    assert "stands out: 1 of 9; in about one of " in result.out
    report = json.loads(cli("scan", "--json", nine).out)
    fake = [f for f in report["faces"] if f["verdict"]["label"] == "fake"]
    assert [f["number"] for f in fake] == [5]
    assert fake[0]["neighbours"]["judged"] == 9
    assert fake[0]["rarity"]["one_in"] > 100
    drawn = read_image(tmp_path / "nine.fakeweb.png").image.pixels.astype(int)
    changed = np.abs(drawn - read_image(nine).image.pixels).max(2) > 8
    assert changed[512:1024, 512:1024].mean() > 0.02
    for row, column in ((0, 0), (0, 2), (2, 2)):
        part = changed[row * 512 : (row + 1) * 512, column * 512 : (column + 1) * 512]
        assert not part.any(), "genuine faces are left untouched"


def test_fail_on_follows_the_headline(cli, nine):
    assert cli("scan", nine, "--no-overlay", "--fail-on", "fake").code == 1
