"""Train the temporal network for real and compare it with the mean over frames; needs the extra 'train'.

    python benchmarks/video.py --only temporal

The encoder stays as the classifier has it but for its last layer. It learns from the real videos of ``DATA/videos``,
from the forge's flickering tracks, and from clips composed of training groups. Two trainings, which differ in
``optim.reorder`` alone. Neither has seen anything of the groups it is judged on.
"""

from __future__ import annotations

import argparse
import io
import json
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
from onnx import numpy_helper

from fakeweb import registry
from fakeweb.classifiers import OnnxClassifier, OnnxTemporal
from fakeweb.datasets.index import IndexLayout
from fakeweb.dfdc.extract import ExtractOptions, extract
from fakeweb.dfdc.judge import decode_crop, judge_track
from fakeweb.dfdc.parts import find_parts
from fakeweb.evaluate.compose import ComposedClip, ComposeOptions, compose, read_truth
from fakeweb.evaluate.judge_clips import auc
from fakeweb.forge import forge_track
from fakeweb.media import encode_jpeg, write_atomically
from fakeweb.media.shards import TrackSample, pack, read_shard, read_sidecars, write_shard
from fakeweb.media.store import Store
from fakeweb.runtime import find_card
from fakeweb.train import run
from fakeweb.types import Face

FRAMES = 10
TRAIN_CLIPS = 100
TEST_CLIPS = 100
REORDER = (0.0, 0.5)
FORGE = ("self_blend", "lower_face", "smooth", "retouch")
RECIPE = """task = "video"
name = "temporal"
version = "0"
title = "MobileNetV2 and an LSTM, measured against the mean over frames"
licence = "research and non-commercial use, as the training data"

[data]
frames = {frames}
side_px = 160
tracks_per_clip = 1
forge = {forge}
forge_share = 0.4

[net]
encoder = "mobilenet_v2"
frozen = true
head = "lstm"
dropout = 0.1

[optim]
epochs = {epochs}
clips_per_epoch = {clips}
batch = 4
lr = 1e-3
warmup = 0.15
reorder = {reorder}
label_smoothing = 0.01

[augment]
encode = 0.5
noise = 0.2
blur = 0.1
"""


def composed_tracks(clips: Path, count: int, shards: Path) -> Iterator[tuple[TrackSample, str, int]]:
    """Extract the first composed clips and yield (track, group, label) per person: the longest track of each."""
    truth = {c.name: c for c in read_truth(clips)[:count]}
    part = shards / "clips" / clips.name
    part.mkdir(parents=True, exist_ok=True)
    for name in truth:
        write_atomically(part / name, (clips / name).read_bytes())
    labels = {n: {"label": "FAKE" if c.label else "REAL", "split": "train"} for n, c in truth.items()}
    write_atomically(part / "metadata.json", json.dumps(labels).encode())
    extract(find_parts([str(part)]), str(shards / "tracks"), ExtractOptions(frames=FRAMES))
    best: dict[tuple[str, int], TrackSample] = {}
    for sample in _samples(shards / "tracks"):
        clip = truth[str(sample.meta["clip"])]
        key = (clip.name, _shown(clip, sample))
        if key[1] >= 0 and (key not in best or len(sample.crops) > len(best[key].crops)):
            best[key] = sample
    for (name, place), sample in sorted(best.items()):
        person = truth[name].people[place]
        yield _renamed(sample, f"{name[:-4]}p{place}"), f"{person.source}/{person.group}", person.label


def video_tracks(videos: Path, folder: Path) -> Iterator[tuple[TrackSample, str, int]]:
    """Yield ten consecutive crops at a time of the real videos' tracks, about four a second."""
    place = folder / "videos"
    place.mkdir(parents=True, exist_ok=True)
    labels = {}
    for path in sorted(videos.rglob("*.mp4")):
        name = path.name.replace(".mp4_", "_")
        write_atomically(place / name, path.read_bytes())
        labels[name] = {"label": "FAKE" if "fake" in path.parts else "REAL", "split": "train"}
    write_atomically(place / "metadata.json", json.dumps(labels).encode())
    shards = folder / "video_tracks"
    extract(find_parts([str(place)]), str(shards), ExtractOptions(frames=40))
    for sample in _samples(shards):
        for number in range(max(1, len(sample.crops) // FRAMES)):
            window = slice(number * FRAMES, (number + 1) * FRAMES)
            part = _renamed(_cut(sample, window), f"{sample.key}w{number}")
            yield part, str(sample.meta["clip"]), int(sample.meta["label"])


def _samples(shards: Path) -> Iterator[TrackSample]:
    store = Store(shards)
    for name, sidecar in sorted(read_sidecars(store).items()):
        yield from read_shard(store, name, sidecar)


def _shown(clip: ComposedClip, sample: TrackSample) -> int:
    """Return which person of a composed clip a track shows most of the time, or -1."""
    votes = []
    for time_s, (x0, y0, x1, y1) in zip(sample.meta["time_s"], sample.meta["box"], strict=True):
        away = [
            np.hypot(*(np.array(p.centres[min(round(time_s * clip.fps), len(p.centres) - 1)])
                       - ((x0 + x1) / 2, (y0 + y1) / 2))) / p.side_px
            for p in clip.people
        ]  # fmt: skip
        votes.append(int(np.argmin(away)) if min(away) < 0.6 else -1)
    return max(set(votes), key=votes.count)


def _renamed(sample: TrackSample, name: str) -> TrackSample:
    key = name.replace(".", "-")
    return TrackSample(key, {**sample.meta, "clip": f"{key}.mp4", "track": 1}, sample.crops)


def _cut(sample: TrackSample, window: slice) -> TrackSample:
    lists = {k: sample.meta[k][window] for k in ("frames", "time_s", "width_px", "box")}
    return TrackSample(sample.key, {**sample.meta, **lists}, sample.crops[window])


def write_tracks(tracks: Sequence[tuple[TrackSample, str, int]], out: Path) -> None:
    """Write one clip per track, in the form of ``fakeweb dfdc extract``."""
    samples, records = [], []
    for sample, group, label in tracks:
        meta = {**sample.meta, "label": label, "original": group, "part": "p"}
        samples.append(TrackSample(sample.key, meta, sample.crops))
        records.append({"clip": meta["clip"], "part": "p", "label": label, "original": group, "error": None,
                        "tracks": [meta]})  # fmt: skip
    write_shard(
        Store(out), "shards/p-0000", pack(samples), records, {"part": "p", "options": {"margin": 1.5}}
    )


def forged_twins(
    tracks: Sequence[tuple[TrackSample, str, int]], seed: int = 7
) -> Iterator[tuple[TrackSample, TrackSample, str]]:
    """Yield (real track, the same forged with flicker, group); both were decoded and encoded once more."""
    rng = np.random.default_rng(seed)
    mesher = registry.load("mesh", "fakeweb")()
    methods = [registry.load("forge", name)() for name in FORGE]
    for sample, group, label in tracks:
        if label:
            continue
        frames = [decode_crop(data) for data in sample.crops]
        face = Face(tuple(sample.meta["in_crop"]))
        measured = [mesher.mesh(image, [face])[0] for image in frames]
        if any(m.mesh is None for m in measured):
            continue
        method = methods[int(rng.integers(len(methods)))]
        forged = forge_track(method, list(zip(frames, measured, strict=True)), rng)
        yield (
            replace(sample, crops=tuple(encode_jpeg(i, 95) for i in frames)),
            replace(sample, crops=tuple(encode_jpeg(f.image, 95) for f in forged)),
            group,
        )


def encoder_of(model: str, path: Path) -> Path:
    """Write the encoder of a shipped classifier in the form of a file to start from."""
    net = onnx.load(str(find_card(model).path))
    arrays = {t.name: numpy_helper.to_array(t) for t in net.graph.initializer if ".features." in t.name}
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    write_atomically(path, buffer.getvalue())
    return path


def gain(
    ours: np.ndarray, theirs: np.ndarray, labels: np.ndarray, groups: Sequence[str], rounds: int = 1000
) -> tuple[float, float, float]:
    """Return AUC less the other's AUC, with a paired 95 % bootstrap interval over groups."""
    names = sorted(set(groups))
    members = [np.flatnonzero(np.array(groups) == name) for name in names]
    rng = np.random.default_rng(0)

    def difference(rows: np.ndarray) -> float:
        own = labels[rows]
        return area(ours[rows], own) - area(theirs[rows], own)

    draws = [
        difference(np.concatenate([members[i] for i in rng.integers(0, len(names), len(names))]))
        for _ in range(rounds)
    ]
    low, high = np.nanpercentile(draws, [2.5, 97.5])
    return difference(np.arange(len(labels))), float(low), float(high)


def area(p: np.ndarray, labels: np.ndarray) -> float:
    """Return the AUC."""
    return auc(p[labels == 1], p[labels == 0])


def prepared(options: argparse.Namespace, folder: Path) -> list[tuple[TrackSample, str, int]]:
    """Make training and test tracks, each once; return the test's."""
    samples = list(IndexLayout().index(options.data))
    for half, split, count, seed in (("train", "train", TRAIN_CLIPS, 1), ("B", "val", 300, 0)):
        place = options.clips / half
        if not (place / "truth.json").is_file():
            own = [s for s in samples if s.split == split]
            compose(
                own, place, ComposeOptions(clips=count, half=None if half == "train" else half, seed=seed)
            )
    if not (folder / "train" / "shards" / "p-0000.json").is_file():
        tracks = list(composed_tracks(options.clips / "train", TRAIN_CLIPS, folder / "train_clips"))
        tracks += video_tracks(options.data / "videos", folder)
        write_tracks(tracks, folder / "train")
    return list(composed_tracks(options.clips / "B", TEST_CLIPS, folder / "test_clips"))


def trained(options: argparse.Namespace, folder: Path, reorder: float) -> tuple[Path, dict[str, float]]:
    """Train once, or go on; return the card and what it took."""
    out = folder / f"reorder-{reorder}"
    card = out / "temporal.json"
    notes = out / "took.json"
    if not card.is_file():
        out.mkdir(parents=True, exist_ok=True)
        recipe = out / "recipe.toml"
        recipe.write_text(RECIPE.format(
            frames=FRAMES, forge=json.dumps(list(FORGE)), epochs=options.epochs, clips=options.epoch_clips,
            reorder=reorder,
        ))  # fmt: skip
        weights = encoder_of(options.model, folder / "encoder.npz")
        started = time.process_time()
        card = run(recipe, str(folder / "train"), out, weights=weights, threads=1, workers=0, resume=True,
                   device="cpu")  # fmt: skip
        write_atomically(notes, json.dumps({"cpu_s": time.process_time() - started}).encode())
    return card, json.loads(notes.read_text())


def temporal(options: argparse.Namespace) -> list[str]:
    """Train with and without re-ordered frames, and compare with the mean over frames."""
    folder = options.clips / "temporal"
    test = prepared(options, folder)
    frames = OnnxClassifier(options.model)
    wide = [t for t in test if judge_track(t[0], frames)]
    twins = list(forged_twins(wide))
    sets = {
        "composed, groups B": (
            [t[0] for t in wide], np.array([t[2] for t in wide]), [t[1] for t in wide]
        ),
        "the same, forged with flicker": (
            [t for pair in twins for t in pair[:2]],
            np.array([0, 1] * len(twins)),
            [pair[2] for pair in twins for _ in range(2)],
        ),
    }  # fmt: skip
    base = {n: np.array([np.mean(judge_track(s, frames)) for s in rows]) for n, (rows, _, _) in sets.items()}
    runs, took, counts = {}, [], {}
    for reorder in REORDER:
        card, notes = trained(options, folder, reorder)
        net = OnnxTemporal(card)
        counts = net.card.details["clips"]
        took.append(notes["cpu_s"])
        runs[reorder] = {
            n: np.array([judge_track(s, net)[0] for s in rows]) for n, (rows, _, _) in sets.items()
        }
    train = counts["train"]
    clips = options.epochs * options.epoch_clips
    lines = [
        f"The encoder of {frames.reference}, of which only the last layer learned, and an LSTM over {FRAMES} frames of"
        f" 160 px: {clips:,} clips, recipe in benchmarks/temporal.py, {took[0] / 60:.0f} minutes of one core each."
        f" It learned from {train['real']} real and {train['fake']} fake tracks: people of {TRAIN_CLIPS} clips composed"
        " of training groups, windows of the real videos, and of the fakes drawn two in five were forged with"
        " flicker. The mean is that of the classifier over the same crops; intervals are paired, over groups.",
        "",
        "| tracks | people | mean over frames | LSTM | over the mean | 95 % | LSTM, half the real re-ordered |"
        " over the mean | 95 % | re-ordering gains | 95 % |",
        "|" + "---|" * 11,
    ]
    for name, (_, labels, groups) in sets.items():
        cells = [name, str(len(labels)), f"{area(base[name], labels):.3f}"]
        for reorder in REORDER:
            value, low, high = gain(runs[reorder][name], base[name], labels, groups)
            cells += [
                f"{area(runs[reorder][name], labels):.3f}",
                f"{value:+.3f}",
                f"[{low:+.3f}, {high:+.3f}]",
            ]
        value, low, high = gain(runs[REORDER[1]][name], runs[REORDER[0]][name], labels, groups)
        cells += [f"{value:+.3f}", f"[{low:+.3f}, {high:+.3f}]"]
        lines.append(f"| {' | '.join(cells)} |")
    return lines
