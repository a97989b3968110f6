"""From rows to figures: what stands in ``metrics.json`` and in the reports."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any, Final

import numpy as np

from fakeweb import metrics
from fakeweb.datasets import Sample
from fakeweb.datasets.faceforensics import METHODS
from fakeweb.evaluate import conditions
from fakeweb.evaluate.scores import Row
from fakeweb.metrics import Floats, bootstrap, share_interval

VERDICTS: Final = ("fake", "uncertain", "real", "no_face")
CLIP: Final = "clip"
"""The view of a row that says what was said of a whole video file."""
_REPEATS: Final = 400
Figure = dict[str, float | None]
"""``value``, ``low`` and ``high`` of the 95 % interval; None where they cannot be computed."""


def figure(value: float, interval: tuple[float, float] = (math.nan, math.nan)) -> Figure:
    """Return a figure with its interval as JSON knows it."""
    return dict(zip(("value", "low", "high"), map(_known, (value, *interval)), strict=True))


def _known(value: float) -> float | None:
    return round(float(value), 6) if math.isfinite(value) else None


def group_of(row: Row) -> str:
    """Return the name of a row's group, unique over sources."""
    return f"{row.source}/{row.group}"


def judged(rows: Iterable[Row]) -> list[Row]:
    """Return the rows that carry a score."""
    return [r for r in rows if r.state == "judged"]


def table(rows: Sequence[Row], *, intervals: bool = True) -> dict[str, Any]:
    """Return all figures of some rows of one model and view.

    AUC, average precision, equal error rate, hits at 1, 2 and 5 % false alarms, log loss, Brier score and calibration
    error (its bias taken off) are over the judged rows, as are accuracy at even odds and the shares of the model's own
    verdicts. ``log_loss_all`` counts pictures without a
    judged face as 0.5, as the DFDC challenge would have.

    Args:
        rows: Of one model and view.
        intervals: Whether to draw bootstrap intervals.
    """
    scored = judged(rows)
    labels = np.array([r.label for r in scored], np.int64)
    p = np.array([r.p_fake for r in scored], np.float64)
    groups = np.array([group_of(r) for r in scored])
    out: dict[str, Any] = {
        "real": sum(r.label == 0 for r in rows),
        "fake": sum(r.label == 1 for r in rows),
        "groups": len({group_of(r) for r in rows}),
        "no_face": sum(r.state == "no_face" for r in rows),
        "unreadable": sum(r.state == "unreadable" for r in rows),
    }

    def ranked(weights: Floats) -> Floats:
        return metrics.ranked(labels, p, weights)

    values = ranked(np.ones((1, len(p))))[0]
    bounds = [(math.nan, math.nan)] * len(values)
    if intervals:
        drawn = bootstrap(ranked, groups)
        bounds = [
            _widened(n, v, b, labels, groups) for n, v, b in zip(metrics.RANKED, values, drawn, strict=True)
        ]
    out |= {name: figure(v, b) for name, v, b in zip(metrics.RANKED, values, bounds, strict=True)}
    error, ends = metrics.calibration(labels, p, groups, repeats=_REPEATS if intervals else 2)
    out["calibration_error"] = figure(error, ends if intervals else (math.nan, math.nan))
    everywhere = [0.5 if math.isnan(r.p_fake) else r.p_fake for r in rows]
    out["log_loss_all"] = figure(metrics.log_loss([r.label for r in rows], everywhere))
    return out | _shares(scored, labels, p, groups)


def _widened(
    name: str, value: float, bounds: metrics.Interval, labels: metrics.Ints, groups: np.ndarray
) -> metrics.Interval:
    """Return an interval that also holds where the bootstrap has nothing to draw: no, or every, row misranked."""
    if name == "auc":
        return metrics.auc_interval(value, bounds, labels, groups)
    if not all(map(math.isfinite, (value, *bounds))):
        return bounds
    if name in metrics.ALARMS or name == "equal_error_rate":
        trials = [len(np.unique(groups[labels == label])) for label in (0, 1)]
        of = trials[1] if name in metrics.ALARMS else min(trials)
        own = metrics.wilson(value * of, of)
        return min(bounds[0], own[0]), max(bounds[1], own[1])
    unknown = name == "average_precision" and bounds[0] == bounds[1]
    return (math.nan, math.nan) if unknown else bounds


def _shares(scored: Sequence[Row], labels: metrics.Ints, p: Floats, groups: np.ndarray) -> dict[str, Figure]:
    """Return accuracy at even odds, and what the model's own verdicts come to."""
    fake = np.array([r.verdict == "fake" for r in scored], bool)
    unsure = np.array([r.verdict == "uncertain" for r in scored], bool)
    right = (p >= 0.5) == (labels == 1)
    everything = np.ones(len(p), bool)

    def share(hit: np.ndarray, of: np.ndarray) -> Figure:
        return figure(float(hit[of].mean()) if of.any() else math.nan, share_interval(hit[of], groups[of]))

    return {
        "accuracy": share(right, everything),
        "precision": share(labels == 1, fake),
        "recall": share(fake, labels == 1),
        "false_alarm_rate": share(fake, labels == 0),
        "uncertain": share(unsure, everything),
    }


def by_clip(rows: Sequence[Row]) -> list[Row]:
    """Return one row per clip: what was said of it as a whole, or else the mean of its judged frames.

    Without a judged frame, the clip has no face either. The verdict of a mean is the one that most frames got, the more
    cautious where two are as many.

    Args:
        rows: Of one model: pictures, frames, and whole clips (view :data:`CLIP`).
    """
    frames: dict[tuple[str, int], list[Row]] = defaultdict(list)
    for row in rows:
        frames[row.clip, row.label].append(row)
    out = []
    for found in frames.values():
        whole = next((r for r in found if r.view == CLIP), None)
        if whole is not None:
            out.append(whole)
            continue
        scored = judged(found)
        if not scored:
            out.append(found[0])
            continue
        count = Counter(r.verdict for r in scored)
        verdict = max(("uncertain", "real", "fake"), key=lambda v: count[v])
        mean = float(np.mean([r.p_fake for r in scored]))
        out.append(replace(scored[0], p_fake=mean, logit=math.nan, verdict=verdict, path=scored[0].clip))
    return out


def confusion(rows: Sequence[Row]) -> dict[str, dict[str, int]]:
    """Count verdicts by truth."""
    return {
        truth: {v: sum(r.verdict == v and r.label == label for r in rows) for v in VERDICTS}
        for label, truth in ((0, "real"), (1, "fake"))
    }


def kind_confusion(rows: Sequence[Row]) -> dict[str, dict[str, int]]:
    """Count what was said by what is true: genuine or the kind of a fake, against the verdict, or the kind called.

    Args:
        rows: Of one model and view.

    Returns:
        Truth -> answer -> rows; empty, where the model names no kinds. Answers: ``real``, ``uncertain``, ``no_face``,
        and for faces called fake the likeliest kind.
    """
    if not any(r.said for r in rows):
        return {}
    truths = {r: ("real" if r.label == 0 else r.kind or "unnamed") for r in rows}
    answers = {r: (r.said or "fake" if r.verdict == "fake" else r.verdict) for r in rows}
    columns = [
        "real",
        "uncertain",
        *sorted(set(answers.values()) - {"real", "uncertain", "no_face"}),
        "no_face",
    ]
    lines = ["real", *sorted(set(truths.values()) - {"real"})]
    count = Counter((truths[r], answers[r]) for r in rows)
    return {truth: {answer: count[truth, answer] for answer in columns} for truth in lines}


def manipulation_of(row: Row) -> str:
    """Return how a fake was made: FaceForensics++'s method, where its path names one, else its kind, or its source."""
    return next((part for part in row.path.split("/") if part in METHODS), row.kind or row.source)


def by_manipulation(rows: Sequence[Row]) -> dict[str, dict[str, Any]]:
    """Return the figures of each manipulation's fakes against all genuine rows, and of clips under ``video``.

    Args:
        rows: Of one model: pictures, frames and whole clips.
    """
    names = sorted({manipulation_of(r) for r in rows if r.label == 1})
    out: dict[str, dict[str, Any]] = {}
    for name in names:
        chosen = [r for r in rows if r.label == 0 or manipulation_of(r) == name]
        frames, whole = [r for r in chosen if r.view != CLIP], by_clip(chosen)
        out[name] = table(frames)
        if len(whole) < len(frames):
            out[name]["video"] = table(whole)
    return out


def confusion_by_faces(rows: Sequence[Row]) -> dict[str, dict[str, dict[str, int]]]:
    """Count verdicts by truth, apart for pictures with none, one, two to four, and more faces."""
    classes = {"none": (0, 0), "1": (1, 1), "2 to 4": (2, 4), "5 or more": (5, 10**9)}
    out = {name: [r for r in rows if low <= r.faces <= high] for name, (low, high) in classes.items()}
    return {name: confusion(found) for name, found in out.items() if found}


def two_class_sources(rows: Sequence[Row | Sample], least: int = 10) -> list[str]:
    """Return the sources with at least ten reals and ten fakes: those whose pooled figure can be trusted."""
    count = Counter((r.source, r.label) for r in rows)
    return sorted({s for s, _ in count if min(count[s, 0], count[s, 1]) >= least})


def single_class_sources(rows: Sequence[Row]) -> list[str]:
    """Return the sources that hold fakes, but fewer than ten reals."""
    count = Counter((r.source, r.label) for r in rows)
    return sorted(s for s, label in count if label == 1 and count[s, 0] < 10)


def by_source(rows: Sequence[Row]) -> dict[str, dict[str, Any]]:
    """Return the figures of each source on its own."""
    return {s: table([r for r in rows if r.source == s]) for s in sorted({r.source for r in rows})}


def by_kind(rows: Sequence[Row]) -> dict[str, dict[str, Any]]:
    """Return the figures of each kind's fakes, within two-class sources, against the reals of these sources."""
    inside = set(two_class_sources(rows))
    out = {}
    for kind in sorted({r.kind for r in rows if r.label == 1 and r.source in inside}):
        sources = {r.source for r in rows if r.label == 1 and r.kind == kind} & inside
        chosen = [r for r in rows if r.source in sources and (r.label == 0 or r.kind == kind)]
        out[kind or "unnamed"] = {"sources": sorted(sources), **table(chosen)}
    return out


def by_condition(rows: Sequence[Row]) -> dict[str, list[dict[str, Any]]]:
    """Return how often reals are called fake, and fakes found, by what the face looks like."""
    scored = judged(rows)
    out: dict[str, list[dict[str, Any]]] = {}
    for name in conditions.NAMES:
        out[name] = []
        for label in conditions.classes(name):
            inside = [r for r in scored if conditions.class_of(name, getattr(r, name)) == label]
            if inside:
                entry: dict[str, Any] = {"class": label}
                for truth, key in ((0, "false_alarm_rate"), (1, "recall")):
                    found = [r for r in inside if r.label == truth]
                    hit = [r.verdict == "fake" for r in found]
                    value = float(np.mean(hit)) if hit else math.nan
                    entry[key] = figure(value, share_interval(hit, [group_of(r) for r in found]))
                    entry["fake" if truth else "real"] = len(found)
                out[name].append(entry)
    return out


def by_group(rows: Sequence[Row]) -> list[dict[str, Any]]:
    """Return one line per group, the worst first: rows, mean gap between P(fake) and truth, wrong verdicts."""
    found: dict[tuple[str, str], list[Row]] = defaultdict(list)
    for row in judged(rows):
        found[row.source, row.group].append(row)
    lines = []
    for (source, group), own in found.items():
        gap = float(np.mean([abs(r.p_fake - r.label) for r in own]))
        false = sum(r.verdict == "fake" and r.label == 0 for r in own)
        missed = sum(r.verdict == "real" and r.label == 1 for r in own)
        line = {"source": source, "group": group, "rows": len(own), "mean_gap": round(gap, 4)}
        lines.append(line | {"false_alarms": false, "fakes_called_real": missed})
    return sorted(lines, key=lambda v: (-v["mean_gap"], v["source"], v["group"]))


def beats(rows: Sequence[Row], other: dict[str, float]) -> dict[str, Any]:
    """Return the model's AUC less the shallow baseline's on the same rows; clear if the whole interval lies above 0.

    Args:
        rows: Plain rows of one model.
        other: Path -> the baseline's P(fake).
    """
    both = [r for r in judged(rows) if math.isfinite(other.get(r.path, math.nan))]
    labels = np.array([r.label for r in both], np.int64)
    mine, theirs = np.array([r.p_fake for r in both]), np.array([other[r.path] for r in both])

    def gap(weights: Floats) -> Floats:
        return metrics.ranked(labels, mine, weights)[:, :1] - metrics.ranked(labels, theirs, weights)[:, :1]

    found = figure(float(gap(np.ones((1, len(both))))[0, 0]), bootstrap(gap, [group_of(r) for r in both])[0])
    low = found["low"]
    return {"rows": len(both), "auc_above_shallow": found, "clearly": bool(low is not None and low > 0)}
