"""What is in a data set, good and bad: counts, sizes, formats, brightness, duplicates, leaks, broken files."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import astuple, dataclass
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np

from fakeweb.batch import ordered_map
from fakeweb.datasets import Sample
from fakeweb.datasets.csvfile import header_of, read_csv, write_csv
from fakeweb.datasets.likeness import near_duplicates
from fakeweb.errors import DatasetError
from fakeweb.evaluate import plots
from fakeweb.evaluate.exact import LEAST as LEAST_EXACT
from fakeweb.evaluate.exact import SURE
from fakeweb.evaluate.files import (
    FORMAT_FEATURES,
    FileFacts,
    container_aspects,
    format_features,
    read_facts,
    resampling_aspects,
)
from fakeweb.evaluate.leaks import ALLOWED, LEAST, RESAMPLED, container_leaks, resampling_leaks
from fakeweb.evaluate.pages import NONE, Block, Heading, Plot, Side, Table, Text, write_json, write_page
from fakeweb.evaluate.report import cell
from fakeweb.evaluate.score_picture import name_of

NEAR_BITS = 2
"""Difference hashes this close are looked at as duplicates; unrelated faces seldom come so near."""

_SAVE_EVERY = 500
_SHOWN = 20
_WORDS = {0: "real", 1: "fake", None: "no face"}
OnProgress = Callable[[str, int, int], None]
Pairs = Sequence[tuple[Sample, FileFacts]]


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
    on_progress: OnProgress = lambda _stage, _done, _total: None,
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
    pairs = list(zip(samples, _read_all(root, samples, out, workers, on_progress), strict=True))
    on_progress("duplicates", 0, 1)
    doubles = _duplicates(pairs)
    _write_duplicates(out / "duplicates.csv", doubles)
    on_progress("leaks", 0, 1)
    findings = _findings(root, layout, problems, pairs, doubles)
    findings["crop_leaks"] = None if crop_leaks is None else crop_leaks()
    write_json(out / "inspection.json", findings)
    blocks = [*_overview(findings, pairs), *_leak_blocks(findings), *_double_blocks(findings, doubles)]
    write_page(out, "report", blocks)
    on_progress("leaks", 1, 1)
    return Inspection(findings, out)


def _findings(
    root: Path, layout: str, problems: Sequence[str], pairs: Pairs, doubles: Sequence[_Double]
) -> dict[str, Any]:
    return {
        "data": root.resolve().name,
        "layout": layout,
        "files": len(pairs),
        "left_out": list(problems),
        "broken": [{"path": f.path, "error": f.error} for _, f in pairs if f.error],
        "sources": _sources(pairs),
        "duplicates": _count_doubles(doubles),
        **_leaks(pairs),
    }


def _read_all(
    root: Path, samples: Sequence[Sample], out: Path, workers: int, on_progress: OnProgress
) -> list[FileFacts]:
    table = out / "files.csv"
    found = (read_csv(table, FileFacts) or ()) if table.is_file() else ()
    known = {facts.path: facts for facts in found}
    todo = [s for s in samples if name_of(s.path, root) not in known]
    before = len(samples) - len(todo)

    def save() -> None:
        write_csv(table, [header_of(FileFacts), *map(astuple, known.values())])

    try:
        for done, (_, facts) in enumerate(ordered_map(partial(_reader, root), todo, workers=workers), 1):
            known[facts.path] = facts
            on_progress("read", before + done, len(samples))
            if done % _SAVE_EVERY == 0:
                save()
    finally:
        save()
    return [known[name_of(s.path, root)] for s in samples]


def _reader(root: Path) -> Callable[[Sample], FileFacts]:
    """Return what reads one sample's file; called inside each process."""
    return lambda sample: read_facts(sample.path, name_of(sample.path, root))


@dataclass(frozen=True)
class _Double:
    """Two files that are, or look, the same."""

    one: tuple[Sample, FileFacts]
    other: tuple[Sample, FileFacts]
    bits: int
    exact: bool

    def across(self, what: str) -> bool:
        """Tell whether they differ in ``label`` or ``split``."""
        return bool(getattr(self.one[0], what) != getattr(self.other[0], what))


def _duplicates(pairs: Pairs) -> list[_Double]:
    """Find duplicates: equal bytes, or hashes at most :data:`NEAR_BITS` apart.

    A fake and its own original, which stand in one group, are none.
    """
    out = []
    for one, other, bits in near_duplicates([f.dhash for _, f in pairs], NEAR_BITS):
        (a, first), (b, second) = pairs[one], pairs[other]
        exact = first.sha256 == second.sha256
        if exact or (a.source, a.group) != (b.source, b.group):
            out.append(_Double(pairs[one], pairs[other], bits, exact))
    return out


def _count_doubles(doubles: Sequence[_Double]) -> dict[str, int]:
    counts = {
        name: sum(d.exact == exact for d in doubles) for name, exact in (("exact", True), ("near", False))
    }
    for (name, exact), what in product((("exact", True), ("near", False)), ("label", "split")):
        counts[f"{name}_across_{what}s"] = sum(d.exact == exact and d.across(what) for d in doubles)
    return counts


def _write_duplicates(path: Path, doubles: Sequence[_Double]) -> None:
    rows: list[list[object]] = [["one", "other", "bits", "exact", "across_labels", "across_splits"]]
    for d in doubles:
        flags = (int(v) for v in (d.exact, d.across("label"), d.across("split")))
        rows.append([d.one[1].path, d.other[1].path, d.bits, *flags])
    write_csv(path, rows)


def _sources(pairs: Pairs) -> dict[str, dict[str, Any]]:
    found: dict[str, list[tuple[Sample, FileFacts]]] = defaultdict(list)
    for pair in pairs:
        found[pair[0].source].append(pair)
    out = {}
    for source, own in sorted(found.items()):
        read = [f for _, f in own if not f.error]
        sizes = Counter((f.width, f.height) for f in read).most_common(3)
        out[source] = {
            "labels": dict(Counter(_WORDS[s.label] for s, _ in own)),
            "splits": dict(Counter(s.split for s, _ in own)),
            "kinds": dict(Counter(s.kind for s, _ in own if s.kind)),
            "groups": len({s.group for s, _ in own}),
            "formats": dict(Counter(f.format for f in read)),
            "sizes": [[f"{w} x {h}", n] for (w, h), n in sizes],
            "side_px": _spread([f.side_px for f in read]),
            "brightness": _spread([f.brightness for f in read]),
            "sharpness": _spread([f.sharpness for f in read]),
            "kilobytes": _spread([f.bytes / 1000 for f in read]),
            "broken": len(own) - len(read),
        }
    return out


def _spread(values: Sequence[float]) -> list[float]:
    """Return the 5 %, 50 % and 95 % quantiles, or nothing."""
    return [round(float(v), 2) for v in np.percentile(values, [5, 50, 95])] if values else []


def _leaks(pairs: Pairs) -> dict[str, Any]:
    """Say per source how well containers alone tell the classes, and whether one of them was resampled."""
    readable = [(s, f) for s, f in pairs if not f.error and s.label is not None]
    samples = [s for s, _ in readable]

    def facts(places: list[int]) -> list[FileFacts]:
        return [readable[i][1] for i in places]

    return {
        "format_leaks": container_leaks(
            samples,
            lambda at: container_aspects(facts(at)),
            lambda at: format_features(facts(at)),
            FORMAT_FEATURES,
        ),
        "resampling_leaks": resampling_leaks(samples, lambda at: resampling_aspects(facts(at))),
    }


def _overview(findings: dict[str, Any], pairs: Pairs) -> list[Block]:
    sources = findings["sources"]
    head = [
        "source", "real", "fake", "no face", "train", "val", "test", "groups", "formats", "commonest size",
        "shorter side, px", "brightness", "kB", "broken",
    ]  # fmt: skip
    counts = [
        plots.bars_plot({n: s[key] for n, s in sources.items()}, name, f"pictures by {what}", "pictures")
        for key, name, what in (("labels", "counts", "source"), ("splits", "splits", "split"))
    ]
    blocks: list[Block] = [
        Heading(f"Inspection of {findings['data']}", 1),
        Text(
            f"{findings['files']} pictures in {len(sources)} sources, layout {findings['layout']}; "
            f"{len(findings['broken'])} cannot be read."
        ),
        Table(head, [_source_row(name, s) for name, s in sources.items()]),
        Text("Ranges are 5 %, 50 % and 95 % quantiles."),
        Side(counts),
        _boxes(pairs),
    ]
    if findings["left_out"]:
        blocks += [Heading("Left out by the layout"), *(Text(line) for line in findings["left_out"])]
    if findings["broken"]:
        rows = [[b["path"], b["error"]] for b in findings["broken"][:_SHOWN]]
        blocks += [Heading("Cannot be read"), Table(["file", "why"], rows)]
    return blocks


def _source_row(name: str, source: dict[str, Any]) -> list[str]:
    formats = ", ".join(f"{k} {n}" for k, n in source["formats"].items())
    size = f"{source['sizes'][0][0]} ({source['sizes'][0][1]})" if source["sizes"] else NONE
    spread = (
        " / ".join(f"{v:.0f}" for v in source[k]) or NONE for k in ("side_px", "brightness", "kilobytes")
    )
    counts = [source["labels"].get(k, 0) for k in ("real", "fake", "no face")]
    counts += [source["splits"].get(k, 0) for k in ("train", "val", "test")]
    return [name, *map(str, counts), str(source["groups"]), formats, size, *spread, str(source["broken"])]


def _boxes(pairs: Pairs) -> Side:
    """Draw brightness, sharpness and size by source and class: where the classes of one source differ, beware."""
    found: dict[str, list[FileFacts]] = defaultdict(list)
    for sample, facts in pairs:
        if not facts.error:
            found[f"{sample.source} {_WORDS[sample.label]}"].append(facts)
    if not found:
        return Side([])

    def box(field: str, name: str, title: str, label: str) -> Plot:
        values = {n: [float(getattr(f, field)) for f in found[n]] for n in sorted(found)}
        return plots.box_plot(values, name, title, label)

    return Side(
        [
            box("brightness", "brightness", "brightness", "mean luma"),
            box("sharpness", "sharpness", "sharpness", "log variance of the Laplacian"),
            box("side_px", "sizes", "shorter side", "pixels"),
        ]
    )


def _leak_blocks(findings: dict[str, Any]) -> list[Block]:
    blocks: list[Block] = [
        Heading("Leaks"),
        Text(
            "How well a small classifier tells real from fake by handling alone, cross-validated by group, within "
            f"each source that holds at least {LEAST} of both. Above {0.5 + ALLOWED:.2f}, a network can learn the "
            f"handling instead of the faces. From {LEAST_EXACT} of both on, each aspect alone: its AUC, and how often "
            f"shuffled labels do as well with any aspect (p; {SURE} or less is no chance)."
        ),
        Heading("By the container: size, aspect, format, quantiser, sampling, segments", 3),
        _leak_table(findings["format_leaks"], LEAST_EXACT),
        Heading("By resampling: spectral slope, fine detail, periodicity, JPEG grid", 3),
        Text(
            "One class was shrunk or enlarged and the other not, or is softer. Manipulations leave some of these "
            f"traces too, so that only an AUC above {0.5 + RESAMPLED:.2f} counts."
        ),
        _leak_table(findings["resampling_leaks"], LEAST_EXACT),
    ]
    if findings["crop_leaks"] is not None:
        title = "In the crops that training sees: size, phase of the JPEG grid, traces of the quantiser"
        blocks += [Heading(title, 3), _leak_table(findings["crop_leaks"], LEAST)]
    return blocks


def _leak_table(leaks: dict[str, Any], least: int) -> Block:
    if not leaks:
        return Text(f"No source holds {least} of both classes.")
    rows = [
        [s, str(v["real"]), str(v["fake"]), cell(v["auc"]), f"{v['worst_feature']} {v['worst_auc']:.3f}",
         f"{v['p']:.4f}" if "p" in v else NONE, v.get("words", NONE), "LEAKS" if v["leaks"] else "no"]
        for s, v in leaks.items()
    ]  # fmt: skip
    head = [
        "source",
        "real",
        "fake",
        "AUC",
        "most telling alone",
        "p",
        "what reals and fakes are like",
        "leaks",
    ]
    return Table(head, rows)


def _double_blocks(findings: dict[str, Any], doubles: Sequence[_Double]) -> list[Block]:
    lines = [[k.replace("_", " "), str(n)] for k, n in findings["duplicates"].items()]
    blocks: list[Block] = [
        Heading("Duplicates"),
        Text(
            f"Exact: the same bytes. Near: 64-bit difference hashes at most {NEAR_BITS} bits apart in different "
            "groups; faces of one studio can be that close without being one picture. All pairs: duplicates.csv."
        ),
        Table(["pairs", "count"], lines),
    ]
    worst = sorted(doubles, key=lambda d: (not d.exact, not d.across("split"), not d.across("label"), d.bits))
    if worst:
        rows = []
        for d in worst[:_SHOWN]:
            (one, first), (other, second) = d.one, d.other
            labels = f"{_WORDS[one.label]}, {_WORDS[other.label]}"
            how = "exact" if d.exact else f"{d.bits} bits"
            rows.append([first.path, second.path, how, labels, f"{one.split}, {other.split}"])
        blocks.append(Table(["one", "other", "how", "labels", "splits"], rows))
    return blocks
