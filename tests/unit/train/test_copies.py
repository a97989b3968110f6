"""Copies of faces through networks: in place, kept on disk, drawn by trainings; with small graphs made on the spot."""

import hashlib
import json
import zipfile

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("onnx", reason="needs the extra 'train'")

from fakeweb import registry
from fakeweb.errors import DatasetError, ModelMissing
from fakeweb.forge import kept as kept_module
from fakeweb.forge.copies import Network, Span, Taef2, Waifu2x
from fakeweb.forge.kept import KeptCopies, keep_copies, key_of
from fakeweb.runtime.weights import weights_folder
from fakeweb.train.made.graph import Graph


def graph(*, scale=1, eaten=0, blur=False):
    """A network that enlarges, blurs, and loses a rim, as the real ones do."""
    g = Graph()
    x = g.enlarge("image", scale, "linear") if scale > 1 else "image"
    side = 2 * eaten + 1
    weight = np.zeros((3, 3, side, side), np.float32)
    weight[range(3), range(3), eaten, eaten] = 1
    x = g.conv(x, weight, None)
    if blur:
        even = np.zeros((3, 3, 3, 3), np.float32)
        even[range(3), range(3)] = 1 / 9
        x = g.conv(x, even, None, pad=1)
    return g.to_bytes(x)


@pytest.fixture
def store(tmp_path, monkeypatch):
    """A store of weights of this test's own; call it with a name and a graph."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))

    def put(name, content):
        weights_folder().mkdir(parents=True, exist_ok=True)
        (weights_folder() / f"{name}.onnx").write_bytes(content)
        note = {"sha256": hashlib.sha256(content).hexdigest()}
        (weights_folder() / f"{name}.made.json").write_text(json.dumps(note))

    return put


@pytest.fixture
def pixels():
    """Smooth pictures with odd sides."""
    y, x = np.mgrid[0:61, 0:83]
    return [
        np.stack([127 + 100 * np.sin(x / a), 127 + 100 * np.sin(y / a), x + y], -1).astype(np.uint8)
        for a in range(5, 12)
    ]


@pytest.mark.parametrize(
    ("method", "made"),
    [(Taef2, {}), (Span, {"scale": 2}), (Waifu2x, {"scale": 2, "eaten": 14})],
)
def test_a_copy_is_as_large_as_the_real_and_lies_in_the_same_place(store, pixels, method, made):
    store(method.network.weights, graph(**made))
    real = pixels[0]
    copy = method.network(real)
    assert copy.shape == real.shape
    assert copy.dtype == np.uint8

    def apart(dy, dx):
        inside = np.s_[8:-8, 8:-8]
        return np.abs(np.roll(copy, (dy, dx), (0, 1))[inside] - real[inside].astype(float)).mean()

    shifted = [apart(dy, dx) for dy in (-1, 0, 1) for dx in (-1, 0, 1) if dy or dx]
    assert apart(0, 0) < 0.4 * min(shifted)
    if method is Taef2:
        assert np.array_equal(copy, real)


def test_wide_differences_of_colour_are_taken_back(store, pixels):
    g = Graph()
    store("taef2", g.to_bytes(g.affine("image", 0.8, 0.1)))
    assert np.abs(Taef2.network(pixels[0]).mean((0, 1)) - pixels[0].mean((0, 1))).max() < 2


def test_without_the_weights_the_command_is_named(store):
    for method in (registry.load("forge", name) for name in ("taef2", "vaelight", "span", "waifu2x")):
        with pytest.raises(ModelMissing) as caught:
            method.check_ready()
        assert f"fakeweb models fetch {method.network.weights}" in caught.value.hint


@pytest.fixture
def blurred(store):
    """TAEF2 as a blur, with the pixels that it copied counted."""
    store("taef2", graph(blur=True))

    class Counted(Network):
        calls = 0

        def __call__(self, pixels):
            type(self).calls += 1
            return super().__call__(pixels)

    return type("Counting", (Taef2,), {"network": Counted("taef2", scale=1, step=16, rim_px=8)})


def test_copies_are_kept_in_shards_and_made_once(blurred, pixels, tmp_path, monkeypatch):
    monkeypatch.setattr(kept_module, "SHARD", 3)
    told = []
    keep = {
        "source": pixels.__getitem__,
        "cache": tmp_path / "cache",
        "on_progress": lambda *at: told.append(at),
    }
    made = keep_copies(blurred, range(7), **keep)
    assert told == [(3, 7), (6, 7), (7, 7)]
    assert len(made) == blurred.network.calls == 7
    assert all(np.array_equal(made(p), Taef2.network(p)) for p in pixels)
    assert keep_copies(blurred, range(7), **keep) is not None
    assert blurred.network.calls == 7
    (folder,) = (tmp_path / "cache").iterdir()
    assert [p.name for p in sorted(folder.iterdir())] == ["00000.zip", "00001.zip", "00002.zip"]


def test_what_a_kill_took_is_one_shard_and_made_again_alike(blurred, pixels, tmp_path, monkeypatch):
    monkeypatch.setattr(kept_module, "SHARD", 3)
    whole = keep_copies(blurred, range(7), pixels.__getitem__, tmp_path / "whole")

    def until_killed(number):
        if number == 5:
            raise KeyboardInterrupt
        return pixels[number]

    monkeypatch.setattr(kept_module, "key_of", lambda p: key_of(p))
    with pytest.raises(KeyboardInterrupt):
        keep_copies(blurred, range(7), until_killed, tmp_path / "cut")
    blurred.network.__class__.calls = 0
    cut = keep_copies(blurred, range(7), pixels.__getitem__, tmp_path / "cut")
    assert blurred.network.calls <= 7
    for one, other in zip(sorted(whole.folder.iterdir()), sorted(cut.folder.iterdir()), strict=True):
        assert one.read_bytes() == other.read_bytes()


def test_other_weights_have_copies_of_their_own(blurred, store, pixels, tmp_path):
    keep_copies(blurred, range(2), pixels.__getitem__, tmp_path)
    store("taef2", graph())
    other = keep_copies(blurred, range(2), pixels.__getitem__, tmp_path)
    assert np.array_equal(other(pixels[0]), pixels[0])
    assert len(list(tmp_path.glob("copies-taef2-*"))) == 2


def test_a_damaged_shard_is_made_again_or_told(blurred, pixels, tmp_path):
    made = keep_copies(blurred, range(2), pixels.__getitem__, tmp_path)
    (shard,) = made.folder.glob("*.zip")
    content = bytearray(shard.read_bytes())
    content[len(content) // 3] ^= 0xFF
    shard.write_bytes(content)
    with pytest.raises(DatasetError, match="cannot be read"):
        [made(p) for p in pixels[:2]]
    shard.write_bytes(content[:100])
    again = keep_copies(blurred, range(2), pixels.__getitem__, tmp_path)
    assert np.array_equal(again(pixels[0]), Taef2.network(pixels[0]))
    assert not zipfile.is_zipfile(shard)


def test_a_training_keeps_the_copies_it_draws_and_runs_no_network_later(
    store, train, write_recipe, no_export, tmp_path
):
    store("taef2", graph(blur=True))
    more = '[forge]\nshare = 0.5\nmesher = "toy"\n[forge.methods]\ntaef2 = 1\n'
    recipe = write_recipe(data="cache_px = 64\n", more=more, epochs=1, faces_per_epoch=64)
    stages = []
    train(
        recipe,
        tmp_path / "one",
        cache=tmp_path / "cache",
        threads=1,
        on_progress=lambda p: stages.append(p.stage),
    )
    assert "copies" in stages
    (folder,) = (tmp_path / "cache").glob("copies-taef2-*")
    before = {p.name: p.stat().st_mtime_ns for p in folder.iterdir()}
    assert len(KeptCopies(folder, Taef2.network)) > 5
    stages.clear()
    train(
        recipe,
        tmp_path / "two",
        cache=tmp_path / "cache",
        threads=1,
        on_progress=lambda p: stages.append(p.stage),
    )
    assert {p.name: p.stat().st_mtime_ns for p in folder.iterdir()} == before
    weights = [(tmp_path / name / "weights.npz").read_bytes() for name in ("one", "two")]
    assert weights[0] == weights[1]
