"""What a user sees of commands on folders in which all sorts of things lie."""

import json
import os
import socket
import sys
import zlib

import numpy as np
import pytest

from fakeweb.media import encode_jpeg, encode_png
from fakeweb.types import Image


@pytest.fixture(scope="module")
def cut(portrait):
    """The portrait's face with a little around it: quick to scan."""
    return Image(np.ascontiguousarray(portrait.pixels[10:230, 110:340]))


@pytest.fixture
def suspicious(tiny_model, tmp_path):
    """A model that calls every face fake."""
    return tiny_model(tmp_path / "model", gain=0.0, bias=9.0)


@pytest.fixture
def album(tmp_path, cut):
    album = tmp_path / "album"
    album.mkdir()
    (album / "a.jpg").write_bytes(encode_jpeg(cut))
    return album


def rows(result):
    """Return the reports, and the errors, by the input's name."""
    return {os.path.basename(r["source"] or ""): r for r in map(json.loads, result.out.splitlines())}  # noqa: PTH119


def summary(result):
    return result.err.splitlines()[-1]


NAMES = ["noext", "fake.jpg_large", "IMG.JPG.jpg~", "pic.fakeweb.png", "wrong.txt", "download"]


class TestContentDecides:
    @pytest.mark.parametrize("name", NAMES)
    def test_a_fake_of_any_name_is_found_in_its_folder(self, cli, album, cut, suspicious, name):
        (album / "a.jpg").rename(album / name)
        result = cli("scan", album, "--model", suspicious, "--fail-on", "fake")
        assert result.code == 1
        assert f"{name}  FAKE" in result.out
        assert summary(result).startswith("1 picture in ")
        assert "passed over" not in result.err

    def test_what_was_passed_over_is_counted_by_reason(self, cli, album, suspicious, clip_maker, cut):
        assert cli("scan", album / "a.jpg", "--model", suspicious).code == 0  # leaves an overlay
        (album / "notes.txt").write_text("BM is how this begins")
        (album / "program.ts").write_text("export const answer = 42\n")
        (album / ".hidden.jpg").write_bytes(b"")
        (album / "clip").write_bytes(clip_maker.encode([cut.pixels] * 4, fps=4))
        result = cli("scan", album, "--model", suspicious)
        assert result.code == 0
        passed = summary(result).partition("; passed over: ")
        assert passed[0].startswith("1 picture and 1 clip in ")
        assert passed[0].endswith("s: 2 fake")
        assert set(passed[2].split(", ")) == {"2 not media", "1 hidden", "1 drawn by FakeWeb"}

    def test_what_fakeweb_drew_is_known_under_any_name_and_judged_where_it_is_named(
        self, cli, album, cut, suspicious, clip_maker
    ):
        (album / "c.mp4").write_bytes(clip_maker.encode([cut.pixels] * 4, fps=4))
        drawn = ["drawn.png", "drawn.mp4", "sheet.jpg", "sheet.png", "t.png"]
        cli("scan", album / "a.jpg", "--model", suspicious, "--overlay-to", album / drawn[0])
        cli("scan", album / "c.mp4", "--model", suspicious, "--overlay-to", album / drawn[1],
            "--sheet", album / drawn[2], "--timeline", album / drawn[4])  # fmt: skip
        cli("scan", album / "c.mp4", "--model", suspicious, "--sheet", album / drawn[3])
        assert {p.name for p in album.iterdir()} == {"a.jpg", "c.mp4", *drawn}
        (album / drawn[0]).rename(album / "holiday.png")
        result = cli("scan", album, "--model", suspicious, "--json")
        assert rows(result).keys() == {"a.jpg", "c.mp4"}
        assert "passed over: 5 drawn by FakeWeb" in summary(result)
        assert rows(cli("scan", album / "holiday.png", album / "a.jpg", "--json")).keys() == {
            "holiday.png",
            "a.jpg",
        }

    def test_strict_suffixes_goes_by_names_as_of_old(self, cli, album, cut, suspicious):
        (album / "noext").write_bytes(encode_png(cut))
        result = cli("scan", album, "--model", suspicious, "--strict-suffixes", "--json")
        assert rows(result).keys() == {"a.jpg"}
        assert "passed over: 1 not media" in summary(result)

    def test_a_picture_of_a_kind_that_is_not_read_is_told(self, cli, album, suspicious):
        (album / "layers").write_bytes(b"8BPS\0\1" + b"\0" * 100)
        result = cli("scan", album, "--model", suspicious)
        assert result.code == 2
        assert "layers is a Photoshop document" in result.err
        assert "1 fake, 1 failed" in summary(result)

    def test_a_folder_without_any_says_what_lies_there(self, cli, tmp_path):
        (tmp_path / "notes.txt").write_text("nothing to see")
        result = cli("scan", tmp_path)
        assert result.code == 2
        assert "holds no picture or video, only 1 not media" in result.err


class TestObstacles:
    def test_one_line_each_and_the_rest_is_done(self, cli, album, suspicious):
        (album / "self").symlink_to("self")
        (album / "up").symlink_to(album, target_is_directory=True)
        (album / "gone.jpg").symlink_to("nowhere.jpg")
        os.mkfifo(album / "pipe.jpg")
        with socket.socket(socket.AF_UNIX) as listening:
            here = os.getcwd()  # noqa: PTH109
            os.chdir(album)  # the path of a socket must be short
            listening.bind("socket")
            os.chdir(here)
            result = cli("scan", album, "--model", suspicious)
        assert result.code == 2
        assert "a.jpg  FAKE" in result.out
        errors = result.err.splitlines()[:-1]
        for name, words in {
            "self": "a link that leads back to itself",
            "gone.jpg": "a link that leads nowhere",
            "pipe.jpg": "a pipe, not a file",
            "socket": "a socket, not a file",
        }.items():
            (line,) = [e for e in errors if f"{album / name} is {words}" in e]
            assert line.startswith("error: ")
            assert line.endswith(")")
        assert len(errors) == 4
        assert summary(result).startswith("1 picture and 4 inputs in ")
        assert "1 fake, 4 failed; passed over: 1 a folder reached before" in summary(result)

    def test_a_folder_that_may_not_be_read(self, cli, album, suspicious, monkeypatch):
        (album / "locked").mkdir()
        real = os.scandir

        def scandir(path):
            if str(path).endswith("locked"):
                raise PermissionError(13, "Permission denied")
            return real(path)

        monkeypatch.setattr(os, "scandir", scandir)
        result = cli("scan", album, "--model", suspicious)
        assert result.code == 2
        assert f"{album / 'locked'} is a folder that cannot be read (Permission denied)" in result.err
        assert "a.jpg  FAKE" in result.out

    def test_the_forge_passes_them_with_a_line(self, cli, album, tmp_path):
        (album / "self").symlink_to("self")
        result = cli(
            "forge", album, tmp_path / "out", "--count", "2", "--kinds", "smooth", "--min-face", "40"
        )
        assert result.code == 0
        assert "self is a link that leads back to itself" in result.err
        assert "1 real, 1 fake" in result.out

    def test_the_inspection_of_a_data_set_passes_them_with_a_line(self, cli, tmp_path, cut):
        pytest.importorskip("sklearn", reason="needs the extra 'evaluate'")
        for label in ("real", "fake"):
            (tmp_path / "data" / label).mkdir(parents=True)
            (tmp_path / "data" / label / "noext").write_bytes(encode_png(cut))
        (tmp_path / "data" / "real" / "self.jpg").symlink_to("self.jpg")
        os.mkfifo(tmp_path / "data" / "fake" / "pipe.mp4")
        result = cli("data", "inspect", tmp_path / "data", "--out", tmp_path / "report")
        assert result.code == 0
        assert "2 pictures in 1 sources" in result.out
        assert "left out, a link that leads back to itself: real/self.jpg" in result.err
        assert "left out, a pipe, not a file: fake/pipe.mp4" in result.err


class TestRooms:
    """The same file gets the same answer whichever way it was named, and however it lies in its container."""

    @staticmethod
    def answer(report):
        return {k: v for k, v in report.items() if k not in ("source", "timings_s", "provenance")}

    def test_a_folder_is_its_files_one_by_one(self, cli, album, cut, clip_maker):
        (album / "b").write_bytes(encode_png(cut))
        (album / "c.mp4").write_bytes(clip_maker.encode([cut.pixels] * 4, fps=4))
        (album / "d.jpg").write_bytes(b"")
        ways = [
            cli("scan", album, "--json"),
            cli("scan", f"{album}/*", "--json"),
            cli("scan", album, "--json", "-j", "2"),
            cli("scan", *sorted(album.iterdir()), "--json", "--no-overlay"),
        ]
        assert {w.code for w in ways} == {2}
        found = [{name: self.answer(r) for name, r in rows(w).items()} for w in ways]
        assert found[0].keys() == {"a.jpg", "b", "c.mp4", "d.jpg"}
        assert found[1:] == found[:1] * 3
        for name in ("a.jpg", "b", "c.mp4"):
            piped = cli("scan", "-", "--json", stdin=(album / name).read_bytes())
            assert self.answer(json.loads(piped.out)) == found[0][name]

    def test_a_picture_turned_by_its_metadata_is_the_upright_one(self, cli, album, cut):
        upright, turned = album / "a.png", album / "b.png"
        upright.write_bytes(encode_png(cut))
        data = encode_png(Image(np.ascontiguousarray(np.rot90(cut.pixels))))
        exif = b"MM\0*\0\0\0\x08\0\1\x01\x12\0\3\0\0\0\1\0\6\0\0\0\0\0\0"
        body = b"eXIf" + exif
        chunk = len(exif).to_bytes(4, "big") + body + zlib.crc32(body).to_bytes(4, "big")
        turned.write_bytes(data[:33] + chunk + data[33:])
        one, other = (json.loads(cli("scan", p, "--json", "--no-overlay").out) for p in (upright, turned))
        assert other["faces"] == one["faces"]
        assert other["verdict"] == one["verdict"]
        assert (other["width"], other["height"]) == (one["width"], one["height"])


class TestNames:
    @pytest.fixture
    def undecodable(self, album, cut):
        """Two files whose names differ in bytes that are no UTF-8, and a broken third."""
        for name, content in (
            (b"caf\xe9.jpg", encode_jpeg(cut)),
            (b"\xff\xfe", encode_jpeg(cut)),
            (b"\xff.png", b""),
        ):
            with open(os.fsencode(album) + b"/" + name, "wb") as file:  # noqa: PTH123
                file.write(content)
        (album / "a.jpg").unlink()
        return album

    @pytest.mark.skipif(sys.platform != "linux", reason="other systems do not allow such names")
    def test_a_name_that_is_no_utf8_reads_the_same_everywhere(self, cli, undecodable, suspicious):
        names = {r"caf\xe9.jpg", r"\xff\xfe", r"\xff.png"}
        result = cli("scan", undecodable, "--model", suspicious, "--json")
        assert rows(result).keys() == names
        for row in rows(result).values():
            json.dumps(row, ensure_ascii=False).encode()  # no lone surrogate: any strict reader takes it
        assert rf"{undecodable}/\xff.png is empty" in result.err
        text = cli("scan", undecodable, "--model", suspicious)
        assert rf"{undecodable}/caf\xe9.jpg  FAKE" in text.out
        (text.out + text.err).encode()
        page = undecodable.parent / "page.html"
        assert cli("scan", undecodable, "--model", suspicious, "--html", page).code == 2
        assert r"caf\xe9.jpg" in page.read_bytes().decode()
        (path,) = undecodable.glob("caf*")
        assert rf"overlay: {undecodable}/caf\xe9.fakeweb.png" in cli("scan", path, "--model", suspicious).out

    @pytest.mark.skipif(sys.platform != "linux", reason="other systems do not allow such names")
    def test_the_tables_and_pages_of_a_data_set_are_utf8(self, cli, tmp_path, cut):
        pytest.importorskip("sklearn", reason="needs the extra 'evaluate'")
        for label in (b"real", b"fake"):
            folder = os.fsencode(tmp_path) + b"/data/" + label
            os.makedirs(folder)  # noqa: PTH103
            for name in (b"\xff.png", b"\xfe.png"):
                with open(folder + b"/" + label + name, "wb") as file:  # noqa: PTH123
                    file.write(encode_png(cut))
        out = tmp_path / "out"
        assert cli("data", "inspect", tmp_path / "data", "--out", out / "inspect").code == 0
        options = ("--split", "all", "--allow-conflicts", "--out", out / "evaluate")
        assert cli("evaluate", tmp_path / "data", *options).code == 0
        texts = {p.name: p.read_bytes().decode() for p in out.rglob("*.*")}
        assert r"real/real\xfe.png" in texts["files.csv"]
        assert r"real/real\xff.png" in texts["scores.csv"]
        assert r"real\xff" in texts["groups.csv"]

    @pytest.mark.skipif(sys.platform != "linux", reason="other systems count otherwise")
    def test_a_name_as_long_as_may_be_gets_an_overlay(self, cli, album, suspicious):
        long = album / ("x" * 251 + ".jpg")
        (album / "a.jpg").rename(long)
        result = cli("scan", long, "--model", suspicious)
        assert result.code == 0
        (overlay,) = [p for p in album.iterdir() if p != long]
        assert len(overlay.name) == 255
        assert f"overlay: {overlay} (the name was too long and is shortened)" in result.out
