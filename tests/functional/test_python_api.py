"""What a Python programmer sees."""

import io
import json
import multiprocessing
import pickle
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

import fakeweb
from fakeweb.classifiers import OnnxClassifier
from fakeweb.faces.haar import HaarFinder
from fakeweb.faces.mesh import OnnxMesher
from fakeweb.media import Limits, encode_png
from fakeweb.types import Image

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "examples" / "collins.jpg"


def plain(report):
    data = report.to_dict()
    del (
        data["timings_s"],
        data["source"],
        data["media_sha256"],
        data["provenance"],
    )  # arrays come from no file
    return json.dumps(data)


def test_scan_takes_what_people_have(portrait):
    by_path = fakeweb.scan(str(EXAMPLE))
    assert by_path.verdict.label in {"real", "uncertain"}
    with EXAMPLE.open("rb") as stream:
        by_file = fakeweb.scan(stream)
    for other in (
        fakeweb.scan(EXAMPLE),
        fakeweb.scan(EXAMPLE.read_bytes()),
        by_file,
        fakeweb.scan(portrait.pixels),
    ):
        assert plain(other) == plain(by_path)
    assert plain(fakeweb.scan(io.BytesIO(EXAMPLE.read_bytes()))) == plain(by_path)


def test_scan_takes_pictures_of_pillow_and_arrays_whose_white_is_stated(portrait):
    from PIL import Image as Pil

    pixels = portrait.pixels
    plainly = plain(fakeweb.scan(pixels))
    with Pil.open(EXAMPLE) as picture:
        assert plain(fakeweb.scan(picture)) == plainly
        report = fakeweb.scan(picture)
        drawn = fakeweb.overlay(picture, report)
    assert (drawn.pixels == fakeweb.overlay(pixels, report).pixels).all()
    assert (drawn.pixels == fakeweb.overlay(str(EXAMPLE), report).pixels).all()
    assert plain(fakeweb.scan(portrait)) == plainly
    assert plain(fakeweb.scan(pixels.astype(np.uint16) * 257, white=65535)) == plainly
    assert plain(fakeweb.Scanner().scan(pixels / 255, white=1.0)) == plainly


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda a: fakeweb.scan(a.astype(np.uint16) * 257), "white=65535"),
        (lambda a: fakeweb.scan(a / 255), r"white=1\.0"),
        (lambda a: fakeweb.scan(a[..., 0]), "make grey RGB"),
        (lambda a: fakeweb.scan(a.tolist()), "got list"),
        (lambda a: fakeweb.scan(None), "got NoneType"),
        (lambda a: fakeweb.Scanner(threshold="0.9"), "threshold must be a number, got '0.9'"),
        (lambda a: fakeweb.Scanner(max_faces=2.5), "max_faces must be a number, got 2.5"),
        (lambda a: fakeweb.Scanner(limits=5), "limits must be Limits"),
        (lambda a: fakeweb.Limits(max_pixels="5"), "must be an int"),
        (lambda a: fakeweb.overlay(a, fakeweb.scan(a), opacity=3), "opacity must lie in"),
        (lambda a: fakeweb.overlay(a[:100], fakeweb.scan(a)), "the report is about a picture of 512 x 512"),
        (lambda a: fakeweb.overlay(a, "report"), "report must be a Report, got str"),
        (lambda a: fakeweb.overlay(a.astype(float), fakeweb.scan(a)), r"white=1\.0"),
    ],
)
def test_wrong_arguments_get_an_error_of_ours_with_advice(call, words, portrait):
    with pytest.raises(fakeweb.FakeWebError) as caught:
        call(portrait.pixels)
    assert isinstance(caught.value, TypeError | ValueError)
    assert re.search(words, f"{caught.value.message} {caught.value.hint}")


def test_scanning_twice_gives_the_same_bits():
    scanner = fakeweb.Scanner()
    assert (
        plain(scanner.scan(EXAMPLE)) == plain(scanner.scan(EXAMPLE)) == plain(fakeweb.Scanner().scan(EXAMPLE))
    )


def test_rgb_order_matters():
    """Colours are RGB inside: the same picture with red and blue exchanged is another picture."""
    pixels = fakeweb.read_image(EXAMPLE).image.pixels
    swapped = np.ascontiguousarray(pixels[..., ::-1])
    ours, theirs = fakeweb.scan(pixels).faces[0].score, fakeweb.scan(swapped).faces[0].score
    assert ours.logit != theirs.logit


@pytest.mark.parametrize(
    "wrong", [np.zeros((8, 8)), np.zeros((8, 8, 4), np.uint8), np.zeros((3, 8, 8), np.uint8)]
)
def test_arrays_are_checked_never_guessed(wrong):
    with pytest.raises((TypeError, ValueError), match=r"RGB|uint8"):
        fakeweb.scan(wrong)


def test_one_scanner_serves_eight_threads_bit_for_bit(portrait):
    """Eight threads with one Scanner, on pictures that differ, give what one thread gives."""
    pictures = []
    for i in range(24):
        side = 360 + 13 * (i % 5)
        pixels = np.roll(portrait.pixels, (7 * i, 5 * i), (0, 1))[:side, :side]
        pictures.append(np.ascontiguousarray(np.clip(pixels.astype(int) + i - 12, 0, 255).astype(np.uint8)))
    alone = fakeweb.Scanner()
    expected = [plain(alone.scan(p)) for p in pictures]
    shared = fakeweb.Scanner()
    with ThreadPoolExecutor(8) as pool:
        for _ in range(3):
            assert list(pool.map(lambda p: plain(shared.scan(p)), pictures)) == expected
    assert len(set(expected)) > 12


def test_a_scanner_serves_a_pool_of_spawned_processes(tmp_path, portrait):
    """Whoever maps pictures over processes need not know that a model's session stays in one of them."""
    mirrored = tmp_path / "mirrored.png"
    mirrored.write_bytes(encode_png(Image(np.ascontiguousarray(portrait.pixels[:, ::-1]))))
    scanner = fakeweb.Scanner(threshold=0.5)
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        reports = pool.map(scanner.scan, [EXAMPLE, mirrored])
    assert [plain(r) for r in reports] == [plain(scanner.scan(p)) for p in (EXAMPLE, mirrored)]
    assert {r.thresholds.source for r in reports} == {"user"}


def test_a_scanner_made_of_parts_keeps_them(tiny_model, tmp_path, portrait):
    parts = {"finder": HaarFinder(), "model": OnnxClassifier(tiny_model(tmp_path)), "mesher": OnnxMesher()}
    scanner = fakeweb.Scanner(max_faces=3, limits=Limits(max_pixels=300_000), **parts)
    again = pickle.loads(pickle.dumps(scanner))
    assert plain(again.scan(portrait.pixels)) == plain(scanner.scan(portrait.pixels))
    assert (again.max_faces, again.limits) == (scanner.max_faces, scanner.limits)
    assert (again.finder.name, again.classifier.reference) == ("haar", "tiny@1")


def test_import_loads_no_heavy_guest():
    """``import fakeweb`` loads none of the libraries that have a room of their own."""
    code = (
        "import sys, fakeweb; heavy = {'torch','timm','onnx','onnxruntime','PIL','pillow_heif','cv2','typer','rich',"
        "'fastapi','sklearn','matplotlib','ray','c2pa','av','numpy'}; print(sorted(heavy & set(sys.modules)))"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"


def test_scanning_loads_no_guest_of_an_extra():
    code = (
        f"import sys, fakeweb; fakeweb.scan({str(EXAMPLE)!r}); heavy = {{'torch','timm','onnx','fastapi','sklearn',"
        "'matplotlib','ray','c2pa','typer'}; print(sorted(heavy & set(sys.modules)))"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"


def test_errors_have_one_base():
    with pytest.raises(fakeweb.FakeWebError) as caught:
        fakeweb.scan("no such file.jpg")
    assert caught.value.code == "media.unreadable"
    assert caught.value.hint
