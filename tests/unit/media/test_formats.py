from __future__ import annotations

import hashlib
import io
import re
import struct
import zlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Pil

from fakeweb.errors import MissingExtra, TooLarge, Unreadable, Unsupported
from fakeweb.media import Limits, read_image
from fakeweb.media.formats import jpeg

EXACT = [
    ("PNG", {}),
    ("WEBP", {"lossless": True}),
    ("TIFF", {}),
    ("TIFF", {"compression": "tiff_lzw"}),
    ("TIFF", {"compression": "tiff_adobe_deflate"}),
    ("TIFF", {"compression": "packbits"}),
    ("TIFF", {"big_tiff": True}),
    ("BMP", {}),
    ("TIFF", {"compression": "zstd"}),
    ("TIFF", {"compression": "lzma"}),
    ("JPEG2000", {}),
    ("JPEG2000", {"no_jp2": True, "tile_size": (32, 32)}),
    ("PPM", {}),
    ("TGA", {}),
    ("TGA", {"compression": "tga_rle"}),
    ("ICO", {"sizes": [(64, 48)]}),
    ("ICO", {"sizes": [(64, 48)], "bitmap_format": "bmp"}),
    ("QOI", {}),
    ("PCX", {}),
    ("SGI", {}),
]
LOSSY = [
    ("JPEG", {"quality": 95}),
    ("JPEG", {"quality": 95, "progressive": True}),
    ("JPEG", {"quality": 95, "restart_marker_blocks": 2}),
    ("MPO", {"quality": 95}),
    ("WEBP", {"quality": 95}),
    ("AVIF", {"quality": 95}),
    ("HEIF", {"quality": 95}),
    ("TIFF", {"compression": "jpeg", "quality": 95}),
]


def mean_error(image, expected) -> float:
    return float(np.abs(image.pixels.astype(int) - expected.astype(int)).mean())


@pytest.mark.parametrize(("kind", "options"), EXACT, ids=str)
def test_lossless_pictures_come_back_exactly(kind, options, pixels, encode):
    data = encode(pixels, kind, **options)
    media = read_image(data)
    assert np.array_equal(media.image.pixels, pixels)
    assert media.warnings == ()
    assert media.sha256 == hashlib.sha256(data).hexdigest()
    assert media.image.pixels.flags.c_contiguous
    assert not media.image.pixels.flags.writeable
    assert media.image.pixels.dtype == np.uint8


@pytest.mark.parametrize(("kind", "options"), LOSSY, ids=str)
def test_lossy_pictures_come_back_nearly(kind, options, pixels, encode):
    media = read_image(encode(pixels, kind, **options))
    assert media.image.pixels.shape == pixels.shape
    assert mean_error(media.image, pixels) < 4
    assert media.warnings == ()


@pytest.mark.parametrize(
    "kind", ["JPEG", "PNG", "TIFF", "WEBP", "BMP", "AVIF", "JPEG2000", "PPM", "TGA", "PCX", "SGI"]
)
def test_grey_becomes_three_equal_channels(kind, encode):
    grey = np.tile(np.arange(0, 240, 5, dtype=np.uint8), (40, 1))
    image = read_image(encode(grey, kind)).image
    assert np.abs(image.pixels.astype(int) - grey[:, :, None]).max() <= 6


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "BMP", "GIF", "PCX", "TGA"])
def test_one_bit_and_palette(kind, pixels, encode):
    bits = Pil.fromarray(pixels).convert("1")
    assert np.array_equal(read_image(encode(bits, kind)).image.pixels, np.asarray(bits.convert("RGB")))
    palette = Pil.fromarray(pixels).quantize(32)
    assert np.array_equal(read_image(encode(palette, kind)).image.pixels, np.asarray(palette.convert("RGB")))


def _rle_bmp(size: tuple[int, int], bits: int, palette: list[tuple[int, int, int]], codes: bytes) -> bytes:
    colours = b"".join(bytes((b, g, r, 0)) for r, g, b in palette)
    start = 54 + len(colours)
    head = struct.pack("<IIIIiiHHI", start + len(codes), 0, start, 40, *size, 1, bits, 1 if bits == 8 else 2)
    return b"BM" + head + struct.pack("<5I", len(codes), 0, 0, len(palette), 0) + colours + codes


RED, GREEN, BLUE = (255, 0, 0), (0, 255, 0), (0, 0, 255)


@pytest.mark.parametrize(
    ("bits", "codes", "rows"),
    [
        (8, "05 01 00 00 00 05 02 02 01 01 00 00 00 00 00 01", ["ggggg", "bbggr"]),
        (8, "05 01 00 00 05 02 00 00 00 01", ["ggggg", "bbbbb"]),
        (8, "05 01 00 00 05 02", ["ggggg", "bbbbb"]),  # no mark at the end, and nothing missing
        (8, "02 01 00 02 01 01 01 02 00 01", ["ggrrr", "rrrbr"]),  # two, then one to the right and one up
        (8, "00 01", ["rrrrr", "rrrrr"]),
        (4, "05 12 00 00 00 05 21 12 10 00 00 01", ["gbgbg", "bggbg"]),
        (4, "03 11 02 22 00 00 00 03 12 10 00 01", ["gggbb", "gbgrr"]),  # an odd number of stored pixels
    ],
)
def test_run_lengths_of_bmp(bits, codes, rows):
    media = read_image(_rle_bmp((5, 2), bits, [RED, GREEN, BLUE], bytes.fromhex(codes)))
    colours = {"r": RED, "g": GREEN, "b": BLUE}
    assert media.image.pixels[::-1].tolist() == [[list(colours[c]) for c in row] for row in rows]


def test_run_lengths_of_bmp_that_end_early():
    with pytest.raises(Unreadable, match="incomplete"):
        read_image(_rle_bmp((5, 2), 8, [RED, GREEN], bytes.fromhex("05 01 00 00 03 01")))


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"P1\n# black is 1\n3 1\n1 0 1\n", [0, 255, 0]),
        (b"P2 3 1 4\n0 2 4\n", [0, 128, 255]),
        (b"P3\n1 1\n255\n9 9 9\n", [9]),
        (b"P4\n3 1\n\xa0    ", [0, 255, 0]),
        (b"P5\n# 16 bits\n3 1\n65535\n\0\0\x80\0\xff\xff", [0, 128, 255]),
        (b"P5 3 1 1023 \0\0\2\0\3\xff", [0, 127, 255]),
        (b"P6\n1 1\n65535\n" + b"\x80\0" * 3, [128]),
    ],
)
def test_every_kind_of_pnm(data, expected):
    assert np.abs(read_image(data).image.pixels[0, :, 1].astype(int) - expected).max() <= 1
    if not data[-1:].isspace():
        with pytest.raises(Unreadable):
            read_image(data[:-1])


def test_the_fourth_byte_of_a_tga_is_alpha_only_where_it_says_so(encode):
    rgba = np.full((8, 8, 4), (200, 40, 40, 0), np.uint8)
    data = encode(rgba, "TGA")
    assert read_image(data).image.pixels[0, 0].tolist() == [255, 255, 255]
    without = data[:17] + bytes((data[17] & 0xF0,)) + data[18:]
    assert read_image(without).image.pixels[0, 0].tolist() == [200, 40, 40]
    assert read_image(without).warnings == ()


def test_tga_without_a_footer_goes_by_its_name(pixels, encode):
    data = encode(pixels, "TGA")[:-26]
    assert np.array_equal(read_image(data, name="a.TGA").image.pixels, pixels)
    with pytest.raises(Unsupported, match="unknown kind"):
        read_image(data, name="a.dat")


def test_of_an_icon_the_largest_picture_is_read(pixels, encode):
    data = encode(Pil.fromarray(pixels).resize((64, 64)), "ICO", sizes=[(16, 16), (64, 64), (32, 32)])
    assert read_image(data).image.pixels.shape == (64, 64, 3)
    cursor = data[:2] + b"\2" + data[3:]
    assert read_image(cursor).image.pixels.shape == (64, 64, 3)


@pytest.fixture(scope="module")
def jxl():
    return pytest.importorskip("pylibjxl")


class TestJpegXl:
    @pytest.mark.parametrize("lossless", [True, False])
    def test_colours_come_back(self, jxl, pixels, lossless):
        media = read_image(jxl.encode(pixels, lossless=lossless), name="a.jxl")
        assert mean_error(media.image, pixels) < (0.01 if lossless else 3)
        assert media.warnings == ()

    def test_grey_and_alpha(self, jxl, pixels):
        rgba = np.dstack([pixels, np.full(pixels.shape[:2], 255, np.uint8)])
        rgba[:10, :, 3] = 0
        media = read_image(jxl.encode(rgba, lossless=True))
        assert np.array_equal(media.image.pixels[10:], pixels[10:])
        assert media.image.pixels[:10].min() == 255
        grey = read_image(jxl.encode(np.ascontiguousarray(pixels[..., :1]), lossless=True)).image.pixels
        assert np.array_equal(grey, np.repeat(pixels[..., :1], 3, axis=2))

    def test_a_jpeg_inside_is_turned_once_and_its_profile_applied(self, jxl, pixels, encode, icc):
        data = jxl.jpeg_to_jxl(encode(pixels, "JPEG", quality=95, exif=_exif(6)))
        assert mean_error(read_image(data).image, np.rot90(pixels, -1)) < 4
        red = np.full((16, 16, 3), (250, 10, 10), np.uint8)
        swapped = read_image(jxl.encode(red, lossless=True, icc=icc(order="grb"))).image.pixels
        assert np.abs(swapped.astype(int) - (10, 250, 10)).max() <= 8

    def test_what_is_cut_off_too_large_or_damaged(self, jxl, pixels):
        data = jxl.encode(pixels)
        for cut in (len(data) - 1, len(data) // 2, 20):
            with pytest.raises(Unreadable):
                read_image(data[:cut])
        with pytest.raises(TooLarge, match="3,072 pixels"):
            read_image(data, limits=Limits(max_pixels=3000))

    def test_without_its_extra(self, jxl, pixels, monkeypatch):
        data = jxl.encode(pixels)
        monkeypatch.setitem(__import__("sys").modules, "pylibjxl", None)
        with pytest.raises(MissingExtra, match=r"reading the JPEG XL picture a\.jxl needs the extra 'jxl'"):
            read_image(data, name="a.jxl")


CMYK = {"red": (0, 255, 255, 0), "cyan": (255, 0, 0, 0), "black": (0, 0, 0, 255), "white": (0, 0, 0, 0)}
RGB = {"red": (255, 0, 0), "cyan": (0, 255, 255), "black": (0, 0, 0), "white": (255, 255, 255)}


@pytest.mark.parametrize("colour", CMYK)
@pytest.mark.parametrize(
    ("kind", "options"), [("JPEG", {"quality": 95}), ("TIFF", {}), ("TIFF", {"compression": "tiff_lzw"})]
)
def test_cmyk_has_the_right_polarity(kind, options, colour, encode):
    data = encode(Pil.new("CMYK", (16, 16), CMYK[colour]), kind, **options)
    assert np.abs(read_image(data).image.pixels.astype(int) - RGB[colour]).max() <= 3


def test_ycck_jpeg(encode):
    """Adobe's transform 2: CMY stored as YCC, everything inverted; the marker alone tells."""
    data = encode(Pil.new("CMYK", (16, 16), (0, 0, 0, 0)), "JPEG", quality=95)
    at = data.index(b"Adobe")
    assert data[at + 11] == 0
    ycck = data[: at + 11] + b"\x02" + data[at + 12 :]
    # Y = Cb = Cr = 255 means C = 0, M = 134, Y = 0 as stored, inverted ink 255, 121, 255: a green
    pixels = read_image(ycck).image.pixels.astype(int)
    assert np.abs(pixels - (0, 134, 0)).max() <= 3


def _png16(png_chunks, samples: np.ndarray, colour: int, *extra) -> bytes:
    height, width = samples.shape[:2]
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in samples)
    header = struct.pack(">IIBBBBB", width, height, 16, colour, 0, 0, 0)
    return png_chunks((b"IHDR", header), *extra, (b"IDAT", zlib.compress(rows)), (b"IEND", b""))


@pytest.mark.parametrize(("colour", "channels"), [(0, 1), (2, 3), (4, 2), (6, 4)])
def test_sixteen_bit_png_keeps_the_upper_byte(colour, channels, png_chunks):
    levels = np.array([0, 255, 256, 0x1234, 0x7FFF, 0x8000, 0xFF00, 0xFFFF])
    samples = np.stack([levels] * channels, axis=-1)[None]
    if channels in (2, 4):
        samples[..., -1] = 0xFFFF
    got = read_image(_png16(png_chunks, samples, colour)).image.pixels
    assert got[0, :, 0].tolist() == [0, 0, 1, 0x12, 0x7F, 0x80, 0xFF, 0xFF]
    assert (got == got[..., :1]).all()


def _tiff(
    samples: np.ndarray, photometric: int, order: str = "<", orientation: int = 1, **more: int
) -> bytes:
    """Write an uncompressed one-strip TIFF by hand, in either byte order."""
    height, width = samples.shape[:2]
    bands = 1 if samples.ndim == 2 else samples.shape[2]
    body = samples.astype(samples.dtype.newbyteorder(order)).tobytes()
    bits = samples.dtype.itemsize * 8
    tags = {256: width, 257: height, 258: bits, 259: 1, 262: photometric, 273: 8, 274: orientation}
    tags |= {277: bands, 278: height, 279: len(body), 339: more.get("sample_format", 1)}
    entries = b"".join(struct.pack(f"{order}HHII", t, 4, 1, v) for t, v in sorted(tags.items()))
    head = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(f"{order}I", 8 + len(body))
    return head + body + struct.pack(f"{order}H", len(tags)) + entries + bytes(4)


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("bands", [1, 3, 4])
def test_sixteen_bit_tiff_in_both_byte_orders(order, bands):
    levels = np.array([0, 255, 256, 0x1234, 0xFFFF], np.uint16)
    samples = (
        levels[None]
        if bands == 1
        else np.stack([levels] * 3 + [np.full(5, 0xFFFF, np.uint16)] * (bands - 3), -1)[None]
    )
    got = read_image(_tiff(samples, 1 if bands == 1 else 2, order)).image.pixels
    assert got[0, :, 0].tolist() == [0, 0, 1, 0x12, 0xFF]
    assert (got == got[..., :1]).all()


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_white_is_zero_is_turned_round(dtype):
    top = np.iinfo(dtype).max
    got = read_image(_tiff(np.array([[0, top]], dtype), 0)).image.pixels
    assert got[0, :, 0].tolist() == [255, 0]


ORIENTED = {
    1: lambda a: a,
    2: lambda a: a[:, ::-1],
    3: lambda a: a[::-1, ::-1],
    4: lambda a: a[::-1],
    5: lambda a: a.transpose(1, 0, 2),
    6: lambda a: np.rot90(a, -1),
    7: lambda a: np.rot90(a, 2).transpose(1, 0, 2),
    8: lambda a: np.rot90(a, 1),
}


def _exif(orientation: int) -> bytes:
    exif = Pil.Exif()
    exif[0x0112] = orientation
    return exif.tobytes()


@pytest.mark.parametrize("orientation", ORIENTED)
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "AVIF", "HEIF", "TIFF", "MPO"])
def test_orientation_is_applied_once(kind, orientation, pixels, encode):
    options = {"PNG": {}, "WEBP": {"lossless": True}, "TIFF": {}}.get(kind, {"quality": 95})
    if kind == "TIFF":
        data = _tiff(pixels, 2, orientation=orientation)
    else:
        data = encode(pixels, kind, exif=_exif(orientation), **options)
    expected = ORIENTED[orientation](pixels)
    image = read_image(data).image
    assert image.pixels.shape == expected.shape
    assert mean_error(image, expected) < 4
    others = [f(pixels) for o, f in ORIENTED.items() if o != orientation]
    assert all(o.shape != expected.shape or mean_error(image, o) > 10 for o in others)


def test_damaged_exif_is_harmless(pixels, encode):
    for junk in (b"", b"II*\0\xff\xff\xff\xff", b"II*\0\x08\0\0\0\xff\xff\x12\x01", b"nonsense", _exif(9)):
        media = read_image(encode(pixels, "PNG", exif=b"Exif\0\0" + junk))
        assert np.array_equal(media.image.pixels, pixels)


def _frames(pixels, encode, kind, **options) -> bytes:
    frames = [Pil.fromarray(pixels), Pil.fromarray(255 - pixels), Pil.fromarray(pixels[::-1].copy())]
    return encode(frames[0], kind, save_all=True, append_images=frames[1:], **options)


@pytest.mark.parametrize(
    ("kind", "options", "word", "tolerance"),
    [
        ("GIF", {}, "frames", 12),
        ("PNG", {}, "frames", 0),
        ("WEBP", {"lossless": True}, "frames", 0),
        ("AVIF", {"quality": 95}, "frames", 4),
        ("TIFF", {}, "pages", 0),
    ],
)
def test_of_several_frames_the_first_is_read(kind, options, word, tolerance, pixels, encode):
    media = read_image(_frames(pixels, encode, kind, **options))
    assert mean_error(media.image, pixels) <= tolerance
    assert media.warnings == (f"it has 3 {word}; only the first was read",)


def test_the_further_pictures_of_an_mpo_are_left_out(pixels, encode):
    media = read_image(_frames(pixels, encode, "MPO", quality=95))
    assert mean_error(media.image, pixels) < 3
    assert media.warnings == ()


ON_WHITE = "its transparent parts were placed on white"


@pytest.mark.parametrize("kind", ["PNG", "WEBP", "TIFF", "AVIF", "HEIF"])
def test_transparency_is_placed_on_white(kind, encode):
    rgba = np.zeros((32, 32, 4), np.uint8)
    rgba[..., 0] = 200
    rgba[:, :16, 3], rgba[:, 16:, 3] = 255, 0
    options = {"WEBP": {"lossless": True}, "AVIF": {"quality": 100}, "HEIF": {"quality": 100}}.get(kind, {})
    media = read_image(encode(rgba, kind, **options))
    assert np.abs(media.image.pixels[:, 2:10].astype(int) - (200, 0, 0)).max() <= 4
    assert media.image.pixels[:, 20:].min() >= 252
    assert media.warnings == (ON_WHITE,)


def test_opaque_alpha_is_no_news(pixels, encode):
    rgba = np.dstack([pixels, np.full(pixels.shape[:2], 255, np.uint8)])
    media = read_image(encode(rgba, "PNG"))
    assert np.array_equal(media.image.pixels, pixels)
    assert media.warnings == ()


def _small_png(
    png_chunks, depth: int, colour: int, row: bytes, width: int, *extra: tuple[bytes, bytes]
) -> bytes:
    header = struct.pack(">IIBBBBB", width, 1, depth, colour, 0, 0, 0)
    return png_chunks((b"IHDR", header), *extra, (b"IDAT", zlib.compress(b"\0" + row)), (b"IEND", b""))


@pytest.mark.parametrize(
    ("depth", "colour", "row", "extra", "expected"),
    [
        (
            8,
            3,
            b"\0\1",
            [(b"PLTE", b"\xff\0\0\0\0\xff"), (b"tRNS", b"\xff\0")],
            [(255, 0, 0), (255, 255, 255)],
        ),
        (8, 3, b"\0\1", [(b"PLTE", b"\xff\0\0\0\0\xff"), (b"tRNS", b"\x80")], [(255, 127, 127), (0, 0, 255)]),
        (8, 0, b"\x40\x80", [(b"tRNS", b"\0\x40")], [(255, 255, 255), (128, 128, 128)]),
        (4, 0, b"\x3a", [(b"tRNS", b"\0\x03")], [(255, 255, 255), (170, 170, 170)]),
        (2, 0, b"\x60", [(b"tRNS", b"\0\x01")], [(255, 255, 255), (170, 170, 170)]),
        (1, 0, b"\x40", [(b"tRNS", b"\0\0")], [(255, 255, 255), (255, 255, 255)]),
        (16, 0, b"\x40\x01\x40\x02", [(b"tRNS", b"\x40\x01")], [(255, 255, 255), (64, 64, 64)]),
        (8, 2, b"\1\2\3\4\5\6", [(b"tRNS", b"\0\1\0\2\0\3")], [(255, 255, 255), (4, 5, 6)]),
    ],
)
def test_transparent_colours_of_png(depth, colour, row, extra, expected, png_chunks):
    media = read_image(_small_png(png_chunks, depth, colour, row, 2, *extra))
    assert np.abs(media.image.pixels[0].astype(int) - expected).max() <= 1
    assert media.warnings == (ON_WHITE,)


def test_gif_with_a_transparent_colour(encode):
    picture = Pil.new("P", (8, 8), 1)
    picture.putpalette([255, 0, 0, 0, 0, 255])
    picture.paste(0, (0, 0, 4, 8))
    media = read_image(encode(picture, "GIF", transparency=1))
    assert media.image.pixels[0, 0].tolist() == [255, 0, 0]
    assert media.image.pixels[0, 7].tolist() == [255, 255, 255]


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF", "HEIF"])
def test_a_colour_profile_is_applied(kind, encode, icc):
    red = Pil.new("RGB", (16, 16), (250, 10, 10))
    options = (
        {"lossless": True} if kind == "WEBP" else {"quality": 100} if kind in ("JPEG", "AVIF", "HEIF") else {}
    )
    media = read_image(encode(red, kind, icc_profile=icc(order="grb"), **options))
    assert np.abs(media.image.pixels.astype(int) - (10, 250, 10)).max() <= 8
    assert media.warnings == ()


def test_profiles_of_grey_and_of_rgb_on_grey(encode, icc):
    grey = Pil.new("L", (8, 8), 128)
    linear = read_image(encode(grey, "PNG", icc_profile=icc("GRAY", 1.0))).image.pixels
    assert np.abs(linear.astype(int) - 188).max() <= 1
    borrowed = read_image(encode(grey, "PNG", icc_profile=icc("RGB ", 1.0))).image.pixels
    assert np.abs(borrowed.astype(int) - 188).max() <= 1


def test_a_profile_that_is_srgb_moves_nothing(pixels, encode):
    from PIL import ImageCms

    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    media = read_image(encode(pixels, "PNG", icc_profile=srgb))
    assert np.array_equal(media.image.pixels, pixels)


@pytest.mark.parametrize(
    ("profile", "warning"),
    [
        (b"not a profile at all", "its colour profile is damaged and was ignored"),
        (b"\0" * 200, "its colour profile is damaged and was ignored"),
        ("GRAY", "its colour profile is for L, not for its pixels; ignored"),
    ],
)
def test_a_profile_that_does_not_fit_is_ignored_with_a_warning(profile, warning, pixels, encode, icc):
    media = read_image(encode(pixels, "PNG", icc_profile=icc(profile) if profile == "GRAY" else profile))
    assert np.array_equal(media.image.pixels, pixels)
    assert media.warnings == (warning,)


def test_a_bomb_in_a_text_or_profile_chunk_is_never_unpacked(pixels, png_chunks):
    bomb = zlib.compress(bytes(100_000_000), 9)
    rows = b"".join(b"\0" + row.tobytes() for row in pixels)
    data = png_chunks(
        (b"IHDR", struct.pack(">IIBBBBB", 64, 48, 8, 2, 0, 0, 0)),
        (b"iCCP", b"x\0\0" + bomb),
        (b"zTXt", b"Comment\0\0" + bomb),
        (b"acTL", b"\0"),
        (b"IDAT", zlib.compress(rows)),
        (b"IEND", b""),
    )
    media = read_image(data)
    assert np.array_equal(media.image.pixels, pixels)
    assert media.warnings == ("its colour profile is damaged and was ignored",)


@pytest.mark.parametrize(
    ("name", "kind", "warnings"),
    [
        ("a.png", "JPEG", ("the name ends in .png, but the content is JPEG",)),
        ("a.JPG", "JPEG", ()),
        ("a.jpeg", "MPO", ()),
        ("a.heic", "PNG", ("the name ends in .heic, but the content is PNG",)),
        ("a.dat", "PNG", ()),
        ("png", "PNG", ()),
    ],
)
def test_content_decides_and_a_wrong_suffix_is_mentioned(name, kind, warnings, pixels, encode):
    assert read_image(encode(pixels, kind), name=name).warnings == warnings


def test_heic_without_its_extra(pixels, encode, monkeypatch):
    data = encode(pixels, "HEIF")
    monkeypatch.setitem(__import__("sys").modules, "pillow_heif", None)
    with pytest.raises(MissingExtra, match=r"reading the HEIC picture me\.heic needs the extra 'heic'"):
        read_image(data, name="me.heic")


def test_nothing_of_pillow_is_changed(pixels, encode):
    from PIL import ImageFile

    before = (Pil.MAX_IMAGE_PIXELS, ImageFile.LOAD_TRUNCATED_IMAGES)
    read_image(encode(pixels, "HEIF"))
    assert before == (Pil.MAX_IMAGE_PIXELS, ImageFile.LOAD_TRUNCATED_IMAGES)
    assert "HEIF" not in Pil.OPEN


def test_threads_get_the_same_pictures(pixels, encode, icc):
    kinds = ["JPEG", "PNG", "WEBP", "GIF", "TIFF", "BMP", "AVIF", "MPO"]
    files = [encode(np.roll(pixels, i, axis=1), kind) for i, kind in enumerate(kinds)]
    files += [encode(pixels, kind, icc_profile=icc(order="bgr")) for kind in ("JPEG", "PNG", "TIFF")]
    alone = [read_image(f).image.pixels.tobytes() for f in files]
    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(lambda f: read_image(f).image.pixels.tobytes(), files * 8))
    assert together == alone * 8


def test_the_end_of_a_scan_is_found_wherever_it_lies():
    """Also where the bytes that are looked through at a time meet, and behind long fillings."""
    rng = np.random.default_rng(4)
    marker = re.compile(rb"\xff+([^\x00\xff\xd0-\xd7])", re.DOTALL)
    near = [b"a" * n + b"\xff\xd9" for n in range((1 << 16) - 3, (1 << 16) + 3)]
    odd = [bytes(rng.choice([0xFF, 0, 0xD0, 0xD7, 0xD9, 0x41], 30).astype(np.uint8)) for _ in range(300)]
    for data in (*near, *odd, b"\xff\0" * 40_000 + b"\xff" * 70_000 + b"\xc4", b"\xff", b""):
        for begin in (0, min(2, len(data))):
            match = marker.search(data, begin)
            assert jpeg._scan_end(data, begin) == (len(data) if match is None else match.start())


@pytest.mark.parametrize("size", [(1, 1), (7, 900), (900, 7), (1201, 333)], ids=str)
def test_pixels_arrive_whole_whatever_the_size(size, encode):
    pixels = np.random.default_rng(5).integers(0, 256, (*size, 3), np.uint8)
    np.testing.assert_array_equal(read_image(encode(pixels, "PNG")).image.pixels, pixels)


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="Linux tells a process's peak")
def test_a_picture_takes_little_more_memory_than_its_pixels(encode):
    """Pillow's four bytes a pixel and the three of the array; a third copy would make it ten."""
    coarse = np.random.default_rng(6).integers(0, 256, (60, 80, 3), np.uint8)
    data = encode(Pil.fromarray(coarse).resize((4000, 3000)), "JPEG")
    read_image(data)
    status = Path("/proc/self/status")
    Path("/proc/self/clear_refs").write_text("5")  # the peak begins anew

    def kilobytes(name):
        return next(int(line.split()[1]) for line in status.read_text().splitlines() if line.startswith(name))

    before = kilobytes("VmRSS")
    read_image(data)
    assert (kilobytes("VmHWM") - before) * 1024 < 8 * 12_000_000


def test_only_the_first_picture_is_looked_at_after_the_end(pixels, encode):
    for kind in ("PNG", "JPEG", "GIF"):
        data = encode(pixels, kind)
        plain = read_image(data).image.pixels
        assert np.array_equal(read_image(data + b"trailing" * 100).image.pixels, plain)
        assert io.BytesIO(data).read() == data
