"""One evaluation from protocol to report."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from fakeweb.batch import ordered_map
from fakeweb.errors import DatasetError, UsageError
from fakeweb.evaluate import figures, shallow
from fakeweb.evaluate.degrade import PLAIN, views
from fakeweb.evaluate.judge import Judge, Judged, Task, name_of
from fakeweb.evaluate.matched import VIEW, pair, single_class_sources
from fakeweb.evaluate.metrics import Floats
from fakeweb.evaluate.protocol import Chosen, Protocol, choose, clips
from fakeweb.evaluate.report import write_reports
from fakeweb.evaluate.scores import Row, ScoreFile
from fakeweb.media import write_atomically

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
    """Judge the samples a protocol chooses, and write scores, figures and reports.

    What was judged before in ``out`` by the same protocol is not judged again.

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
    judge = Judge(protocol)  # wrong names and broken models are found before anything else is done
    chosen = choose(protocol)
    tasks = plan(protocol, chosen)
    names = [c.reference for c in judge.classifiers]
    if len(set(names)) < len(names):
        raise UsageError(
            f"two models go by one name: {', '.join(names)}", hint="give each model a name of its own"
        )
    run = _about(protocol, judge, chosen)
    rows, traces = _judge_all(protocol, judge, tasks, out, run, workers, on_progress)
    plain = [r for r in rows if r.view == PLAIN]
    if not any(r.state == "judged" for r in plain):
        raise DatasetError(
            f"no face was found in any of {len(tasks)} files",
            hint="is it the right folder? another finder may help",
        )
    matched = _matched(protocol, judge, tasks, plain, out, workers, on_progress)
    on_progress("figures", 0, 1)
    baseline = _baseline(plain, traces, names[0])
    metrics = {
        "run": run,
        "problems": list(chosen.problems),
        "thresholds": {c.reference: asdict(c.thresholds()) for c in judge.classifiers},
        "models": {n: _model(n, rows, matched, baseline) for n in names},
        "shallow": _model(shallow.REFERENCE, [*_as_rows(plain, baseline, names[0])], [], {}),
    }
    _write(out, metrics, plain, names)
    write_reports(out, metrics, rows)
    on_progress("figures", 1, 1)
    return Evaluation(metrics, (*rows, *matched), out)


def plan(protocol: Protocol, chosen: Chosen) -> list[Task]:
    """Return what is to be done, one task per sample."""
    clip = clips(chosen.samples)
    root = protocol.data
    return [
        Task(
            sample,
            name_of(sample.path, root),
            name_of(Path(clip[sample.path]), root),
            views(sample.path in chosen.degraded),
        )
        for sample in chosen.samples
    ]


def _about(protocol: Protocol, judge: Judge, chosen: Chosen) -> dict[str, Any]:
    """Say what the scores depend on, for ``run.json``; the models by their digests."""
    from fakeweb import __version__

    plain = asdict(replace(protocol, baselines=()))
    about = {k: v for k, v in plain.items() if k not in ("data", "models", "finder_model", "baselines")}
    pairs = zip(judge.classifiers, judge.scanners, strict=True)
    return about | {
        "data": str(protocol.data.resolve().name),
        "layout": chosen.layout,
        "samples": len(chosen.samples),
        "finder": judge.finder.name,
        "models": {classifier.reference: scanner.digest() for classifier, scanner in pairs},
        "fakeweb": __version__,
        "people": list(protocol.people),
        "only": list(protocol.only),
        "skip": list(protocol.skip),
    }


def _judge_all(
    protocol: Protocol,
    judge: Judge,
    tasks: Sequence[Task],
    out: Path,
    run: dict[str, Any],
    workers: int,
    on_progress: OnProgress,
) -> tuple[list[Row], dict[str, Floats]]:
    scores = ScoreFile(out, run, {t.name: judge.rows_of(t) for t in tasks})
    traces = _Traces(out / "features.csv", scores.done)
    todo = [t for t in tasks if t.name not in scores.done]
    on_progress("judge", len(tasks) - len(todo), len(tasks))
    make = (lambda: judge) if workers <= 1 else partial(Judge, protocol)
    try:
        for done, (task, result) in enumerate(
            ordered_map(make, todo, workers=workers), len(tasks) - len(todo) + 1
        ):
            traces.add(task.name, result)
            scores.add(result.rows)
            on_progress("judge", done, len(tasks))
    finally:
        scores.close()
        traces.close()
    order = {t.name: i for i, t in enumerate(tasks)}
    return sorted(scores.rows, key=lambda r: order[r.path]), traces.values


class _Traces:
    """The shallow features by path, kept in ``features.csv``, written before the rows."""

    def __init__(self, path: Path, wanted: set[str]) -> None:
        self.values: dict[str, Floats] = {}
        if path.is_file():
            with path.open(newline="", encoding="utf-8", errors="surrogateescape") as stream:
                for cells in csv.reader(stream):
                    if cells and cells[0] in wanted:
                        self.values[cells[0]] = np.array([float(v) for v in cells[1:]])
        text = io.StringIO()
        csv.writer(text, lineterminator="\n").writerows([k, *v.tolist()] for k, v in self.values.items())
        write_atomically(path, text.getvalue().encode("utf-8", "surrogateescape"))
        self._stream = path.open("a", newline="", encoding="utf-8", errors="surrogateescape")

    def add(self, name: str, result: Judged) -> None:
        if result.features is not None:
            self.values[name] = result.features
            csv.writer(self._stream, lineterminator="\n").writerow([name, *result.features.tolist()])
            self._stream.flush()

    def close(self) -> None:
        self._stream.close()


def _matched(
    protocol: Protocol,
    judge: Judge,
    tasks: Sequence[Task],
    plain: Sequence[Row],
    out: Path,
    workers: int,
    on_progress: OnProgress,
) -> list[Row]:
    """Judge the pairs of single-class sources; kept in ``matched/``."""
    first = judge.classifiers[0].reference
    by_name = {t.name: t for t in tasks}
    pairs = [
        Task(by_name[m.path].sample, f"{m.source}/{m.path}", f"{m.source}/{m.path}", (VIEW,), m)
        for m in pair([r for r in plain if r.model == first])
    ]
    if not pairs:
        return []
    run = {"matched": [[t.name, t.match.side_px if t.match else 0] for t in pairs]}
    scores = ScoreFile(out / "matched", run, {t.name: len(judge.classifiers) for t in pairs})
    todo = [t for t in pairs if t.name not in scores.done]
    make = (lambda: judge) if workers <= 1 else partial(Judge, protocol)
    try:
        for done, (_, result) in enumerate(
            ordered_map(make, todo, workers=workers), len(pairs) - len(todo) + 1
        ):
            scores.add(result.rows)
            on_progress("matched", done, len(pairs))
    finally:
        scores.close()
    return scores.rows


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
    from dataclasses import replace

    rows = []
    for row in plain:
        p = baseline.get(row.path)
        if row.model == model and p is not None:
            verdict = "fake" if p >= 0.5 else "real"
            rows.append(
                replace(
                    row, model=shallow.REFERENCE, p_fake=p, logit=math.nan, verdict=verdict, state="judged"
                )
            )
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
    out["robustness"] = _robustness([r for r in own if r.source in inside])
    paired = [r for r in matched if r.model == name]
    out["matched"] = {
        s: figures.table([r for r in paired if r.source == s])
        for s in single_class_sources(plain)
        if any(r.source == s for r in paired)
    }
    return out


def _robustness(own: Sequence[Row]) -> dict[str, Any]:
    """Return the figures of each view, on the pictures that were seen in all of them; nothing for baselines."""
    damaged = {r.path for r in own if r.view not in (PLAIN, figures.CLIP)}
    if not damaged:
        return {}
    kept = [r for r in own if r.path in damaged]
    return {view: figures.table([r for r in kept if r.view == view]) for view in views(robust=True)}


def _write(out: Path, metrics: dict[str, Any], plain: Sequence[Row], names: Sequence[str]) -> None:
    """Write ``metrics.json`` and, per group, ``groups.csv``."""
    text = json.dumps(metrics, indent=2, ensure_ascii=False, allow_nan=False)
    write_atomically(out / "metrics.json", (text + "\n").encode("utf-8", "replace"))
    table = io.StringIO()
    lines = [
        {"model": n, **line} for n in names for line in figures.by_group([r for r in plain if r.model == n])
    ]
    if lines:
        writer = csv.DictWriter(table, list(lines[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(lines)
    write_atomically(out / "groups.csv", table.getvalue().encode("utf-8", "surrogateescape"))
