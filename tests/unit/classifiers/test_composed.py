"""A head over a frozen encoder and another model: tiny ones, whose features are mean colours."""

import hashlib
import json
import pickle

import numpy as np
import pytest

from fakeweb.classifiers import OnnxClassifier
from fakeweb.classifiers.features import CropEncoder
from fakeweb.errors import ModelCorrupt, ModelIncompatible, ModelMissing
from fakeweb.evaluate.probe.fit import Probe
from fakeweb.evaluate.probe.head import head_of
from fakeweb.runtime import Composition, encoder, find_card, read_card, weights
from fakeweb.scanner import Scanner

SIDE, CELLS = 28, 2


@pytest.fixture
def graph(onnx_bytes):
    return onnx_bytes.token_encoder(SIDE, CELLS)


@pytest.fixture
def home(tmp_path, monkeypatch, graph):
    """A user's folder where the tiny encoder can be fetched by name; it is not there yet."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "home"))
    entry = weights.Weights(
        name="colours", about="mean colours", licence="CC0-1.0", package="colours==1", file="colours.onnx",
        sha256=hashlib.sha256(graph).hexdigest(), size=len(graph), suffix=".onnx",
    )  # fmt: skip
    monkeypatch.setattr(weights, "weights_table", lambda: {"colours": entry})
    plan = encoder.EncoderPlan(SIDE, (0.0, 0.0, 0.0), (1.0, 1.0, 1.0), ("tokens",), 3)
    monkeypatch.setitem(encoder.ENCODERS, "colours", plan)
    return entry


@pytest.fixture
def fetched(home, graph):
    home.path.parent.mkdir(parents=True)
    home.path.write_bytes(graph)
    return home


@pytest.fixture
def composed(tmp_path, tiny_model, graph):
    """The tiny model and the tiny encoder, as a card names them."""
    base = tiny_model(tmp_path / "base", "tiny")
    return {
        "base": str(base), "base_sha256": read_card(base).sha256, "encoder": "colours",
        "encoder_sha256": hashlib.sha256(graph).hexdigest(), "patches": True,
    }  # fmt: skip


@pytest.fixture
def card(tmp_path, tiny_model, composed):
    """A head that adds ten times the patches' mean red to the tiny model's logit, and takes one."""
    content = head_of(Probe(np.array([0, 0, 0, 10, 0, 0], np.float32), -1.0, 1.0))
    return tiny_model(tmp_path / "head", "head", raw=content, composed=composed)


def change(card, **fields):
    told = json.loads(card.read_text())
    told["composed"] |= fields
    card.write_text(json.dumps(told))
    return card


def test_features_are_those_of_the_crop_resized(fetched, composed):
    values = CropEncoder(Composition.from_dict(composed))(np.full((64, 64, 3), (51, 102, 0), np.uint8))
    assert values == pytest.approx([0.2, 0.4, 0, 0.2, 0.4, 0], abs=1e-5)


def test_the_heads_logit_counts_and_the_other_models_kinds(fetched, card, plain_crop):
    (score,) = OnnxClassifier(card).score([plain_crop((255, 0, 0))])
    assert score.logit == pytest.approx(255 / 30 - 12.8 + 10 - 1, abs=1e-3)
    assert score.model == "head@1"
    assert score.kind == "swap"


def test_it_travels_and_tells_its_digest_apart(fetched, card, plain_crop, tmp_path):
    classifier = OnnxClassifier(card)
    crop = plain_crop((90, 10, 200))
    again = pickle.loads(pickle.dumps(classifier))
    assert again.score([crop])[0].logit == classifier.score([crop])[0].logit
    digest = classifier.card.digest()
    assert read_card(change(card, patches=False)).digest() != digest


def test_without_the_encoder_the_error_says_the_command(home, card):
    with pytest.raises(ModelMissing) as error:
        OnnxClassifier(card)
    assert "fakeweb models fetch colours" in error.value.hint


def test_another_encoder_of_that_name_is_refused(fetched, card):
    with pytest.raises(ModelCorrupt, match="not those"):
        OnnxClassifier(change(card, encoder_sha256="0" * 64))


def test_another_base_is_refused(fetched, card):
    with pytest.raises(ModelIncompatible, match="trained beside another"):
        OnnxClassifier(change(card, base_sha256="0" * 64))


def test_a_head_of_another_size_is_refused(fetched, card, plain_crop):
    with pytest.raises(ModelIncompatible):
        OnnxClassifier(change(card, patches=False)).score([plain_crop(9)])


@pytest.mark.parametrize(
    "fields", [{"encoder": ""}, {"base": 3}, {"patches": "yes"}, {"base_sha256": "abc"}, {"margin": 1}]
)
def test_a_card_that_asks_for_nonsense_is_none(card, fields):
    with pytest.raises(ModelCorrupt):
        read_card(change(card, **fields))


@pytest.mark.slow
def test_accurate_judges_the_portrait_with_the_real_encoder(portrait):
    try:
        scanner = Scanner(model="accurate")
    except ModelMissing:
        pytest.skip("fakeweb models fetch clip-vit-b16 was not run here")
    report = scanner.scan(np.asarray(portrait.pixels))
    assert report.verdict.label == "real"
    assert report.models[0] == find_card("accurate").reference
