"""Inspection, leaks, folds and persons."""

import json
import tomllib
from pathlib import Path

import cv2
import numpy as np
import pytest

from fakeweb.datasets import Sample, read_samples
from fakeweb.datasets.likeness import difference_hash, near_duplicates
from fakeweb.errors import DatasetError, UsageError
from fakeweb.evaluate.files import read_facts
from fakeweb.evaluate.folds import Fold, make_folds, read_folds, write_folds
from fakeweb.evaluate.leaks import crop_features, leak
from fakeweb.evaluate.people import Pair, aligned_face, describe, families, likeness
from fakeweb.media import encode_jpeg, encode_png
from fakeweb.types import Face, Image


def texture(seed, side=64):
    coarse = np.random.default_rng(seed).integers(0, 256, (side // 8, side // 8, 3), np.uint8)
    return np.asarray(cv2.resize(coarse, (side, side), interpolation=cv2.INTER_CUBIC), np.uint8)


def sample(path, label, group, source="s", split="train"):
    return Sample(Path(path), label, "swap" if label else None, split, group, source)


def test_facts_of_files(tmp_path):
    image = Image(texture(0))
    (tmp_path / "a.jpg").write_bytes(encode_jpeg(image, 60))
    (tmp_path / "b.png").write_bytes(encode_png(image))
    (tmp_path / "c.jpg").write_bytes(encode_jpeg(image, 60)[:200])
    a, b, c, absent = (read_facts(tmp_path / n, n) for n in ("a.jpg", "b.png", "c.jpg", "d.jpg"))
    assert (a.format, a.width, a.sampling) == ("jpeg", 64, "1x1")
    assert a.quantiser > 20
    assert (b.format, b.quantiser) == ("png", 0)
    assert c.error
    assert absent.error
    assert bin(int(a.dhash, 16) ^ int(b.dhash, 16)).count("1") <= 2


def test_near_duplicates_by_bits():
    hashes = [difference_hash(texture(i)[:, :, 0]) for i in range(6)]
    flipped = f"{int(hashes[2], 16) ^ 1:016x}"
    found = near_duplicates([*hashes, flipped, hashes[4], ""], 2)
    assert (2, 6, 1) in found
    assert (4, 7, 0) in found
    assert all(bits <= 2 for *_, bits in found)


def test_a_quantiser_and_a_grid_leave_traces_that_a_leak_shows():
    pytest.importorskip("sklearn", reason="needs the extra 'evaluate'")
    values, samples = [], []
    for i in range(240):
        noisy = np.clip(texture(i) + np.random.default_rng(i).normal(0, 6, (64, 64, 3)), 0, 255).astype(
            np.uint8
        )
        if i % 2:  # fakes went through a coarse JPEG
            noisy = cv2.imdecode(
                cv2.imencode(".jpg", noisy, [cv2.IMWRITE_JPEG_QUALITY, 40])[1], cv2.IMREAD_COLOR
            )
        values.append(crop_features(np.asarray(noisy, np.uint8)))
        samples.append(sample(f"/d/{i}.jpg", i % 2, str(i)))
    names = [str(i) for i in range(len(values[0]))]
    told = leak(np.array(values), samples, names)
    assert told["leaks"]
    assert told["auc"]["value"] > 0.95
    mixed = [
        sample(f"/d/{i}.jpg", (i // 2) % 2, str(i)) for i in range(240)
    ]  # the same pictures, labels that say nothing
    silent = leak(np.array(values), mixed, names)
    assert not silent["leaks"]
    assert abs(silent["auc"]["value"] - 0.5) < 0.12


def test_inspection_finds_what_was_planted(drawn, tmp_path):
    pytest.importorskip("matplotlib", reason="needs the extra 'evaluate'")
    pytest.importorskip("sklearn", reason="needs the extra 'evaluate'")
    from fakeweb.evaluate.inspect import inspect

    samples, problems, layout = read_samples(drawn)
    twin = sample(samples[0].path, 1, "other", "two", "train")
    found = inspect(drawn, [*samples, twin], problems, layout, tmp_path).findings
    assert found["broken"][0]["path"] == "two/real/broken.jpg"
    assert found["duplicates"]["exact"] == 1
    assert found["duplicates"]["exact_across_labels"] == 1
    assert found["sources"]["two"]["labels"] == {"real": 26, "fake": 25}
    assert found["sources"]["two"]["sizes"][0][0] == "64 x 64"
    assert json.loads((tmp_path / "inspection.json").read_text()) == found
    before = (tmp_path / "files.csv").read_bytes()
    (drawn / "index.csv").touch()
    inspect(drawn, [*samples, twin], problems, layout, tmp_path)
    assert (tmp_path / "files.csv").read_bytes() == before
    for name in ("report.html", "report.md", "duplicates.csv"):
        assert (tmp_path / name).stat().st_size > 80


SOURCES = {"dfdc": (50, 50), "swap_lfw": (10, 10), "lfw": (20, 0), "edits": (9, 9), "gan": (8, 8), "sdxl": (0, 7),
           "portraits": (15, 0), "studio": (5, 0)}  # fmt: skip


def many():
    return [
        sample(f"/{source}/{label}/{i}", label, f"{label}{i}", source)
        for source, counts in SOURCES.items()
        for label, count in enumerate(counts)
        for i in range(count)
    ]


def test_each_fold_drops_fakes_and_reals_and_kin_go_together():
    folds = make_folds(many())
    held = [s for f in folds for s in f.held_out]
    assert sorted(held) == sorted(SOURCES)  # every source once
    for fold in folds:
        assert sum(SOURCES[s][0] for s in fold.held_out)
        assert sum(SOURCES[s][1] for s in fold.held_out)
    assert any({"lfw", "swap_lfw"} <= set(f.held_out) for f in folds)
    assert make_folds(many()) == folds
    with pytest.raises(DatasetError, match="9 folds need"):
        make_folds(many(), 9)


def test_recipes_of_folds_skip_what_is_held_out_and_keep_the_rest(tmp_path):
    from fakeweb.train.rules import read_recipe
    from fakeweb.train.tables import read_table

    recipe = Path(__file__).parents[3] / "recipes" / "fast.toml"
    paths = write_folds(
        [Fold(1, ("dfdc", "scut")), Fold(2, ("sdxl",))], recipe, read_table(recipe).values, tmp_path
    )
    first, whole = read_recipe(paths[0]), read_recipe(recipe)
    assert set(first.data.skip_sources) == {*whole.data.skip_sources, "dfdc", "scut"}
    assert first.name == f"fold1-{whole.name}"
    assert first.optim == whole.optim
    assert tomllib.loads(paths[1].read_text())["data"]["skip_sources"] == ["sdxl"]
    stages = {read_recipe(f"{paths[1]}#{stage}").data.skip_sources for stage in read_table(paths[1]).stages}
    assert stages == {("sdxl",)}, "no stage may have seen what the fold holds out"
    with pytest.raises(UsageError, match="holds 0 models of fold 1"):
        read_folds(tmp_path)
    with pytest.raises(UsageError, match="no folds in"):
        read_folds(tmp_path / "elsewhere")


def face_at(x, y, size):
    points = np.array([[0.3, 0.4], [0.7, 0.4], [0.5, 0.6], [0.35, 0.75], [0.65, 0.75]]) * size + (x, y)
    return Face((x, y, x + size, y + size), 0.9, points=points)


def test_an_edited_graded_and_moved_copy_is_alike_and_a_stranger_is_not():
    # fine texture, as faces have
    def fine(seed):
        noise = np.random.default_rng(seed).normal(128, 60, (160, 160, 3))
        return np.clip(cv2.GaussianBlur(noise, (0, 0), 2) * 3 - 256, 0, 255).astype(np.uint8)

    original, stranger = fine(0), fine(1)
    edited = np.clip(original * 0.6 + 50, 0, 255).astype(np.uint8)
    edited[60:80, 50:110] = 90
    moved = cv2.warpAffine(edited, np.float32([[1, 0, 6], [0, 1, -4]]), (160, 160))
    a = describe(Image(original), face_at(30, 30, 100))
    b = describe(Image(moved), face_at(36, 26, 100))
    c = describe(Image(stranger), face_at(30, 30, 100))
    alike = likeness(a[None], np.stack([b, c]))[0]
    assert alike[0] > 0.9
    assert alike[1] < 0.5
    assert describe(Image(original), Face((30, 30, 130, 130))) is None  # without points
    assert aligned_face(Image(original), face_at(30, 30, 100)).shape == (96, 96, 3)


def test_families_join_over_several_pairs():
    samples = [sample(f"/d/{g}", 0, g) for g in "abcd"]
    pairs = [Pair(0, 1, 0.9), Pair(1, 2, 0.9)]
    assert families(samples, pairs) == [["a", "b", "c"]]
