"""Bases, stages and inputs of recipe files: what they resolve to, and what is said about those that are wrong."""

import hashlib
import json
from pathlib import Path

import pytest

from fakeweb.errors import BadRecipe, ModelCorrupt
from fakeweb.runtime import find_card, sha256_of
from fakeweb.train.origin import record_of
from fakeweb.train.recipe import Recipe, to_dict
from fakeweb.train.rules import read_recipe
from fakeweb.train.tables import read_table

RECIPES = Path(__file__).parents[3] / "recipes"
TOP = 'name = "x"\nversion = "1"\ntitle = "t"\n'
STAGES = (
    TOP
    + """
weights = ["seed"]
[inputs.seed]
file = "seed.npz"
sha256 = "0123456789abcdef"
[data.weights]
a = 1.0
b = 2.0
[optim]
epochs = 5
lr = 0.1
[[stage]]
name = "first"
optim.epochs = 1
data = { weights = {}, side_px = 64 }
[[stage]]
name = "second"
base = "first"
weights = ["first"]
optim.lr = 0.2
[[stage]]
name = "last"
weights = ["first", "second", "seed"]
"""
)


@pytest.fixture
def write(tmp_path):
    """Write recipes by name; return the path of the first."""

    def write(**files):
        for name, text in files.items():
            path = tmp_path / f"{name}.toml"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        return tmp_path / f"{next(iter(files))}.toml"

    return write


def test_a_base_is_merged_key_by_key_and_the_derived_file_wins(write):
    path = write(
        top='base = "middle.toml"\nname = "top"\n[optim]\nlr = 0.5\n',
        middle='base = "bottom.toml"\nseed = 7\n[optim]\nlr = 0.4\nwarmup = 0.2\n[data.weights]\nb = 3\n',
        bottom=TOP
        + '[optim]\nepochs = 3\nwarmup = 0.3\n[data]\npeople = ["a", "b"]\n[data.weights]\na = 2\n',
    )
    recipe = read_recipe(path)
    assert (recipe.name, recipe.version, recipe.seed) == ("top", "1", 7)
    assert (recipe.optim.lr, recipe.optim.warmup, recipe.optim.epochs) == (0.5, 0.2, 3)
    assert (recipe.data.weights, recipe.data.people) == ({"a": 2.0, "b": 3.0}, ("a", "b"))


def test_an_empty_table_empties_and_a_list_replaces(write):
    path = write(
        top='base = "bottom.toml"\n[data]\npeople = ["c"]\nweights = {}\n',
        bottom=TOP + '[data]\npeople = ["a", "b"]\nmargin = 2\n[data.weights]\na = 2\n',
    )
    data = read_recipe(path).data
    assert (data.weights, data.people, data.margin) == ({}, ("c",), 2.0)


def test_a_base_lies_relative_to_its_file(write, tmp_path):
    (tmp_path / "deep").mkdir()
    path = write(top='base = "deep/middle.toml"\n')
    (tmp_path / "deep" / "middle.toml").write_text('base = "../bottom.toml"\nseed = 2\n')
    (tmp_path / "bottom.toml").write_text(TOP)
    assert read_recipe(path).seed == 2
    assert read_table(path).folders == (tmp_path, tmp_path / "deep", tmp_path / "deep" / "..")


def test_stages_say_how_they_differ(write):
    path = write(x=STAGES)
    assert read_table(path).stages == ("first", "second", "last")
    first, second, last = (read_recipe(f"{path}#{name}") for name in read_table(path).stages)
    assert [r.name for r in (first, second, last)] == ["x-first", "x-second", "x"]
    assert [(r.optim.epochs, r.optim.lr) for r in (first, second, last)] == [(1, 0.1), (1, 0.2), (5, 0.1)]
    assert [r.data.side_px for r in (first, second, last)] == [64, 64, 160]
    assert (first.data.weights, last.data.weights) == ({}, {"a": 1.0, "b": 2.0})
    assert [read_table(f"{path}#{n}").weights for n in ("first", "second", "last")] == [
        ("seed",), ("first",), ("first", "second", "seed"),
    ]  # fmt: skip
    assert read_recipe(path) == last, "without a name it is the last"


def test_a_stage_can_be_a_base(write):
    path = write(own='base = "x.toml#second"\nname = "own"\nseed = 9\nweights = ["seed"]\n', x=STAGES)
    recipe = read_recipe(path)
    assert (recipe.name, recipe.seed, recipe.optim.lr, recipe.data.side_px) == ("own", 9, 0.2, 64)
    assert (read_table(path).stages, read_table(path).weights) == ((), ("seed",))


def test_a_derived_recipe_keeps_the_stages(write):
    path = write(own='base = "x.toml"\nname = "own"\n[optim]\nclip = 2\n', x=STAGES)
    assert [read_recipe(f"{path}#{s}").name for s in read_table(path).stages] == [
        "own-first",
        "own-second",
        "own",
    ]
    assert all(read_recipe(f"{path}#{s}").optim.clip == 2 for s in read_table(path).stages)


BAD = {
    "a circle": ('base = "y.toml"', "base leads in a circle: x.toml -> y.toml -> x.toml", ""),
    "itself": ('base = "x.toml"', "base leads in a circle: x.toml -> x.toml", ""),
    "no base": ('base = "none.toml"', "cannot read the base of x.toml, ", "recipes/"),
    "a number for a base": ("base = 3", "base must be a string, got 3", ""),
    "a base's stage": ('base = "y.toml#z"', "y.toml has no stage 'z'", "none"),
    "a table for stages": (TOP + '[stage]\nname = "a"', "stage must be a list of tables", "[[stage]]"),
    "a stage without a name": (TOP + "[[stage]]\nseed = 1", "stage 1 must have a name", ""),
    "a stage with a path's name": (TOP + '[[stage]]\nname = "../a"', "stage 1 must have a name", ""),
    "two of a name": (TOP + '[[stage]]\nname = "a"\n[[stage]]\nname = "a"', "two stages are called 'a'", ""),
    "a later stage": (TOP + '[[stage]]\nname = "a"\nweights = ["b"]\n[[stage]]\nname = "b"', "'b'", ""),
    "a base that comes later": (TOP + '[[stage]]\nname = "a"\nbase = "b"\n[[stage]]\nname = "b"', "'b'", "none"),
    "a stage in a stage": (TOP + '[[stage]]\nname = "a"\nstage = []', "x.toml#a: a stage has no 'stage'", ""),
    "weights nobody gives": (TOP + 'weights = ["imagnet"]\n[inputs.imagenet]\nfile = "a"\nsha256 = "01234567"',
                             "there is no 'imagnet' before it", "did you mean 'imagenet'?"),
    "the data as weights": (TOP + 'weights = ["data"]\n[inputs.data]\nfile = "a"\nsha256 = "01234567"',
                            "there is no 'data'", ""),
    "a word for weights": (TOP + 'weights = "a"', "weights must be a list of names, got 'a'", ""),
    "an input without a file": (TOP + '[inputs.a]\nsha256 = "01234567"', "inputs.a.file must be a relative", ""),
    "an input of this machine": (TOP + '[inputs.a]\nfile = "/a"\nsha256 = "01234567"', "must be a relative", ""),
    "an input without a digest": (TOP + '[inputs.a]\nfile = "a"', "inputs.a.sha256 must be", "sha256sum"),
    "a digest too short": (TOP + '[inputs.a]\nfile = "a"\nsha256 = "0123"', "inputs.a.sha256 must be", ""),
    "an input's unknown key": (TOP + '[inputs.a]\nfiel = "a"', "unknown key 'inputs.a.fiel'", "file, sha256"),
    "a number for an input": (TOP + "[inputs]\na = 3", "inputs must be a table of tables", "[inputs.NAME]"),
}  # fmt: skip


def read_all(path):
    """Read a recipe and each of its stages, as a training does before it begins."""
    for stage in ("", *(f"#{name}" for name in read_table(path).stages)):
        read_table(f"{path}{stage}")


@pytest.mark.parametrize(("text", "message", "hint"), BAD.values(), ids=BAD)
def test_a_wrong_file_is_refused_with_its_name(text, message, hint, write):
    path = write(x=text, y=TOP if "#z" in text else TOP + 'base = "x.toml"\n')
    with pytest.raises(BadRecipe) as caught:
        read_all(path)
    assert message in caught.value.message
    assert "x.toml" in caught.value.message
    assert "\n" not in caught.value.message
    assert hint in caught.value.hint
    assert caught.value.hint


@pytest.mark.parametrize(
    ("key", "message"),
    [
        ("optim.lrr = 1", "unknown key 'optim.lrr'"),
        ("sede = 1", "unknown key 'sede'"),
        ("optim.lr = 'fast'", "optim.lr must be a number"),
        ("optim.lr = 0", "optim.lr must lie in (0, 1)"),
        ("data = 3", "data must be a table"),
    ],
)
def test_what_is_wrong_in_a_stage_is_told_with_the_stage(write, key, message):
    path = write(x=STAGES.replace("optim.lr = 0.2", key))
    with pytest.raises(BadRecipe) as caught:
        read_recipe(f"{path}#second")
    assert caught.value.message.startswith(f"{path}#second: {message}")
    with pytest.raises(BadRecipe, match="has no stage 'thrid'") as caught:
        read_recipe(f"{path}#thrid")
    assert "first, second, last" in caught.value.hint


def digest(values):
    """What a recipe teaches: all that is not as it is by default, but for words for the card and names of folds."""
    plain = json.loads(json.dumps(to_dict(Recipe("", "", ""))))
    told = {}
    for key, value in json.loads(json.dumps(values)).items():
        inner = plain[key] if isinstance(value, dict) else {}
        told[key] = {k: v for k, v in value.items() if v != inner[k]} if inner else value
    del told["limits"]
    told["data"].pop("folds", None)
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()[:16]


# eleven trainings, whose recipes were files of their own until 0.8.0: fast-first.toml ... fast.toml
SHIPPED = {
    "first": "6b92d3af6f3ee665",
    "second": "6a9256a167ddda71",
    "third": "815af46002fad9c9",
    "fourth": "41da3a122a6a1d4f",
    "fifth": "11d480cf1d65ebb0",
    "sixth": "d00a5bb67075025b",
    "seventh-plain": "f9b9ad5d88dd6c03",
    "seventh-sam": "080dc9f98f794184",
    "seventh-zoom": "9bd7adb2ae7a16c6",
    "seventh-long": "6dbc020aed21d38b",
    "eighth": "30835c54347c3eca",
}


def test_the_shipped_classifiers_stages_teach_what_its_eleven_recipes_taught():
    file = RECIPES / "fast.toml"
    recipes = {stage: read_recipe(f"{file}#{stage}") for stage in read_table(file).stages}
    assert {stage: digest(to_dict(recipe)) for stage, recipe in recipes.items()} == SHIPPED
    assert [r.name for r in recipes.values()] == [*(f"fast-{s}" for s in list(SHIPPED)[:-1]), "fast"]
    assert len({json.dumps(r.data.folds) for r in recipes.values()}) == 1, "a fold is held out by all"
    starts = [read_table(f"{file}#{stage}").weights for stage in recipes]
    assert starts == [
        ("imagenet",), ("first",), ("second",), ("third",), ("fourth",), ("fifth",), *[("sixth",)] * 3,
        ("seventh-zoom",), ("sixth", "seventh-plain", "seventh-sam", "seventh-zoom", "seventh-long"),
    ]  # fmt: skip


OTHERS = {
    "fast-folds.toml": "8efef8c0c17f7fdb",
    "fast-forged.toml#second": "dfc12ee75f05c2ec",  # until 0.8.0 fast-forged-second.toml
    # since 0.12.0 every crop is rotated, as the projects before did it
    "resnet50.toml": "ecbd124098f9b496",
    "vgg16.toml": "a5d1a84e91ddf884",
    "xception.toml": "db6ac5adc521d2a9",
}


@pytest.mark.parametrize("name", OTHERS)
def test_recipes_with_a_base_teach_what_they_taught_written_out(name):
    values = to_dict(read_recipe(RECIPES / name))
    assert digest(values) == OTHERS[name]


def test_ones_own_faces_are_taught_as_the_last_stage_was():
    own, last = (read_recipe(RECIPES / name) for name in ("own.toml", "fast.toml"))
    for part in ("net", "seed", "data", "forge", "optim", "loss", "evidence", "augment", "calibration"):
        assert getattr(own, part) == getattr(last, part)
    assert read_table(RECIPES / "own.toml").weights == ("shipped",)


def test_the_shipped_model_is_the_one_that_own_starts_from():
    card = find_card("fast")
    assert sha256_of(card.path) == read_table(RECIPES / "own.toml").inputs["shipped"].sha256


FINDER = """
task = "finder"
[data]
files = ["one.csv", "two.csv"]
[inputs.one]
file = "one.csv"
sha256 = "{digest}"
about = "what YuNet saw"
"""


def test_label_files_stand_in_the_record_and_are_checked(write, tmp_path):
    for name in ("one", "two"):
        (tmp_path / f"{name}.csv").write_text(name)
    digests = {name: hashlib.sha256(name.encode()).hexdigest() for name in ("one", "two")}
    path = write(x=TOP + FINDER.replace("{digest}", digests["one"]))
    inputs = record_of(read_table(path), [], None, "s3://bucket/data")["inputs"]
    assert inputs["labels"] == [{"file": f"{name}.csv", "sha256": digests[name]} for name in digests]
    (tmp_path / "one.csv").write_text("something else")
    with pytest.raises(ModelCorrupt, match=r"one\.csv is not the file that .*x\.toml names") as caught:
        record_of(read_table(path), [], None, str(tmp_path))
    assert "what YuNet saw" in caught.value.hint


def test_a_mesh_names_one_file_of_labels(write, tmp_path):
    (tmp_path / "mesh.npz").write_bytes(b"mesh")
    path = write(x=TOP + 'task = "mesh"\n[data]\nlabels = "mesh.npz"\n')
    inputs = record_of(read_table(path), [], None, str(tmp_path))["inputs"]
    assert inputs == {
        "weights": [],
        "labels": [{"file": "mesh.npz", "sha256": hashlib.sha256(b"mesh").hexdigest()}],
    }
