"""Temporal networks: what they are taught, that they learn, resume, and come out as ONNX that says the same."""

import json
import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch", reason="needs the extra 'train'")
pytest.importorskip("onnxscript", reason="needs the extra 'train'")

import torch

from fakeweb.classifiers import OnnxTemporal
from fakeweb.datasets.shards import TrackSample, pack, write_shard
from fakeweb.dfdc.score_clips import judge_shards
from fakeweb.errors import BadRecipe, DatasetError, UsageError
from fakeweb.media import encode_jpeg
from fakeweb.media.storage import Storage
from fakeweb.train import run
from fakeweb.train.temporal.clips import ClipMaker
from fakeweb.train.temporal.net import TemporalNet, clip_logits
from fakeweb.train.temporal.recipe import NetRecipe, read_temporal_recipe
from fakeweb.train.temporal.tracks import TrackSet
from fakeweb.types import Crop, Face, Image

SIDE, FRAMES = 48, 4
RECIPES = Path(__file__).parents[3] / "recipes"


class Tiny(torch.nn.Module):
    """An encoder that says the mean colours of four quarters."""

    head_names = ("layer",)

    def __init__(self, outputs):
        super().__init__()
        self.layer = torch.nn.Linear(12, outputs)

    def forward(self, x):
        return self.layer(torch.nn.functional.adaptive_avg_pool2d(x / 255, 2).flatten(1))


@pytest.fixture(autouse=True)
def tiny(monkeypatch):
    from fakeweb import registry

    load = registry.load

    def fake(kind, name):
        return (
            (lambda outputs, _argument, _weights: Tiny(outputs))
            if (kind, name) == ("net", "tiny")
            else load(kind, name)
        )

    monkeypatch.setattr(registry, "load", fake)
    torch.set_num_threads(1)


def picture(rng, level):
    base = np.clip(rng.normal(level, 6, (8, 8, 3)), 0, 255).astype(np.uint8)
    return encode_jpeg(Image(np.ascontiguousarray(base.repeat(SIDE // 8, 0).repeat(SIDE // 8, 1))), 95)


@pytest.fixture(scope="module")
def shards(tmp_path_factory):
    """Forty originals with one fake each: real tracks are steady, fake ones flicker; brightness says nothing."""
    place = tmp_path_factory.mktemp("tracks")
    store, rng = Storage(place), np.random.default_rng(0)
    samples, records = [], []
    for number in range(40):
        level = rng.uniform(70, 180)
        for label in (0, 1):
            name = f"{'f' if label else 'r'}{number}.mp4"
            offsets = rng.permutation([-45, 45, -45, 45, -45, 45]) * label
            crops = tuple(picture(rng, level + o) for o in offsets)
            meta = {
                "clip": name, "part": "p", "label": label, "original": f"r{number}.mp4" if label else None, "track": 1,
                "frames": list(range(6)), "time_s": [0.3 * i for i in range(6)], "width_px": [80.0] * 6,
                "box": [[0, 0, 80, 90]] * 6, "in_crop": [8.0, 8.0, 40.0, 40.0],
            }  # fmt: skip
            samples.append(TrackSample(f"p_{name[:-4]}_1", meta, crops))
            records.append({"clip": name, "part": "p", "label": label, "original": meta["original"], "error": None,
                            "tracks": [meta]})  # fmt: skip
    about = {"part": "p", "options": {"margin": 1.5}}
    write_shard(store, "shards/p-0000", pack(samples), records, about)
    return place


def recipe(folder, **changes):
    values = {"epochs": 6, "clips_per_epoch": 96, "batch": 8, "lr": 0.02, "reorder": 0.0, **changes}
    optim = "\n".join(f"{k} = {v}" for k, v in values.items())
    path = folder / "t.toml"
    path.write_text(
        f'task = "video"\nname = "t"\nversion = "1"\ntitle = "toy"\n'
        f"[data]\nframes = {FRAMES}\nside_px = 32\nval = 0.4\ntracks_per_clip = 1\n"
        f'[net]\nencoder = "tiny"\nfeatures = 16\nhead = "lstm"\nhidden = 16\ndropout = 0.0\n'
        f"[optim]\nbf16 = false\n{optim}\n"
        "[augment]\nencode = 0.0\nnoise = 0.0\ncolour = 0.0\nblur = 0.0\nsharpen = 0.0\n"
    )
    return path


def test_it_learns_what_only_the_order_of_frames_tells(shards, tmp_path):
    card = run(recipe(tmp_path, clips_per_epoch=480), shards, tmp_path / "out", workers=0)
    details = json.loads(card.read_text())["details"]
    assert details["scores"]["validation_A"]["auc"] > 0.95
    assert details["scores"]["validation_B"]["auc"] > 0.9
    network = OnnxTemporal(card)
    scores = {s.clip: s for s in judge_shards(str(shards), network)}
    assert len(scores) == 80
    fake = np.mean([s.p_fake for s in scores.values() if s.label == 1])
    real = np.mean([s.p_fake for s in scores.values() if s.label == 0])
    assert fake > 0.8 > 0.2 > real


def test_a_group_never_stands_in_two_splits(shards):
    tracks = TrackSet(str(shards), source="dfdc", val=0.4, min_face_px=48)
    where = {}
    for clip in tracks.clips:
        assert where.setdefault(clip.group, clip.split) == clip.split
    assert {c.split for c in tracks.clips} == {"train", "A", "B"}


def test_interrupted_and_resumed_it_ends_in_the_same_model(shards, tmp_path):
    whole = run(recipe(tmp_path, epochs=2), shards, tmp_path / "whole", workers=0)

    def stop(progress):
        if progress.stage == "train" and progress.epoch == 2 and progress.done == 5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(recipe(tmp_path, epochs=2), shards, tmp_path / "parts", workers=0, on_progress=stop)
    with pytest.raises(UsageError, match="already holds"):
        run(recipe(tmp_path, epochs=2), shards, tmp_path / "parts", workers=0)
    parts = run(recipe(tmp_path, epochs=2), shards, tmp_path / "parts", workers=0, resume=True)
    assert parts.with_suffix(".onnx").read_bytes() == whole.with_suffix(".onnx").read_bytes()
    with pytest.raises(UsageError, match="another recipe"):
        run(recipe(tmp_path, epochs=2, lr=0.01), shards, tmp_path / "parts", workers=0, resume=True)


def test_order_matters():
    torch.manual_seed(0)
    pixels = torch.randint(0, 256, (3, 5, 32, 32, 3), dtype=torch.uint8)
    net = TemporalNet(NetRecipe("tiny", 8, "lstm", 6, 0.0)).eval()
    gap = (net(pixels) - net(pixels.flip(1))).abs()
    assert gap.shape == (3,)
    assert gap.min() > 1e-6


def test_a_clip_is_as_suspicious_as_its_most_suspicious_track():
    class Brightness(torch.nn.Module):
        def forward(self, x):
            return x.float().mean((1, 2, 3, 4))

    pixels = torch.zeros(2, 3, 2, 4, 4, 3, dtype=torch.uint8)
    pixels[0, 1], pixels[1, 2] = 100, 200  # the second clip has two tracks only: the third is not there
    got = clip_logits(Brightness(), pixels, torch.tensor([3, 2]))
    assert got.tolist() == [100.0, 0.0]


class TestTaught:
    @pytest.fixture
    def maker(self, shards, tmp_path):
        def build(mesher=None, **changes):
            path = recipe(tmp_path, **changes)
            if mesher is not None:
                text = path.read_text().replace("[net]", 'forge = ["smooth"]\nforge_share = 1.0\n[net]')
                path.write_text(text)
            tracks = TrackSet(str(shards), source="dfdc", val=0.4, min_face_px=48)
            return ClipMaker(tracks, read_temporal_recipe(path), mesher)

        return build

    def test_the_same_number_gives_the_same_clip(self, maker):
        one = maker()
        clip = one.tracks.clips[0]
        a, b = (one.taught(clip, np.random.default_rng(7), forge=False) for _ in range(2))
        assert (a[0] == b[0]).all()
        assert a[0].shape == (1, FRAMES, 32, 32, 3)

    def test_reordering_touches_real_clips_only(self, maker):
        one = maker()
        real = next(c for c in one.tracks.clips if c.label == 0)
        fake = next(c for c in one.tracks.clips if c.label == 1)

        def levels(clip, seed, reorder):
            rng = np.random.default_rng(seed)
            return one.taught(clip, rng, forge=False, reorder=reorder)[0].mean((0, 2, 3, 4))

        assert np.allclose(np.sort(levels(real, 1, 0.0)), np.sort(levels(real, 1, 1.0)), atol=25)
        different = [not np.allclose(levels(real, s, 0.0), levels(real, s, 1.0)) for s in range(8)]
        assert any(different)
        assert np.allclose(levels(fake, 3, 0.0), levels(fake, 3, 1.0))

    def test_a_real_clip_can_be_forged_and_becomes_fake(self, maker, portrait):
        from dataclasses import replace

        from fakeweb.topology import MEAN

        class Mesher:
            name, min_presence, max_printed = "told", 0.5, 0.5

            def mesh(self, image, faces):
                (face,) = faces
                x0, y0, x1, y1 = face.box
                points = np.array(MEAN, np.float32)
                points[:, :2] = (points[:, :2] - points[:, :2].min(0)) / np.ptp(points[:, :2], axis=0)
                points[:, :2] = points[:, :2] * (x1 - x0, y1 - y0) + (x0, y0)
                return [replace(face, mesh=points, presence=1.0)]

        one = maker(Mesher())
        real = next(c for c in one.tracks.clips if c.label == 0)
        pixels, count, label = one.taught(real, np.random.default_rng(0), forge=True)
        assert (count, label) == (1, 1)
        untouched = one.taught(real, np.random.default_rng(0), forge=False)
        assert untouched[2] == 0
        assert pixels.shape == untouched[0].shape

    def test_where_no_face_can_be_measured_it_stays_real(self, maker):
        class Blind:
            name, min_presence, max_printed = "blind", 0.5, 0.5

            def mesh(self, image, faces):
                return list(faces)

        one = maker(Blind())
        real = next(c for c in one.tracks.clips if c.label == 0)
        assert one.taught(real, np.random.default_rng(0), forge=True)[2] == 0


def test_nonsense_recipes_and_missing_classes_are_told(shards, tmp_path):
    path = recipe(tmp_path)
    path.write_text(path.read_text().replace('head = "lstm"', 'head = "gru"'))
    with pytest.raises(BadRecipe, match=r"net\.head must be lstm"):
        run(path, shards, tmp_path / "out")
    with pytest.raises(DatasetError, match="no shards"):
        run(recipe(tmp_path), tmp_path, tmp_path / "out")


def test_a_track_of_one_frame_is_judged_and_wrong_sizes_are_refused(shards, tmp_path):
    card = run(recipe(tmp_path, epochs=1, clips_per_epoch=8), shards, tmp_path / "out", workers=0)
    network = OnnxTemporal(card)
    crop = Crop(np.zeros((32, 32, 3), np.uint8), Face((0, 0, 32, 32)), np.eye(2, 3, dtype=np.float32))
    assert 0 <= network.score_track([crop]) <= 1
    assert pickle.loads(pickle.dumps(network)).score_track([crop]) == network.score_track([crop])
    with pytest.raises(ValueError, match="at least one"):
        network.score_track([])


@pytest.mark.slow
def test_the_seeds_mixnet_and_lstm_go_from_recipe_to_figures(shards, tmp_path):
    """Their recipe on fewer and smaller frames, from nothing, by the commands that a user types."""
    pytest.importorskip("timm")
    small = tmp_path / "mixnet-lstm.toml"
    small.write_text(
        f"base = {json.dumps(str(RECIPES / 'mixnet-lstm.toml'))}\n"
        "[data]\nframes = 3\nside_px = 64\nval = 0.4\ntracks_per_clip = 1\nforge = []\n"
        "[optim]\nepochs = 1\nclips_per_epoch = 8\nbatch = 4\n"
    )
    out, card = tmp_path / "out", tmp_path / "out" / "mixnet-lstm.json"
    fakeweb("dfdc", "train", small, "--shards", shards, "--out", out, "--workers", "0", "--threads", "1")
    assert json.loads(card.read_text())["details"]["recipe"]["net"]["encoder"] == "timm:mixnet_m"
    said = fakeweb("dfdc", "evaluate", shards, "--model", card, "--out", tmp_path / "figures")
    assert "mixnet-lstm@" in said
    assert len(json.loads((tmp_path / "figures" / "scores.json").read_text())) == 80


def fakeweb(*arguments):
    """Run a command; return what it says."""
    command = [sys.executable, "-m", "fakeweb", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=1500).stdout
