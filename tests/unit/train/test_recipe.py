"""Recipes: what they may say, and what is said about those that may not. Needs no torch."""

import dataclasses
import sys
from pathlib import Path

import pytest

from fakeweb.errors import BadRecipe, MissingExtra
from fakeweb.train import run
from fakeweb.train.content.recipe import read_content_recipe
from fakeweb.train.finder.recipe import read_finder_recipe
from fakeweb.train.mesh.recipe import read_mesh_recipe
from fakeweb.train.recipe import OptimRecipe, Recipe, task_of, to_dict
from fakeweb.train.rules import read_recipe
from fakeweb.train.temporal.recipe import read_temporal_recipe

RECIPES = sorted((Path(__file__).parents[3] / "recipes").glob("*.toml"))
TOP = 'name = "x"\nversion = "1"\ntitle = "t"\n'

BAD = {
    "unknown key": (TOP + "sede = 1", "unknown key 'sede'", "did you mean 'seed'?"),
    "unknown key in a section": (TOP + "[optim]\nlrr = 1", "unknown key 'optim.lrr'", "epochs"),
    "unknown section": (TOP + "[augmentation]\nflip = 1", "unknown key 'augmentation'", "did you mean 'augment'?"),
    "missing key": ('version = "1"\ntitle = "t"', "'name' is missing", "docs/guide/train.md"),
    "empty file": ("", "'name' is missing", ""),
    "string for a number": (TOP + '[optim]\nlr = "fast"', "optim.lr must be a number, got 'fast'", ""),
    "fraction for a whole number": (TOP + "[optim]\nepochs = 1.5", "optim.epochs must be a whole number", ""),
    "true for a whole number": (TOP + "seed = true", "seed must be a whole number, got True", ""),
    "number for true or false": (TOP + "[optim]\nbf16 = 1", "optim.bf16 must be true or false", ""),
    "true for a number": (TOP + "[optim]\nlr = true", "optim.lr must be a number", ""),
    "number for a name": (TOP.replace('"x"', "3"), "name must be a string", ""),
    "value for a section": (TOP + "optim = 3", "optim must be a table", "[section]"),
    "number for a list": (TOP + "[data]\nskip_sources = 3", "data.skip_sources must be a list", ""),
    "string for a list": (TOP + '[data]\nskip_sources = "a"', "data.skip_sources must be a list", ""),
    "list of wrong things": (TOP + "[data]\nskip_sources = [1]", "data.skip_sources must be a string", ""),
    "list for a table": (TOP + "[data]\nlicences = []", "data.licences must be a table", ""),
    "table of wrong things": (TOP + "[data.licences]\na = 1", "data.licences.a must be a string", ""),
    "range of one": (TOP + "[augment]\nscale = [1.0]", "augment.scale needs 2 values, got 1", "[low, high]"),
    "range backwards": (TOP + "[augment]\nscale = [1.2, 0.9]", "augment.scale must be [low, high]", ""),
    "date": (TOP + "[optim]\nlr = 2020-01-01", "optim.lr must be a number", ""),
    "odd batch": (TOP + "[optim]\nbatch = 7", "optim.batch must be even", ""),
    "empty batch": (TOP + "[optim]\nbatch = 0", "optim.batch must be even", ""),
    "less than no epoch": (TOP + "[optim]\nepochs = -1", "optim.epochs must be at least 0", ""),
    "less than a batch": (TOP + "[optim]\nfaces_per_epoch = 30", "optim.faces_per_epoch", ""),
    "no rate": (TOP + "[optim]\nlr = 0", "optim.lr must lie in (0, 1)", ""),
    "a rate that is no number": (TOP + "[optim]\nlr = nan", "optim.lr must lie in (0, 1)", ""),
    "negative decay": (TOP + "[optim]\nweight_decay = -1", "optim.weight_decay", ""),
    "no clipping but all": (TOP + "[optim]\nclip = 0", "optim.clip", ""),
    "all warm-up": (TOP + "[optim]\nwarmup = 1", "optim.warmup", ""),
    "average of nothing": (TOP + "[optim]\nema = 1", "optim.ema", ""),
    "smoothed to nothing": (TOP + "[optim]\nlabel_smoothing = 0.5", "optim.label_smoothing", ""),
    "power": (TOP + "[optim]\nsource_power = -1", "optim.source_power", ""),
    "negative seed": (TOP + "seed = -1", "seed must lie in [0, 2**32)", ""),
    "huge seed": (TOP + "seed = 9223372036854775807", "seed must lie in [0, 2**32)", ""),
    "tiny input": (TOP + "[data]\nside_px = 8", "data.side_px must lie in [16, 1024]", ""),
    "no margin": (TOP + "[data]\nmargin = 0", "data.margin", ""),
    "chance above one": (TOP + "[augment]\nblur = 1.5", "augment.blur must lie in [0, 1]", ""),
    "quality above 100": (TOP + "[augment]\nquality = [50, 101]", "augment.quality must lie in [1, 100]", ""),
    "no crop": (TOP + "[augment]\nscale = [0, 1]", "augment.scale must be greater than 0", ""),
    "resize to nothing": (TOP + "[augment]\nresize = [0, 1]", "augment.resize must be greater than 0", ""),
    "off the face": (TOP + "[augment]\nshift = 0.6", "augment.shift must be less than data.margin", ""),
    "backwards turn": (TOP + "[augment]\nrotate_deg = -5", "augment.rotate_deg", ""),
    "all alarms false": (TOP + "[calibration]\nfalse_alarms = 0.5", "calibration.false_alarms", ""),
    "all missed": (TOP + "[calibration]\nmissed = 1", "calibration.missed", ""),
    "name is a path": (TOP.replace('"x"', '"../x"'), "name must be letters, digits, - and _", ""),
    "no version": (TOP.replace('"1"', '""'), "version must not be empty", ""),
    "not TOML": ("name = ", "is not TOML", "docs/guide/train.md"),
    "a key twice": (TOP + TOP, "is not TOML", ""),
}  # fmt: skip


@pytest.mark.parametrize(("text", "message", "hint"), BAD.values(), ids=BAD)
def test_a_bad_recipe_is_refused_with_its_file_and_key(text, message, hint, tmp_path):
    path = tmp_path / "bad.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(BadRecipe) as caught:
        read_recipe(path)
    assert caught.value.message.startswith(str(path))
    assert message in caught.value.message
    assert "\n" not in caught.value.message
    assert hint in caught.value.hint
    assert caught.value.hint


def test_a_recipe_that_cannot_be_read(tmp_path):
    with pytest.raises(BadRecipe, match="No such file"):
        read_recipe(tmp_path / "none.toml")
    with pytest.raises(BadRecipe, match="directory"):
        read_recipe(tmp_path)
    (tmp_path / "latin.toml").write_bytes('title = "é"'.encode("latin-1"))
    with pytest.raises(BadRecipe, match="is not TOML"):
        read_recipe(tmp_path / "latin.toml")


READERS = {
    "classifier": read_recipe,
    "content": read_content_recipe,
    "finder": read_finder_recipe,
    "mesh": read_mesh_recipe,
    "video": read_temporal_recipe,
}


@pytest.mark.parametrize("path", RECIPES, ids=lambda p: p.stem)
def test_the_recipes_of_the_repository_are_good(path):
    recipe = READERS[task_of(path)](path)
    assert recipe.name == path.stem


def test_there_are_recipes():
    assert RECIPES


def test_values_arrive_with_their_types(tmp_path):
    path = tmp_path / "x.toml"
    path.write_text(
        TOP + 'seed = 3\n[data]\nskip_sources = ["a", "b"]\n[data.licences]\na = "CC0"\n'
        "[optim]\nlr = 0.5\nclip = 2\n[augment]\nscale = [1, 1.5]\nquality = [10, 20]\n"
    )
    recipe = read_recipe(path)
    assert recipe.seed == 3
    assert recipe.data.skip_sources == ("a", "b")
    assert recipe.data.licences == {"a": "CC0"}
    assert recipe.optim == dataclasses.replace(OptimRecipe(), lr=0.5, clip=2.0)
    assert isinstance(recipe.optim.clip, float)
    assert (recipe.augment.scale, recipe.augment.quality) == ((1.0, 1.5), (10, 20))
    assert recipe.calibration == Recipe("x", "1", "t").calibration


def test_a_recipe_as_plain_values_is_json(tmp_path):
    import json

    values = json.loads(json.dumps(to_dict(Recipe("x", "1", "t"))))
    assert values["optim"]["lr"] == OptimRecipe().lr


@pytest.mark.parametrize("guest", ["torch", "onnx", "onnxscript"])
def test_without_the_extra_the_error_says_how_to_install_it(guest, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, guest, None)
    with pytest.raises(MissingExtra) as caught:
        run(tmp_path / "r.toml", tmp_path, tmp_path / "out")
    assert "pip install '.[train]'" in caught.value.hint
    assert not (tmp_path / "out").exists()
