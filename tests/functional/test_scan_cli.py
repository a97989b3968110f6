"""What a user sees of ``fakeweb scan``."""

import contextlib
import json
import os
import pty
import signal
import struct
import subprocess
import sys
import time
import zlib
from pathlib import Path

import jsonschema
import numpy as np
import pytest

from fakeweb import read_image
from fakeweb.media import encode_jpeg, encode_png
from fakeweb.render import REPORT_SCHEMA
from fakeweb.types import CONTENTS, Image, Report


def files(folder):
    return sorted(str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file())


def blank(side=64):
    return encode_png(Image(np.full((side, side, 3), 128, np.uint8)))


def bomb_png(side=30_000):
    def chunk(kind, body):
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    row = zlib.compress(b"\0" * 10_000_000)
    head = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", row) + chunk(b"IEND", b"")


class TestOnePicture:
    def test_names_the_face_and_leaves_an_overlay(self, cli, example):
        result = cli("scan", example)
        assert result.code == 0
        assert result.err == ""
        first, face, *origin, last = result.out.splitlines()
        assert origin[0] == "  origin  unknown: nothing in the file says where it comes from"
        assert first.startswith(f"{example}  ")
        assert first.split("  ")[1] in {"REAL", "FAKE", "UNCERTAIN"}
        assert face.split()[:2] == ["face", "1"]
        assert " p 0." in face
        assert last == f"overlay: {example.with_name('photo.fakeweb.png')}"
        assert files(example.parent) == ["photo.fakeweb.png", "photo.jpg"]
        assert read_image(example.with_name("photo.fakeweb.png")).image.pixels.shape == (512, 512, 3)

    def test_the_genuine_portrait_is_not_called_fake(self, cli, example):
        report = json.loads(cli("scan", "--json", example).out)
        assert report["verdict"]["label"] != "fake"
        x0, y0, x1, y1 = report["faces"][0]["box"]
        assert 160 < x0 < 205
        assert 40 < y0 < 85
        assert 245 < x1 < 290
        assert 150 < y1 < 190

    def test_the_same_picture_gives_the_same_overlay(self, cli, example):
        cli("scan", example)
        overlay = example.with_name("photo.fakeweb.png")
        first = overlay.read_bytes()
        cli("scan", example)
        assert overlay.read_bytes() == first

    def test_a_real_face_is_left_untouched_bit_for_bit(self, cli, example, tiny_model):
        card = tiny_model(example.parent, gain=0.0, bias=-9.0)
        assert "REAL" in cli("scan", example, "--model", card).out
        drawn = read_image(example.with_name("photo.fakeweb.png")).image.pixels
        assert (drawn == read_image(example).image.pixels).all()

    def test_a_fake_face_gets_a_mesh_and_only_there(self, cli, example, tiny_model):
        card = tiny_model(example.parent, gain=0.0, bias=9.0)
        out = cli("scan", example, "--model", card).out
        assert "FAKE  1 face, 1 manipulated" in out
        drawn = read_image(example.with_name("photo.fakeweb.png")).image.pixels.astype(int)
        changed = abs(drawn - read_image(example).image.pixels.astype(int)).max(2) > 16
        assert changed[60:170, 184:266].mean() > 0.1
        assert not changed[200:480].any()
        assert not changed[:, 330:].any()

    def test_no_face_is_an_answer(self, cli, tmp_path):
        (tmp_path / "wall.png").write_bytes(blank())
        result = cli("scan", tmp_path / "wall.png")
        assert result.code == 0
        assert "NO FACE  0 faces" in result.out
        assert " p " not in result.out

    def test_json_follows_the_documented_schema(self, cli, example):
        result = cli("scan", "--json", example)
        data = json.loads(result.out)
        jsonschema.validate(data, REPORT_SCHEMA)
        assert Report.from_dict(data).to_dict() == data
        assert data["timeline"] is None
        assert data["content"]["label"] in (*CONTENTS, "uncertain")
        assert [signal["place"] for signal in data["provenance"]["signals"]] == ["jpeg"]
        assert data["models"][0].startswith("fast@")

    def test_reads_stdin_and_writes_nothing(self, cli, example, tmp_path, monkeypatch):
        monkeypatch.chdir(tmp_path)
        result = cli("scan", "-", stdin=example.read_bytes())
        assert result.code == 0
        assert result.out.startswith("-  ")
        assert files(tmp_path) == ["photo.jpg"]

    def test_works_without_any_network(self, cli, example, monkeypatch):
        def refuse(*_args, **_kwargs):
            raise AssertionError("the network was touched")

        monkeypatch.setattr("socket.socket", refuse)
        assert cli("scan", example).code == 0

    def test_a_moved_threshold_is_named(self, cli, example):
        low = cli("scan", "--threshold", "0.001", example)
        assert "FAKE" in low.out
        assert "threshold 0.00 (set by you)" in low.out
        assert "FAKE" not in cli("scan", "--threshold", "1.0", example).out


class TestExitCode:
    def test_fail_on_turns_a_verdict_into_one(self, cli, example):
        assert cli("scan", "--threshold", "0.001", example).code == 0
        assert cli("scan", "--threshold", "0.001", "--fail-on", "fake", example).code == 1
        assert cli("scan", "--threshold", "1.0", "--fail-on", "fake", example).code == 0

    @pytest.mark.parametrize(
        ("args", "code", "says"),
        [
            (["--finder", "harr"], 2, "did you mean 'haar'?"),
            (["--finder", "yunet"], 3, "--finder-model"),
            (["--finder", "yunet", "--finder-model", "gone.onnx"], 3, "gone.onnx"),
            (["--finder", "haar", "--finder-model", "x.onnx"], 2, "takes no model file"),
            (["--model", "fats"], 2, "did you mean 'fast'?"),
            (["--model", "gone.json"], 3, "no model card at gone.json"),
            (["--threshold", "1.5"], 2, "threshold"),
            (["--threshold", "0"], 2, "threshold"),
        ],
    )
    def test_wrong_options_end_in_one_line_with_a_hint(self, cli, example, args, code, says):
        result = cli("scan", *args, example)
        assert result.code == code
        assert result.out == ""
        assert len(result.err.splitlines()) == 1
        assert result.err.startswith("error: ")
        assert says in result.err
        assert files(example.parent) == ["photo.jpg"]

    def test_a_tampered_model_is_refused(self, cli, example, tiny_model):
        card = tiny_model(example.parent)
        model = card.with_suffix(".onnx")
        model.write_bytes(model.read_bytes()[:-1] + b"x")
        result = cli("scan", "--model", card, example)
        assert result.code == 3
        assert "is not the file its card describes" in result.err

    def test_a_missing_model_file_is_named(self, cli, example, tiny_model):
        card = tiny_model(example.parent)
        card.with_suffix(".onnx").unlink()
        result = cli("scan", "--model", card, example)
        assert result.code == 3
        assert "has no file" in result.err


BAD = [
    ("empty.jpg", lambda _: b"", "empty"),
    ("text.jpg", lambda _: b"this is no picture\n" * 50, "text"),
    ("cut.jpg", lambda good: good[: len(good) // 2], "cut"),
    ("bomb.png", lambda _: bomb_png(), "900,000,000 pixels"),
    ("clip.mp4", lambda _: b"\0\0\0\x20ftypisom" + b"\0" * 100, "clip"),
]


class TestBadInput:
    @pytest.mark.parametrize(("name", "make", "says"), BAD, ids=[b[0] for b in BAD])
    def test_one_line_with_a_hint_and_nothing_left_behind(self, cli, tmp_path, portrait, name, make, says):
        path = tmp_path / name
        path.write_bytes(make(encode_jpeg(portrait)))
        result = cli("scan", path)
        assert result.code == 2
        assert result.out == ""
        assert len(result.err.splitlines()) == 1
        assert says in result.err
        assert result.err.rstrip().endswith(")")
        assert files(tmp_path) == [name]

    def test_one_pixel_has_no_face(self, cli, tmp_path):
        (tmp_path / "dot.png").write_bytes(blank(1))
        assert "NO FACE" in cli("scan", tmp_path / "dot.png").out

    def test_a_folder_that_may_not_be_read(self, cli, tmp_path):
        if os.geteuid() == 0:
            pytest.skip("root may read everything")
        (tmp_path / "locked").mkdir(mode=0)
        result = cli("scan", tmp_path)
        (tmp_path / "locked").chmod(0o700)
        assert result.code == 2

    def test_addresses_need_permission(self, cli):
        result = cli("scan", "https://example.org/a.jpg")
        assert result.code == 2
        assert "--allow-url" in result.err

    @pytest.mark.parametrize(
        "host", ["127.0.0.1", "localhost", "[::1]", "10.0.0.1", "169.254.169.254", "0x7f000001"]
    )
    def test_private_addresses_are_never_fetched(self, cli, host):
        result = cli("scan", "--allow-url", f"http://{host}/a.jpg")
        assert result.code == 2
        assert result.out == ""

    def test_hundreds_of_faces(self, cli, tmp_path, portrait):
        face = portrait.pixels[40:190, 160:290]
        crowd = np.tile(face, (12, 18, 1))
        (tmp_path / "crowd.png").write_bytes(encode_png(Image(np.ascontiguousarray(crowd))))
        report = json.loads(cli("scan", "--json", tmp_path / "crowd.png").out)
        assert len(report["faces"]) > 150


class TestFolders:
    @pytest.fixture
    def album(self, tmp_path, portrait):
        album = tmp_path / "album"
        (album / "deep" / "er").mkdir(parents=True)
        good = encode_jpeg(portrait)
        (album / "a.jpg").write_bytes(good)
        (album / "a.png").write_bytes(encode_png(portrait))
        (album / "b.jpg").write_bytes(good[:5000])
        (album / "deep" / "c.png").write_bytes(blank())
        (album / "deep" / "er" / "d.jpg").write_bytes(good)
        (album / "notes.txt").write_text("not a picture")
        return album

    def test_goes_on_past_bad_files_and_sums_up(self, cli, album):
        result = cli("scan", album)
        assert result.code == 2
        assert len([line for line in result.out.splitlines() if not line.startswith(" ")]) == 4
        assert "b.jpg" in result.err
        assert result.err.splitlines()[-1].startswith("5 pictures in ")
        assert "1 without a face, 1 failed" in result.err
        assert not list(album.rglob("*.fakeweb.png"))

    def test_out_mirrors_folders_and_keeps_namesakes_apart(self, cli, album, tmp_path):
        cli("scan", album, "--out", tmp_path / "out")
        assert files(tmp_path / "out") == [
            "a.fakeweb.png",
            "a.png.fakeweb.png",
            "deep/c.fakeweb.png",
            "deep/er/d.fakeweb.png",
        ]

    def test_json_is_one_line_per_picture_errors_included(self, cli, album):
        result = cli("scan", "--json", album)
        rows = [json.loads(line) for line in result.out.splitlines()]
        assert len(rows) == 5
        broken = [r for r in rows if "error" in r]
        assert [r["error"]["code"] for r in broken] == ["media.unreadable"]
        assert broken[0]["source"].endswith("b.jpg")

    def test_workers_change_nothing_but_time(self, cli, album):
        def stable(text):
            rows = [json.loads(line) for line in text.splitlines()]
            return [{k: v for k, v in r.items() if k != "timings_s"} for r in rows]

        one, two = cli("scan", "--json", album), cli("scan", "--json", album, "--workers", "2")
        assert stable(one.out) == stable(two.out)
        assert one.code == two.code == 2

    def test_globs_and_missing_names(self, cli, album):
        result = cli("scan", f"{album}/**/*.png", album / "gone.jpg")
        assert result.code == 2
        assert "gone.jpg does not exist" in result.err
        assert result.out.count("NO FACE") == 1

    def test_an_empty_folder_says_so(self, cli, tmp_path):
        (tmp_path / "empty").mkdir()
        result = cli("scan", tmp_path / "empty")
        assert result.code == 2
        assert "no picture" in result.err

    @pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
    def test_ctrl_c_leaves_only_whole_overlays(self, tmp_path, portrait, number):
        album, out = tmp_path / "album", tmp_path / "out"
        album.mkdir()
        for i in range(200):
            (album / f"{i:03}.jpg").write_bytes(encode_jpeg(portrait))
        process = subprocess.Popen(
            [sys.executable, "-m", "fakeweb", "scan", str(album), "--out", str(out)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        deadline = time.monotonic() + 300
        while len(list(out.glob("*.png")) if out.exists() else []) < 3 and time.monotonic() < deadline:
            time.sleep(0.05)
        process.send_signal(number)
        _, err = process.communicate(timeout=300)
        assert process.returncode == 130
        assert "not done" in err
        assert "Traceback" not in err
        (out / ".fakeweb-scan.jsonl").unlink()  # from which the same command goes on
        written = list(out.iterdir())
        assert 3 <= len(written) < 200
        for path in written:
            assert path.name.endswith(".fakeweb.png")
            read_image(path)


class TestOtherCommands:
    def test_models_lists_licence_and_verified_hash(self, cli):
        result = cli("models")
        assert result.code == 0
        assert "fast@" in result.out
        assert "licence" in result.out
        assert "SHA-256" in result.out
        assert "(verified)" in result.out

    def test_a_card_names_data_licences_and_scores(self, cli):
        details = json.loads(cli("models", "fast", "--json").out)["details"]
        assert {row["source"] for row in details["training_data"]} >= {"dfdc", "ciplab", "pixabay"}
        assert all(row["licence"] for row in details["training_data"])
        assert details["scores"]["validation_B"]["auc_two_class_sources"] > 0.7

    def test_version(self, cli):
        assert "fakeweb 0." in cli("version").out

    def test_help_teaches(self, cli):
        assert "scan photo.jpg" in cli("--help").out
        help_ = cli("scan", "--help").out
        for option in (
            "--json",
            "--threshold",
            "--workers",
            "--fail-on",
            "--allow-url",
            "--out",
            "--finder",
            "--model",
        ):
            assert option in help_
        assert "Exit status" in help_

    @pytest.mark.parametrize(
        "command", [["scan"], ["forge"], ["evaluate"], ["data", "inspect"], ["models", "add"]]
    )
    def test_help_names_what_an_option_takes_in_words(self, cli, command):
        help_ = cli(*command, "--help").out
        for inner in ("<bool>", "<str>", "<path>", "list[", "range>"):
            assert inner not in help_
        assert "TEXT" in help_
        assert "NUMBER" in help_ or command == ["data", "inspect"]

    def test_an_unknown_command_is_a_usage_error(self, cli):
        assert cli("scam", "photo.jpg").code == 2


class TestShell:
    """What only a real process with real pipes shows."""

    @staticmethod
    def start(*args, **kwargs):
        return subprocess.Popen([sys.executable, "-m", "fakeweb", *map(str, args)], **kwargs)

    def test_json_reaches_the_file_while_the_bar_is_on_the_terminal(self, example, tmp_path):
        """stderr on a terminal, stdout in a file: the progress bar must not swallow the answers."""
        second, out = tmp_path / "b.jpg", tmp_path / "reports.jsonl"
        second.write_bytes(example.read_bytes())
        master, terminal = pty.openpty()
        with out.open("wb") as stream:
            process = self.start(
                "scan", example, second, "--json", "--no-overlay", stdout=stream, stderr=terminal
            )
            os.close(terminal)
            shown = b""
            with contextlib.suppress(OSError):
                while chunk := os.read(master, 4096):
                    shown += chunk
            assert process.wait(timeout=300) == 0
        os.close(master)
        assert b"scanning" in shown
        rows = [json.loads(line) for line in out.read_text().splitlines()]
        assert [r["source"] for r in rows] == [str(example), str(second)]

    def test_a_reader_that_leaves_is_no_failure(self, example, tmp_path):
        for i in range(30):
            (tmp_path / f"{i}.jpg").write_bytes(example.read_bytes())
        process = self.start("scan", tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        process.stdout.readline()
        process.stdout.close()
        err = process.stderr.read().decode()
        process.stderr.close()
        assert process.wait(timeout=300) == 0
        assert "Traceback" not in err

    def test_a_full_disk_under_stdout_is_one_line(self, example):
        with open("/dev/full", "wb") as full:  # noqa: PTH123
            done = subprocess.run(
                [sys.executable, "-m", "fakeweb", "scan", "--no-overlay", str(example)],
                stdout=full,
                stderr=subprocess.PIPE,
                text=True,
                check=False,
            )
        assert done.returncode == 2
        assert len(done.stderr.splitlines()) == 1

    def test_workers_end_with_a_parent_that_was_killed(self, example, tmp_path):
        for i in range(100):
            (tmp_path / f"{i}.jpg").write_bytes(example.read_bytes())
        process = self.start("scan", tmp_path, "-j", "2", stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        process.stdout.readline()
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        assert len(children) >= 2
        process.kill()
        process.wait()
        process.stdout.close()
        deadline = time.monotonic() + 120
        while any(Path(f"/proc/{c}").exists() for c in children) and time.monotonic() < deadline:
            time.sleep(0.1)
        assert not [c for c in children if Path(f"/proc/{c}").exists()]


class TestOverlayPlaces:
    def test_a_link_at_the_overlay_s_place_does_not_destroy_the_picture(self, cli, example):
        before = example.read_bytes()
        example.with_name("photo.fakeweb.png").symlink_to(example)
        assert cli("scan", example).code == 0
        assert example.read_bytes() == before

    def test_an_overlay_that_cannot_be_written_leaves_the_verdict(self, cli, example):
        example.with_name("photo.fakeweb.png").mkdir()
        result = cli("scan", example)
        assert result.code == 2
        assert "face 1" in result.out
        assert len(result.err.splitlines()) == 1

    def test_out_may_not_be_a_file(self, cli, example):
        result = cli("scan", example, "--out", example)
        assert result.code == 2
        assert result.out == ""
        assert "is a file" in result.err

    def test_a_name_cannot_command_the_terminal(self, cli, example):
        evil = example.with_name("a\x1b[31m\nb.jpg")
        example.rename(evil)
        result = cli("scan", evil)
        assert "\x1b" not in result.out
        assert result.out.startswith(f"{evil.parent}/a?[31m?b.jpg  REAL")


class TestHandedOn:
    """Pages and tables, to be given to somebody else."""

    def test_a_page_of_one_picture(self, cli, example, tmp_path):
        result = cli("scan", example, "--no-overlay", "--html", tmp_path / "report.html")
        assert (result.code, result.err) == (0, f"page: {tmp_path / 'report.html'}\n")
        page = (tmp_path / "report.html").read_text(encoding="utf-8")
        assert "photo.jpg" in page
        assert str(example.parent) not in page, "names of files, never paths"
        assert "http://" not in page.replace("http://www.w3.org/2000/svg", "")

    def test_a_page_and_a_table_of_a_folder(self, cli, example, tmp_path):
        folder = tmp_path / "private" / "album"
        folder.mkdir(parents=True)
        (folder / "=cmd.jpg").write_bytes(example.read_bytes())
        (folder / "wall.png").write_bytes(blank())
        (folder / "broken.jpg").write_bytes(b"\xff\xd8\xff broken, is it not")
        odd = folder / "private\x1b[1m"
        odd.mkdir()
        (odd / "cut.jpg").write_bytes(b"\xff\xd8\xff broken, is it not")
        (odd / "link.jpg").symlink_to("/private/nowhere.jpg")
        page, table = tmp_path / "album.html", tmp_path / "album.csv"
        result = cli("scan", folder, "--html", page, "--csv", table)
        assert result.code == 2
        text = page.read_text(encoding="utf-8")
        assert "private" not in text
        for name in ("broken", "cut", "link"):
            assert f"Not read: {name}.jpg is" in text
        import csv

        with table.open(newline="") as file:
            rows = {Path(row["source"]).name: row for row in csv.DictReader(file)}
        assert rows["wall.png"]["verdict"] == "no_face"
        assert rows["broken.jpg"]["verdict"] == "failed"
        assert rows["=cmd.jpg"]["faces"] == "1"

    def test_a_page_from_before_is_not_taken_for_that_of_a_broken_file(self, cli, tmp_path):
        (tmp_path / "a.jpg").write_bytes(b"\xff\xd8\xff broken, is it not")
        (tmp_path / "a.html").write_text("of before")
        result = cli("scan", tmp_path / "a.jpg", "--html", tmp_path / "a.html")
        assert result.code == 2
        assert "no page: " in result.err
        assert (tmp_path / "a.html").read_text() == "of before"

    def test_the_label_stands_in_the_terminal(self, cli, tmp_path, portrait, provenance_maker):
        xmp = provenance_maker.xmp(provenance_maker.source_type("trainedAlgorithmicMedia"))
        (tmp_path / "a.jpg").write_bytes(provenance_maker.jpeg(portrait.pixels, xmp=xmp))
        out = cli("scan", tmp_path / "a.jpg", "--no-overlay").out
        assert (
            "  label  By its own words it could be labelled AI generated (trainedAlgorithmicMedia).\n" in out
        )

    def test_reach_gives_impact_and_words_for_viewers(self, cli, example, tmp_path):
        found = cli("scan", example, "--no-overlay", "--threshold", "0.001", "--views", "99999")
        assert "  impact  " in found.out
        assert "  viewers  " in found.out
        told = json.loads(cli("scan", example, "--json", "--threshold", "0.001", "--views", "99999").out)
        assert told["impact"]["audience"] == 99999
        assert told["viewer_warnings"][0]["faces"] == [1]
        assert told["report"]["schema_version"]

    @pytest.mark.parametrize(
        ("words", "message"),
        [
            (["--html", "report.pdf"], "no known suffix"),
            (["--html", "photo.jpg"], "no known suffix"),
            (["--csv", "."], "no known suffix"),
            (["--trust", "missing.pem"], "cannot be read"),
            (["--timeline", "report.html"], "--html writes a page of a picture"),
        ],
    )
    def test_what_cannot_be(self, cli, example, monkeypatch, words, message):
        monkeypatch.chdir(example.parent)
        result = cli("scan", "photo.jpg", *words)
        assert result.code == 2
        assert message in result.err
        assert files(example.parent) == ["photo.jpg"]


def test_a_killed_scan_of_a_folder_goes_on(cli, portrait, tmp_path, monkeypatch):
    import fakeweb.cli.scan_one as room

    album, out = tmp_path / "album", tmp_path / "out"
    album.mkdir()
    for name in ("a", "b", "c"):
        (album / f"{name}.png").write_bytes(encode_png(Image(portrait.pixels[::2, ::2])))
    judged, read = [], room.read_image

    def killed(content, **more):
        judged.append(Path(content).name)
        if len(judged) == 3:
            raise KeyboardInterrupt
        return read(content, **more)

    monkeypatch.setattr(room, "read_image", killed)
    first = cli("scan", album, "--out", out, "--json")
    assert first.code == 130
    second = cli("scan", album, "--out", out, "--json")
    assert second.code == 0
    assert judged == ["a.png", "b.png", "c.png", "c.png"]
    lines = [json.loads(line) for line in second.out.splitlines()]
    assert [Path(line["source"]).name for line in lines] == ["a.png", "b.png", "c.png"]
    assert lines[:2] == [json.loads(line) for line in first.out.splitlines()]
    assert sorted(p.name for p in out.iterdir()) == ["a.fakeweb.png", "b.fakeweb.png", "c.fakeweb.png"]
    cli("scan", album, "--out", out)
    assert judged[4:] == ["a.png", "b.png", "c.png"]  # a scan that came to its end is begun anew
