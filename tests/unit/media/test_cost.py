"""What a picture costs is reckoned from its first bytes, and held while it is decoded."""

from __future__ import annotations

import io
import time

import numpy as np
import pytest

from fakeweb.errors import TooLarge, Unreadable
from fakeweb.media import NO_COST, Limits, decoding_cost, read_image
from fakeweb.media.decode import decode
from fakeweb.media.formats import read_header
from fakeweb.media.limits import Reading

MOST = 40_000_000


def with_scans(progressive: bytes, more: int) -> bytes:
    """A progressive JPEG that has its last scan so many times more."""
    at = progressive.rindex(b"\xff\xda")
    return progressive[:-2] + progressive[at:-2] * more + progressive[-2:]


@pytest.mark.parametrize(
    ("format_name", "options"),
    [
        ("JPEG", {}),
        ("JPEG", {"progressive": True}),
        ("PNG", {}),
        ("WEBP", {}),
        ("WEBP", {"lossless": True}),
        ("WEBP", {"exif": b"Exif\0\0" + bytes(20)}),
        ("AVIF", {}),
        ("HEIF", {}),
        ("GIF", {}),
        ("TIFF", {}),
        ("TIFF", {"compression": "tiff_lzw"}),
        ("BMP", {}),
        ("JPEG2000", {}),
    ],
)
def test_pixels_are_known_before_a_picture_is_decoded(pixels, encode, format_name, options):
    data = encode(pixels, format_name, **options)
    cost = decoding_cost(data, MOST)
    assert cost.pixels in (64 * 48, 64 * 64)  # HEIF may count in its own blocks
    assert 0 < cost.seconds < 0.01


@pytest.mark.parametrize("size", [(64, 48), (48, 48), (300, 7), (5000, 13), (256, 512), (9000, 9)])
def test_the_size_of_a_jpeg_xl_is_read_out_of_its_first_bits(size):
    pylibjxl = pytest.importorskip("pylibjxl")
    data = pylibjxl.encode(np.zeros((size[1], size[0], 3), np.uint8))
    assert decoding_cost(data, MOST).pixels == size[0] * size[1]


def test_a_thumbnail_is_not_taken_for_the_picture(pixels, encode):
    thumbnail, data = encode(pixels[:8, :8], "JPEG"), encode(pixels, "JPEG")
    within = b"\xff\xe1" + (len(thumbnail) + 2).to_bytes(2, "big") + thumbnail
    assert decoding_cost(data[:2] + within + data[2:], MOST).pixels == 64 * 48


def test_a_size_that_is_hidden_counts_as_the_largest(pixels, encode):
    data = encode(pixels, "JPEG")
    comments = b"\xff\xfe\xff\xff" + bytes(65533)
    assert decoding_cost(data[:2] + comments * 5 + data[2:], MOST).pixels == MOST


@pytest.mark.parametrize(
    "data", [b"", b"%PDF-1.7", b"hello", b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"II*\0\xff\xff\xff\xff"]
)
def test_what_is_no_whole_picture_costs_nothing_or_the_most(data):
    assert decoding_cost(data, MOST) == NO_COST or decoding_cost(data, MOST).pixels == MOST


def test_costly_kinds_are_reckoned_dearer(encode):
    noise = np.random.default_rng(0).integers(0, 255, (256, 256, 3), np.uint8)
    plain, progressive = encode(noise, "JPEG"), encode(noise, "JPEG", progressive=True)
    seconds = [
        decoding_cost(data, MOST).seconds for data in (plain, progressive, with_scans(progressive, 20))
    ]
    assert seconds == sorted(seconds)
    assert seconds[2] > 3 * seconds[1]
    assert decoding_cost(encode(noise, "JPEG2000"), MOST).seconds > 2 * seconds[0]


def test_reckoning_takes_little_however_a_file_is_made():
    """Endless tables, frames and scans: what is looked at is bounded."""
    for unit in (b"\xff\xc0\0\x11\x08\x40\0\x40\0\x03", b"\xff\xda", b"\xff\xe0\0\x02", b"\xff" * 8):
        data = b"\xff\xd8\xff\xe0\0\x02" + unit * (8_000_000 // len(unit))
        begun = time.process_time()
        decoding_cost(data, MOST)
        assert time.process_time() - begun < 0.25


def test_scans_may_pass_over_a_picture_only_so_often(encode):
    even = encode(np.full((3000, 3000, 3), 128, np.uint8), "JPEG", progressive=True)
    assert read_image(with_scans(even, 12)).image.width == 3000
    begun = time.process_time()
    with pytest.raises(Unreadable, match="pass over 9,000,000 pixels too often"):
        read_image(with_scans(even, 150))
    assert time.process_time() - begun < 0.1


def test_a_small_picture_may_have_many_scans(encode, pixels):
    data = with_scans(encode(pixels, "JPEG", progressive=True), 150)
    assert read_image(data).image.width == 64


def test_a_picture_that_would_take_too_long_is_refused_at_once(encode):
    large = encode(np.full((5000, 5000, 3), 128, np.uint8), "JPEG2000")
    begun = time.process_time()
    with pytest.raises(TooLarge, match="more than 1 seconds to decode"):
        read_image(large, limits=Limits(max_decode_s=1))
    assert time.process_time() - begun < 0.2


@pytest.mark.parametrize("format_name", ["JPEG", "PNG", "TIFF", "GIF", "WEBP"])
def test_a_decoder_stops_when_its_time_is_over(encode, pixels, format_name):
    data = encode(pixels, format_name)
    late = Reading("late", Limits(max_decode_s=1), time.monotonic() - 2)
    name = "WebP" if format_name == "WEBP" else format_name
    with pytest.raises(TooLarge, match="late takes more than 1 seconds"):
        decode(read_header(name, data, late), late)


def test_a_decoder_stops_in_the_middle(encode):
    """More data are not given to it once the time is over."""
    from fakeweb.media.decode import _Timed

    reading = Reading("slow", Limits(max_decode_s=1))
    stream = _Timed(bytes(100), reading)
    assert isinstance(stream, io.BytesIO)
    assert stream.read(10) == bytes(10)
    object.__setattr__(reading, "begun_s", time.monotonic() - 2)
    with pytest.raises(TooLarge):
        stream.read(10)
