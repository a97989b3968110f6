"""A network learns from what another model says of its faces."""

import csv
import shutil

import pytest

from fakeweb.errors import BadRecipe, ModelIncompatible, UnknownName
from fakeweb.train.rules import read_recipe

pytest.importorskip("torch", reason="needs the extra 'train'")
pytest.importorskip("onnxscript", reason="needs the extra 'train'")
teachers = pytest.importorskip("fakeweb.train.classifier.teacher")

LEARNS = {"epochs": 4, "faces_per_epoch": 192, "ema": 0.9}


@pytest.fixture(scope="module")
def teacher(toy, toy_data, tmp_path_factory):
    """The card of a network that was trained on the toy's true labels."""
    from fakeweb.train import run

    folder = tmp_path_factory.mktemp("teacher")
    with pytest.MonkeyPatch.context() as patch:
        toy.register("train_toy", patch)
        recipe = toy.write_recipe(folder / "toy.toml", net="toymaps", **LEARNS)
        return run(recipe, toy_data, folder / "out", workers=0, threads=1)


@pytest.fixture
def mislabelled(toy_data, tmp_path):
    """The toy's data, every other label of its training faces wrong."""
    root = tmp_path / "data"
    shutil.copytree(toy_data, root)
    with (root / "index.csv").open(newline="", encoding="utf-8") as stream:
        table = list(csv.DictReader(stream))
    for number, row in enumerate(r for r in table if r["split"] == "train"):
        if number % 2:
            row["label"] = "real" if row["label"] == "fake" else "fake"
            row["group"] += "x"  # no longer what its pair says
    with (root / "index.csv").open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, table[0])
        writer.writeheader()
        writer.writerows(table)
    return root


@pytest.fixture
def asks(monkeypatch):
    """What the teacher was asked about, by the mean of each crop."""
    asked = []
    plain = teachers.Teacher.__call__
    monkeypatch.setattr(
        teachers.Teacher, "__call__", lambda self, crop: asked.append(float(crop.mean())) or plain(self, crop)
    )
    return asked


def lesson(teacher, share=1.0):
    return f'[loss]\nteacher = "{teacher}"\ndistil = {share}\n'


def test_a_student_learns_from_its_teacher_what_labels_do_not_say(
    teacher, train, write_recipe, mislabelled, tmp_path, asks, no_export
):
    def auc(name, more="", **changed):
        recipe = write_recipe(net="toymaps", more=more, **LEARNS | changed)
        train(recipe, tmp_path / name, data=mislabelled, cache=tmp_path / "cache")
        with (tmp_path / name / "epochs.csv").open(newline="", encoding="utf-8") as stream:
            return float(list(csv.DictReader(stream))[-1]["score"])

    assert auc("labels") < 0.75
    assert not asks
    assert auc("taught", lesson(teacher)) > 0.9
    once = len(asks)
    assert 40 < once == len(set(asks))  # each face once, as it is
    auc("again", lesson(teacher, 0.5), epochs=1)
    assert len(asks) == once  # what was said before is kept


def test_forged_faces_are_asked_about_as_they_are_forged(
    teacher, train, write_recipe, tmp_path, asks, no_export
):
    forge = '[forge]\nshare = 1.0\nmesher = "toy"\n[forge.methods]\nstripe = 1\n'
    recipe = write_recipe(net="toymaps", data="cache_px = 64", more=forge + lesson(teacher), epochs=1)
    train(recipe, tmp_path / "out")
    assert len(asks) > 24  # 24 forged faces, each other stripes, and their reals


def test_a_teacher_that_does_not_fit(teacher, train, write_recipe, tmp_path):
    with pytest.raises(UnknownName):
        train(write_recipe(more=lesson("nobody")), tmp_path / "a")
    recipe = write_recipe(more=lesson(teacher))
    recipe.write_text(recipe.read_text().replace("margin = 1.0", "margin = 1.2"))
    with pytest.raises(ModelIncompatible, match=r"wants crops of margin 1, the recipe cuts 1\.2"):
        train(recipe, tmp_path / "b")
    with pytest.raises(BadRecipe, match=r"loss\.distil must lie in \(0, 1\]"):
        read_recipe(write_recipe(more=lesson(teacher, 1.5)))
