from __future__ import annotations

import contextlib
import io
import random
import struct
import time
import tracemalloc
import zlib

import numpy as np
import pytest
from PIL import Image as Pil

from fakeweb.errors import FakeWebError, TooLarge, Unreadable, Unsupported
from fakeweb.media import Limits, read_image

KINDS = [
    ("JPEG", {}),
    ("JPEG", {"progressive": True}),
    ("MPO", {}),
    ("PNG", {}),
    ("WEBP", {}),
    ("WEBP", {"lossless": True}),
    ("AVIF", {}),
    ("HEIF", {}),
    ("GIF", {}),
    ("TIFF", {}),
    ("TIFF", {"compression": "tiff_lzw"}),
    ("TIFF", {"compression": "tiff_adobe_deflate"}),
    ("TIFF", {"compression": "jpeg"}),
    ("BMP", {}),
    ("TIFF", {"compression": "zstd"}),
    ("TIFF", {"compression": "lzma"}),
    ("JPEG2000", {}),
    ("JPEG2000", {"no_jp2": True, "irreversible": True, "quality_layers": [20]}),
    ("ICO", {"sizes": [(63, 48)]}),
    ("ICO", {"sizes": [(63, 48)], "bitmap_format": "bmp"}),
    ("PPM", {}),
    ("TGA", {}),
    ("TGA", {"compression": "tga_rle"}),
    ("QOI", {}),
    ("PCX", {}),
    ("SGI", {}),
]


HARMLESS = {
    "JPEG": 4,
    "MPO": 4,
    "PNG": 24,
    "GIF": 4,
    "BMP": 3,
    "WEBP": 1,
    "TGA": 26,
    "QOI": 8,
    "ICO": 24,
    "JPEG2000": 2,
}
"""So many bytes at most may be missing from the end of a picture that is whole."""


@pytest.mark.parametrize("even", [False, True], ids=["noisy", "even at the end"])
@pytest.mark.parametrize(("kind", "options"), KINDS, ids=str)
def test_a_picture_that_is_cut_off_is_shown_whole_or_never(kind, options, even, pixels, encode):
    noise = np.random.default_rng(1).integers(0, 60, pixels.shape, dtype=np.uint8)
    picture = pixels // 2 + noise
    if even:
        picture[20:] = 90
    data = encode(picture[:, :63], kind, **options)
    name = "cut.tga" if kind == "TGA" else "cut"
    whole = read_image(data, name=name).image.pixels
    cuts = {int(len(data) * part) for part in np.linspace(0.02, 0.99, 25)}
    cuts |= {len(data) - n for n in (*range(1, 40), 100, 300)}
    for cut in sorted(cut for cut in cuts if cut > 0):
        if cut >= len(data) - HARMLESS.get(kind, 0):
            with contextlib.suppress(Unreadable):
                assert np.array_equal(read_image(data[:cut], name=name).image.pixels, whole)
            continue
        with pytest.raises(Unreadable, match=f"{name} is ") as caught:
            read_image(data[:cut], name=name)
        assert caught.value.hint
        assert "\n" not in caught.value.message


@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"restart_marker_blocks": 2}], ids=str)
@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
@pytest.mark.parametrize(
    "end", [b"", b"\xff", b"\0\0", bytes(5000), b"\xff\xd8\xff\xe0", b"some words of a mail"]
)
def test_a_jpeg_without_its_end_marker(end, mode, options, pixels, encode):
    data = encode(Pil.fromarray(pixels).convert(mode), "JPEG", quality=95, **options)
    media = read_image(data[:-2] + end)
    assert np.array_equal(media.image.pixels, read_image(data).image.pixels)
    assert media.warnings == ()
    for lost in (3, 50, 500) if end in (b"", b"\xff") else (50, 500) if not end.strip(b"\0") else ():
        with pytest.raises(Unreadable, match="incomplete"):
            read_image(data[: -2 - lost] + end)


@pytest.mark.parametrize(
    ("kind", "lost"),
    [
        ("PNG", 4),
        ("PNG", 12),
        ("PNG", 16),
        ("GIF", 1),
        ("GIF", 2),
        ("BMP", 1),
        ("JPEG2000", 1),
        ("JPEG2000", 2),
    ],
)
def test_others_without_their_end(kind, lost, pixels, encode):
    data = encode(pixels[:, :63], kind)
    media = read_image(data[:-lost])
    assert np.array_equal(media.image.pixels, read_image(data).image.pixels)
    assert media.warnings == ()


def test_a_webp_without_the_byte_that_pads_it(pixels, encode):
    every = (encode(pixels[:height], "WEBP", lossless=True) for height in range(8, 48))
    odd = next(data for data in every if data[16] & 1)
    assert np.array_equal(read_image(odd[:-1]).image.pixels, read_image(odd).image.pixels)


def test_notes_and_films_behind_a_picture_may_be_cut_off(pixels, encode):
    for kind in ("HEIF", "AVIF"):
        data = encode(pixels, kind)
        film = struct.pack(">I", 900_000) + b"mpvd" + bytes(100)
        assert np.array_equal(read_image(data + film).image.pixels, read_image(data).image.pixels)
    webp = encode(pixels, "WEBP", lossless=True, xmp=bytes(400))
    assert np.array_equal(read_image(webp[:-300]).image.pixels, pixels)


def _scans(data: bytes) -> list[int]:
    """Where the scans of a JPEG begin, and its end."""
    return [at for at in range(len(data) - 1) if data[at : at + 2] in (b"\xff\xda", b"\xff\xd9")]


def test_a_progressive_jpeg_without_its_last_scans(pixels, encode):
    """Every line is there, but blurred: refused where the file was cut, said where it was written so."""
    data = encode(pixels, "JPEG", quality=90, progressive=True)
    for scan in _scans(data)[2:-1]:
        with pytest.raises(Unreadable, match="incomplete"):
            read_image(data[:scan])
        assert read_image(data[:scan] + b"\xff\xd9").warnings == (
            "its progressive scans end before its finest detail",
        )


def test_a_jpeg_without_the_scan_of_one_colour(pixels):
    y, cb, cr = (np.asarray(band) for band in Pil.fromarray(pixels).convert("YCbCr").split())
    data = _jpeg_of_three_scans(y, cb, cr)
    assert np.abs(read_image(data).image.pixels.astype(int) - pixels).mean() < 8
    for scan in _scans(data)[1:3]:
        for end in (b"", b"\xff\xd9"):
            with pytest.raises(Unreadable, match="incomplete"):
                read_image(data[:scan] + end)


def _jpeg_of_three_scans(*bands: np.ndarray) -> bytes:
    """Write the three grey JPEGs of a picture's bands as the scans of one."""
    parts = []
    for band in bands:
        file = io.BytesIO()
        Pil.fromarray(band).save(file, "JPEG", quality=90)
        parts.append(file.getvalue())
    first = parts[0]
    frame, scan = first.index(b"\xff\xc0"), first.index(b"\xff\xda")
    components = b"".join(bytes((i, 0x11, 0)) for i in (1, 2, 3))
    head = first[frame + 4 : frame + 9] + b"\x03" + components
    tables = first[frame + 2 + int.from_bytes(first[frame + 2 : frame + 4], "big") : scan]
    scans = [
        b"\xff\xda\0\x08\x01" + bytes((i, 0)) + b"\0\x3f\0" + part[part.index(b"\xff\xda") + 10 : -2]
        for i, part in enumerate(parts, 1)
    ]
    return b"".join(
        (first[:frame], b"\xff\xc0", struct.pack(">H", len(head) + 2), head, tables, *scans, b"\xff\xd9")
    )


@pytest.mark.parametrize("kind", ["AVIF", "PNG", "GIF", "WEBP", "TIFF"])
def test_several_frames_cut_off(kind, pixels, encode):
    frames = [Pil.fromarray(pixels), Pil.fromarray(255 - pixels)]
    data = encode(frames[0], kind, save_all=True, append_images=frames[1:])
    for cut in (len(data) // 2, len(data) * 9 // 10, len(data) - 20):
        with pytest.raises(Unreadable):
            read_image(data[:cut])


@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
def test_a_jpeg_cut_off_and_given_a_new_end(mode, pixels, encode):
    data = encode(Pil.fromarray(pixels).convert(mode), "JPEG", quality=95)
    start = data.index(b"\xff\xda") + 20
    for part in (0.1, 0.3, 0.5, 0.7, 0.9):
        with pytest.raises(Unreadable, match="incomplete"):
            read_image(data[: start + int((len(data) - start) * part)].rstrip(b"\xff") + b"\xff\xd9")


@pytest.mark.parametrize(
    "options", [{}, {"progressive": True}, {"restart_marker_blocks": 3}, {"subsampling": 0}], ids=str
)
@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
def test_an_even_jpeg_is_not_taken_for_one_that_is_cut_off(mode, options, encode):
    for size in ((64, 48), (33, 17), (1, 1)):
        assert read_image(encode(Pil.new(mode, size), "JPEG", **options)).image.width == size[0]


def _header_jpeg(width: int, height: int) -> bytes:
    frame = struct.pack(">HBHHB", 17, 8, height, width, 3) + b"\1\x11\0\2\x11\1\3\x11\1"
    return b"\xff\xd8\xff\xc0" + frame + b"\xff\xda\0\x0c\3\1\0\2\x11\3\x11\0\x3f\0" + b"\xff\xd9"


def _header_png(width: int, height: int) -> bytes:
    body = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n\0\0\0\x0d" + body + struct.pack(">I", zlib.crc32(body))


def _header_gif(width: int, height: int) -> bytes:
    return (
        b"GIF89a"
        + struct.pack("<HHBBB", 1, 1, 0, 0, 0)
        + b","
        + struct.pack("<4HB", 0, 0, width, height, 0)
        + b"\2\0;"
    )


def _header_webp(width: int, height: int) -> bytes:
    body = bytes(4) + (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    return b"RIFF" + struct.pack("<I", 22) + b"WEBPVP8X" + struct.pack("<I", 10) + body


def _header_bmp(width: int, height: int) -> bytes:
    return b"BM" + struct.pack("<IIIIiiHHI", 54, 0, 54, 40, width, -height, 1, 24, 0) + bytes(20)


def _header_tiff(width: int, height: int, **tags: int) -> bytes:
    entries = {256: width, 257: height, 258: 8, 259: 5, 262: 1, 273: 8, 277: 1, 278: height, 279: 8}
    entries |= {int(k[1:]): v for k, v in tags.items()}
    packed = b"".join(struct.pack("<HHII", t, 4, 1, v) for t, v in sorted(entries.items()))
    return b"II*\0\x10\0\0\0" + bytes(8) + struct.pack("<H", len(entries)) + packed + bytes(4)


def _header_heif(width: int, height: int, brand: bytes) -> bytes:
    def box(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", 8 + len(body)) + kind + body

    extent = box(b"ispe", struct.pack(">III", 0, width, height))
    meta = box(b"meta", bytes(4) + box(b"iprp", box(b"ipco", extent)))
    return box(b"ftyp", brand + bytes(4) + brand + b"mif1") + meta


def _header_jpeg2000(width: int, height: int) -> bytes:
    size = struct.pack(">H8I", 0, width, height, 0, 0, width, height, 0, 0) + b"\0\x03" + b"\7\1\1" * 3
    return b"\xff\x4f\xff\x51" + struct.pack(">H", len(size) + 2) + size


BOMBS = [
    _header_jpeg2000(30000, 30000),
    b"P6 # a comment\n30000 30000\n255\n" + bytes(20),
    b"\0\0\x0a" + bytes(9) + struct.pack("<HHBB", 30000, 30000, 24, 0) + bytes(20) + b"TRUEVISION-XFILE.\0",
    b"qoif" + struct.pack(">IIBB", 30000, 30000, 3, 0) + bytes(20),
    b"\n\5\1\x08" + struct.pack("<4H", 0, 0, 29999, 29999) + bytes(120),
    b"\x01\xda\x01\x01" + struct.pack(">4H", 3, 30000, 30000, 3) + bytes(120),
    b"BM" + struct.pack("<IIIIiiHHI", 54, 0, 54, 40, 30000, 30000, 1, 8, 1) + bytes(20),
    _header_jpeg(30000, 30000),
    _header_png(30000, 30000),
    _header_png(2**31 - 1, 2**31 - 1),
    _header_gif(30000, 30000),
    _header_webp(30000, 30000),
    _header_bmp(30000, 30000),
    _header_tiff(30000, 30000),
    _header_tiff(100, 100, t322=30000, t323=30000, t324=8, t325=8),
    _header_heif(30000, 30000, b"heic"),
    _header_heif(30000, 30000, b"avif"),
]


@pytest.mark.parametrize("bomb", BOMBS, ids=lambda b: b[:12].hex())
def test_a_bomb_fails_at_once_and_in_little_memory(bomb):
    read_image(np.zeros((1, 1, 3), np.uint8))
    tracemalloc.start()
    begin = time.process_time()
    with pytest.raises(TooLarge, match=r"900,000,000 pixels|2147483647 x 2147483647") as caught:
        read_image(bomb, name="bomb")
    spent_s = time.process_time() - begin
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert spent_s < 0.5
    assert peak < 1_000_000
    assert caught.value.message.startswith("bomb ")
    assert "--max-megapixels" in caught.value.hint


class TestReducedJpegs:
    @pytest.mark.parametrize("options", [{}, {"progressive": True}, {"subsampling": 0}], ids=str)
    @pytest.mark.parametrize(("most", "by"), [(3072, 1), (3071, 2), (700, 4), (400, 4)])
    def test_a_jpeg_over_the_limit_is_read_smaller(self, most, by, options, pixels, encode):
        limits = Limits(max_pixels=max(most, 1300) if options.get("progressive") else most)
        by = min(by, 2) if options.get("progressive") else by
        data = encode(pixels, "JPEG", quality=95, **options)
        media = read_image(data, limits=limits)
        assert media.image.pixels.shape == (48 // by, 64 // by, 3)
        small = pixels.reshape(48 // by, by, 64 // by, by, 3).mean((1, 3))
        assert np.abs(media.image.pixels - small).mean() < 5
        words = (
            f"it has 64 x 48 pixels, more than the limit allows; it was read and judged at 1/{by} of its size"
        )
        assert media.warnings == (() if by == 1 else (f"{words}, {64 // by} x {48 // by}",))

    def test_sides_and_orientation(self, pixels, encode):
        exif = Pil.Exif()
        exif[0x0112] = 6
        data = encode(pixels, "JPEG", quality=95, exif=exif.tobytes())
        media = read_image(data, limits=Limits(max_side_px=40))
        assert media.image.pixels.shape == (32, 24, 3)
        assert media.image.pixels[0, 0, 1] > media.image.pixels[0, -1, 1]  # green grows downwards as stored

    def test_missing_lines_are_seen_at_any_scale(self, pixels, encode):
        data = encode(pixels, "JPEG", quality=95)
        for most in (3000, 700):
            for lost, end in ((3, b""), (500, b""), (len(data) // 3, b"\xff\xd9")):
                with pytest.raises(Unreadable, match="incomplete"):
                    read_image(data[: -2 - lost] + end, limits=Limits(max_pixels=most))
            whole = read_image(data, limits=Limits(max_pixels=most)).image.pixels
            assert np.array_equal(read_image(data[:-2], limits=Limits(max_pixels=most)).image.pixels, whole)

    def test_what_the_decoder_would_hold_whole_is_bounded(self, pixels, encode):
        for options, most in (({}, 383), ({"progressive": True}, 1228)):
            with pytest.raises(TooLarge, match="3,072 pixels; the limit is"):
                read_image(encode(pixels, "JPEG", **options), limits=Limits(max_pixels=most))

    def test_a_photo_of_108_megapixels(self, portrait):
        picture = Pil.new("RGB", (12_000, 9_000), (90, 100, 110))
        picture.paste(Pil.fromarray(np.asarray(portrait.pixels)).resize((4096, 4096)), (3000, 2000))
        file = io.BytesIO()
        picture.save(file, "JPEG", quality=80)
        media = read_image(file.getvalue())
        assert media.image.pixels.shape == (4500, 6000, 3)
        assert "judged at 1/2 of its size, 6,000 x 4,500" in media.warnings[0]

    def test_limits_of_megapixels(self):
        limits = Limits.of_megapixels(200)
        assert limits.max_pixels == 200_000_000
        assert limits.max_bytes >= 200_000_000
        assert Limits.of_megapixels(1).max_bytes == Limits().max_bytes


@pytest.mark.parametrize(
    ("limits", "words"),
    [
        (Limits(max_bytes=100), "100 bytes"),
        (Limits(max_pixels=64 * 48 - 1), "3,072 pixels"),
        (Limits(max_side_px=63), "a side may have 63"),
    ],
)
def test_each_limit_is_named(limits, words, pixels, encode):
    data = encode(pixels, "PNG")
    with pytest.raises(TooLarge, match=words):
        read_image(data, limits=limits)
    assert read_image(data, limits=Limits(len(data), 64 * 48, 64)).image.width == 64


def test_the_ceiling_of_pillow_is_respected_without_a_warning(pixels, encode, monkeypatch):
    monkeypatch.setattr(Pil, "MAX_IMAGE_PIXELS", 2000)
    for kind in ("JPEG", "PNG", "GIF", "WEBP", "TIFF", "BMP"):
        with pytest.raises(TooLarge):
            read_image(encode(pixels, kind))
    monkeypatch.setattr(Pil, "MAX_IMAGE_PIXELS", None)
    assert read_image(encode(pixels, "GIF")).image.width == 64


OTHERS = [
    (b"\0\0\0\x18ftypmp42\0\0\0\0isommp42" + bytes(20), "MP4 or QuickTime video", "clip"),
    (b"\0\0\0\x14ftypqt  \0\0\0\0qt  " + bytes(20), "MP4 or QuickTime video", "clip"),
    (b"\0\0\0\x08wide\0\0\0\0mdat" + bytes(20), "QuickTime video", "clip"),
    (b"\x1a\x45\xdf\xa3" + bytes(20), "WebM or Matroska video", "clip"),
    (b"RIFF\x10\0\0\0AVI LIST" + bytes(20), "AVI video", "clip"),
    (b"\xef\xbb\xbf<?xml version='1.0'?><!-- x --><svg xmlns='http://www.w3.org/2000/svg'/>", "SVG", "PNG"),
    (b"<!doctype html><html><body><svg></svg></body></html>", "a web page", "the picture itself"),
    (b"%PDF-1.7\n%abcdefgh", "PDF", "picture"),
    (b"%!PS-Adobe-3.0 EPSF-3.0", "PostScript", "picture"),
    (b"8BPS\0\1" + bytes(20), "Photoshop", "convert"),
    (b"SIMPLE  =                    T", "FITS", "convert"),
    (b"<!DOCTYPE html><html></html>", "web page", "picture"),
    ("just some words, äöü".encode(), "text", "FakeWeb reads"),
    (b"PK\x03\x04" + bytes(20), "ZIP", "unpack"),
    (bytes(range(1, 60)), "unknown kind", "FakeWeb reads"),
    (_header_tiff(10, 10, t339=3, t258=32), "floating-point", "scale"),
    (_header_tiff(10, 10, t339=2, t258=16), "signed", "scale"),
    (_header_tiff(10, 10, t258=12), "12-bit", "scale"),
    (_header_tiff(10, 10, t50706=1), "raw camera", ""),
    (_header_tiff(10, 10, t259=34892), "compression 34892", ""),
    (b"BM" + struct.pack("<IIIIiiHHI", 54, 0, 54, 40, 9, 9, 1, 8, 4) + bytes(20), "compressed BMP", ""),
]


@pytest.mark.parametrize(("data", "what", "hint"), OTHERS, ids=lambda v: v if isinstance(v, str) else "")
def test_what_is_no_picture_is_called_by_its_name(data, what, hint):
    with pytest.raises(Unsupported, match=what) as caught:
        read_image(data, name="given.jpg")
    assert caught.value.message.startswith("given.jpg is ")
    assert hint in caught.value.hint
    assert caught.value.code == "media.unsupported"


@pytest.mark.parametrize(
    "data", [b"", b"\xff", b"\xff\xd8\xff", bytes(5000), b"\xff\xd8\xff\xd9" + bytes(20)]
)
def test_nothing_much(data):
    with pytest.raises(Unreadable):
        read_image(data)


def test_wrong_checksums_and_short_data(pixels, encode, png_chunks):
    data = bytearray(encode(pixels, "PNG"))
    data[data.index(b"IDAT") + 20] ^= 1
    with pytest.raises(Unreadable, match="the checksum of its IDAT chunk is wrong"):
        read_image(bytes(data))
    rows = zlib.compress(b"".join(b"\0" + row.tobytes() for row in pixels))
    header = (b"IHDR", struct.pack(">IIBBBBB", 64, 48, 8, 2, 0, 0, 0))
    with pytest.raises(Unreadable):
        read_image(png_chunks(header, (b"IDAT", rows[: len(rows) // 2]), (b"IEND", b"")))
    with pytest.raises(Unreadable):
        read_image(png_chunks(header, (b"IEND", b"")))


def test_a_jpeg_with_too_many_scans(encode, pixels):
    data = encode(pixels, "JPEG")
    start = data.index(b"\xff\xda")
    with pytest.raises(Unreadable, match="more than 200 scans"):
        read_image(data[:start] + data[start:-2] * 201 + data[-2:])


@pytest.mark.parametrize(
    "kind",
    [
        *("JPEG", "PNG", "WEBP", "GIF", "TIFF", "BMP", "AVIF", "HEIF"),
        *("JPEG2000", "ICO", "PPM", "TGA", "QOI", "PCX", "SGI"),
    ],
)
def test_random_damage_never_raises_anything_else(kind, encode):
    rng = random.Random(kind)
    y, x = np.mgrid[0:16, 0:20]
    small = np.stack([x * 12, y * 15, x * y % 255], -1).astype(np.uint8)
    good = encode(small, kind)
    limits = Limits(max_pixels=1_000_000, max_side_px=2_000)
    for _ in range(300):
        data = bytearray(good)
        for _ in range(rng.randint(1, 4)):
            at = rng.randrange(len(data))
            action = rng.random()
            if action < 0.7:
                data[at] = rng.choice([0, 1, 0x7F, 0xFF, rng.randrange(256)])
            elif action < 0.85:
                del data[at : at + rng.randint(1, 20)]
            else:
                data[at:at] = rng.randbytes(rng.randint(1, 20))
        with contextlib.suppress(FakeWebError):
            assert read_image(bytes(data), limits=limits).image.pixels.size <= 3_000_000
