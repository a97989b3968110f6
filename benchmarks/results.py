"""Measure the shipped Scanner and write docs/reference/results.md: ``just bench [--data FOLDER]``.

Speed is measured on the example picture, accuracy on validation groups B of the labelled pictures by `fakeweb evaluate`
(extra ``evaluate``), end to end: bytes in, verdict out, with the default finder and mesh. Its whole report goes to
``--out``, an interrupted run goes on there, and ``--baselines FOLDER`` sets published classifiers beside it. Without
labelled pictures only speed is measured.
"""

from __future__ import annotations

import contextlib
import os
import platform
import re
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from importlib import metadata
from pathlib import Path
from typing import Any

import cv2
import numpy as np

import fakeweb
from baselines import read_baselines
from bench import EXAMPLE, LABELS, PEOPLE, ROOT, arguments, head, line, processor, put
from fakeweb.evaluate.degrade import PLAIN
from fakeweb.evaluate.report import cell, values
from fakeweb.evaluate.scores import Row
from fakeweb.media import encode_jpeg
from fakeweb.scanner import DEFAULT_MODEL
from fakeweb.types import Image


def median_s(function: Callable[[], object], runs: int = 9) -> float:
    """Return the median wall time of a call, after one to warm up."""
    function()
    times = []
    for _ in range(runs):
        started = time.perf_counter()
        function()
        times.append(time.perf_counter() - started)
    return statistics.median(times)


def process(*command: str) -> None:
    """Run a command and throw its output away."""
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def install_mb() -> float:
    """Return the size of FakeWeb and all it needs, without extras, as installed in this environment."""
    todo, seen = ["fakeweb"], set()
    while todo:
        name = re.split(r"[ ;\[<>=!~(]", todo.pop(), maxsplit=1)[0].lower().replace("_", "-")
        if name not in seen:
            with contextlib.suppress(metadata.PackageNotFoundError):
                todo += [r for r in metadata.requires(name) or [] if "extra ==" not in r]
                seen.add(name)
    files = [path for name in seen for path in metadata.files(name) or [] if ".." not in path.parts]
    own = [path for path in (ROOT / "src").rglob("*") if path.is_file()]
    sizes = [Path(p.locate()).stat().st_size for p in files if Path(p.locate()).is_file()]
    return (sum(sizes) + sum(p.stat().st_size for p in own)) / 1e6


def speed() -> list[str]:
    """Return the table of times, one core, one thread."""
    scanner = fakeweb.Scanner()
    bare = median_s(lambda: process(sys.executable, "-c", "pass"))
    imported = median_s(lambda: process(sys.executable, "-c", "import fakeweb"))
    cold = median_s(lambda: process(sys.executable, "-m", "fakeweb", "scan", "--no-overlay", str(EXAMPLE)), 5)
    rows = [
        f"| base install on disk, dependencies included | {install_mb():.0f} MB |",
        f"| `import fakeweb` (beyond starting Python) | {1000 * (imported - bare):.0f} ms |",
        f"| `fakeweb scan` of the example, whole process | {1000 * cold:.0f} ms |",
    ]
    pixels = fakeweb.read_image(EXAMPLE).image.pixels
    for side in (320, 640, 1280, 4000):
        data = encode_jpeg(Image(np.asarray(cv2.resize(pixels, (side, side)), np.uint8)))
        total = median_s(lambda d=data: scanner.scan(d), 5)
        parts = scanner.scan(data).timings_s
        detail = ", ".join(f"{k} {1000 * v:.0f}" for k, v in parts.items())
        rows.append(f"| scan {side} x {side} JPEG, one face | {1000 * total:.0f} ms ({detail}) |")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return [*head("what", "median"), *rows, "", f"Peak memory of that process: {peak:.0f} MB."]


def accuracy(data: Path, out: Path, baselines: Path | None, workers: int) -> list[str]:
    """Return the tables on validation groups B, end to end, by `fakeweb evaluate`; rows are kept in ``out``."""
    from fakeweb.evaluate import evaluate
    from fakeweb.evaluate.protocol import Protocol

    protocol = Protocol(
        data=data,
        models=(DEFAULT_MODEL,),
        part="val-B",
        level="scan",
        people=PEOPLE,
        baselines=tuple(read_baselines(baselines)) if baselines else (),
    )
    result = evaluate(protocol, out, workers=workers)
    name = next(iter(result.metrics["models"]))
    model = result.metrics["models"][name]
    rows = [r for r in result.rows if r.model == name and r.view == PLAIN]
    return [*by_source(rows, model), "", *totals(rows, model), *others(result.metrics)]


def by_source(rows: list[Row], model: dict[str, Any]) -> list[str]:
    """Return one line per source and class."""
    table = head(
        "source", "truth", "pictures", "face judged", "called fake", "uncertain", "called real", "AUC"
    )
    for source, label in sorted({(r.source, r.label) for r in rows}):
        own = [r for r in rows if (r.source, r.label) == (source, label)]
        counts = [sum(r.state == "judged" for r in own), *(sum(r.verdict == v for r in own) for v in LABELS)]
        area = ""
        if label:
            matched = model["matched"].get(source)
            area = f"{cell(matched['auc'])} *" if matched else cell(model["sources"][source]["auc"])
        shares = (f"{100 * n / len(own):.1f} %" for n in counts)
        table.append(line(source, "fake" if label else "real", len(own), *shares, area))
    return table


def totals(rows: list[Row], model: dict[str, Any]) -> list[str]:
    """Return the figures over all sources; groups have a page of their own (benchmarks/groups.py)."""
    pooled, everything = model["pooled_two_class"], model["pooled_all"]
    reals = [r for r in rows if r.label == 0 and r.state == "judged"]
    return [
        "`*` no reals of its own: paired with real faces of other sources, handled alike.",
        "",
        f"- AUC pooled over two-class sources: **{cell(pooled['auc'])}**, average precision"
        f" {cell(pooled['average_precision'])}, log loss {cell(pooled['log_loss'])}, calibration error"
        f" {cell(pooled['calibration_error'])}",
        f"- real pictures called fake: **{cell(everything['false_alarm_rate'], True)}** of {len(reals)} judged",
    ]


def others(metrics: dict[str, Any]) -> list[str]:
    """Return the table of published classifiers on the same pictures, where there are any."""
    if len(metrics["models"]) < 2:
        return []
    pooled = {name: model["pooled_two_class"] for name, model in metrics["models"].items()}
    return [
        "",
        "Beside published classifiers as their authors left them, on the same pictures and faces:",
        "",
        *head("model", "AUC, two-class sources", "reals called fake", "fakes called fake"),
        *(line(name, *values(t, ("auc", "false_alarm_rate", "recall"))) for name, t in pooled.items()),
    ]


def main() -> None:
    """Measure and write."""
    flags = ("--baselines folder with weights of published classifiers",)
    parser = arguments(__doc__, *flags, out="bench-results")
    parser.add_argument("--workers", "-j", type=int, default=1)
    parser.add_argument("--only", choices=("speed", "accuracy"), help="one half; speed wants a quiet machine")
    options = parser.parse_args()
    versions = f"Python {platform.python_version()}, onnxruntime {metadata.version('onnxruntime')}"
    measured = (
        f"{fakeweb.Scanner().classifier.reference}, FakeWeb {fakeweb.__version__}; {processor()},"
        f" {os.cpu_count()} cores, {versions}, OpenCV {cv2.__version__}."
    )
    if options.only != "accuracy":
        put("results.md", "speed", [measured, "", *speed()])
    if options.only != "speed":
        if not (options.data / "index.csv").is_file():
            print("no labelled pictures: accuracy not measured")
            return
        lines = accuracy(options.data, options.out, options.baselines, options.workers)
        put("results.md", "accuracy", [measured, "", *lines])


if __name__ == "__main__":
    main()
