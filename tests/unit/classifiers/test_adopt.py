"""Somebody else's ONNX classifier: described, tried, kept, used."""

import base64
import json
import math
import time

import numpy as np
import pytest

from fakeweb.classifiers import OnnxClassifier
from fakeweb.classifiers.adopt import describe, install, joined
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


ENDLESS = base64.b64decode(
    "CAc6iwIKNAoBeBIBbSIKUmVkdWNlTWVhbioPCgRheGVzQAFAAkADoAEHKg8KCGtlZXBkaW1zGACgAQIKlQEKAAoBdAoBbRIBeSIE"
    "TG9vcCqBAQoEYm9keTJ2ChEKAWMSAmNvIghJZGVudGl0eQoRCgF2EgJ2byIISWRlbnRpdHkSAWJaCwoBaRIGCgQIBxIAWgsKAWMS"
    "BgoECAkSAFoQCgF2EgsKCQgBEgUKAxIBbmIMCgJjbxIGCgQICRIAYhEKAnZvEgsKCQgBEgUKAxIBbqABBRIBZyoIEAkqAQFCAXRa"
    "HAoBeBIXChUIARIRCgMSAW4KAghACgIIQAoCCANiEAoBeRILCgkIARIFCgMSAW5CBAoAEA0="
)
"""Takes (N, 64, 64, 3), and its output is what a loop without an end comes to."""


def test_a_network_that_never_ends_is_given_up(tmp_path, monkeypatch):
    monkeypatch.setattr("fakeweb.classifiers.trial.LIMIT_S", 4.0)
    path = tmp_path / "endless.onnx"
    path.write_bytes(ENDLESS)
    begun = time.monotonic()
    with pytest.raises(ModelIncompatible, match="does not judge three crops in 4 seconds") as caught:
        describe(path, "endless", Adapter())
    assert time.monotonic() - begun < 10
    assert "endless loop" in caught.value.hint


def test_a_network_that_takes_all_memory_does_not_take_ours(onnx_bytes, tmp_path):
    """Its output is 400 GB of ones."""
    shape = (
        onnx_bytes.field(1, 1) + onnx_bytes.field(2, 7) + onnx_bytes.field(7, (10**11).to_bytes(8, "little"))
    )
    nodes = [
        onnx_bytes.node("ReduceMean", ["x"], ["mean"], axes=[1, 2, 3], keepdims=0),
        onnx_bytes.node("Expand", ["mean", "much"], ["out"]),
    ]
    content = onnx_bytes.model(
        nodes, [shape + onnx_bytes.field(8, "much")],
        [onnx_bytes.value_info("x", onnx_bytes.FLOAT, ("n", 3, 32, 32))],
        [onnx_bytes.value_info("out", onnx_bytes.FLOAT, ("m",))],
    )  # fmt: skip
    path = tmp_path / "large.onnx"
    path.write_bytes(content)
    with pytest.raises(ModelIncompatible):
        describe(path, "large", NCHW)


def _outside(onnx_bytes, location, **more):
    """A network whose gain lies in another file: (N, 3, 32, 32) -> gain x mean."""
    entries = {"location": location, **more}
    said = b"".join(
        onnx_bytes.field(13, onnx_bytes.field(1, k) + onnx_bytes.field(2, str(v))) for k, v in entries.items()
    )
    gain = (
        onnx_bytes.field(2, onnx_bytes.FLOAT) + onnx_bytes.field(8, "gain") + said + onnx_bytes.field(14, 1)
    )
    nodes = [
        onnx_bytes.node("ReduceMean", ["x"], ["mean"], axes=[1, 2, 3], keepdims=0),
        onnx_bytes.node("Mul", ["mean", "gain"], ["out"]),
    ]
    return onnx_bytes.model(
        nodes, [gain], [onnx_bytes.value_info("x", onnx_bytes.FLOAT, ("n", 3, 32, 32))],
        [onnx_bytes.value_info("out", onnx_bytes.FLOAT, ("n",))],
    )  # fmt: skip


def test_weights_that_lie_beside_a_network_come_along(onnx_bytes, home, tmp_path, plain_crop):
    path = tmp_path / "net.onnx"
    path.write_bytes(_outside(onnx_bytes, "net.onnx.data", offset=8, length=4))
    path.with_name("net.onnx.data").write_bytes(bytes(8) + np.float32(3.0).tobytes())
    (tmp_path / "one").mkdir()
    card = install(describe(joined(path, tmp_path / "one"), "net", NCHW))
    path.unlink()
    path.with_name("net.onnx.data").unlink()
    assert OnnxClassifier("net").score([plain_crop(255)])[0].logit == pytest.approx(15.0, abs=1e-3)
    assert card.details["origin"] == "net.onnx"


@pytest.mark.parametrize("location", ["../net.data", "/etc/passwd", "a/b", "..", "", "link.data"])
def test_weights_from_elsewhere_are_not_read(onnx_bytes, tmp_path, location):
    (tmp_path / "net.data").write_bytes(np.float32(3.0).tobytes())
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "link.data").symlink_to(tmp_path / "net.data")
    path = folder / "net.onnx"
    path.write_bytes(_outside(onnx_bytes, location))
    with pytest.raises((ModelIncompatible, ModelMissing), match="beside it"):
        joined(path, tmp_path)


def test_weights_that_are_missing_or_too_short_are_said(onnx_bytes, tmp_path):
    path = tmp_path / "net.onnx"
    path.write_bytes(_outside(onnx_bytes, "net.data", offset=0, length=400))
    with pytest.raises(ModelMissing, match="in net"):
        joined(path, tmp_path)
    path.with_name("net.data").write_bytes(bytes(4))
    with pytest.raises(ModelIncompatible, match="wants more"):
        joined(path, tmp_path)


@pytest.mark.parametrize(
    "content", [b"", b"location", b"\x3a\xff\xff\xff\xff location", bytes(100) + b"location"]
)
def test_what_is_no_network_is_said(tmp_path, content):
    path = tmp_path / "net.onnx"
    path.write_bytes(content)
    with pytest.raises(ModelIncompatible):
        describe(joined(path, tmp_path), "net", NCHW)


def test_a_network_without_such_weights_is_taken_as_it_is(foreign, tmp_path):
    assert joined(foreign(), tmp_path) == foreign()


@pytest.mark.parametrize(
    ("name", "head", "what", "way"),
    [
        ("net.h5", b"\x89HDF\r\n\x1a\n", "a Keras file", "tf2onnx.convert --keras net.h5"),
        ("net.onnx", b"\x89HDF\r\n\x1a\n", "a Keras file", "tf2onnx.convert --keras net.onnx"),
        ("net.keras", b"PK\x03\x04", "a Keras file", "tf2onnx.convert --keras net.keras"),
        ("net.pth", b"PK\x03\x04", "a torch file", "torch.onnx.export"),
        ("old.pt", b"\x80\x02\x8a\n", "a torch file", "torch.onnx.export"),
        ("net.safetensors", b"\x10\0\0\0\0\0\0\0{}", "weights without a network", "torch.onnx.export"),
        ("net.tflite", b"\x1c\0\0\0TFL3", "a TensorFlow Lite file", "tf2onnx.convert --tflite net.tflite"),
        ("saved_model.pb", b"\x08\x01\x12", "a TensorFlow graph", "--saved-model FOLDER"),
    ],
)
def test_networks_of_other_libraries_are_told_their_way_to_onnx(tmp_path, name, head, what, way):
    (tmp_path / name).write_bytes(head + bytes(64))
    for bring in (lambda path: describe(path, "net", NCHW), lambda path: joined(path, tmp_path)):
        with pytest.raises(UsageError, match=f"is {what}, not ONNX|is a file of {what}, not ONNX") as caught:
            bring(tmp_path / name)
        assert way in caught.value.hint
        assert "onnxruntime" not in caught.value.hint
