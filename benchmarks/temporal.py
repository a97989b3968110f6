"""Train temporal networks and compare them with the mean over frames; needs the extra 'train'.

    python benchmarks/video.py --only temporal

The encoder is the shipped classifier's and stays as it is; its features of every frame are computed once and kept, so
that each head takes a minute. They learn from the real videos of ``DATA/videos``, from the forge's flickering tracks,
and from clips composed of training groups and of groups A. None has seen anything of the groups they are judged on,
groups B. With ``--seeds-clips`` the challenge's seeds' own network is trained too, from scratch.

Tracks do not depend on the classifier: they are extracted once, and what a network says of them is kept beside it.
"""

from __future__ import annotations

import argparse
import io
import json
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import numpy_helper
from video import CLIPS, clips_of  # beside this file

from fakeweb import registry
from fakeweb.classifiers import OnnxClassifier, OnnxTemporal
from fakeweb.dfdc.extract import ExtractOptions, extract
from fakeweb.dfdc.judge import decode_crop, judge_track
from fakeweb.dfdc.parts import find_parts
from fakeweb.evaluate.compose import ComposedClip, read_truth
from fakeweb.evaluate.judge_clips import auc
from fakeweb.faces import align
from fakeweb.forge import forge_track
from fakeweb.media import encode_jpeg, write_atomically
from fakeweb.media.shards import TrackSample, pack, read_shard, read_sidecars, write_shard
from fakeweb.media.store import Store
from fakeweb.runtime import find_card
from fakeweb.train import run
from fakeweb.train.temporal.kept import encode
from fakeweb.train.temporal.net import TemporalNet
from fakeweb.train.temporal.recipe import TemporalRecipe, read_temporal_recipe
from fakeweb.types import Face

Sets = Mapping[str, list[tuple[TrackSample, str, int]]]
FRAMES = 10
CROPS = ExtractOptions(frames=FRAMES, side_px=288, margin=1.8)
RUNS = (("lstm", 0.0), ("lstm", 0.5), ("attention", 0.0), ("mean", 0.0))
FORGE = ("self_blend", "lower_face", "smooth", "retouch")
FEATURES = 64
TWINS = 150
RECIPE = """task = "video"
name = "temporal"
version = "0"
title = "A temporal network, measured against the mean over frames"
licence = "research and non-commercial use, as the training data"

[data]
frames = {frames}
side_px = {side_px}
margin = {margin}
tracks_per_clip = 1
forge = {forge}
forge_share = 0.4

[net]
encoder = "{encoder}"
features = {features}
head = "{head}"
hidden = 64
dropout = 0.2
{frozen}

[optim]
epochs = {epochs}
clips_per_epoch = {clips}
batch = {batch}
lr = 1e-3
warmup = 0.15
reorder = {reorder}
label_smoothing = 0.01

[augment]
encode = 0.5
noise = 0.2
blur = 0.1
"""


def composed_tracks(clips: Path, shards: Path) -> Iterator[tuple[TrackSample, str, int]]:
    """Extract composed clips and yield (track, group, label) per person: the longest track of each."""
    truth = {c.name: c for c in read_truth(clips)}
    part = shards / "clips" / clips.name
    part.mkdir(parents=True, exist_ok=True)
    for name in truth:
        write_atomically(part / name, (clips / name).read_bytes())
    labels = {n: {"label": "FAKE" if c.label else "REAL", "split": "train"} for n, c in truth.items()}
    write_atomically(part / "metadata.json", json.dumps(labels).encode())
    extract(find_parts([str(part)]), str(shards / "tracks"), CROPS)
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
    place = folder / "clips" / "videos"
    place.mkdir(parents=True, exist_ok=True)
    labels = {}
    for path in sorted(videos.rglob("*.mp4")):
        name = path.name.replace(".mp4_", "_")
        write_atomically(place / name, path.read_bytes())
        labels[name] = {"label": "FAKE" if "fake" in path.parts else "REAL", "split": "train"}
    write_atomically(place / "metadata.json", json.dumps(labels).encode())
    shards = folder / "video_tracks"
    extract(find_parts([str(place)]), str(shards), replace(CROPS, frames=4 * FRAMES))
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
        Store(out),
        "shards/p-0000",
        pack(samples),
        records,
        {"part": "p", "options": {"margin": CROPS.margin}},
    )


def read_tracks(out: Path) -> list[tuple[TrackSample, str, int]]:
    """Read back what :func:`write_tracks` wrote."""
    return [(s, str(s.meta["original"]), int(s.meta["label"])) for s in _samples(out)]


def forged_twins(
    tracks: Sequence[tuple[TrackSample, str, int]], seed: int = 7
) -> Iterator[tuple[TrackSample, str, int]]:
    """Yield real tracks, each and then the same forged with flicker; both were decoded and encoded once more."""
    rng = np.random.default_rng(seed)
    mesher = registry.load("mesh", "fakeweb")()
    methods = [registry.load("forge", name)() for name in FORGE]
    for sample, group, _ in tracks:
        frames = [decode_crop(data) for data in sample.crops]
        face = Face(tuple(sample.meta["in_crop"]))
        measured = [mesher.mesh(image, [face])[0] for image in frames]
        if any(m.mesh is None for m in measured):
            continue
        method = methods[int(rng.integers(len(methods)))]
        forged = forge_track(method, list(zip(frames, measured, strict=True)), rng)
        for name, images, truth in (("r", frames, 0), ("f", [f.image for f in forged], 1)):
            crops = tuple(encode_jpeg(i, 95) for i in images)
            yield _renamed(replace(sample, crops=crops), sample.key + name), group, truth


def encoder_of(model: str, path: Path) -> Path:
    """Write a shipped classifier's encoder in the form of a file to start from.

    Its last layer's word on fake or real, and the negative of it, are the first two of the words that the head reads;
    the others start at random.
    """
    net = onnx.load(str(find_card(model).path))
    found = {t.name.removeprefix("net.net."): numpy_helper.to_array(t) for t in net.graph.initializer}
    arrays = {k: v for k, v in found.items() if k.startswith("features.")}
    words = np.random.default_rng(0).normal(0, 0.02, (FEATURES, found["head.weight"].shape[1]))
    bias = np.zeros(FEATURES)
    words[:2] = found["head.weight"][0] * np.array([[1], [-1]])
    bias[:2] = found["head.bias"][0] * np.array([1, -1])
    buffer = io.BytesIO()
    np.savez(
        buffer, **arrays, **{"head.weight": words.astype(np.float32), "head.bias": bias.astype(np.float32)}
    )
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


def prepared(options: argparse.Namespace, folder: Path) -> None:
    """Write the tracks to learn from, those to be judged, and their forged twins, each once."""
    if not (folder / "train" / "shards" / "p-0000.json").is_file():
        tracks: list[tuple[TrackSample, str, int]] = []
        for half in ("train", "A"):
            tracks += composed_tracks(clips_of(options, half), folder / f"clips-{half}")
        write_tracks([*tracks, *video_tracks(options.data / "videos", folder)], folder / "train")
    if not (folder / "test" / "shards" / "p-0000.json").is_file():
        write_tracks(list(composed_tracks(clips_of(options, "B"), folder / "clips-B")), folder / "test")
    if not (folder / "twins" / "shards" / "p-0000.json").is_file():
        real = [t for t in read_tracks(folder / "test") if not t[2]]
        write_tracks(list(forged_twins(real[:TWINS])), folder / "twins")


def trained(folder: Path, out: Path, weights: Path | None, **recipe: object) -> tuple[Path, float]:
    """Train once, or go on; return the card and the CPU seconds it took."""
    card, notes = out / "temporal.json", out / "took.json"
    if not notes.is_file():
        out.mkdir(parents=True, exist_ok=True)
        path = out / "recipe.toml"
        path.write_text(RECIPE.format(frames=FRAMES, forge=json.dumps(list(FORGE)), **recipe))
        started = time.process_time()
        card = run(path, str(folder / "train"), out, weights=weights, threads=1, workers=0, resume=True, device="cpu",
                   cache=folder / "features")  # fmt: skip
        write_atomically(notes, json.dumps({"cpu_s": time.process_time() - started}).encode())
    return card, float(json.loads(notes.read_text())["cpu_s"])


def scored(sets: Sets, judge: OnnxClassifier | OnnxTemporal, kept: Path) -> dict[str, np.ndarray]:
    """Return P(fake) of every track, NaN where it cannot be judged; what was said before is read from a file."""
    if not kept.is_file():
        said = {name: [judge_track(t[0], judge) for t in tracks] for name, tracks in sets.items()}
        means = {name: [float(np.mean(p)) if p else None for p in rows] for name, rows in said.items()}
        write_atomically(kept, json.dumps(means).encode())
    return {name: np.array(rows, float) for name, rows in json.loads(kept.read_text()).items()}


def scored_by_head(sets: Sets, out: Path, kept: Path) -> dict[str, np.ndarray]:
    """Return logits of every track from a head alone, NaN where it cannot be judged.

    What the encoder, which all heads share, makes of the tracks is read from a file, or encoded once.
    """
    recipe = read_temporal_recipe(out / "recipe.toml")
    net = TemporalNet(recipe.net, FRAMES).eval()
    net.load_state_dict(torch.load(out / "checkpoint.pt", weights_only=True)["best"]["state"])
    if not kept.is_file():
        found = {n: np.stack([_encoded(t[0], net, recipe) for t in rows]) for n, rows in sets.items()}
        buffer = io.BytesIO()
        np.savez(buffer, **found)
        write_atomically(kept, buffer.getvalue())
    with kept.open("rb") as stream, np.load(stream) as arrays, torch.no_grad():
        return {n: net.judge(torch.from_numpy(arrays[n])).numpy() for n in sets}


def _encoded(sample: TrackSample, net: TemporalNet, recipe: TemporalRecipe) -> np.ndarray:
    """Return features (T, F) of frames spread over what is wide enough of a track; NaN where nothing is."""
    face, data = Face(tuple(sample.meta["in_crop"])), recipe.data
    wide = [
        align(decode_crop(c), face, data.side_px, margin=data.margin).pixels
        for c, width_px in zip(sample.crops, sample.meta["width_px"], strict=True)
        if width_px >= recipe.calibration.min_face_px
    ]
    if not wide:
        return np.full((FRAMES, net.words.in_features), np.nan, np.float32)
    places = np.linspace(0, len(wide) - 1, FRAMES).round().astype(int)
    pixels = torch.from_numpy(np.stack([wide[p] for p in places.tolist()]))
    return encode(net, pixels[None, None], bf16=recipe.optim.bf16)[0, 0]


def networks(options: argparse.Namespace, folder: Path, own: Path) -> Iterator[tuple[str, Path, float]]:
    """Train everything that is compared; yield (what it is called, its card, the CPU seconds it took)."""
    card = find_card(options.model)
    weights = encoder_of(options.model, own / "encoder.npz")
    for head, reorder in RUNS:
        out = own / f"{head}-{reorder}"
        made = trained(
            folder, out, weights, side_px=card.side_px, margin=card.margin, encoder="mobilenet_v2", features=FEATURES,
            head=head, frozen=f"frozen = true\nviews = {options.views}", epochs=options.epochs,
            clips=options.epoch_clips, batch=16, reorder=reorder,
        )  # fmt: skip
        yield f"{head}{', half the real clips re-ordered' if reorder else ''}", *made
    if options.seeds_clips:
        made = trained(
            folder, folder / f"seeds-{options.seeds_clips}", None, side_px=160, margin=1.3, encoder="timm:mixnet_m",
            features=128, head="lstm", frozen="", epochs=4, clips=options.seeds_clips // 4, batch=4, reorder=0.5,
        )  # fmt: skip
        name = f"MixNet-M and LSTM at 160 px from scratch, {options.seeds_clips:,} clips, half the real re-ordered"
        yield name, *made


def temporal(options: argparse.Namespace) -> list[str]:
    """Train every head, and compare it with the mean over frames."""
    folder = options.clips / "temporal"
    prepared(options, folder)
    frames = OnnxClassifier(options.model)
    own = folder / f"{frames.reference}-{find_card(options.model).sha256[:8]}"
    sets = {"composed": read_tracks(folder / "test"), "flicker": read_tracks(folder / "twins")}
    own.mkdir(parents=True, exist_ok=True)
    base = scored(sets, frames, own / "frames-scores.json")
    wide = {n: np.isfinite(p) for n, p in base.items()}
    labels = {n: np.array([t[2] for t in rows])[wide[n]] for n, rows in sets.items()}
    groups = {n: [t[1] for t, w in zip(rows, wide[n], strict=True) if w] for n, rows in sets.items()}
    base = {n: p[wide[n]] for n, p in base.items()}
    said, took = {}, {}
    for name, card, cpu_s in networks(options, folder, own):
        if card.parent.parent == own:
            found = scored_by_head(sets, card.parent, own / "encoded.npz")
            counts = find_card(card).details["clips"]
        else:
            found = scored(sets, OnnxTemporal(card), card.parent / "scores.json")
        said[name], took[name] = {n: p[wide[n]] for n, p in found.items()}, cpu_s
    lines = [
        f"| mean over frames of {frames.reference} | {' | | | '.join(_area(base, labels, n) for n in sets)} | | | |"
    ]
    for name, p in said.items():
        cells = [name]
        for n in sets:
            cells += [_area(p, labels, n), *_cells(gain(p[n], base[n], labels[n], groups[n]))]
        lines.append(f"| {' | '.join(cells)} | {took[name] / 60:.1f} min |")
    lstm, mixed = list(said.values())[:2]
    mixing = [" ".join(_cells(gain(mixed[n], lstm[n], labels[n], groups[n]))) for n in sets]
    head = "| network | AUC, composed people | over the mean | 95 % | AUC, flickering twins | over the mean | 95 % |"
    return [
        _what_it_learned_from(counts, options, labels), "",
        f"{head} trained in |", "|" + "---|" * 8, *lines, "",
        f"Re-ordering half of the real clips gains the LSTM {mixing[0]} on composed people, {mixing[1]} on the twins.",
    ]  # fmt: skip


def _area(p: Mapping[str, np.ndarray], labels: Mapping[str, np.ndarray], name: str) -> str:
    return f"{area(p[name], labels[name]):.3f}"


def _cells(found: tuple[float, float, float]) -> list[str]:
    value, low, high = found
    return [f"{value:+.3f}", f"[{low:+.3f}, {high:+.3f}]"]


def _what_it_learned_from(
    counts: dict[str, dict[str, int]], options: argparse.Namespace, labels: Mapping[str, np.ndarray]
) -> str:
    train, people = counts["train"], labels["composed"]
    return (
        f"Heads on the frozen encoder of the shipped classifier, over {FRAMES} frames of a track, whose features were"
        f" kept, degraded views of every clip: {options.views}; {options.epochs * options.epoch_clips:,} clips each,"
        f" half of them fake, recipe in benchmarks/temporal.py. They learned from {train['real']} real and"
        f" {train['fake']} fake tracks: people of {CLIPS['train']} clips composed of training groups and"
        f" {CLIPS['A']} of groups A, and windows of the real videos; of the fakes drawn two in five were real"
        f" tracks forged with flicker. Judged are {len(people)} people of {CLIPS['B']} clips composed of groups B,"
        f" {int(people.sum())} of them fake, and {len(labels['flicker']) // 2} real ones of these beside their"
        " flickering forgeries. The mean is the classifier's over the same crops; intervals are paired, over groups."
        " Minutes are CPU time of one core; those of the first head include making the features."
    )
