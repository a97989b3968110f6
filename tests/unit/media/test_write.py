from __future__ import annotations

import os
import stat
from pathlib import Path

import numpy as np
import pytest

from fakeweb.errors import UsageError
from fakeweb.media import encode_jpeg, encode_png, read_image, write_atomically
from fakeweb.types import Image


@pytest.mark.parametrize("shape", [(1, 1), (48, 64), (7, 300)])
def test_png_loses_nothing_and_colours_are_rgb(shape):
    pixels = np.random.default_rng(0).integers(0, 256, (*shape, 3), dtype=np.uint8)
    assert np.array_equal(read_image(encode_png(Image(pixels))).image.pixels, pixels)


def test_jpeg(pixels):
    good, poor = encode_jpeg(Image(pixels)), encode_jpeg(Image(pixels), quality=20)
    assert len(poor) < len(good)
    assert np.abs(read_image(good).image.pixels.astype(int) - pixels).mean() < 1.5
    for quality in (0, 101):
        with pytest.raises(ValueError, match="quality must lie in"):
            encode_jpeg(Image(pixels), quality=quality)


def test_thin_red_lines_stay_red_in_a_jpeg():
    pixels = np.full((32, 32, 3), 128, np.uint8)
    pixels[:, 15] = (255, 0, 0)
    line = read_image(encode_jpeg(Image(pixels))).image.pixels[:, 15].astype(int)
    assert np.abs(line - (255, 0, 0)).max() < 30


def test_a_new_file_in_a_new_folder_gets_the_usual_mode(tmp_path):
    path = tmp_path / "a" / "b" / "c.bin"
    write_atomically(path, b"data")
    other = tmp_path / "other"
    other.touch()
    assert path.read_bytes() == b"data"
    assert path.stat().st_mode == other.stat().st_mode
    assert os.listdir(path.parent) == ["c.bin"]  # noqa: PTH208


def test_an_existing_file_keeps_its_mode_and_a_link_stays(tmp_path):
    path, link = tmp_path / "file", tmp_path / "link"
    path.write_bytes(b"old")
    path.chmod(0o640)
    link.symlink_to(path)
    write_atomically(str(link), b"new")
    assert link.is_symlink()
    assert path.read_bytes() == b"new"
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyboardInterrupt()])
def test_a_failure_leaves_the_old_file_and_nothing_else(error, tmp_path, monkeypatch):
    path = tmp_path / "file"
    path.write_bytes(b"old")

    def fail(_: int) -> None:
        raise error

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(KeyboardInterrupt if isinstance(error, KeyboardInterrupt) else UsageError):
        write_atomically(path, b"new")
    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["file"]  # noqa: PTH208


@pytest.mark.parametrize("place", ["s4://bucket/a", "s4:/bucket/a", "https://host/a"])
def test_an_address_makes_no_folder_of_that_name(tmp_path, monkeypatch, place):
    pytest.importorskip("fsspec", reason="needs the extra 's3'")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError, match=r"no storage of kind s4|no folder and no object storage"):
        write_atomically(place, b"new")
    assert list(tmp_path.iterdir()) == []


def test_places_that_cannot_be_written(tmp_path):
    (tmp_path / "file").touch()
    os.mkfifo(tmp_path / "pipe")
    rows = [
        (tmp_path, "is a folder"),
        (tmp_path / "pipe", "is not a regular file"),
        ("/dev/null", "is not a regular file"),
        (tmp_path / "file" / "below", "cannot be written"),
        (tmp_path / ("x" * 300), "cannot be written: File name too long"),
        ("nul\0", "cannot be written"),
        ("/proc/nowhere/file", "cannot be written"),
    ]
    for path, words in rows:
        with pytest.raises(UsageError, match=words) as caught:
            write_atomically(path, b"data")
        assert caught.value.code == "usage"
        assert caught.value.hint
    assert Path("/dev/null").is_char_device()
