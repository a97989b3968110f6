"""Somebody else's ONNX classifier: described, tried, kept, used."""

import json
import math

import numpy as np
import pytest

from fakeweb.classifiers import OnnxClassifier
from fakeweb.classifiers.adopt import describe, install
from fakeweb.errors import ModelIncompatible, ModelMissing, UsageError
from fakeweb.runtime import Adapter, find_card, list_cards, user_folder


@pytest.fixture
def home(tmp_path, monkeypatch):
    """A user's folder of their own."""
    for name in ("XDG_DATA_HOME", "LOCALAPPDATA", "HOME"):
        monkeypatch.setenv(name, str(tmp_path / "home"))
    return user_folder()


@pytest.fixture
def foreign(onnx_bytes, tmp_path):
    """A file of float pictures, channels first: its output is the mean of (N, 3, 32, 32), raw or through a sigmoid."""

    def write(*, sigmoid=False, side=32):
        nodes = [onnx_bytes.node("ReduceMean", ["x"], ["mean"], axes=[1, 2, 3], keepdims=0)]
        if sigmoid:
            nodes.append(onnx_bytes.node("Sigmoid", ["mean"], ["out"]))
        shape = ("n", 3, side, side)
        content = onnx_bytes.model(
            nodes, [], [onnx_bytes.value_info("x", onnx_bytes.FLOAT, shape)],
            [onnx_bytes.value_info("out" if sigmoid else "mean", onnx_bytes.FLOAT, ("n",))],
        )  # fmt: skip
        path = tmp_path / "foreign.onnx"
        path.write_bytes(content)
        return path

    return write


NCHW = Adapter(layout="NCHW", mean=(0.5, 0.5, 0.5), std=(0.1, 0.1, 0.1))


def test_it_is_kept_found_by_name_and_judges(foreign, home, plain_crop):
    card = install(describe(foreign(), "theirs", NCHW, margin=1.4))
    assert [c.name for c in list_cards(home)] == ["theirs"]
    assert find_card("theirs") == card
    assert (card.side_px, card.margin) == (32, 1.4)
    score = OnnxClassifier("theirs").score([plain_crop(255)])[0]
    assert score.logit == pytest.approx(5.0, abs=1e-3)
    assert score.p_fake == pytest.approx(1 / (1 + math.exp(-5.0)), abs=1e-3)
    assert json.loads((home / "theirs.json").read_text())["adapter"]["layout"] == "NCHW"


def test_polarity_and_probability(foreign, home, plain_crop):
    adapter = Adapter(layout="NCHW", meaning="probability", shows="real")
    card = describe(foreign(sigmoid=True), "real-says", adapter)
    score = OnnxClassifier(card).score([plain_crop(255)])[0]
    assert score.p_fake == pytest.approx(1 - 1 / (1 + math.exp(-1)), abs=1e-3)


def test_colours_and_softmax():
    pixels = np.zeros((2, 2, 3), np.uint8)
    pixels[..., 0] = 255
    assert Adapter().feed(pixels)[0, 0, 0].tolist() == [1, 0, 0]
    assert Adapter(colour="BGR").feed(pixels)[0, 0, 0].tolist() == [0, 0, 1]
    assert Adapter(layout="NCHW").feed(pixels).shape == (1, 3, 2, 2)
    assert Adapter(dtype="uint8").feed(pixels).dtype == np.uint8
    logits = {"out": np.array([[1.0, 3.0, 0.0]])}
    share = np.exp(3) / (np.e + np.exp(3) + 1)
    assert Adapter(meaning="softmax", index=1).logit(logits) == pytest.approx(math.log(share / (1 - share)))


def test_a_guess_is_called_a_guess(foreign, home):
    card = describe(foreign(), "theirs", NCHW)
    assert card.details["calibrated"] is False
    thresholds = OnnxClassifier(card).thresholds()
    assert (thresholds.real, thresholds.fake) == (pytest.approx(0.1), pytest.approx(0.9))


def test_what_does_not_fit_fails_now(foreign, home, tmp_path):
    with pytest.raises(UsageError, match="no batch of colour pictures"):
        describe(foreign(), "x", Adapter(layout="NHWC"))
    with pytest.raises(UsageError, match="takes 32 px, not 64"):
        describe(foreign(), "x", NCHW, side_px=64)
    with pytest.raises(UsageError, match="leaves the size"):
        describe(foreign(side="s"), "x", NCHW)
    with pytest.raises(ModelIncompatible, match="no probability"):
        describe(foreign(), "x", Adapter(layout="NCHW", scale=1, meaning="probability"))
    with pytest.raises(ModelIncompatible, match="none at place 1"):
        describe(foreign(), "x", Adapter(layout="NCHW", index=1))
    with pytest.raises(ModelMissing):
        describe(tmp_path / "absent.onnx", "x", NCHW)
    (tmp_path / "broken.onnx").write_bytes(b"no model")
    with pytest.raises(ModelIncompatible):
        describe(tmp_path / "broken.onnx", "x", NCHW)
    with pytest.raises(UsageError, match="cannot be a model's name"):
        describe(foreign(), "../x", NCHW)


def test_names_are_not_taken_twice(foreign, home):
    card = describe(foreign(), "theirs", NCHW)
    install(card)
    with pytest.raises(UsageError, match="you have a model"):
        install(card)
    install(card, overwrite=True)
    with pytest.raises(UsageError, match="a shipped model"):
        install(describe(foreign(), "fast", NCHW))


@pytest.mark.parametrize(
    "wrong",
    [
        {"layout": "HWC"},
        {"colour": "rgb"},
        {"meaning": "odds"},
        {"std": (0, 1, 1)},
        {"index": -1},
        {"shows": "x"},
    ],
)
def test_an_adapter_that_says_nonsense_is_refused(wrong):
    with pytest.raises(ValueError, match=r"must be|index"):
        Adapter(**wrong)
