"""Frozen encoders: features of crops, each computed once."""

import hashlib

import numpy as np
import pytest

from fakeweb.errors import BadArgument, ModelCorrupt, ModelMissing, UnknownName
from fakeweb.runtime import encoder as module
from fakeweb.runtime import weights
from fakeweb.runtime.encoder import Encoder, EncoderPlan, FeatureStore, features_of

SIDE = 8


@pytest.fixture
def tiny(tmp_path, monkeypatch, onnx_bytes):
    """An encoder of one block: three tokens of width 2, the mean colours of the upper and the lower half."""
    nodes = [
        onnx_bytes.node(
            "AveragePool", ["x"], ["halves"], kernel_shape=[SIDE // 2, SIDE], strides=[SIDE // 2, SIDE]
        ),
        onnx_bytes.node("ReduceMean", ["halves"], ["tokens"], axes=[3], keepdims=0),
        onnx_bytes.node("ReduceMean", ["tokens"], ["out"], axes=[1, 2], keepdims=0),
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
    monkeypatch.setitem(module.ENCODERS, "tiny", EncoderPlan(SIDE, (0, 0, 0), (1, 1, 1), ("tokens",), 2))
    entry.path.parent.mkdir(parents=True)
    entry.path.write_bytes(content)
    return entry


def crop(red_above, green_below=0):
    pixels = np.zeros((SIDE, SIDE, 3), np.uint8)
    pixels[: SIDE // 2, :, 0], pixels[SIDE // 2 :, :, 1] = red_above, green_below
    return pixels


def test_the_class_token_of_each_block_and_the_mean_of_the_others(tiny):
    assert Encoder("tiny")(crop(255, 51)).tolist() == [1, 0]
    assert Encoder("tiny", patches=True)(crop(255, 51)) == pytest.approx([1, 0, 0, 0.1])
    assert Encoder("tiny").digest != Encoder("tiny", patches=True).digest


class Counted(list):
    """Crops that count how often one is taken."""

    taken = 0

    def __getitem__(self, number):
        self.taken += 1
        return super().__getitem__(number)


def test_features_are_computed_once_and_kept(tiny, tmp_path):
    encoder = Encoder("tiny")
    crops = Counted([crop(0), crop(51), crop(255)])
    first = features_of(encoder, crops[:2], tmp_path / "cache", keys=["a", "b"])
    assert first[:, 0] == pytest.approx([0, 0.2], abs=1e-3)
    seen = []
    again = features_of(
        encoder, crops, tmp_path / "cache", keys=["a", "b", "c"], on_progress=lambda *now: seen.append(now)
    )
    assert crops.taken == 2  # the slice, and the one that was not there
    assert seen[-1] == (3, 3)
    assert again[:, 0] == pytest.approx([0, 0.2, 1], abs=1e-3)
    assert np.array_equal(again[:2], first)


def test_without_keys_equal_crops_share_their_features(tiny, tmp_path):
    encoder = Encoder("tiny")
    features_of(encoder, [crop(9), crop(9), crop(10)], tmp_path / "cache")
    assert len(FeatureStore(next((tmp_path / "cache").iterdir()), encoder.size)) == 2
    plain = features_of(encoder, [crop(9)])
    assert np.array_equal(plain, features_of(encoder, [crop(9)], tmp_path / "cache"))


def test_what_a_kill_leaves_is_read_and_other_features_lie_elsewhere(tiny, tmp_path):
    encoder, cache = Encoder("tiny"), tmp_path / "cache"
    features_of(encoder, [crop(1), crop(2)], cache)
    (rows,) = cache.glob("*/*.rows")
    rows.write_bytes(rows.read_bytes()[:-1])
    assert len(FeatureStore(rows.parent, encoder.size)) == 1
    whole = features_of(encoder, [crop(1), crop(2)], cache)
    assert whole[:, 0] == pytest.approx([1 / 255, 2 / 255], abs=1e-4)
    features_of(Encoder("tiny", patches=True), [crop(1)], cache)
    assert len(list(cache.iterdir())) == 2


def test_what_cannot_be_encoded(tiny, tmp_path):
    with pytest.raises(UnknownName, match="no encoder is called 'tinny'"):
        Encoder("tinny")
    with pytest.raises(BadArgument, match=r"takes crops of uint8 \(8, 8, 3\)"):
        Encoder("tiny")(np.zeros((9, 9, 3), np.uint8))
    with pytest.raises(BadArgument, match="1 keys for 2 crops"):
        features_of(Encoder("tiny"), [crop(1), crop(2)], keys=["a"])
    tiny.path.write_bytes(b"other")
    with pytest.raises(ModelCorrupt, match="is not the file it should be"):
        Encoder("tiny")
    tiny.path.unlink()
    with pytest.raises(ModelMissing) as caught:
        Encoder("tiny")
    assert "fakeweb models fetch tiny" in caught.value.hint
