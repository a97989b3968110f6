"""Several trainings of one recipe: in order, each from what it names, and after a kill as if nothing had happened."""

import json
import os
import shutil
import signal
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import numpy as np
import pytest

import fakeweb
from fakeweb.classifiers import OnnxClassifier
from fakeweb.errors import BadRecipe, ModelCorrupt, ModelMissing, UsageError
from fakeweb.runtime import sha256_of
from fakeweb.train import run

torch = pytest.importorskip("torch", reason="needs the extra 'train'")
pytest.importorskip("onnxscript", reason="needs the extra 'train'")

STAGES = """
[[stage]]
name = "first"
version = "0.1"
weights = {first}
optim.lr = 0.03
[[stage]]
name = "second"
base = "first"
weights = ["first"]
seed = 5
[[stage]]
name = "last"
weights = ["first", "second"]
"""
FILES = (
    "toy.onnx",
    "toy.json",
    "last/steps.csv",
    "second/steps.csv",
    "second/weights.npz",
    "last/weights.npz",
)


def write(folder, toy, more="", first="[]", stages=STAGES, **optim):
    """Write a recipe with three stages on a base: the toy's, with a network that takes weights."""
    keys = {"epochs": 2, "faces_per_epoch": 48, "lr": 0.02, "checkpoint_s": 0, **optim}
    toy.write_recipe(folder / "base.toml", net="toyloads", data='[data.folds]\nhold = ["generated"]', **keys)
    path = folder / "toy.toml"
    path.write_text(f'base = "base.toml"\nversion = "1.0"\n{more}\n' + stages.replace("{first}", first))
    return path


@pytest.fixture
def staged(tmp_path, toy):
    """Write the recipe into ``tmp_path``."""
    return lambda **keys: write(tmp_path, toy, **keys)


@pytest.fixture(scope="module")
def row(toy, toy_data, tmp_path_factory):
    """A whole row of trainings, exports included, once: its recipe, its folder, and what it told on the way."""
    folder, seen = tmp_path_factory.mktemp("row"), []
    with pytest.MonkeyPatch.context() as patch:
        toy.register("train_toy", patch)
        recipe = write(folder, toy)
        card = run(recipe, toy_data, folder / "out", workers=0, threads=1, on_progress=seen.append)
    assert card == folder / "out" / "toy.json"
    return recipe, folder / "out", seen


@pytest.fixture
def copied(row, tmp_path):
    """The recipe of that row, and a copy of its folder."""
    for name in ("base.toml", "toy.toml"):
        shutil.copy(row[0].with_name(name), tmp_path)
    shutil.copytree(row[1], tmp_path / "out")
    return tmp_path / "toy.toml", tmp_path / "out"


def contents(out):
    return {name: (out / name).read_bytes() for name in FILES}


def test_stages_are_trained_in_order_and_the_last_comes_out(row):
    _, out, seen = row
    parts = list(dict.fromkeys(p.part for p in seen))
    assert parts == ["first 1/3", "second 2/3", "last 3/3"]
    classifier = OnnxClassifier(out / "toy.json")
    assert classifier.card.reference == "toy@1.0"
    stages = classifier.card.details["stages"]
    assert [(s["stage"], s["version"]) for s in stages] == [
        ("first", "0.1"),
        ("second", "0.1"),
        ("last", "1.0"),
    ]
    assert stages[-1]["sha256"] == sha256_of(out / "toy.onnx")
    gave = {name: sha256_of(out / name / "weights.npz") for name in ("first", "second")}
    assert [s["weights"] for s in stages] == [
        [],
        [{"file": "first/weights.npz", "sha256": gave["first"]}],
        [{"file": f"{name}/weights.npz", "sha256": gave[name]} for name in gave],
    ]
    start = np.load(out / "last" / "start.npz")
    one, other = (np.load(out / name / "weights.npz") for name in gave)
    assert all(np.allclose(start[k], (one[k] + other[k]) / 2, atol=1e-7) for k in start.files)
    assert len(list(out.glob("faces-*.csv"))) == 1, "found once, for all"
    assert not list((out / "second").glob("faces-*.csv"))


def test_what_a_stage_hands_on_is_what_it_exports(row, toy):
    _, out, _ = row
    net = toy.build_maps(5)
    net.load_state_dict({k: torch.from_numpy(v) for k, v in np.load(out / "last" / "weights.npz").items()})
    pixels = np.random.default_rng(0).integers(0, 256, (3, 32, 32, 3), np.uint8)
    session = pytest.importorskip("onnxruntime").InferenceSession((out / "toy.onnx").read_bytes())
    with torch.no_grad():
        ours = net.eval()(torch.from_numpy(pixels).permute(0, 3, 1, 2).float())[:, 0].numpy()
    assert np.allclose(session.run(["logit"], {"pixels": pixels})[0], ours, atol=1e-4)


def test_a_stage_alone_is_the_stage_in_its_row(train, row, tmp_path, no_export):
    recipe, out, _ = row
    alone = train(f"{recipe}#second", tmp_path / "alone", weights=[out / "first" / "weights.npz"])
    assert alone.name == "toy-second.json"
    assert (tmp_path / "alone/weights.npz").read_bytes() == (out / "second/weights.npz").read_bytes()
    train(recipe, tmp_path / "last", weights=[out / name / "weights.npz" for name in ("first", "second")])
    assert (tmp_path / "last/weights.npz").read_bytes() == (out / "last/weights.npz").read_bytes()
    with pytest.raises(UsageError, match="starts from the stage 'first'") as caught:
        train(f"{recipe}#second", tmp_path / "none")
    assert "--weights" in caught.value.hint


class Killed(BaseException):
    """Stands for a kill: nothing may be saved on its way."""


@pytest.mark.parametrize(
    "place",
    [("first 1/3", "faces"), ("second 2/3", "faces"), ("second 2/3", "train"), ("second 2/3", "export"),
     ("last 3/3", "validate")],
    ids=" ".join,
)  # fmt: skip
def test_stopped_anywhere_and_resumed_is_the_same(train, staged, tmp_path, no_export, place):
    recipe = staged()
    train(recipe, tmp_path / "whole")

    def stop(progress):
        if (progress.part, progress.stage) == place:
            raise Killed

    with pytest.raises(Killed):
        train(recipe, tmp_path / "out", on_progress=stop)
    finished = {p: p.stat().st_mtime_ns for p in (tmp_path / "out").glob("first/*.onnx")}
    train(recipe, tmp_path / "out", resume=True)
    assert contents(tmp_path / "out") == contents(tmp_path / "whole")
    assert all(p.stat().st_mtime_ns == when for p, when in finished.items()), (
        "what is finished stays as it is"
    )


def test_a_finished_row_is_told_and_left_alone(train, copied):
    recipe, out = copied
    before, seen = contents(out), []
    assert train(recipe, out, resume=True, on_progress=seen.append) == out / "toy.json"
    assert [(p.part, p.note) for p in seen] == [
        (f"{name} {i}/3", "finished before") for i, name in enumerate(("first", "second", "last"), 1)
    ]
    assert contents(out) == before
    with pytest.raises(UsageError, match="already holds a training"):
        train(recipe, out)


def test_a_row_of_another_recipe_or_other_weights_is_refused(train, copied):
    recipe, out = copied
    text = recipe.read_text()
    recipe.write_text(text.replace("seed = 5", "seed = 6"))
    with pytest.raises(UsageError, match="was trained by another recipe: seed was 5, is 6"):
        train(recipe, out, resume=True)
    recipe.write_text(text)
    shutil.copy(out / "second" / "weights.npz", out / "first" / "weights.npz")
    with pytest.raises(UsageError, match="second was begun from other weights") as caught:
        train(recipe, out, resume=True)
    assert "begin anew" in caught.value.hint


def test_words_for_a_card_are_exported_anew_without_training(train, copied, no_export):
    recipe, out = copied
    recipe.write_text(
        recipe.read_text().replace(
            'weights = ["first", "second"]', 'weights = ["first", "second"]\nlicence = "CC0"'
        )
    )
    weights, seen = (out / "last" / "weights.npz").read_bytes(), []
    card = train(recipe, out, resume=True, on_progress=seen.append)
    assert not [p for p in seen if p.stage == "train" and not p.note]
    assert json.loads(card.read_text())["details"]["licence"] == "CC0"
    assert (out / "last" / "weights.npz").read_bytes() == weights


def test_a_wrong_stage_is_told_before_any_begins(train, staged, tmp_path):
    recipe = staged(stages=STAGES.replace("seed = 5", "optim.lrr = 5"))
    with pytest.raises(BadRecipe, match=r"toy\.toml#second: unknown key 'optim\.lrr'"):
        train(recipe, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_fold_is_held_out_of_every_stage(toy, train, staged, tmp_path, no_export):
    data, out = toy.make_index(tmp_path / "data", val_times=2), tmp_path / "out"
    assert train(staged(epochs=1), out, fold="hold", data=data) == out / "toy-hold.json"
    cards = sorted((tmp_path / "out").glob("*/*-hold.json"))
    assert [card.name for card in cards] == ["toy-first-hold.json", "toy-hold.json", "toy-second-hold.json"]
    for card in cards:
        assert json.loads(card.read_text())["details"]["recipe"]["data"]["held_out"] == ["generated"]


@pytest.fixture
def with_input(staged, tmp_path, toy):
    """A recipe whose first stage starts from an input, and that input."""

    def write(sha256=None, **keys):
        torch.manual_seed(3)
        path = tmp_path / "start.pt"
        if not path.exists():
            torch.save(toy.build_maps(5).state_dict(), path)
        digest = sha256 or sha256_of(path)
        inputs = f'[inputs.start]\nfile = "start.pt"\nsha256 = "{digest}"\nabout = "the toy\'s start"'
        return staged(first='["start"]', stages=f"{inputs}\n{STAGES}", **keys), path

    return write


def test_an_input_is_named_by_its_digest(train, with_input, tmp_path, no_export):
    recipe, path = with_input(epochs=1)
    card = train(recipe, tmp_path / "out")
    first = json.loads(card.read_text())["details"]["stages"][0]
    assert first["weights"] == [{"file": "start.pt", "sha256": sha256_of(path)}]
    begun = sha256_of(path)
    path.write_bytes(path.read_bytes() + b"0")
    with pytest.raises(
        ModelCorrupt, match=r"start\.pt is not the file that .*toy\.toml#first names"
    ) as caught:
        train(recipe, tmp_path / "other")
    assert "the toy's start" in caught.value.hint
    assert begun[:16] in caught.value.message
    path.unlink()
    with pytest.raises(
        ModelMissing, match=r"needs start\.pt, which lies neither beside the recipe nor in"
    ) as caught:
        train(recipe, tmp_path / "other")
    assert "the toy's start" in caught.value.hint
    assert not (tmp_path / "other").exists()


def test_a_beginning_of_the_digest_is_enough(train, with_input, tmp_path, no_export):
    _, path = with_input()
    recipe, _ = with_input(sha256=sha256_of(path)[:8], epochs=1)
    assert train(recipe, tmp_path / "out").is_file()


def test_an_input_can_lie_in_the_data_set(toy, train, with_input, tmp_path, no_export):
    recipe, path = with_input(epochs=1)
    data = toy.make_index(tmp_path / "data")
    path.rename(data / "start.pt")
    train(f"{recipe}#first", tmp_path / "out", data=data)
    assert (
        json.loads((tmp_path / "out" / "origin.json").read_text())["inputs"]["weights"][0]["file"]
        == "start.pt"
    )


def test_the_card_says_what_it_was_made_of_and_with(train, with_input, tmp_path, toy_data, no_export):
    recipe, path = with_input()
    card = train(f"{recipe}#first", tmp_path / "out")
    text = card.read_text()
    details = json.loads(text)["details"]
    assert details["inputs"] == {
        "weights": [{"file": "start.pt", "sha256": sha256_of(path)}],
        "data": {"file": "index.csv", "sha256": sha256_of(toy_data / "index.csv")},
    }
    assert details["made_with"]["torch"] == metadata.version("torch")
    assert details["made_with"]["fakeweb"] == fakeweb.__version__
    assert str(tmp_path) not in text


def test_other_data_than_the_recipes_is_noted(train, with_input, tmp_path, toy_data, no_export):
    recipe, _ = with_input()
    wanted = f'[inputs.data]\nfile = "index.csv"\nsha256 = "{"0" * 64}"\n'
    recipe.write_text(recipe.read_text().replace("[inputs.start]", wanted + "[inputs.start]"))
    card = train(f"{recipe}#first", tmp_path / "out")
    data = json.loads(card.read_text())["details"]["inputs"]["data"]
    assert data["sha256"] == sha256_of(toy_data / "index.csv")
    assert "0" * 64 in data["note"]


def test_a_training_goes_on_from_the_same_weights_only(train, with_input, tmp_path, toy, no_export):
    recipe, _ = with_input()
    train(f"{recipe}#first", tmp_path / "out")
    torch.manual_seed(8)
    torch.save(toy.build_maps(5).state_dict(), tmp_path / "other.pt")
    train(f"{recipe}#first", tmp_path / "out", resume=True)
    with pytest.raises(UsageError, match="was begun from other weights") as caught:
        train(f"{recipe}#first", tmp_path / "out", resume=True, weights=[tmp_path / "other.pt"])
    assert "begin anew" in caught.value.hint


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="needs SIGKILL")
@pytest.mark.parametrize("line", ["second 2/3 train 1 2", "second 2/3 train 2 2", "last 3/3 train 1 1"])
def test_a_killed_row_resumed_gives_the_same_bytes(toy_data, train, staged, tmp_path, line):
    recipe = staged()
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)}
    command = [sys.executable, str(Path(__file__).with_name("toy.py")), recipe, toy_data, tmp_path / "killed"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
        for said in process.stdout:
            if said.strip() == line:
                process.kill()
                break
        else:
            pytest.fail(f"it never said {line!r}")
    assert process.returncode == -signal.SIGKILL
    assert not (tmp_path / "killed" / "toy.json").exists()
    train(recipe, tmp_path / "killed", resume=True)
    train(recipe, tmp_path / "whole")
    assert contents(tmp_path / "killed") == contents(tmp_path / "whole")


@pytest.mark.slow
def test_two_processes_train_a_row_as_one_does(toy_data, train, staged, tmp_path):
    recipe = staged()
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(p for p in sys.path if p),
        "OMP_NUM_THREADS": "1",
    }
    toy = str(Path(__file__).with_name("toy.py"))
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", toy]
    subprocess.run([*command, recipe, toy_data, tmp_path / "two"], env=environment, check=True, timeout=280)
    train(recipe, tmp_path / "one")
    curves = [
        np.loadtxt(tmp_path / out / "last" / "steps.csv", delimiter=",", skiprows=1)[:, 1]
        for out in ("one", "two")
    ]
    assert np.allclose(*curves, atol=1e-3)
    cards = [
        json.loads((tmp_path / out / "toy.json").read_text())["details"]["stages"] for out in ("one", "two")
    ]
    assert [s["stage"] for s in cards[0]] == [s["stage"] for s in cards[1]]
