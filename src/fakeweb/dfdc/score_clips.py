"""Clip scores on shards: a face track by the mean of its frames, a clip by its most suspicious face."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from fakeweb import metrics
from fakeweb.classifiers import OnnxTemporal
from fakeweb.datasets.shards import TrackSample, decode_crop, read_shard, read_sidecars
from fakeweb.errors import DatasetError
from fakeweb.faces import align
from fakeweb.media.storage import Storage
from fakeweb.types import Classifier, Crop, Face


@dataclass(frozen=True)
class ClipScore:
    """What a model says of one extracted clip; ``p_fake`` is None where no face was judged."""

    clip: str
    part: str
    label: int | None
    faces: int
    p_faces: tuple[float, ...]
    p_fake: float | None


def judge_shards(
    out: str, classifier: Classifier | OnnxTemporal, *, on_clip: Callable[[int, int], None] | None = None
) -> list[ClipScore]:
    """Score every track of every finished shard.

    Args:
        out: Where :func:`fakeweb.dfdc.extract.extract` wrote.
        classifier: What judges: frame by frame, or a track as a whole.
        on_clip: Called with (clips done, clips in all) after each shard.

    Raises:
        DatasetError: No shard, a damaged one, or crops too tight for this classifier.
    """
    store = Storage(out)
    sidecars = read_sidecars(store)
    if not sidecars:
        raise DatasetError(f"no shards in {out}", hint="run `fakeweb dfdc extract` first")
    total = sum(len(s["clips"]) for s in sidecars.values())
    scores: list[ClipScore] = []
    for name, sidecar in sidecars.items():
        margin = float(sidecar["about"]["options"]["margin"])
        if classifier.margin > margin:
            raise DatasetError(
                f"{out} holds crops of margin {margin}, {classifier.reference} wants {classifier.margin}",
                hint="extract again with a larger --margin",
            )
        tracks: dict[str, list[float]] = {}
        for sample in read_shard(store, name, sidecar):
            p = judge_track(sample, classifier)
            if p:
                tracks.setdefault(str(sample.meta["clip"]), []).append(float(np.mean(p)))
        for clip in sidecar["clips"]:
            own = tuple(tracks.get(clip["clip"], ()))
            scores.append(ClipScore(clip["clip"], clip["part"], clip["label"], len(clip["tracks"]), own,
                                    max(own) if own else None))  # fmt: skip
        if on_clip is not None:
            on_clip(len(scores), total)
    return scores


def judge_track(sample: TrackSample, classifier: Classifier | OnnxTemporal) -> list[float]:
    """Return P(fake) of each frame of a track that is wide enough to judge; of a temporal network, one for all."""
    face = Face(tuple(sample.meta["in_crop"]))
    crops: list[Crop] = []
    for data, width_px in zip(sample.crops, sample.meta["width_px"], strict=True):
        if width_px >= classifier.min_face_px:
            crops.append(align(decode_crop(data), face, classifier.side_px, margin=classifier.margin))
    if isinstance(classifier, OnnxTemporal):
        return [classifier.score_track(crops)] if crops else []
    return [s.p_fake for s in classifier.score(crops)]


def figures(scores: Sequence[ClipScore], threshold: float = 0.5) -> dict[str, Any]:
    """Return log loss, AUC and, for one, two and three or more faces, confusion, accuracy, precision and recall.

    Clips without a judged face count in the log loss as 0.5, as in a submission, and are counted apart elsewhere.
    """
    labelled = [s for s in scores if s.label is not None]
    judged = [s for s in labelled if s.p_fake is not None]
    p = [0.5 if s.p_fake is None else s.p_fake for s in labelled]
    fake, real = ([s.p_fake for s in judged if s.p_fake is not None and s.label == y] for y in (1, 0))
    faces = {"1": (1, 1), "2": (2, 2), "3 and more": (3, 10**9)}
    return {
        "clips": len(scores), "labelled": len(labelled), "without_a_judged_face": len(labelled) - len(judged),
        "threshold": threshold, "log_loss": _known(metrics.log_loss([int(s.label or 0) for s in labelled], p)),
        "auc": _known(metrics.auc(fake, real)),
        "by_faces": {
            name: _confusion([s for s in judged if low <= s.faces <= high], threshold)
            for name, (low, high) in faces.items()
        },
    }  # fmt: skip


def _known(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _confusion(scores: Sequence[ClipScore], threshold: float) -> dict[str, Any]:
    cells = {"real_as_real": 0, "real_as_fake": 0, "fake_as_real": 0, "fake_as_fake": 0}
    for score in scores:
        said = "fake" if (score.p_fake or 0.0) >= threshold else "real"
        cells[f"{'fake' if score.label else 'real'}_as_{said}"] += 1
    right = cells["real_as_real"] + cells["fake_as_fake"]
    called, fake = (cells[k] + cells["fake_as_fake"] for k in ("real_as_fake", "fake_as_real"))
    return {
        **cells,
        "accuracy": right / len(scores) if scores else None,
        "precision": cells["fake_as_fake"] / called if called else None,
        "recall": cells["fake_as_fake"] / fake if fake else None,
    }


def to_markdown(found: Mapping[str, Any], model: str) -> str:
    """Write figures as Markdown."""

    def number(value: float | None) -> str:
        return "none" if value is None else f"{value:.3f}"

    lines = [
        f"# {model} on extracted clips", "",
        f"{found['labelled']} labelled clips, {found['without_a_judged_face']} without a judged face;"
        f" log loss {number(found['log_loss'])} (P held within 0.01 and 0.99), AUC {number(found['auc'])}.",
        "", f"At P(fake) {found['threshold']:.2f}, by faces in the clip:", "",
        "| faces | real as real | real as fake | fake as real | fake as fake | accuracy | precision | recall |",
        "|---|---|---|---|---|---|---|---|",
    ]  # fmt: skip
    for name, cells in found["by_faces"].items():
        counts = " | ".join(
            str(cells[k]) for k in ("real_as_real", "real_as_fake", "fake_as_real", "fake_as_fake")
        )
        shares = " | ".join(number(cells[k]) for k in ("accuracy", "precision", "recall"))
        lines.append(f"| {name} | {counts} | {shares} |")
    return "\n".join(lines) + "\n"
