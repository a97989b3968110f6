from __future__ import annotations

import io
import os
import re
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import fakeweb.media
from fakeweb.errors import BadArgument, Refused, TooLarge, Unreadable, Unsupported
from fakeweb.media import Limits, Media, read_image


@pytest.fixture(scope="module")
def png(pixels, encode) -> bytes:
    return encode(pixels, "PNG")


def test_every_kind_of_source_gives_the_same(png, pixels, tmp_path):
    path = tmp_path / "a ü.png"
    path.write_bytes(png)
    with path.open("rb") as file, path.open("rb", buffering=0) as raw:
        sources = [path, str(path), png, bytearray(png), memoryview(png), io.BytesIO(png), file, raw]
        media = [read_image(s) for s in sources]
    assert all(np.array_equal(m.image.pixels, pixels) for m in media)
    assert len({m.sha256 for m in media}) == 1
    names = [m.source for m in media]
    assert names == [str(path)] * 2 + ["<bytes>"] * 3 + ["<file>", str(path), str(path)]
    assert read_image(png, name="upload\n.png").source == "upload\n.png"
    assert read_image(png, name="x" * 300).source == "x" * 300


def test_a_file_object_that_gives_little_at_a_time(png):
    class Slow(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            return super().read(min(size, 7))

    assert read_image(Slow(png)).image.width == 64


def test_a_file_object_is_not_read_past_the_limit():
    class Endless:
        given = 0

        def read(self, size: int) -> bytes:
            self.given += size
            return bytes(size)

    endless = Endless()
    with pytest.raises(TooLarge):
        read_image(endless, limits=Limits(max_bytes=3_000_000))
    assert endless.given == 3_000_001


def test_an_array_is_copied_and_hashed_with_its_shape(pixels):
    mine = pixels.copy()
    media = read_image(mine)
    mine[:] = 0
    assert np.array_equal(media.image.pixels, pixels)
    assert media.source == "<array>"
    assert read_image(pixels[:, ::-1]).image.pixels.flags.c_contiguous
    assert read_image(pixels.reshape(64, 48, 3)).sha256 != media.sha256
    with pytest.raises(TooLarge):
        read_image(pixels, limits=Limits(max_pixels=100))


@pytest.mark.parametrize(
    ("array", "error", "words"),
    [
        (np.zeros((4, 4), np.uint8), ValueError, r"got uint8 \(4, 4\).*make grey RGB"),
        (np.zeros((4, 4, 4), np.uint8), ValueError, "drop the alpha channel"),
        (np.zeros((3, 4, 5), np.uint8), ValueError, r"transpose\(1, 2, 0\)"),
        (np.zeros((1, 4, 5, 3), np.uint8), ValueError, "one picture at a time"),
        (np.zeros((4, 5, 1), np.uint8), ValueError, r"got uint8 \(4, 5, 1\)"),
        (np.zeros((0, 5, 3), np.uint8), ValueError, r"got uint8 \(0, 5, 3\)"),
        (np.zeros((4, 4, 3), np.float32), TypeError, r"got float32 .*white=1\.0"),
        (np.zeros((4, 4, 3), np.uint16), TypeError, "got uint16 .*white=65535"),
        (np.zeros((4, 4, 3), np.int64), TypeError, "got int64 .*white=255"),
        (np.zeros((4, 4, 3), bool), TypeError, "got bool"),
        (np.zeros((4, 4, 3), complex), TypeError, "got complex"),
        (np.full((4, 4, 3), "a"), TypeError, "got <U1"),
        (12, TypeError, "got int"),
        (None, TypeError, "got NoneType"),
        (io.StringIO("text"), TypeError, "binary mode"),
    ],
)
def test_layouts_are_checked_and_never_guessed(array, error, words):
    with pytest.raises(error) as caught:
        read_image(array)
    assert isinstance(caught.value, BadArgument)
    assert re.search(words, f"{caught.value.message} {caught.value.hint}")


@pytest.mark.parametrize(
    ("convert", "white"),
    [
        (lambda a: a.astype(np.uint16) * 257, 65535),
        (lambda a: a.astype(np.uint16) * 4, 1020),
        (lambda a: a / 255, 1.0),
        (lambda a: (a / 255).astype(np.float16), 1),
        (lambda a: a.astype(np.float32), 255.0),
        (lambda a: a.astype(np.int32), 255),
        (lambda a: a, 255),
    ],
)
def test_arrays_whose_white_is_stated(convert, white, pixels):
    media = read_image(convert(pixels), white=white)
    assert np.abs(media.image.pixels.astype(int) - pixels).max() <= (white == 1)
    if white != 1:
        assert media.sha256 == read_image(pixels).sha256


def test_values_beyond_white_are_white_and_those_that_are_none_are_refused(pixels):
    wild = np.array([[[-1.0, 0.5, 7.0]]])
    assert read_image(wild, white=1).image.pixels.tolist() == [[[0, 128, 255]]]
    for bad in (np.nan, np.inf):
        with pytest.raises(BadArgument, match="no numbers"):
            read_image(np.full((2, 2, 3), bad), white=1)
    for white in (0, -1, "1", True, float("nan")):
        with pytest.raises(BadArgument, match="white must be a number above 0"):
            read_image(pixels / 255, white=white)
    with pytest.raises(BadArgument, match="white is for arrays"):
        read_image(b"abc", white=1)


def test_pictures_of_pillow_stand_as_their_files(pixels, encode, icc, tmp_path):
    from PIL import Image, ImageOps

    exif = Image.Exif()
    exif[0x0112] = 6
    path = tmp_path / "a.png"
    path.write_bytes(encode(pixels, "PNG", exif=exif.tobytes(), icc_profile=icc(order="bgr")))
    with Image.open(path) as picture:
        media = read_image(picture)
        turned = read_image(ImageOps.exif_transpose(picture))
    assert np.array_equal(media.image.pixels, read_image(path).image.pixels)
    assert np.array_equal(turned.image.pixels, media.image.pixels)
    assert media.source == str(path)
    for mode in ("L", "1", "P", "CMYK", "RGBA", "LA", "YCbCr"):
        assert read_image(Image.fromarray(pixels).convert(mode)).image.pixels.shape == (48, 64, 3)
    assert read_image(Image.fromarray(pixels)).source == "<picture>"
    with pytest.raises(Unsupported, match="mode F"):
        read_image(Image.fromarray(pixels).convert("F"))
    with pytest.raises(TooLarge):
        read_image(Image.fromarray(pixels), limits=Limits(max_pixels=100))


def test_an_image_of_ours_is_taken_as_it_is(pixels):
    image = read_image(pixels).image
    assert read_image(image).image.pixels is not None
    assert read_image(image).sha256 == read_image(pixels).sha256


def test_paths_that_cannot_be_read(tmp_path):
    empty = tmp_path / "empty.jpg"
    empty.touch()
    os.mkfifo(tmp_path / "pipe.jpg")
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(tmp_path / "s"))
        rows = [
            (tmp_path / "missing.jpg", "does not exist"),
            (empty, "is empty"),
            (tmp_path, "is a folder"),
            (tmp_path / "pipe.jpg", "not a regular file"),
            (tmp_path / "s", "not a regular file"),
            ("/dev/zero", "not a regular file"),
            (empty / "below.jpg", "cannot be read"),
            ("nul\0.jpg", "cannot be read"),
            ("x" * 5000, "cannot be read"),
            ("", "does not exist"),
        ]
        for path, words in rows:
            with pytest.raises(Unreadable, match=words) as caught:
                read_image(path)
            assert caught.value.hint


def test_permission_denied(tmp_path, png, monkeypatch):
    path = tmp_path / "a.png"
    path.write_bytes(png)

    def deny(*_: object) -> int:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "open", deny)
    with pytest.raises(Unreadable, match=r"a\.png may not be read: permission denied"):
        read_image(path)


def test_a_file_over_the_limit_is_not_opened(tmp_path, monkeypatch):
    path = tmp_path / "big.png"
    with path.open("wb") as file:
        file.truncate(65 << 20)
    monkeypatch.setattr(os, "open", None)
    with pytest.raises(TooLarge, match="67,108,864 bytes"):
        read_image(path)


@pytest.mark.parametrize("address", ["http://example.com/a.jpg", "HTTPS://example.com/a.jpg"])
def test_web_addresses_are_refused(address):
    with pytest.raises(Refused, match="web address") as caught:
        read_image(address)
    assert "--allow-url" in caught.value.hint
    assert "fetch_url" in caught.value.hint


@pytest.mark.parametrize(
    ("value", "error"), [(0, ValueError), (-1, ValueError), (1.5, TypeError), (True, TypeError)]
)
def test_limits_are_checked_at_birth(value, error):
    for field in ("max_bytes", "max_pixels", "max_side_px"):
        with pytest.raises(error, match=f"Limits.{field}"):
            Limits(**{field: value})


def test_media_is_checked_at_birth(pixels):
    image = read_image(pixels).image
    with pytest.raises(ValueError, match="64 hexadecimal"):
        Media(image, "abc", "x")


def test_the_room_loads_no_guest_and_exports_what_it_says():
    code = "import sys, fakeweb.media; sys.exit(bool({'PIL', 'pillow_heif', 'av', 'fsspec'} & sys.modules.keys()))"
    source = Path(fakeweb.media.__file__).parents[2]
    environment = {**os.environ, "PYTHONPATH": str(source)}
    assert subprocess.run([sys.executable, "-c", code], env=environment, check=False).returncode == 0
    assert sorted(fakeweb.media.__all__) == [
        "Choice",
        "Clip",
        "ClipInfo",
        "Cost",
        "Expansion",
        "Limits",
        "Media",
        "NO_COST",
        "PICTURE_SUFFIXES",
        "Pace",
        "Source",
        "VIDEO_SUFFIXES",
        "check_host",
        "check_origin",
        "decoding_cost",
        "encode_clip",
        "encode_jpeg",
        "encode_png",
        "expand_inputs",
        "fetch_url",
        "kind_of",
        "open_clip",
        "read_frames",
        "read_image",
        "rewrite_clip",
        "write_atomically",
    ]
    assert all(hasattr(fakeweb.media, name) for name in fakeweb.media.__all__)
