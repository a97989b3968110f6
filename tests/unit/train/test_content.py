"""A content classifier learns from an index, comes out as ONNX that says the same, and its recipe is checked."""

import csv
import json
from pathlib import Path

import cv2
import numpy as np
import pytest

pytest.importorskip("torch", reason="needs the extra 'train'")
pytest.importorskip("onnxscript", reason="needs the extra 'train'")

import torch

from fakeweb.classifiers import ContentClassifier
from fakeweb.errors import BadRecipe, DatasetError
from fakeweb.train import run
from fakeweb.train.content.drawn import as_drawing, draw, on_screen
from fakeweb.train.content.finish import fit_temperature
from fakeweb.train.content.pictures import evened, in_scene
from fakeweb.train.content.recipe import read_content_recipe
from fakeweb.types import Image

RECIPES = Path(__file__).parents[3] / "recipes"
RECIPE = """
task = "content"
name = "toy"
version = "1"
title = "by colour"
net = "colours"
[data]
side_px = 32
alike_px = 48
classes = { animal = ["zoo/animal"], other = ["zoo/other"] }
drawn = 0.0
[view]
scene = 0.0
[optim]
epochs = 2
pictures_per_epoch = 256
batch = 16
lr = 0.1
bf16 = false
[augment]
colour = 0.0
grey = 0.0
"""


class Colours(torch.nn.Module):
    head_names = ("layer",)

    def __init__(self, outputs, _argument="", _weights=None):
        super().__init__()
        self.layer = torch.nn.Linear(3, outputs)

    def forward(self, x):
        return self.layer(x.mean((2, 3)) / 255)


@pytest.fixture(autouse=True)
def colours(monkeypatch):
    from fakeweb import registry

    monkeypatch.setitem(registry.BUILT_IN["net"], "colours", f"{__name__}:Colours")


@pytest.fixture
def zoo(tmp_path):
    """Red animals and blue other things; a fake that must not be learned from."""
    rows = []
    for label, colour in (("animal", (40, 40, 200)), ("other", (200, 40, 40))):
        for i in range(24):
            path = tmp_path / "zoo" / label / f"{i}.jpg"
            path.parent.mkdir(parents=True, exist_ok=True)
            noise = np.random.default_rng(i).integers(0, 40, (40, 64, 3))
            cv2.imwrite(str(path), np.clip(noise + np.array(colour), 0, 255).astype(np.uint8))
            rows.append(
                [f"zoo/{label}/{i}.jpg", "zoo", label, "", "val" if i % 3 == 0 else "train", f"{label}{i}"]
            )
    with (tmp_path / "index.csv").open("w", newline="") as file:
        csv.writer(file).writerows([["path", "source", "label", "kind", "split", "group"], *rows])
    (tmp_path / "recipe.toml").write_text(RECIPE)
    return tmp_path


@pytest.mark.parametrize("tune", ["all", "head"])
def test_it_learns_and_ships(zoo, tune):
    (zoo / "recipe.toml").write_text(RECIPE.replace("bf16 = false", f'bf16 = false\ntune = "{tune}"'))
    card = run(zoo / "recipe.toml", zoo, zoo / "out", workers=0, threads=1)
    scores = json.loads(card.read_text())["details"]["scores"]
    assert (scores["pictures"], scores["accuracy"]) == (16, 1.0)
    assert scores["interval"][0] < 0.9  # of so few
    model = ContentClassifier(card)
    red = np.zeros((50, 90, 3), np.uint8)
    red[..., 0] = 210
    assert model.look(Image(red)).label == "animal"


def test_a_class_without_pictures_is_told(zoo):
    (zoo / "recipe.toml").write_text(RECIPE.replace("zoo/other", "zoo/nothing"))
    with pytest.raises(DatasetError, match="no picture of the class 'other' in the split train"):
        run(zoo / "recipe.toml", zoo, zoo / "out", workers=0, threads=1)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [("animal = [", "fish = [", "data.classes may name"), ("alike_px = 48", "alike_px = 16", "data.side_px"),
     ("drawn = 0.0", "drawn = 1.5", "shares"), ("bf16 = false", 'tune = "some"', "optim.tune"),
     ("lr = 0.1", "rate = 0.1", "unknown key 'optim.rate'")],
)  # fmt: skip
def test_a_wrong_recipe_is_refused(tmp_path, old, new, words):
    path = tmp_path / "recipe.toml"
    path.write_text(RECIPE.replace(old, new))
    with pytest.raises(BadRecipe, match=words):
        read_content_recipe(path)


def test_the_shipped_recipe_is_read():
    recipe = read_content_recipe(RECIPES / "content.toml")
    assert set(recipe.data.classes) == {"animal", "person", "vehicle", "other"}


def test_the_temperature_softens_what_is_too_sure():
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 3, 400)
    logits = rng.normal(0, 1, (400, 3)) + 2 * np.eye(3)[labels]
    assert fit_temperature(4 * logits, labels) == pytest.approx(4 * fit_temperature(logits, labels), rel=0.03)


@pytest.mark.parametrize("shape", [(192, 192), (128, 192), (600, 450)])
def test_a_picture_keeps_neither_its_size_nor_its_grid(shape):
    tiles = np.kron(np.random.default_rng(0).integers(0, 256, (80, 80)), np.ones((8, 8))).astype(np.uint8)
    tiled = np.repeat(tiles[: shape[0], : shape[1], None], 3, 2)
    found = [evened(tiled, 192, np.random.default_rng(i)) for i in range(30)]
    assert all(144 <= max(one.shape[:2]) < 192 for one in found)
    steps = np.mean([np.abs(np.diff(one[..., 0].astype(float), axis=1)).mean(0)[:104] for one in found], 0)
    on_grid = steps[7::8].mean() / steps.mean()
    assert on_grid < 1.2, f"steps on the grid are {on_grid:.2f} times as large as elsewhere"


def test_what_is_too_small_to_cut_stays_whole():
    assert evened(np.zeros((1, 4, 3), np.uint8), 192, np.random.default_rng(0)).shape == (1, 4, 3)


def test_what_is_drawn_fits_and_differs():
    rng = np.random.default_rng(1)
    pages = [draw(64, rng) for _ in range(20)]
    assert {(page.shape, page.dtype) for page in pages} == {((64, 64, 3), np.dtype(np.uint8))}
    assert len({page.tobytes() for page in pages}) == 20
    picture = np.random.default_rng(2).integers(0, 256, (40, 30, 3), np.uint8)
    shown = on_screen(picture, rng)
    assert min(shown.shape[:2]) > 40
    assert as_drawing(picture, rng).shape == picture.shape


def test_what_is_shown_in_a_scene_lies_in_it_and_the_rest_stays():
    scene = np.zeros((60, 90, 3), np.uint8)
    out = in_scene(np.full((50, 40, 3), 200, np.uint8), scene, np.random.default_rng(3))
    assert (out.shape, scene.max()) == (scene.shape, 0)
    assert (out > 190).any()
    assert (out == 0).mean() > 0.5
