"""Pictures whose samples are not sRGB: HDR, wide gamuts told by code points, PNG's gamma."""

import io
import struct

import numpy as np
import pytest
from PIL import Image as Pil

from fakeweb.media import open_clip, read_image


def mean_error(media, expected) -> float:
    return float(np.abs(media.image.pixels.astype(int) - expected.astype(int)).mean())


@pytest.fixture(scope="module")
def dim(pixels):
    """The picture with its brightest parts at 200 of 255, where tone mapping changes little."""
    return (pixels * 0.7).astype(np.uint8)


@pytest.mark.parametrize("transfer", [16, 18], ids=["PQ", "HLG"])
@pytest.mark.parametrize("kind", ["png 16", "png 8", "avif", "heic"])
def test_hdr_is_tone_mapped(kind, transfer, dim, hdr_maker):
    codes = hdr_maker.hdr(dim, transfer)
    if kind == "heic":
        pytest.importorskip("pillow_heif")
        data = hdr_maker.heic(codes, hdr_maker.BT2020, transfer)
    elif kind == "avif":
        data = hdr_maker.avif(codes, hdr_maker.BT2020, transfer)
    else:
        data = hdr_maker.png(codes, hdr_maker.cicp(hdr_maker.BT2020, transfer), depth=int(kind[4:]))
    media = read_image(data)
    assert mean_error(media, dim) < (2 if "png" in kind else 4)
    assert media.warnings == (f"it is HDR ({'PQ' if transfer == 16 else 'HLG'}) and was tone-mapped",)


def test_highlights_are_compressed_and_hues_stay(hdr_maker):
    """1,000 nits of orange is bright orange, and brighter than paper white would be."""
    orange = np.array([[[1.0, 0.5, 0.1]]]) * np.array([1, 5]).reshape(2, 1, 1)
    root = (orange * 203 / 10_000) ** 0.1593017578125
    codes = ((0.8359375 + 18.8515625 * root) / (1 + 18.6875 * root)) ** 78.84375
    pixels = read_image(hdr_maker.png(codes, hdr_maker.cicp(1, 16))).image.pixels.astype(int)
    assert (pixels[1, 0] > pixels[0, 0]).all()
    assert pixels[1, 0, 0] > 240 > pixels[1, 0, 2]
    assert (np.diff(pixels, axis=2) < 0).all()


@pytest.mark.parametrize("kind", ["png", "avif", "heic"])
def test_a_wide_gamut_told_by_code_points_is_brought_to_srgb(kind, hdr_maker):
    """P3's strongest red lies outside sRGB, its half-strong red is a stronger one there."""
    codes = np.full((16, 16, 3), (0.8, 0.4, 0.4))
    if kind == "heic":
        pytest.importorskip("pillow_heif")
        data = hdr_maker.heic(codes, hdr_maker.P3, 13)
    elif kind == "avif":
        data = hdr_maker.avif(codes, hdr_maker.P3, 13)
    else:
        data = hdr_maker.png(codes, hdr_maker.cicp(hdr_maker.P3, 13), depth=8)
    media = read_image(data)
    assert np.abs(media.image.pixels[8, 8].astype(int) - (220, 97, 101)).max() <= 4
    assert media.warnings == ()


def _gamma(value: float) -> tuple[bytes, bytes]:
    return b"gAMA", struct.pack(">I", round(value * 100_000))


@pytest.mark.parametrize(("gamma", "depth"), [(1.0, 16), (0.5556, 8), (0.5556, 16), (0.3, 16)])
def test_the_gamma_of_a_png_is_honoured(gamma, depth, pixels, hdr_maker):
    media = read_image(hdr_maker.png(hdr_maker.linear(pixels) ** gamma, _gamma(gamma), depth=depth))
    assert mean_error(media, pixels) < 1
    assert media.warnings == ()


def test_what_says_srgb_moves_nothing(pixels, hdr_maker):
    usual = struct.pack(">8I", 31270, 32900, 64000, 33000, 30000, 60000, 15000, 6000)
    for chunks in (
        (_gamma(0.45455),),
        (_gamma(0.45455), (b"cHRM", usual)),
        (hdr_maker.cicp(1, 13),),
        (hdr_maker.cicp(1, 1),),
        ((b"sRGB", b"\0"), _gamma(1.0)),
        ((b"cHRM", struct.pack(">8I", *([50000] * 8))),),
        (_gamma(0.45455), (b"cHRM", bytes(32))),
        (_gamma(0),),
        ((b"gAMA", b"\0"),),
    ):
        assert np.array_equal(read_image(hdr_maker.png(pixels / 255, *chunks, depth=8)).image.pixels, pixels)


def test_primaries_of_a_png_are_honoured(hdr_maker):
    places = struct.pack(
        ">8I", 31270, 32900, 30000, 60000, 64000, 33000, 15000, 6000
    )  # red and green swapped
    codes = np.full((4, 4, 3), (0.9, 0.2, 0.3))
    got = read_image(hdr_maker.png(codes, _gamma(0.45455), (b"cHRM", places), depth=8)).image.pixels[0, 0]
    assert np.abs(got.astype(int) - (51, 230, 76)).max() <= 2


def test_code_points_rule_a_profile_out_and_a_profile_the_gamma(pixels, dim, hdr_maker, icc):
    import zlib

    profile = b"iCCP", b"x\0\0" + zlib.compress(icc(order="grb"))
    hdr = hdr_maker.png(hdr_maker.hdr(dim, 16), hdr_maker.cicp(9, 16), profile)
    assert mean_error(read_image(hdr), dim) < 2
    swapped = read_image(hdr_maker.png(pixels / 255, profile, _gamma(1.0), depth=8)).image.pixels
    assert np.abs(swapped[24, 32].astype(int) - pixels[24, 32][[1, 0, 2]]).max() < 12


def test_a_profile_that_names_its_code_points(dim, hdr_maker, encode, icc):
    """ICC 4.4: the tag ``cicp``. Its curves, which cannot say HDR, are passed over."""
    profile = bytearray(icc())
    count = int.from_bytes(profile[128:132], "big")
    body = b"cicp" + bytes(4) + bytes((9, 16, 0, 1))
    # one tag becomes cicp; its body is put at the end
    struct.pack_into(">4sII", profile, 132 + 12 * (count - 1), b"cicp", len(profile), len(body))
    profile += body
    struct.pack_into(">I", profile, 0, len(profile))
    codes = (hdr_maker.hdr(dim, 16) * 255).round().astype(np.uint8)
    for kind, options in (("PNG", {}), ("TIFF", {}), ("JPEG", {"quality": 98, "subsampling": 0})):
        media = read_image(encode(codes, kind, icc_profile=bytes(profile), **options))
        assert mean_error(media, dim) < 5
        assert "HDR (PQ)" in media.warnings[0]


def test_transparent_parts_of_hdr_stand_on_white(dim, encode, hdr_maker, png_chunks):
    import zlib

    codes = (hdr_maker.hdr(dim, 16) * 65535).round().astype(">u2")
    alpha = np.full(codes.shape[:2], 65535, ">u2")
    alpha[:10] = 0
    rows = b"".join(b"\0" + row.tobytes() for row in np.dstack([codes, alpha]).astype(">u2"))
    head = struct.pack(">IIBBBBB", 64, 48, 16, 6, 0, 0, 0)
    data = png_chunks((b"IHDR", head), hdr_maker.cicp(9, 16), (b"IDAT", zlib.compress(rows)), (b"IEND", b""))
    pixels = read_image(data).image.pixels
    assert pixels[:10].min() == 255
    assert np.abs(pixels[10:].astype(int) - dim[10:]).mean() < 2


@pytest.mark.parametrize("kind", ["PNG", "AVIF"])
def test_hdr_in_an_animation_looks_as_in_a_still(kind, dim, hdr_maker):
    codes = (hdr_maker.hdr(dim, 16) * 255).round().astype(np.uint8)
    frames = [Pil.fromarray(codes), Pil.fromarray(codes[::-1].copy())]
    file = io.BytesIO()
    frames[0].save(file, kind, save_all=True, append_images=frames[1:], duration=[500, 500])
    data = bytearray(file.getvalue())
    if kind == "AVIF":
        at = 0
        while (at := data.find(b"colrnclx", at + 1)) > 0:
            struct.pack_into(">HH", data, at + 8, 9, 16)
    else:
        end = data.index(b"acTL") - 4
        data[end:end] = hdr_maker.png(codes / 255, hdr_maker.cicp(9, 16), depth=8)[33:49]
    with open_clip(bytes(data)) as clip:
        frame = next(clip.read(clip.choose())).image.pixels
    assert np.abs(frame.astype(int) - dim).mean() < 6
