"""A frozen encoder in a training: each crop is encoded once, the head learns, one file ships."""

import hashlib
import json

import numpy as np
import pytest

from fakeweb.errors import BadRecipe, ModelMissing
from fakeweb.runtime import encoder as encoders
from fakeweb.runtime import open_session, read_card, weights
from fakeweb.runtime.encoder import EncoderPlan
from fakeweb.train.rules import read_recipe

pytest.importorskip("torch", reason="needs the extra 'train'")
pytest.importorskip("onnx", reason="needs the extra 'train'")
frozen = pytest.importorskip("fakeweb.train.classifier.frozen")
SIDE = 32


@pytest.fixture
def tiny(tmp_path, monkeypatch, onnx_bytes):
    """An encoder of nine tokens of width 3: how much the colours vary, then the mean colours of eight stripes."""
    node = onnx_bytes.node
    nodes = [
        node("AveragePool", ["x"], ["cells"], kernel_shape=[4, 4], strides=[4, 4]),
        node("MaxPool", ["x"], ["most"], kernel_shape=[4, 4], strides=[4, 4]),
        node("Sub", ["most", "cells"], ["spread"]),
        node("ReduceMean", ["spread"], ["all"], axes=[2, 3], keepdims=1),
        node("ReduceMean", ["all"], ["flat"], axes=[3], keepdims=0),
        node("ReduceMean", ["cells"], ["rows"], axes=[3], keepdims=0),
        node("Concat", ["flat", "rows"], ["planes"], axis=2),
        node("Transpose", ["planes"], ["tokens"], perm=[0, 2, 1]),
        node("ReduceMean", ["tokens"], ["out"], axes=[1, 2], keepdims=0),
    ]
    x = onnx_bytes.value_info("x", onnx_bytes.FLOAT, ("n", 3, SIDE, SIDE))
    content = onnx_bytes.model(nodes, [], [x], [onnx_bytes.value_info("out", onnx_bytes.FLOAT, ("n",))])
    entry = weights.Weights(
        name="tiny",
        about="",
        licence="",
        package="p==1",
        suffix=".onnx",
        sha256=hashlib.sha256(content).hexdigest(),
    )
    monkeypatch.setattr(weights, "weights_table", lambda: {"tiny": entry})
    monkeypatch.setattr(weights, "user_folder", lambda: tmp_path / "user" / "models")
    monkeypatch.setitem(encoders.ENCODERS, "tiny", EncoderPlan(SIDE, (0.5,) * 3, (0.2,) * 3, ("tokens",), 3))
    entry.path.parent.mkdir(parents=True)
    entry.path.write_bytes(content)
    return entry


@pytest.fixture
def recipe(write_recipe):
    """The toy's recipe with the frozen encoder."""

    def write(net="frozen = true\npatches = true\nhead = {hidden = [8]}", **keys):
        path = write_recipe(net="PLACE", **keys)
        path.write_text(path.read_text().replace('net = "PLACE"\n', "") + f'[net]\narch = "tiny"\n{net}\n')
        return path

    return write


def test_a_head_learns_on_features_that_are_computed_once(
    tiny, recipe, train, tmp_path, toy_data, monkeypatch
):
    encoded = []
    plain = frozen.ShippedEncoder.__call__
    monkeypatch.setattr(
        frozen.ShippedEncoder, "__call__", lambda self, crop: encoded.append(1) or plain(self, crop)
    )
    path = recipe(epochs=4, lr=0.05)
    card = read_card(train(path, tmp_path / "one", cache=tmp_path / "cache"))
    rows = json.loads((tmp_path / "one" / "toy.json").read_text())["details"]
    assert rows["recipe"]["net"]["frozen"] is True
    assert rows["scores"]["validation_A"]["auc_all"] > 0.8
    assert rows["parity_max_gap"] < 1e-6
    first = len(encoded)
    assert first > 100
    encoded.clear()
    train(path, tmp_path / "two", cache=tmp_path / "cache")
    assert len(encoded) < first / 3  # only the export encodes again
    assert (tmp_path / "one" / "toy.onnx").read_bytes() == (tmp_path / "two" / "toy.onnx").read_bytes()
    pixels = np.random.default_rng(0).integers(0, 256, (3, SIDE, SIDE, 3), np.uint8)
    session = open_session(card)
    together = session.run(pixels)["logit"]
    alone = [session.run(one[None])["logit"][0] for one in pixels]
    assert together == pytest.approx(alone, abs=1e-5)  # what is said of a crop does not depend on its batch


@pytest.mark.parametrize(
    ("net", "more", "message"),
    [
        ('frozen = true\ntune = "norms"', "", r"net\.frozen takes no net\.tune"),
        ("frozen = true\nviews = 0", "", r"net\.views must lie in"),
        ("frozen = true", "[evidence]\nweight = 0.5", r"takes no forge\.share, evidence\.weight"),
        ("frozen = true", "#48", r"net\.frozen needs data\.side_px = 32"),
    ],
)
def test_what_does_not_go_with_it(tiny, recipe, net, more, message):
    path = recipe(net, more=more)
    if "#48" in more:
        path.write_text(path.read_text().replace("side_px = 32", "side_px = 48"))
    with pytest.raises(BadRecipe, match=message):
        read_recipe(path)


def test_an_encoder_that_was_not_fetched_or_is_none(tiny, recipe, train, tmp_path):
    path = recipe()
    tiny.path.unlink()
    with pytest.raises(ModelMissing) as caught:
        train(path, tmp_path / "out")
    assert "fakeweb models fetch tiny" in caught.value.hint
    path.write_text(path.read_text().replace('"tiny"', '"timm:resnet10t"'))
    with pytest.raises(BadRecipe, match=r"net\.frozen takes one of clip-vit-b16"):
        read_recipe(path)
