"""What a user sees of ``fakeweb scan`` on pictures that other programs wrote in a way of their own."""

import io
import json

import numpy as np
import pytest
from PIL import Image as Pil


@pytest.fixture
def scan(cli, tmp_path):
    """Scan bytes as a file of a name; return the exit code and the JSON that was printed."""

    def run(data: bytes, name: str = "picture", *options: str) -> tuple[int, dict]:
        path = tmp_path / name
        path.write_bytes(data)
        result = cli("scan", "--json", path, *options)
        return result.code, json.loads(result.out)

    return run


@pytest.fixture(scope="module")
def encoded(portrait):
    """Encode the portrait, or a picture given, with Pillow."""

    def run(kind: str, picture: Pil.Image | None = None, **options: object) -> bytes:
        file = io.BytesIO()
        (picture or Pil.fromarray(np.asarray(portrait.pixels))).save(file, kind, **options)
        return file.getvalue()

    return run


def same_face(one: dict, other: dict, tolerance: float = 0.02) -> bool:
    p = [report["faces"][0]["verdict"]["p_fake"] for report in (one, other)]
    boxes = np.array([report["faces"][0]["box"] for report in (one, other)])
    return len(one["faces"]) == 1 and abs(p[0] - p[1]) < tolerance and np.abs(boxes[0] - boxes[1]).max() < 3


@pytest.mark.parametrize(
    ("kind", "lost", "end"), [("JPEG", 2, b""), ("JPEG", 2, b"\0\0"), ("PNG", 12, b""), ("GIF", 1, b"")]
)
def test_a_picture_that_lacks_its_end_alone_is_judged_as_the_whole_one(scan, encoded, kind, lost, end):
    data = encoded(kind)
    code, whole = scan(data)
    cut_code, cut = scan(data[:-lost] + end)
    assert code == cut_code == 0
    assert same_face(cut, whole, 1e-9)
    assert cut["warnings"] == whole["warnings"]


def test_a_picture_that_lacks_lines_is_refused(scan, encoded):
    data = encoded("JPEG")
    code, answer = scan(data[: len(data) - 1000])
    assert code == 2
    assert "is incomplete" in answer["error"]["message"]


@pytest.mark.parametrize(
    ("kind", "name", "options"),
    [
        ("JPEG2000", "a.jp2", {}),
        ("PPM", "a.ppm", {}),
        ("TGA", "a.tga", {"compression": "tga_rle"}),
        ("TIFF", "a.tif", {"compression": "zstd"}),
        ("PCX", "a.pcx", {}),
    ],
)
def test_lossless_formats_give_the_same_answer(scan, encoded, portrait, kind, name, options):
    code, report = scan(encoded(kind, **options), name)
    assert code == 0
    assert report["warnings"] == []
    assert same_face(report, scan(encoded("PNG"))[1], 1e-9)


def test_pictures_of_every_format_are_found_in_a_folder(cli, tmp_path, encoded):
    for kind, suffix in (("JPEG2000", "jp2"), ("PPM", "ppm"), ("TGA", "tga"), ("ICO", "ico"), ("BMP", "bmp")):
        (tmp_path / f"a.{suffix}").write_bytes(encoded(kind, Pil.new("RGB", (32, 32))))
    result = cli("scan", tmp_path)
    assert result.code == 0
    assert "5 pictures" in result.err


@pytest.mark.parametrize("transfer", [16, 18], ids=["PQ", "HLG"])
@pytest.mark.parametrize("kind", ["png", "avif", "heic"])
def test_hdr_is_judged_as_the_same_picture_in_srgb(scan, encoded, portrait, hdr_maker, kind, transfer):
    if kind == "heic":
        pytest.importorskip("pillow_heif")
    codes = hdr_maker.hdr(np.asarray(portrait.pixels), transfer)
    data = (
        hdr_maker.png(codes, hdr_maker.cicp(9, transfer))
        if kind == "png"
        else getattr(hdr_maker, kind)(codes, 9, transfer)
    )
    code, report = scan(data)
    assert code == 0
    assert same_face(report, scan(encoded("PNG"))[1], 0.04)
    assert "tone-mapped" in report["warnings"][0]


def test_a_linear_png_is_judged_as_the_same_picture_in_srgb(scan, encoded, portrait, hdr_maker):
    linear = hdr_maker.linear(np.asarray(portrait.pixels))
    report = scan(hdr_maker.png(linear, (b"gAMA", (100_000).to_bytes(4, "big"))))[1]
    assert same_face(report, scan(encoded("PNG"))[1], 0.005)


def test_a_jpeg_over_the_limit_is_judged_smaller(scan, encoded, portrait):
    large = Pil.fromarray(np.asarray(portrait.pixels)).resize((2048, 2048))
    data = encoded("JPEG", large, quality=95)
    code, report = scan(data, "a.jpg", "--max-megapixels", "1.1")
    assert code == 0
    assert (report["width"], report["height"]) == (1024, 1024)
    assert "judged at 1/2 of its size, 1,024 x 1,024" in report["warnings"][0]
    assert len(report["faces"]) == 1


def test_another_format_over_the_limit_says_what_to_do(scan, encoded):
    data = encoded("PNG")
    code, answer = scan(data, "a.png", "--max-megapixels", "0.2")
    assert code == 2
    assert "262,144 pixels; the limit is 200,000" in answer["error"]["message"]
    assert "--max-megapixels" in answer["error"]["hint"]
    assert scan(data, "a.png", "--max-megapixels", "0.3")[0] == 0
