"""``fakeweb forge`` from pictures to a data set that trains, and what must not leak."""

import csv
import json
import shutil
import sys
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
    command = (
        *DRAWN,
        "--kinds",
        "self_blend,smooth",
        "--seed",
        5,
    )  # finder and mesh are a test's, of this process only
    whole = tmp_path / "one process"
    assert cli("forge", photos, whole, *command, "--count", 16).code == 0
    two.mkdir()
    shutil.copy(whole / "faces.jsonl", two)
    assert cli("forge", photos, two, *command, "--count", 16, "-j", 2).code == 0
    assert contents(two) == contents(whole)
    other = cli("forge", photos, whole, *DRAWN, "--kinds", "self_blend,smooth", "--seed", 6, "--count", 16)
    assert other.code == 2
    assert "other seed" in other.err


def test_pairs_show_the_same_originals_forged_by_each_kind(cli, drawn, photos, tmp_path):
    out, cut = tmp_path / "data", tmp_path / "cut"
    command = (*DRAWN, "--pairs", "--kinds", "swap,smooth,jaw")
    result = cli("forge", photos, out, *command, "--count", 30)
    assert result.code == 0, result.err
    assert "10 real, 20 fake (10 swap, 10 retouch)" in result.out
    by_pair = {}
    for row in rows_of(out):
        by_pair.setdefault(row["pair"], []).append(row)
    for rows in by_pair.values():
        assert [r["label"] for r in rows] == ["real", "fake", "fake"]
        assert [r["kind"] for r in rows] == ["", "swap", "retouch"]
        assert len({(r["group"], r["split"], r["width"], r["height"]) for r in rows}) == 1
        real, swap, retouch = (read_image(out / r["path"]).image.pixels for r in rows)
        for forged, row in ((swap, rows[1]), (retouch, rows[2])):
            mask = read_image(out / row["mask"]).image.pixels[..., 0] > 0
            away = cv2.dilate(mask.astype(np.uint8), np.ones((33, 33))) == 0
            assert np.array_equal(real[away], forged[away])
    assert len({p.name for p in (out / "real").iterdir()}) == 10
    assert cli("forge", photos, cut, *command, "--count", 12).code == 0
    assert cli("forge", photos, cut, *command, "--count", 30).code == 0
    assert contents(cut) == contents(out)
    assert rows_of(cut) == rows_of(out)
    mixed = cli("forge", photos, out, *DRAWN, "--kinds", "swap,smooth,jaw", "--count", 30)
    assert mixed.code == 2
    assert "made with other pairs" in mixed.err


def test_a_blind_sheet_tells_nothing_and_its_key_all(cli, drawn, photos, tmp_path):
    out, more = tmp_path / "blind", tmp_path / "more"
    more.mkdir()
    for number in range(2):
        for place in sorted(photos.rglob("*.png")):
            shutil.copy(place, more / f"{number}-{place.parent.name}-{place.name}")
    assert "40 of the kind retouch" in cli("forge", photos, out, *DRAWN, "--blind", "--kinds", "smooth").err
    assert not (out / "key.csv").exists()
    command = ("forge", more, out, *DRAWN, "--blind", "--kinds", "smooth,grid", "--strength", 0.8, 0.8)
    result = cli(*command)
    assert result.code == 0, result.err
    assert {p.name for p in out.glob("*.jpg")} == {"sheet-1.jpg", "sheet-2.jpg"}
    with (out / "key.csv").open(newline="", encoding="utf-8") as stream:
        key = list(csv.DictReader(stream))
    for sheet, method in (("1", "smooth"), ("2", "grid")):
        rows = [r for r in key if r["sheet"] == sheet]
        assert [int(r["number"]) for r in rows] == list(range(1, 41))
        assert [r["label"] for r in rows].count("fake") == 20
        assert {r["method"] for r in rows} == {"", method}
        labels = [r["label"] for r in rows]
        assert labels != sorted(labels)
        assert labels != sorted(labels, reverse=True)
    before = (out / "sheet-1.jpg").read_bytes(), (out / "key.csv").read_bytes()
    assert cli(*command).code == 0
    assert before == ((out / "sheet-1.jpg").read_bytes(), (out / "key.csv").read_bytes())
    assert cli(*command, "--seed", 3).code == 0
    assert before[1] != (out / "key.csv").read_bytes()


def test_what_needs_weights_or_a_package_is_made_where_it_is_named(cli, drawn, photos, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "nothing"))
    monkeypatch.setitem(sys.modules, "gmic", None)
    for method, command in (("taef2", "fakeweb models fetch taef2"), ("gmic", "pip install gmic")):
        result = cli("forge", photos, tmp_path / "out", *DRAWN, "--kinds", method)
        assert result.code in (2, 3)
        assert command in result.err
    result = cli("forge", photos, tmp_path / "out", *DRAWN, "--kinds", "generated,retouch", "--count", 20)
    assert result.code == 0, result.err
    assert not {r["method"] for r in rows_of(tmp_path / "out")} & {
        "taef2",
        "vaelight",
        "span",
        "waifu2x",
        "gmic",
    }


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


def test_faces_that_no_donor_fits_are_counted_with_the_reason(cli, drawn, drawn_face, tmp_path):
    photos = tmp_path / "photos"
    photos.mkdir()
    for number in range(12):
        image, face = drawn_face((100, 100), 100, size=(200, 200), seed=number)
        pixels = image.pixels.copy()
        low, high = face.mesh[:, :2].min(0).astype(int), face.mesh[:, :2].max(0).astype(int)
        if number == 0:  # a blue cloth over half of the face
            pixels[(low[1] + high[1]) // 2 : high[1], low[0] : high[0]] = (20, 70, 230)
        (photos / f"{number}.png").write_bytes(encode_png(Image(pixels)))
    result = cli("forge", photos, tmp_path / "out", *DRAWN, "--kinds", "swap", "--count", 48)
    assert result.code == 0, result.err
    made = {(r["group"], r["method"]) for r in rows_of(tmp_path / "out")}
    assert ("1.png", "swap") in made
    assert ("0.png", "swap") not in made
    assert "swap: no donor is enough like it" in result.err


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
