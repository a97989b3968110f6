"""Every network the recipes and the guide name trains, resumes and exports; and several processes train as one."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from fakeweb.scanner import Scanner

torch = pytest.importorskip("torch", reason="needs the extra 'train'")
pytest.importorskip("onnxscript", reason="needs the extra 'train'")
EXAMPLE = Path(__file__).parents[3] / "examples" / "collins.jpg"
BENCHMARK = Path(__file__).parents[3] / "benchmarks" / "networks.py"


def _benchmark():
    spec = importlib.util.spec_from_file_location("networks_benchmark", BENCHMARK)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


networks = _benchmark()
LIKE_OTHERS = ("timm:resnet50", "timm:efficientnet_b4", "timm:convnext_tiny")
"""The benchmark alone runs these; a larger or smaller one of their make is here."""


@pytest.mark.slow
@pytest.mark.parametrize("net", [name for name in networks.NAMES if name not in LIKE_OTHERS])
def test_it_trains_resumes_exports_and_scans(net, registered, toy_data, tmp_path):
    if net.startswith("timm"):
        pytest.importorskip("timm", reason="needs the extra 'train'", exc_type=ImportError)
    figures = networks.prove(net, toy_data, tmp_path)
    assert figures["gap"] < 1e-3
    assert figures["parameters"] > 1e6
    report = Scanner(model=figures["card"]).scan(EXAMPLE)
    assert report.faces[0].score is not None


@pytest.mark.slow
@pytest.mark.parametrize(("net", "accumulate"), [("toymaps", 1), ("toymaps", 2), ("toymaps:norms", 1)])
def test_two_processes_give_the_curve_of_one(
    toy_data, train, write_recipe, tmp_path, no_export, net, accumulate
):
    """A batch of 16 shared by two processes, against one process with all 16, batch normalisation included."""
    recipe = write_recipe(
        net=net, data='cache_px = 64\n[data.masks]\nmixed = "whole"', accumulate=accumulate, checkpoint_s=0,
        more='[evidence]\nweight = 0.5\nstride = 4\n[forge]\nshare = 0.5\nmesher = "toy"\n[forge.methods]\nstripe = 1',
    )  # fmt: skip
    train(recipe, tmp_path / "one")
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(p for p in sys.path if p),
        "OMP_NUM_THREADS": "1",
    }
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2",
               str(Path(__file__).with_name("toy.py")), recipe, toy_data, tmp_path / "two"]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.count("export 0 1") == 1, "only the first process reports"
    for name, columns in (("steps.csv", (0, 1, 2)), ("epochs.csv", (0, 1, 2))):
        one, two = (
            np.loadtxt(tmp_path / n / name, delimiter=",", skiprows=1, usecols=columns)
            for n in ("one", "two")
        )
        assert one.shape == two.shape
        assert np.allclose(one, two, atol=2e-3), name
    states = [torch.load(tmp_path / n / "checkpoint.pt", weights_only=True)["net"] for n in ("one", "two")]
    for name in ("net.one.weight", *(n for n in states[0] if n.startswith("net.norm.running"))):
        assert torch.allclose(*(state[name] for state in states), atol=2e-3), name


RECIPES = Path(__file__).parents[3] / "recipes"
PLAIN = """
[data]
finder = "toy"
mesher = ""
side_px = 64
people = []
cache_px = 0
drop_untouched = false
masks = {}
[forge]
mesher = ""
[optim]
epochs = 1
faces_per_epoch = 32
batch = 16
"""


@pytest.mark.slow
@pytest.mark.parametrize("name", ["vgg16", "xception", "resnet50-lars", "resnet152", "resnet152-two-stage"])
def test_the_recipes_of_other_networks_train(train, tmp_path, weights, no_export, name):
    """From scratch, on drawn faces: two steps and a validation."""
    base = os.path.relpath(RECIPES / f"{name}.toml", tmp_path)
    (tmp_path / "x.toml").write_text(f'base = "{base}"\nweights = []\n{PLAIN}')
    card = train(tmp_path / "x.toml", tmp_path / "out")
    assert card.name == f"{name}.json"
    assert weights(tmp_path / "out")["step"] == 2


@pytest.mark.slow
@pytest.mark.parametrize(("name", "side_px"), [("sbi", 64), ("aligned", 56), ("layernorm", 64)])
def test_recipes_of_others_train(train, tmp_path, weights, no_export, name, side_px):
    """From scratch, on drawn faces, striped where the recipe forges: two steps and a validation."""
    pytest.importorskip("timm", reason="needs the extra 'train'", exc_type=ImportError)
    base = os.path.relpath(RECIPES / f"{name}.toml", tmp_path)
    (tmp_path / "none.toml").write_text(f'base = "{base}"\n[forge]\nmethods = {{}}\n')
    plain = PLAIN.replace('mesher = ""\n[optim]', 'mesher = "toy"\nmethods = { stripe = 1 }\n[optim]')
    plain = plain.replace("cache_px = 0", "cache_px = 64").replace("side_px = 64", f"side_px = {side_px}")
    (tmp_path / "x.toml").write_text(f'base = "none.toml"\n{plain}')
    assert train(tmp_path / "x.toml", tmp_path / "out").name == f"{name}.json"
    told = weights(tmp_path / "out")
    assert told["step"] == 2
    names = {n for n in told if n.startswith("net.")}
    if name == "aligned":
        assert any("lora_" in n for n in names)


def test_univfd_is_one_layer_over_frozen_clip():
    from fakeweb.train.classifier.heads import FrozenHead, build_net
    from fakeweb.train.rules import read_recipe

    net = build_net(read_recipe(RECIPES / "univfd.toml"), None)
    assert isinstance(net, FrozenHead)
    assert [tuple(w.shape) for w in net.head.parameters()] == [(5, 12 * 768), (5,)]


@pytest.mark.slow
def test_torchvisions_weights_fit_the_resnet_of_the_recipe(tmp_path):
    torchvision = pytest.importorskip("torchvision", reason="needs the extra 'train'")
    from fakeweb.train.classifier.heads import build_net
    from fakeweb.train.rules import read_recipe

    theirs = torchvision.models.resnet152(weights=None).state_dict()
    torch.save(theirs, tmp_path / "resnet152-394f9c45.pth")
    net = build_net(read_recipe(RECIPES / "resnet152-two-stage.toml"), tmp_path / "resnet152-394f9c45.pth")
    own = net.state_dict()
    for part in ("net", "sorter"):
        assert torch.equal(own[f"{part}.net.layer3.35.conv2.weight"], theirs["layer3.35.conv2.weight"])
    assert own["net.net.fc.weight"].shape[0] == 5
