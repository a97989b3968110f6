"""Fixtures of the training tests: the toy of ``toy.py``, drawn once, and recipes for it."""

import importlib.util
import json
import sys
from pathlib import Path

import pytest

from fakeweb.runtime import sha256_of
from fakeweb.train.recipe import to_dict

TOY = Path(__file__).with_name("toy.py")


@pytest.fixture(scope="session")
def toy():
    """The module beside this file, under a name that the registry can import."""
    spec = importlib.util.spec_from_file_location("train_toy", TOY)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def toy_data(toy, tmp_path_factory):
    """The data set, in the layout ``index``; not to be written to."""
    return toy.make_index(tmp_path_factory.mktemp("toy-data"))


@pytest.fixture
def registered(toy, monkeypatch):
    """The finder and the network ``toy`` by name."""
    toy.register("train_toy", monkeypatch)


@pytest.fixture
def write_recipe(toy, tmp_path):
    """Write a recipe for the toy into ``tmp_path``; see ``toy.py``."""
    return lambda **keys: toy.write_recipe(tmp_path / "toy.toml", **keys)


@pytest.fixture(autouse=True)
def _torch_as_before():
    """Trainings set torch's threads and determinism for the whole process; put both back."""
    torch = sys.modules.get("torch")
    if torch is None:
        yield
        return
    threads, strict = torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)
    torch.use_deterministic_algorithms(strict)


@pytest.fixture
def train(registered, toy_data):
    """Train in this process, and return the card's path."""

    def go(recipe, out, *, data=None, workers=0, **options):
        from fakeweb.train import run

        return run(recipe, data or toy_data, out, workers=workers, **options)

    return go


def finish_early(_result, crops, _kinds):
    """Stand for calibration and export: the card says what was trained."""
    recipe = to_dict(crops.recipe)
    title, licence, limits = (recipe.pop(k) for k in ("title", "licence", "limits"))
    card = crops.setting.out / f"{crops.recipe.name}.json"
    model = card.with_suffix(".onnx")
    model.write_bytes((crops.setting.out / "weights.npz").read_bytes())
    details = {"licence": licence, "limits": limits, "recipe": recipe}
    top = {"version": recipe["version"], "title": title, "sha256": sha256_of(model)}
    card.write_text(json.dumps({**top, "details": details}))
    return card


@pytest.fixture(scope="session")
def early():
    """What ends a training before calibration and export."""
    return finish_early


@pytest.fixture
def no_export(monkeypatch):
    """End trainings before calibration and export, where only the weights matter."""
    task = pytest.importorskip(
        "fakeweb.train.classifier.task", reason="needs the extra 'train'", exc_type=ImportError
    )
    monkeypatch.setattr(task, "finish", finish_early)


@pytest.fixture
def weights():
    """The trained weights of a folder: {"net.0.weight": bytes, ...}, averaged ones and the optimiser's too."""

    def read(out):
        import torch

        state = torch.load(out / "checkpoint.pt", weights_only=True)
        flat = {"step": state["step"], "epoch": state["best"]["epoch"], "score": state["best"]["score"]}
        for part, tensors in (
            ("net", state["net"]),
            ("average", state["average"]),
            ("best", state["best"]["state"] or {}),
        ):
            flat |= {f"{part}.{k}": v.numpy().tobytes() for k, v in tensors.items()}
        for number, values in state["optim"]["state"].items():
            flat |= {f"optim.{number}.{k}": v.numpy().tobytes() for k, v in values.items()}
        return flat

    return read
