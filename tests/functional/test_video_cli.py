"""What a user sees of ``fakeweb scan`` on clips."""

import json
import os
import signal
import struct
import subprocess
import sys
from pathlib import Path

import jsonschema
import numpy as np
import pytest

from fakeweb import read_image
from fakeweb.media import Pace, open_clip
from fakeweb.render import REPORT_SCHEMA
from fakeweb.types import Report


def files(folder):
    return sorted(str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file())


@pytest.fixture(scope="module")
def talk(clip_maker, portrait):
    """Two seconds of the portrait, moving a little, with sound."""

    def build(count=16, **options):
        face = portrait.pixels[10:250, 100:340]
        frames = (np.roll(face, (i % 5, 2 * (i % 7)), (0, 1)) for i in range(count))
        return clip_maker.encode(frames, fps=8, **{"sound_s": count / 8, **options})

    return build


@pytest.fixture
def clip(tmp_path, talk):
    path = tmp_path / "clip.mp4"
    path.write_bytes(talk())
    return path


class TestOneClip:
    def test_names_the_person_and_writes_nothing(self, cli, clip):
        result = cli("scan", clip, "--frames", "5")
        assert result.code == 0
        assert result.err == ""
        first, length, face, *_ = result.out.splitlines()
        assert first.startswith(f"{clip}  ")
        assert "1 face" in first
        assert length == "  clip of 2.0 s, 5 of 16 frames looked at"
        assert " at " in face
        assert face.split()[:2] == ["face", "1"]
        assert files(clip.parent) == ["clip.mp4"]

    @pytest.mark.parametrize(
        "handling", ["hflip", "vflip of an upside-down camera", "cut .ts", ".264", ".y4m"]
    )
    def test_recordings_give_the_same_person_where_a_player_shows_it(
        self, cli, clip_maker, portrait, tmp_path, handling
    ):
        face = portrait.pixels[10:250, 100:340]
        plain = tmp_path / "plain.mp4"
        plain.write_bytes(clip_maker.encode([face] * 6, fps=8))
        stored = {"hflip": face[:, ::-1], "vflip of an upside-down camera": face[::-1]}.get(handling, face)
        container, codec = {"cut .ts": ("mpegts", "libx264"), ".264": ("h264", "libx264")}.get(
            handling, ("yuv4mpegpipe", "rawvideo") if handling == ".y4m" else ("mp4", "libx264")
        )
        data = bytearray(clip_maker.encode([stored] * 6, fps=8, container=container, codec=codec, gop=2))
        if "flip" in handling:
            at = data.index(b"tkhd") + 44
            struct.pack_into(">i", data, at if handling == "hflip" else at + 16, -1 << 16)
        path = tmp_path / "recording"
        path.write_bytes(data[77:] if handling == "cut .ts" else data)
        reports = [json.loads(cli("scan", source, "--json").out) for source in (plain, path)]
        boxes = [np.array(report["faces"][0]["box"]) for report in reports]
        assert np.abs(boxes[0] - boxes[1]).max() < 4
        result = cli("scan", path, "--overlay-to", tmp_path / "drawn.mp4")
        assert result.code == 0
        with open_clip(tmp_path / "drawn.mp4") as drawn:
            shown = next(drawn.read(drawn.choose())).image.pixels
        assert np.abs(shown.astype(int) - face).mean() < 8

    def test_json_has_a_curve_per_person(self, cli, clip):
        data = json.loads(cli("scan", clip, "--frames", "5", "--json").out)
        jsonschema.validate(data, REPORT_SCHEMA)
        assert data["video"]["frames_examined"] == 5
        assert len(data["timeline"]) == len(data["faces"]) == 1
        assert len(data["timeline"][0]["p_fake"]) == 5
        assert Report.from_dict(data).to_dict() == data

    def test_everything_there_is_to_write(self, cli, clip, tiny_model):
        card = tiny_model(clip.parent / "m", gain=0.0, bias=9.0)
        folder = clip.parent
        result = cli(
            "scan", clip, "--frames", "5", "--model", card, "--overlay-to", folder / "o.mp4",
            "--timeline", folder / "t.html", "--sheet", folder / "s.jpg",
        )  # fmt: skip
        assert result.code == 0
        assert "FAKE" in result.out
        lines = result.out.splitlines()[-3:]
        assert lines == [
            f"timeline: {folder / 't.html'}",
            f"sheet: {folder / 's.jpg'}",
            f"overlay: {folder / 'o.mp4'}",
        ]
        with open_clip(folder / "o.mp4") as drawn, open_clip(clip) as plain:
            assert drawn.info.frames == plain.info.frames
            assert drawn.info.has_sound
        assert "<svg" in (folder / "t.html").read_text()
        assert read_image(folder / "s.jpg").image.width > 200

    @pytest.mark.parametrize("suffix", ["svg", "png"])
    def test_a_timeline_as_a_drawing(self, cli, clip, suffix):
        out = clip.with_name(f"t.{suffix}")
        assert cli("scan", clip, "--frames", "3", "--timeline", out).code == 0
        if suffix == "png":
            assert read_image(out).image.width > 900
        else:
            assert out.read_text().startswith("<svg")

    def test_overlay_beside_the_clip(self, cli, clip):
        result = cli("scan", clip, "--frames", "3", "--overlay")
        assert f"overlay: {clip.with_name('clip.fakeweb.mp4')}" in result.out
        assert files(clip.parent) == ["clip.fakeweb.mp4", "clip.mp4"]

    def test_stdin(self, cli, talk, tmp_path, monkeypatch):
        monkeypatch.chdir(tmp_path)
        result = cli("scan", "-", "--frames", "3", "--timeline", "t.svg", stdin=talk())
        assert result.code == 0
        assert result.out.startswith("-  ")
        assert files(tmp_path) == ["t.svg"]

    def test_animated_pictures_are_clips(self, cli, tmp_path, portrait):
        from PIL import Image

        pictures = [Image.fromarray(np.roll(portrait.pixels[10:250, 100:340], i, 1)) for i in range(4)]
        for name in ("a.gif", "a.webp", "a.png"):
            path = tmp_path / name
            pictures[0].save(path, save_all=True, append_images=pictures[1:], duration=200)
            data = json.loads(cli("scan", path, "--json").out)
            assert data["video"]["frames"] == 4
            assert data["video"]["codec"] == {"a.gif": "GIF", "a.webp": "WebP", "a.png": "PNG"}[name]

    def test_pictures_and_clips_in_one_folder(self, cli, clip, portrait_path):
        (clip.parent / "photo.jpg").write_bytes(portrait_path.read_bytes())
        cli("scan", clip, "--frames", "3", "--overlay")
        result = cli("scan", clip.parent, "--frames", "3", "--json")
        rows = [json.loads(line) for line in result.out.splitlines()]
        assert [Path(r["source"]).name for r in rows] == ["clip.mp4", "photo.jpg"]
        assert rows[0]["video"]
        assert rows[1]["video"] is None

    def test_the_python_api_reads_clips_too(self, clip):
        import fakeweb

        assert fakeweb.scan(clip).video is not None


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--frames", "3", "--all"], "exclude each other"),
        (["--timeline", "t.txt"], "no known suffix"),
        (["--overlay-to", "o.png"], ".mp4"),
        (["--sheet", "clip.mp4"], "no known suffix"),
    ],
)
def test_wrong_options_are_told_before_anything_is_scanned(cli, clip, monkeypatch, options, says):
    monkeypatch.chdir(clip.parent)
    result = cli("scan", clip, *options)
    assert result.code == 2
    assert says in result.err
    assert files(clip.parent) == ["clip.mp4"]


def test_a_timeline_of_a_picture_is_a_wrong_wish(cli, example):
    result = cli("scan", example, "--timeline", example.with_name("t.svg"))
    assert result.code == 2
    assert "no video" in result.err


@pytest.fixture
def limited(tmp_path_factory):
    """Run the command in a process of its own, so that a hang is cut off; its temporary folder must end empty."""
    scratch = tmp_path_factory.mktemp("scratch")

    def run(*args, limit_s=900, stdin=None):
        return subprocess.run(
            [sys.executable, "-m", "fakeweb", *map(str, args)], input=stdin,
            capture_output=True, timeout=limit_s, check=False, env={**os.environ, "TMPDIR": str(scratch)},
        )  # fmt: skip

    yield run
    assert files(scratch) == []


@pytest.fixture
def report_of(limited):
    """Scan with a time limit, and read the report; nothing but the clip may lie beside it."""

    def run(path, *args, limit_s=900):
        done = limited("scan", path, "--json", *args, limit_s=limit_s)
        assert done.returncode in (0, 1), done.stderr.decode()
        assert files(path.parent) == [path.name]
        report = json.loads(done.stdout)
        jsonschema.validate(report, REPORT_SCHEMA)
        return report

    return run


NO_CLIPS = {
    "empty.mp4": lambda _: b"",
    "text.mp4": lambda _: b"this is no clip\n" * 500,
    "zeros.mp4": lambda _: bytes(100_000),
    "head.mp4": lambda good: good[:200],
    "noindex.mp4": lambda good: good[: len(good) // 2],
    "noise.mkv": lambda _: b"\x1a\x45\xdf\xa3" + np.random.default_rng(0).bytes(50_000),
    "noise.ts": lambda _: b"".join(b"\x47" + np.random.default_rng(i).bytes(187) for i in range(300)),
    "noise.avi": lambda _: b"RIFF\xff\xff\0\0AVI " + np.random.default_rng(0).bytes(50_000),
    "noise.flv": lambda _: b"FLV\x01\x05\0\0\0\x09\0\0\0\0" + np.random.default_rng(0).bytes(50_000),
}


class TestBadInput:
    """Each with a time limit: an honest result or one clear line, and nothing left behind."""

    @pytest.mark.parametrize("name", NO_CLIPS)
    def test_no_clip_at_all(self, limited, tmp_path, talk, name):
        path = tmp_path / name
        path.write_bytes(NO_CLIPS[name](talk()))
        done = limited("scan", path)
        assert done.returncode == 2
        assert done.stdout == b""
        assert len(done.stderr.splitlines()) == 1
        assert done.stderr.startswith(b"error: ")
        assert files(tmp_path) == [name]

    def test_sound_only(self, limited, tmp_path, clip_maker):
        (tmp_path / "song.mp4").write_bytes(clip_maker.sound_only())
        done = limited("scan", tmp_path / "song.mp4")
        assert done.returncode == 2
        assert b"sound without pictures" in done.stderr
        assert files(tmp_path) == ["song.mp4"]

    def test_damage_from_a_pipe_leaves_nothing_behind(self, limited, talk):
        done = limited("scan", "-", stdin=talk()[:-5000])
        assert done.returncode == 2
        assert len(done.stderr.splitlines()) == 1

    def test_one_frame(self, report_of, tmp_path, talk):
        (tmp_path / "one.mp4").write_bytes(talk(1))
        data = report_of(tmp_path / "one.mp4")
        assert data["video"]["frames"] == 1
        assert data["verdict"]["label"] in ("real", "fake", "uncertain")

    def test_a_corrupt_middle_is_told(self, report_of, tmp_path, talk, clip_maker):
        data = bytearray(talk(40, gop=10, options={"crf": "12"}))
        place = clip_maker.place_of(bytes(data), 15)
        data[place : place + 1500] = np.random.default_rng(1).bytes(1500)
        (tmp_path / "bad.mp4").write_bytes(bytes(data))
        report = report_of(tmp_path / "bad.mp4", "--all")
        assert report["video"]["damaged_frames"] > 0
        assert 20 <= report["video"]["frames_examined"] < 40
        assert any("damaged" in w for w in report["warnings"])

    def test_a_clip_cut_off_is_scanned_as_far_as_it_goes(self, report_of, tmp_path, talk):
        data = talk(40, container="mpegts", gop=5, sound_s=0)
        (tmp_path / "cut.ts").write_bytes(data[: len(data) // 2])
        report = report_of(tmp_path / "cut.ts", "--all")
        assert 8 <= report["video"]["frames_examined"] < 35

    def test_a_wrong_duration_in_the_header(self, report_of, tmp_path, talk):
        data = bytearray(talk(container="matroska", sound_s=0))
        struct.pack_into(">d", data, data.index(b"\x44\x89\x88") + 3, 86_400_000.0)
        (tmp_path / "long.mkv").write_bytes(bytes(data))
        report = report_of(tmp_path / "long.mkv", "--frames", "4")
        assert report["video"]["duration_s"] == pytest.approx(2.0, abs=0.2)
        assert any("its header says" in w for w in report["warnings"])

    def test_spaces_and_unicode_in_the_path(self, limited, tmp_path, talk):
        path = tmp_path / "mein Film" / "Übung 1: 日本 (final).mp4"
        path.parent.mkdir()
        path.write_bytes(talk())
        assert limited("scan", path, "--frames", "3", "--overlay").returncode == 0
        assert files(path.parent) == sorted([path.name, "Übung 1: 日本 (final).fakeweb.mp4"])

    def test_a_wrong_suffix(self, report_of, tmp_path, talk):
        (tmp_path / "clip.jpg").write_bytes(talk())
        assert report_of(tmp_path / "clip.jpg", "--frames", "3")["video"]

    @pytest.mark.slow
    def test_8k(self, report_of, tmp_path, clip_maker, portrait):
        import cv2

        large = cv2.resize(portrait.pixels, (7680, 4320), interpolation=cv2.INTER_LINEAR)
        (tmp_path / "8k.mp4").write_bytes(clip_maker.encode([large] * 3, gop=1))
        report = report_of(tmp_path / "8k.mp4")
        assert (report["width"], report["height"]) == (7680, 4320)

    @pytest.mark.slow
    def test_three_hundred_faces(self, report_of, tmp_path, clip_maker, portrait):
        crowd = np.ascontiguousarray(np.tile(portrait.pixels[40:190, 160:290], (15, 20, 1)))
        frames = [np.roll(crowd, 3 * i, 1) for i in range(4)]
        (tmp_path / "crowd.mp4").write_bytes(clip_maker.encode(frames, gop=1, options={"crf": "18"}))
        report = report_of(tmp_path / "crowd.mp4")
        assert len(report["faces"]) > 150
        reasons = [r for f in report["faces"] for r in f["verdict"]["reasons"]]
        assert any("faces at a time" in r for r in reasons)


class TestInterrupt:
    def test_ctrl_c_leaves_a_valid_partial_report(self, tmp_path, talk):
        path = tmp_path / "long.mp4"
        path.write_bytes(talk(400, sound_s=0))
        process = subprocess.Popen(
            [sys.executable, "-u", "-c", _NOTE_FRAMES, "scan", str(path), "--all", "--json"],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        for line in process.stderr:
            if line.startswith("frame 5"):
                break
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=900)
        assert process.returncode == 130
        assert "Traceback" not in err
        report = json.loads(out)
        jsonschema.validate(report, REPORT_SCHEMA)
        assert report["video"]["complete"] is False
        assert 5 <= report["video"]["frames_examined"] < 400
        assert any(w.startswith("stopped at") for w in report["warnings"])
        assert files(tmp_path) == ["long.mp4"]


# runs the command line and tells each frame that was looked at
_NOTE_FRAMES = """
import sys
from fakeweb.cli.clip_bar import ClipBar
update = ClipBar.update
def note(self, progress):
    sys.stderr.write(f"frame {progress.done}\\n")
    update(self, progress)
ClipBar.update = note
from fakeweb.cli import main
main()
"""

_PEAK = """
import resource, sys
from fakeweb.media import Pace
from fakeweb.scanner import Scanner
pace = Pace(fps=1) if sys.argv[2] == "dense" else None
report = Scanner(model=sys.argv[3]).scan_video(sys.argv[1], pace=pace)
print(report.video["frames_examined"], resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
"""


@pytest.mark.slow
def test_memory_does_not_grow_with_the_clip(tmp_path, clip_maker, tiny_model):
    """Two hours at 160 x 120 and five frames a second against ten seconds: the peaks lie within 200 MB."""
    card = tiny_model(tmp_path / "m")
    few = [clip_maker.numbered(i) for i in range(50)]
    peaks = {}
    for name, count, pace in (("short", 50, "usual"), ("long", 36_000, "usual"), ("dense", 36_000, "dense")):
        path = tmp_path / f"{count}.mp4"
        if not path.exists():
            path.write_bytes(clip_maker.encode((few[i % 50] for i in range(count)), fps=5, gop=250))
        done = subprocess.run(
            [sys.executable, "-c", _PEAK, str(path), pace, str(card)],
            capture_output=True, text=True, timeout=1800, check=True, env={**os.environ, "OMP_NUM_THREADS": "1"},
        )  # fmt: skip
        frames, peaks[name] = int(done.stdout.split()[0]), float(done.stdout.split()[1])
        assert frames == {"short": 32, "long": 240, "dense": 7200}[name]
    assert peaks["long"] - peaks["short"] < 200
    assert peaks["dense"] - peaks["short"] < 200


def test_the_pace_is_what_was_asked_for(cli, clip):
    for options, count in ((["--frames", "2"], 2), (["--fps", "4"], 8), (["--all"], 16)):
        data = json.loads(cli("scan", clip, "--json", *options).out)
        assert data["video"]["frames_examined"] == count
    with open_clip(clip) as opened:
        assert len(opened.choose(Pace(frames=2)).places) == 2
