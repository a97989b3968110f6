"""What is in a data set, good and bad: counts, sizes, formats, brightness, duplicates, leaks, broken files."""

from __future__ import annotations

import csv
import io
import json
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from fakeweb.batch import ordered_map
from fakeweb.errors import DatasetError
from fakeweb.evaluate import plots
from fakeweb.evaluate.files import (
    FORMAT_FEATURES,
    FileFacts,
    format_features,
    near_duplicates,
    read_facts,
    read_facts_file,
    write_facts,
)
from fakeweb.evaluate.judge import name_of
from fakeweb.evaluate.leaks import ALLOWED, LEAST, leak, two_class
from fakeweb.evaluate.pages import NONE, Block, Heading, Side, Table, Text, write_page
from fakeweb.media import write_atomically
from fakeweb.types import Sample

NEAR_BITS = 2
"""Difference hashes this close are looked at as duplicates; unrelated faces seldom come so near."""

_SAVE_EVERY = 500
_SHOWN = 20


@dataclass(frozen=True)
class Inspection:
    """What was found, as in ``inspection.json``, and where the report lies."""

    findings: dict[str, Any]
    folder: Path


def inspect(
    root: Path,
    samples: Sequence[Sample],
    problems: Sequence[str],
    layout: str,
    out: Path,
    *,
    crop_leaks: Callable[[], dict[str, Any]] | None = None,
    workers: int = 1,
    on_progress: Callable[[str, int, int], None] = lambda _stage, _done, _total: None,
) -> Inspection:
    """Inspect every picture of a data set and write ``files.csv``, ``duplicates.csv`` and reports.

    What an interrupted inspection has read is not read again.

    Args:
        root: The data set.
        samples: Its samples; those without a label (pictures without a face) are inspected too.
        problems: What the layout left out.
        layout: Its name.
        out: Folder for the report.
        crop_leaks: Measures the leaks of training crops, see :func:`.leaks.crops_leak`; None leaves them out.
        workers: Processes.
        on_progress: Called with (stage, done, total).

    Raises:
        DatasetError: There is no sample.
    """
    if not samples:
        raise DatasetError(f"no picture in {root}", hint="is it the right folder?")
    facts = _read_all(root, samples, out, workers, on_progress)
    on_progress("duplicates", 0, 1)
    doubles = _duplicates(samples, facts)
    _write_duplicates(out / "duplicates.csv", doubles, facts)
    on_progress("leaks", 0, 1)
    findings: dict[str, Any] = {
        "data": root.resolve().name,
        "layout": layout,
        "files": len(samples),
        "left_out": list(problems),
        "broken": [{"path": f.path, "error": f.error} for f in facts if f.error],
        "sources": _sources(samples, facts),
        "duplicates": _count_doubles(doubles),
        "format_leaks": _format_leaks(samples, facts),
        "crop_leaks": None if crop_leaks is None else crop_leaks(),
    }
    text = json.dumps(findings, indent=2, ensure_ascii=False, allow_nan=False)
    write_atomically(out / "inspection.json", (text + "\n").encode("utf-8", "replace"))
    write_page(out, "report", _blocks(findings, samples, facts, doubles))
    on_progress("leaks", 1, 1)
    return Inspection(findings, out)


@dataclass(frozen=True)
class _Reader:
    root: Path

    def __call__(self, sample: Sample) -> FileFacts:
        return read_facts(sample.path, name_of(sample.path, self.root))


@dataclass(frozen=True)
class _MakeReader:
    root: Path

    def __call__(self) -> _Reader:
        return _Reader(self.root)


def _read_all(
    root: Path,
    samples: Sequence[Sample],
    out: Path,
    workers: int,
    on_progress: Callable[[str, int, int], None],
) -> list[FileFacts]:
    known = read_facts_file(out / "files.csv")
    todo = [s for s in samples if name_of(s.path, root) not in known]
    before = len(samples) - len(todo)
    try:
        for done, (_, facts) in enumerate(ordered_map(_MakeReader(root), todo, workers=workers), 1):
            known[facts.path] = facts
            on_progress("read", before + done, len(samples))
            if done % _SAVE_EVERY == 0:
                write_facts(out / "files.csv", list(known.values()))
    finally:
        write_facts(out / "files.csv", list(known.values()))
    return [known[name_of(s.path, root)] for s in samples]


@dataclass(frozen=True)
class _Double:
    """Two files that are, or look, the same."""

    one: int
    other: int
    bits: int
    exact: bool
    across_labels: bool
    across_splits: bool


def _duplicates(samples: Sequence[Sample], facts: Sequence[FileFacts]) -> list[_Double]:
    """Find duplicates: equal bytes, or hashes at most :data:`NEAR_BITS` apart.

    A fake and its own original, which stand in one group, are none.
    """
    out = []
    for one, other, bits in near_duplicates([f.dhash for f in facts], NEAR_BITS):
        a, b = samples[one], samples[other]
        exact = facts[one].sha256 == facts[other].sha256
        together = (a.source, a.group) == (b.source, b.group)
        if exact or not together:
            out.append(_Double(one, other, bits, exact, a.label != b.label, a.split != b.split))
    return out


def _count_doubles(doubles: Sequence[_Double]) -> dict[str, int]:
    return {
        "exact": sum(d.exact for d in doubles),
        "near": sum(not d.exact for d in doubles),
        "exact_across_labels": sum(d.exact and d.across_labels for d in doubles),
        "exact_across_splits": sum(d.exact and d.across_splits for d in doubles),
        "near_across_labels": sum(not d.exact and d.across_labels for d in doubles),
        "near_across_splits": sum(not d.exact and d.across_splits for d in doubles),
    }


def _write_duplicates(path: Path, doubles: Sequence[_Double], facts: Sequence[FileFacts]) -> None:
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(["one", "other", "bits", "exact", "across_labels", "across_splits"])
    for d in doubles:
        flags = (int(v) for v in (d.exact, d.across_labels, d.across_splits))
        table.writerow([facts[d.one].path, facts[d.other].path, d.bits, *flags])
    write_atomically(path, text.getvalue().encode("utf-8", "surrogateescape"))


_WORDS = {0: "real", 1: "fake", None: "no face"}


def _sources(samples: Sequence[Sample], facts: Sequence[FileFacts]) -> dict[str, dict[str, Any]]:
    found: dict[str, list[tuple[Sample, FileFacts]]] = defaultdict(list)
    for sample, fact in zip(samples, facts, strict=True):
        found[sample.source].append((sample, fact))
    out = {}
    for source, own in sorted(found.items()):
        read = [f for _, f in own if not f.error]
        out[source] = {
            "labels": dict(Counter(_WORDS[s.label] for s, _ in own)),
            "splits": dict(Counter(s.split for s, _ in own)),
            "kinds": dict(Counter(s.kind for s, _ in own if s.kind)),
            "groups": len({s.group for s, _ in own}),
            "formats": dict(Counter(f.format for f in read)),
            "sizes": [
                [f"{w} x {h}", n] for (w, h), n in Counter((f.width, f.height) for f in read).most_common(3)
            ],
            "side_px": _spread([min(f.width, f.height) for f in read]),
            "brightness": _spread([f.brightness for f in read]),
            "sharpness": _spread([f.sharpness for f in read]),
            "kilobytes": _spread([f.bytes / 1000 for f in read]),
            "broken": len(own) - len(read),
        }
    return out


def _spread(values: Sequence[float]) -> list[float]:
    """Return the 5 %, 50 % and 95 % quantiles, or nothing."""
    return [round(float(v), 2) for v in np.percentile(values, [5, 50, 95])] if values else []


def _format_leaks(samples: Sequence[Sample], facts: Sequence[FileFacts]) -> dict[str, Any]:
    """Say per two-class source how well containers alone tell the classes."""
    out = {}
    readable = [(s, f) for s, f in zip(samples, facts, strict=True) if not f.error and s.label is not None]
    for source in two_class([s for s, _ in readable]):
        own = [(s, f) for s, f in readable if s.source == source]
        out[source] = leak(format_features([f for _, f in own]), [s for s, _ in own], FORMAT_FEATURES)
    return out


def _blocks(
    findings: dict[str, Any],
    samples: Sequence[Sample],
    facts: Sequence[FileFacts],
    doubles: Sequence[_Double],
) -> list[Block]:
    sources = findings["sources"]
    blocks: list[Block] = [
        Heading(f"Inspection of {findings['data']}", 1),
        Text(
            f"{findings['files']} pictures in {len(sources)} sources, layout {findings['layout']}; "
            f"{len(findings['broken'])} cannot be read."
        ),
        Table(
            [
                "source",
                "real",
                "fake",
                "no face",
                "train",
                "val",
                "test",
                "groups",
                "formats",
                "commonest size",
                "shorter side, px",
                "brightness",
                "kB",
                "broken",
            ],
            [_source_row(name, s) for name, s in sources.items()],
        ),
        Text("Ranges are 5 %, 50 % and 95 % quantiles."),
        Side(
            [
                plots.bars_plot(
                    {n: s["labels"] for n, s in sources.items()}, "counts", "pictures by source", "pictures"
                ),
                plots.bars_plot(
                    {n: s["splits"] for n, s in sources.items()}, "splits", "pictures by split", "pictures"
                ),
            ]
        ),
        _boxes(samples, facts),
    ]
    if findings["left_out"]:
        blocks += [Heading("Left out by the layout"), *(Text(line) for line in findings["left_out"])]
    if findings["broken"]:
        shown = findings["broken"][:_SHOWN]
        blocks += [
            Heading("Cannot be read"),
            Table(["file", "why"], [[b["path"], b["error"]] for b in shown]),
        ]
    return [*blocks, *_leak_blocks(findings), *_double_blocks(findings, samples, facts, doubles)]


def _source_row(name: str, source: dict[str, Any]) -> list[str]:
    labels, splits = source["labels"], source["splits"]
    formats = ", ".join(f"{k} {n}" for k, n in source["formats"].items())
    size = f"{source['sizes'][0][0]} ({source['sizes'][0][1]})" if source["sizes"] else NONE
    spread = (
        " / ".join(f"{v:.0f}" for v in source[k]) or NONE for k in ("side_px", "brightness", "kilobytes")
    )
    counts = [str(labels.get(k, 0)) for k in ("real", "fake", "no face")] + [
        str(splits.get(k, 0)) for k in ("train", "val", "test")
    ]
    return [name, *counts, str(source["groups"]), formats, size, *spread, str(source["broken"])]


def _boxes(samples: Sequence[Sample], facts: Sequence[FileFacts]) -> Side:
    """Draw brightness, sharpness and size by source and class: where the classes of one source differ, beware."""
    found: dict[str, list[FileFacts]] = defaultdict(list)
    for sample, fact in zip(samples, facts, strict=True):
        if not fact.error:
            found[f"{sample.source} {_WORDS[sample.label]}"].append(fact)
    names = sorted(found)
    return Side(
        [
            plots.box_plot(
                {n: [f.brightness for f in found[n]] for n in names}, "brightness", "brightness", "mean luma"
            ),
            plots.box_plot(
                {n: [f.sharpness for f in found[n]] for n in names},
                "sharpness",
                "sharpness",
                "log variance of the Laplacian",
            ),
            plots.box_plot(
                {n: [float(min(f.width, f.height)) for f in found[n]] for n in names},
                "sizes",
                "shorter side",
                "pixels",
            ),
        ]
        if names
        else []
    )


def _leak_blocks(findings: dict[str, Any]) -> list[Block]:
    blocks: list[Block] = [
        Heading("Leaks"),
        Text(
            "How well a small classifier tells real from fake by handling alone, cross-validated by "
            "group, within each source "
            f"that holds at least {LEAST} of both. Above {0.5 + ALLOWED:.2f}, a network can learn the "
            "handling instead of the faces."
        ),
        Heading("By the container: size, aspect, format, quantiser, sampling, segments", 3),
        _leak_table(findings["format_leaks"]),
    ]
    if findings["crop_leaks"] is not None:
        blocks += [
            Heading(
                "In the crops that training sees: size, phase of the JPEG grid, traces of the quantiser", 3
            ),
            _leak_table(findings["crop_leaks"]),
        ]
    return blocks


def _leak_table(leaks: dict[str, Any]) -> Block:
    from fakeweb.evaluate.report import cell

    if not leaks:
        return Text(f"No source holds {LEAST} of both classes.")
    rows = [
        [
            s,
            str(v["real"]),
            str(v["fake"]),
            cell(v["auc"]),
            f"{v['worst_feature']} {v['worst_auc']:.3f}",
            "LEAKS" if v["leaks"] else "no",
        ]
        for s, v in leaks.items()
    ]
    return Table(["source", "real", "fake", "AUC", "most telling alone", "leaks"], rows)


def _double_blocks(
    findings: dict[str, Any],
    samples: Sequence[Sample],
    facts: Sequence[FileFacts],
    doubles: Sequence[_Double],
) -> list[Block]:
    count = findings["duplicates"]
    lines = [[k.replace("_", " "), str(n)] for k, n in count.items()]
    blocks: list[Block] = [
        Heading("Duplicates"),
        Text(
            f"Exact: the same bytes. Near: 64-bit difference hashes at most {NEAR_BITS} bits apart in "
            "different groups; faces of one "
            "studio can be that close without being one picture. All pairs: duplicates.csv."
        ),
        Table(["pairs", "count"], lines),
    ]
    worst = sorted(doubles, key=lambda d: (not d.exact, not d.across_splits, not d.across_labels, d.bits))[
        :_SHOWN
    ]
    if worst:
        rows = [
            [
                facts[d.one].path,
                facts[d.other].path,
                "exact" if d.exact else f"{d.bits} bits",
                f"{_WORDS[samples[d.one].label]}, {_WORDS[samples[d.other].label]}",
                f"{samples[d.one].split}, {samples[d.other].split}",
            ]
            for d in worst
        ]
        blocks.append(Table(["one", "other", "how", "labels", "splits"], rows))
    return blocks
