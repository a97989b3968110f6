"""One evaluation from protocol to report."""

from __future__ import annotations

import csv
import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from fakeweb.batch import ordered_map
from fakeweb.datasets.csvfile import to_csv, write_csv
from fakeweb.datasets.files import shows_video
from fakeweb.errors import DatasetError, UsageError
from fakeweb.evaluate import figures, shallow
from fakeweb.evaluate.degrade import PLAIN, views
from fakeweb.evaluate.matched import ALIKE, VIEW, pair
from fakeweb.evaluate.pages import write_json
from fakeweb.evaluate.protocol import Chosen, Protocol, choose, clips
from fakeweb.evaluate.report import write_reports
from fakeweb.evaluate.score_picture import Scored, Task, name_of
from fakeweb.evaluate.score_video import SampleScorer
from fakeweb.evaluate.scores import Row, ScoreFile
from fakeweb.metrics import Floats

OnProgress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Evaluation:
    """What an evaluation came to: its figures (as in ``metrics.json``), its rows, and where everything lies."""

    metrics: dict[str, Any]
    rows: tuple[Row, ...]
    folder: Path


def evaluate(
    protocol: Protocol,
    out: Path,
    *,
    workers: int = 1,
    on_progress: OnProgress = lambda _stage, _done, _total: None,
) -> Evaluation:
    """Score the samples a protocol chooses, and write scores, figures and reports.

    What was scored before in ``out`` by the same protocol is not scored again.

    Args:
        protocol: What is judged, and how.
        out: Gets ``scores.csv``, ``features.csv``, ``groups.csv``, ``metrics.json``, ``report.html`` and ``report.md``.
        workers: Processes.
        on_progress: Called with (stage, done, total).

    Raises:
        DatasetError: Nothing to judge, or no face in any of it.
        UsageError: ``out`` holds another evaluation.
        UnknownName, ModelError: A finder, model or layout cannot be used.
    """
    scorer = SampleScorer(protocol)  # wrong names and broken models are found before anything else is done
    names = _names(scorer)
    chosen = choose(protocol)
    run = _about(protocol, scorer, chosen)
    rows, matched, traces = _rows(scorer, plan(protocol, chosen), out, run, workers, on_progress)
    on_progress("figures", 0, 1)
    plain = [r for r in rows if r.view == PLAIN]
    baseline = _baseline(plain, traces, names[0])
    metrics = {
        "run": run,
        "problems": list(chosen.problems),
        "thresholds": {c.reference: asdict(c.thresholds()) for c in scorer.classifiers},
        "models": {n: _model(n, rows, matched, baseline) for n in names},
        "shallow": _model(shallow.REFERENCE, [*_as_rows(plain, baseline, names[0])], [], {}),
    }
    _write(out, metrics, rows, names)
    on_progress("figures", 1, 1)
    return Evaluation(metrics, (*rows, *matched), out)


def _names(scorer: SampleScorer) -> list[str]:
    names = [c.reference for c in scorer.classifiers]
    if len(set(names)) < len(names):
        hint = "give each model a name of its own"
        raise UsageError(f"two models go by one name: {', '.join(names)}", hint=hint)
    return names


def plan(protocol: Protocol, chosen: Chosen) -> list[Task]:
    """Return what is to be done, one task per sample."""
    clip, root = clips(chosen.samples), protocol.data

    def looks(path: Path) -> tuple[str, ...]:
        alike = protocol.matched_handling and not shows_video(path)
        return (*views(path in chosen.degraded), *((ALIKE,) if alike else ()))

    return [
        Task(s, name_of(s.path, root), name_of(Path(clip[s.path]), root), looks(s.path))
        for s in chosen.samples
    ]


def _about(protocol: Protocol, scorer: SampleScorer, chosen: Chosen) -> dict[str, Any]:
    """Say what the scores depend on, for ``run.json``; the models by their digests."""
    from fakeweb import __version__

    plain = asdict(replace(protocol, baselines=()))
    left = ("data", "models", "finder_model", "baselines")
    pairs = zip(scorer.classifiers, scorer.scanners, strict=True)
    return {k: v for k, v in plain.items() if k not in left} | {
        "data": str(protocol.data.resolve().name),
        "layout": chosen.layout,
        "samples": len(chosen.samples),
        "finder": scorer.finder.name,
        "models": {classifier.reference: scanner.digest() for classifier, scanner in pairs},
        "fakeweb": __version__,
        **{k: list(getattr(protocol, k)) for k in ("people", "only", "skip")},
    }


def _rows(
    scorer: SampleScorer,
    tasks: Sequence[Task],
    out: Path,
    run: dict[str, Any],
    workers: int,
    on_progress: OnProgress,
) -> tuple[list[Row], list[Row], dict[str, Floats]]:
    """Score all samples, then the pairs of single-class sources (kept in ``matched/``).

    Returns:
        Rows of the samples and of the pairs, and the shallow features by path.
    """
    scores = ScoreFile(out, run, {t.name: scorer.rows_of(t) for t in tasks})
    traces = _Traces(out / "features.csv", scores.done)
    _score(scorer, tasks, scores, "judge", workers, on_progress, traces)
    order = {t.name: i for i, t in enumerate(tasks)}
    rows = sorted(scores.rows, key=lambda r: order[r.path])
    plain = [r for r in rows if r.view == PLAIN]
    if not any(r.state == "judged" for r in plain):
        raise DatasetError(
            f"no face was found in any of {len(tasks)} files",
            hint="is it the right folder? another finder may help",
        )
    samples = {t.name: t.sample for t in tasks}
    first = scorer.classifiers[0].reference
    pairs = [
        Task(samples[m.path], f"{m.source}/{m.path}", f"{m.source}/{m.path}", (VIEW,), m)
        for m in pair([r for r in plain if r.model == first])
    ]
    if not pairs:
        return rows, [], traces.values
    about = {"matched": [[t.name, t.match.side_px if t.match else 0] for t in pairs]}
    matched = ScoreFile(out / "matched", about, {t.name: len(scorer.classifiers) for t in pairs})
    _score(scorer, pairs, matched, "matched", workers, on_progress)
    return rows, matched.rows, traces.values


def _score(
    scorer: SampleScorer,
    tasks: Sequence[Task],
    scores: ScoreFile,
    stage: str,
    workers: int,
    on_progress: OnProgress,
    traces: _Traces | None = None,
) -> None:
    """Score the tasks that have no rows yet, by so many processes."""
    todo = [t for t in tasks if t.name not in scores.done]
    before = len(tasks) - len(todo)
    on_progress(stage, before, len(tasks))
    make = (lambda: scorer) if workers <= 1 else partial(SampleScorer, scorer.protocol)
    try:
        for done, (task, scored) in enumerate(ordered_map(make, todo, workers=workers), before + 1):
            if traces is not None:
                traces.add(task.name, scored)
            scores.add(scored.rows)
            on_progress(stage, done, len(tasks))
    finally:
        scores.close()
        if traces is not None:
            traces.stream.close()


class _Traces:
    """The shallow features by path, kept in ``features.csv``, written before the rows."""

    def __init__(self, path: Path, wanted: set[str]) -> None:
        self.values: dict[str, Floats] = {}
        how: dict[str, Any] = {"newline": "", "encoding": "utf-8", "errors": "surrogateescape"}
        if path.is_file():
            with path.open(**how) as stream:
                for cells in csv.reader(stream):
                    if cells and cells[0] in wanted:
                        self.values[cells[0]] = np.array([float(v) for v in cells[1:]])
        write_csv(path, ([k, *v.tolist()] for k, v in self.values.items()))
        self.stream = path.open("a", **how)

    def add(self, name: str, scored: Scored) -> None:
        if scored.features is not None:
            self.values[name] = scored.features
            self.stream.write(to_csv([[name, *scored.features.tolist()]]))
            self.stream.flush()


def _baseline(plain: Sequence[Row], traces: dict[str, Floats], model: str) -> dict[str, float]:
    """Return the shallow baseline's P(fake) by path."""
    own = [r for r in plain if r.model == model and r.path in traces]
    if not own:
        return {}
    p = shallow.out_of_fold(
        [traces[r.path] for r in own], [r.label for r in own], [figures.group_of(r) for r in own]
    )
    return {r.path: float(v) for r, v in zip(own, p, strict=True) if math.isfinite(v)}


def _as_rows(plain: Sequence[Row], baseline: dict[str, float], model: str) -> list[Row]:
    """Return the baseline's scores as rows, so that it gets the same figures; even odds decide."""
    rows = []
    for row in plain:
        p = baseline.get(row.path)
        if row.model == model and p is not None:
            said = replace(row, model=shallow.REFERENCE, p_fake=p, logit=math.nan, state="judged")
            rows.append(replace(said, verdict="fake" if p >= 0.5 else "real"))
    return rows


def _model(
    name: str, rows: Sequence[Row], matched: Sequence[Row], baseline: dict[str, float]
) -> dict[str, Any]:
    """Return all figures of one model."""
    own = [r for r in rows if r.model == name]
    plain = [r for r in own if r.view == PLAIN]
    whole = figures.by_clip([r for r in own if r.view in (PLAIN, figures.CLIP)])
    inside = set(figures.two_class_sources(plain))
    two = [r for r in plain if r.source in inside]
    out: dict[str, Any] = {
        "two_class_sources": sorted(inside),
        "pooled_two_class": figures.table(two),
        "pooled_all": figures.table(plain),
        "sources": figures.by_source(plain),
        "kinds": figures.by_kind(plain),
        "kind_confusion": figures.kind_confusion(plain),
        "manipulations": figures.by_manipulation([r for r in own if r.view in (PLAIN, figures.CLIP)]),
        "confusion": figures.confusion(plain),
        "confusion_by_faces": figures.confusion_by_faces(plain),
        "conditions": figures.by_condition(plain),
        "worst_groups": figures.by_group(plain)[:10],
    }
    if any(r.view == figures.CLIP for r in own) or len(whole) < len(plain):
        out["video"] = {
            "pooled_two_class": figures.table([r for r in whole if r.source in inside]),
            "pooled_all": figures.table(whole),
            "confusion": figures.confusion(whole),
        }
    if baseline:
        within = {s: figures.beats([r for r in two if r.source == s], baseline) for s in sorted(inside)}
        out["against_shallow"] = {"pooled": figures.beats(two, baseline), "sources": within}
    if alike := [r for r in own if r.view == ALIKE]:
        inside_alike = set(figures.two_class_sources(alike))
        out["alike"] = {
            "pooled_two_class": figures.table([r for r in alike if r.source in inside_alike]),
            "pooled_all": figures.table(alike),
            "sources": figures.by_source(alike),
        }
    out["robustness"] = _robustness([r for r in own if r.source in inside])
    paired = figures.by_source([r for r in matched if r.model == name])
    out["matched"] = {s: paired[s] for s in figures.single_class_sources(plain) if s in paired}
    return out


def _robustness(own: Sequence[Row]) -> dict[str, Any]:
    """Return the figures of each view, on the pictures that were seen in all of them; nothing for baselines."""
    damaged = {r.path for r in own if r.view not in (PLAIN, ALIKE, figures.CLIP)}
    if not damaged:
        return {}
    kept = [r for r in own if r.path in damaged]
    return {view: figures.table([r for r in kept if r.view == view]) for view in views(robust=True)}


def _write(out: Path, metrics: dict[str, Any], rows: Sequence[Row], names: Sequence[str]) -> None:
    """Write ``metrics.json``, per group ``groups.csv``, and the reports."""
    plain = [r for r in rows if r.view == PLAIN]
    write_json(out / "metrics.json", metrics)
    lines = [
        {"model": n, **line} for n in names for line in figures.by_group([r for r in plain if r.model == n])
    ]
    write_csv(out / "groups.csv", [[*lines[0]], *([*line.values()] for line in lines)] if lines else [])
    write_reports(out, metrics, rows)
