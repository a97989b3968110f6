"""``fakeweb forge`` from pictures to a data set that trains, and what must not leak."""

import csv
import json
import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest

from fakeweb import registry
from fakeweb.datasets.csv_index import CsvLayout
from fakeweb.datasets.index import IndexLayout
from fakeweb.media import encode_png, read_image
from fakeweb.types import Image

FAST = "self_blend,swap,lower_face,smooth,jaw,grid"
DRAWN = ("--finder", "drawn", "--mesh", "drawn", "--min-face", "30")


@pytest.fixture
def drawn(monkeypatch, drawn_faces):
    """A finder and a mesh model for drawn faces."""
    monkeypatch.setitem(registry.BUILT_IN["finder"], "drawn", f"{drawn_faces.__name__}:DrawnFinder")
    monkeypatch.setitem(registry.BUILT_IN["mesh"], "drawn", f"{drawn_faces.__name__}:DrawnMesher")
    monkeypatch.setitem(registry.BUILT_IN["net"], "drawn", f"{drawn_faces.__name__}:build")


@pytest.fixture(scope="module")
def photos(tmp_path_factory, drawn_face) -> Path:
    """A folder of drawn portraits, and two files that are of no use."""
    folder = tmp_path_factory.mktemp("photos")
    for number in range(24):
        image, _ = drawn_face((100, 100), 100, size=(200, 200), seed=number)
        place = folder / ("a" if number % 2 else "b") / f"{number}.png"
        place.parent.mkdir(exist_ok=True)
        place.write_bytes(encode_png(image))
    (folder / "flat.png").write_bytes(encode_png(Image(np.full((90, 90, 3), 50, np.uint8))))
    (folder / "broken.jpg").write_bytes(b"\xff\xd8\xff\xe0 not a picture")
    return folder


def rows_of(out):
    with (out / "index.csv").open(newline="", encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


def contents(out):
    return {
        p.relative_to(out).as_posix(): p.read_bytes()
        for p in sorted(out.rglob("*"))
        if p.suffix in (".jpg", ".png")
    }


def test_it_makes_pairs_that_both_layouts_read(cli, drawn, photos, tmp_path):
    out = tmp_path / "data"
    result = cli("forge", photos, out, *DRAWN, "--kinds", FAST, "--count", 30)
    assert result.code == 0, result.err
    assert "15 real, 15 fake" in result.out
    assert "2 of 26 pictures left out" in result.err
    rows = rows_of(out)
    assert [r["label"] for r in rows] == ["real", "fake"] * 15
    assert {r["kind"] for r in rows if r["label"] == "fake"} >= {"swap", "retouch"}
    assert {r["method"] for r in rows} <= {"", *FAST.split(",")}
    for layout in (IndexLayout(), CsvLayout()):
        samples = list(layout.index(out))
        assert len(samples) == 30
        assert [s.label for s in samples] == [0, 1] * 15
        assert all(s.path.is_file() for s in samples)
    assert all(s.mask is not None for s in CsvLayout().index(out) if s.label == 1)
    groups = {r["group"]: r["split"] for r in rows}
    assert all(groups[r["group"]] == r["split"] for r in rows)
    assert all((photos / group).is_file() for group in groups)


def test_handling_alone_tells_nothing(cli, drawn, photos, tmp_path):
    """Format, size, quantiser; and outside the mask the very pixels, but for what JPEG blocks at its edge share."""
    out = tmp_path / "data"
    assert cli("forge", photos, out, *DRAWN, "--kinds", FAST, "--count", 60).code == 0
    blocky = {"real": [], "fake": []}
    for real, fake in zip(*[iter(rows_of(out))] * 2, strict=True):
        assert (real["width"], real["height"]) == (fake["width"], fake["height"])
        ours, theirs = (out / row["path"] for row in (real, fake))
        assert ours.suffix == theirs.suffix
        assert tables(ours) == tables(theirs)
        mask = read_image(out / fake["mask"]).image.pixels[..., 0] > 0
        away = cv2.dilate(mask.astype(np.uint8), np.ones((33, 33))) == 0
        one, other = (read_image(p).image.pixels for p in (ours, theirs))
        assert one.shape == other.shape == (*mask.shape, 3)
        assert np.array_equal(one[away], other[away])
        if away.mean() > 0.05:
            blocky["real"].append(blockiness(one, away))
            blocky["fake"].append(blockiness(other, away))
    assert len(blocky["real"]) >= 10
    assert blocky["real"] == blocky["fake"]


def tables(path):
    """Return the JPEG's header up to the picture itself: quantisers, sampling, everything but its size in bytes."""
    content = path.read_bytes()
    start = content.index(b"\xff\xdb")
    return content[start : start + 134], content[content.index(b"\xff\xc0") :][:19]


def blockiness(pixels, where):
    """Mean step across the borders of JPEG blocks over that elsewhere."""
    grey = pixels.astype(np.float32).mean(2)
    steps = np.abs(np.diff(grey, axis=1))
    on = np.zeros_like(steps, bool)
    on[:, 7::8] = True
    inside = where[:, 1:]
    return float(steps[on & inside].mean() / steps[~on & inside].mean())


def test_the_same_command_gives_the_same_bytes_and_goes_on_where_it_was_cut(cli, drawn, photos, tmp_path):
    whole, cut, two = (tmp_path / name for name in ("whole", "cut", "two"))
    command = (*DRAWN, "--kinds", "swap,smooth", "--seed", 5)
    assert cli("forge", photos, whole, *command, "--count", 16).code == 0
    assert cli("forge", photos, cut, *command, "--count", 8).code == 0
    with (cut / "pairs.jsonl").open("ab") as stream:
        stream.write(b'{"pair": 4, "ki')  # killed while writing
    (cut / "fake" / "000001.jpg").unlink()
    assert cli("forge", photos, cut, *command, "--count", 16).code == 0
    assert contents(cut) == contents(whole)
    assert rows_of(cut) == rows_of(whole)
    two.mkdir()
    shutil.copy(whole / "faces.jsonl", two)  # faces are found in this process only: the finder is a test's
    assert cli("forge", photos, two, *command, "--count", 16, "-j", 2).code == 0
    assert contents(two) == contents(whole)
    other = cli("forge", photos, whole, *DRAWN, "--kinds", "swap,smooth", "--seed", 6, "--count", 16)
    assert other.code == 2
    assert "other seed" in other.err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--kinds", "smoth"), "did you mean 'smooth'"),
        (("--kinds", ","), "--kinds names nothing"),
        (("--strength", "0.9", "0.1"), "--strength is no range"),
        (("--min-face", "5000"), "no usable face"),
    ],
)
def test_nonsense_is_said_to_be_nonsense(cli, drawn, photos, tmp_path, arguments, message):
    result = cli("forge", photos, tmp_path / "out", *DRAWN, *arguments)
    assert result.code == 2
    assert message in result.err


def test_out_may_not_be_a_file_and_inputs_must_be_there(cli, drawn, photos, tmp_path):
    file = tmp_path / "file"
    file.write_text("x")
    assert cli("forge", photos, file, *DRAWN).code == 2
    result = cli("forge", tmp_path / "nowhere", tmp_path / "out", *DRAWN)
    assert result.code == 2
    assert "nowhere" in result.err


def test_one_person_alone_cannot_be_swapped(cli, drawn, photos, tmp_path):
    one = tmp_path / "one"
    one.mkdir()
    shutil.copy(photos / "a" / "1.png", one)
    result = cli("forge", one, tmp_path / "out", *DRAWN, "--kinds", "swap", "--count", 2)
    assert result.code in (0, 2)  # self_blend needs nobody, swap a donor
    alone = cli("forge", one, tmp_path / "out2", *DRAWN, "--kinds", "part", "--count", 2)
    assert alone.code == 2
    assert "no donor" in alone.err


def test_sheets_show_before_strengths_and_mask(cli, drawn, photos, tmp_path):
    result = cli("forge", photos, tmp_path / "sheets", *DRAWN, "--kinds", "smooth,jaw", "--sheet")
    assert result.code == 0
    sheet = read_image(tmp_path / "sheets" / "smooth.jpg").image
    assert (sheet.width, sheet.height) == (2 * 5 * 200, 8 * 200)
    before, strong = sheet.pixels[:200, :200].astype(int), sheet.pixels[:200, 600:800].astype(int)
    assert np.abs(before - strong).mean() > 1


@pytest.mark.slow
def test_what_it_makes_can_be_trained_on(cli, drawn, drawn_face, tmp_path):
    pytest.importorskip("onnxscript", reason="needs the extra 'train'")
    pytest.importorskip("torch", reason="needs the extra 'train'")
    photos, out = tmp_path / "photos", tmp_path / "data"
    photos.mkdir()
    for number in range(400):
        image, _ = drawn_face((60, 60), 60, size=(120, 120), seed=number)
        (photos / f"{number}.png").write_bytes(encode_png(image))
    made = cli("forge", photos, out, *DRAWN, "--kinds", "lipstick", "--count", 800, "--strength", 0.8, 1.0)
    assert made.code == 0, made.err
    recipe = tmp_path / "mine.toml"
    recipe.write_text(
        'name = "mine"\nversion = "1"\ntitle = "t"\nnet = "drawn"\n[data]\nfinder = "drawn"\nside_px = 48\n'
        "[optim]\nepochs = 6\nfaces_per_epoch = 640\nbatch = 16\nema = 0.9\nlr = 1e-2\nbf16 = false\n"
        "[augment]\ncolour = 0\ngrey = 0\nencode = 0.2\n"
    )
    result = cli("train", recipe, "--data", out, "--out", tmp_path / "run", "--workers", 0, "--threads", 1)
    assert result.code == 0, result.err
    card = json.loads((tmp_path / "run" / "mine.json").read_text(encoding="utf-8"))
    assert (tmp_path / "run" / "mine.onnx").is_file()
    assert "retouch" in card["kinds"]
