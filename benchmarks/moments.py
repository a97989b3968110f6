"""Measure clips that are fake for a part of the time: composed of validation groups B, and genuine public ones.

    python benchmarks/moments.py --data DATA --clips CLIPS --beside OLD/src

Writes docs/reference/moments.md. CLIPS is a folder of genuine clips of people moving; with --beside the same composed
clips are scanned by another version of the code too.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from bench import (
    GENUINE,
    LABELS,
    SECONDS,
    arguments,
    clips_below,
    head,
    kept,
    line,
    shares,
    show,
    shown,
    validation,
    write,
)  # fmt: skip
from composed.clips import ComposedClip, ComposeOptions, compose
from fakeweb.datasets import Sample
from fakeweb.errors import FakeWebError
from fakeweb.scanner import Scanner
from fakeweb.types import Report

_OLD = (
    "import json, sys, cv2; cv2.setNumThreads(1); from fakeweb.scanner import Scanner; scanner = Scanner()\n"
    "for path in sys.argv[1:]: print(json.dumps([path, scanner.scan_video(path, threads=1).verdict.label]), flush=True)"
)
HEADED = ("number", "headed fake", "uncertain", "real", "no face")


@dataclass(frozen=True)
class Told:
    """What was said of a clip: its label, its stretches of all faces, its length in seconds."""

    label: str
    stretches: list[tuple[float, float]]
    seconds: float


def main() -> None:
    """Compose, scan, count, write."""
    flags = ("--clips folder of genuine clips", "--beside the folder src of another version")
    parser = arguments(__doc__, *flags, out="moments")
    parser.add_argument("--half", default="B")
    for name, count in (("--genuine", 90), ("--partial", 200), ("--whole", 100)):
        parser.add_argument(name, type=int, default=count, help="clips to compose")
    options = parser.parse_args()
    scanner, samples = Scanner(), validation(options.data)
    lines = [
        "# Moments, measured",
        "",
        f"Written by `python benchmarks/moments.py`: {scanner.classifier.reference}; clips composed of validation"
        f" groups {options.half}, one moving person each, 8 frames a second, H.264 at four qualities. In square"
        " brackets: 95 % intervals (Wilson).",
        "",
        *genuine(scanner, samples, options),
        *partial(scanner, samples, options),
        *whole(scanner, samples, options),
    ]
    write("moments.md", lines)


def composed(
    samples: Sequence[Sample], options: argparse.Namespace, name: str, **how: Any
) -> tuple[Path, list[ComposedClip]]:
    """Compose clips of one person each; return their folder and truth."""
    folder = options.out / f"{options.half}-{name}"
    plan = ComposeOptions(people=(1,), half=options.half, fps=8, **how)
    return folder, compose(samples, folder, plan, on_clip=lambda n, of: show(f"composing {name}", n, of))


def scan(
    scanner: Scanner, files: Sequence[Path], options: argparse.Namespace, name: str
) -> list[Told | None]:
    """Scan clips, each once per scanner; None where one cannot be read."""

    def one(path: Path) -> dict[str, Any] | None:
        try:
            return vars(told(scanner.scan_video(path, threads=1)))
        except FakeWebError as error:
            sys.stderr.write(f"\n{path}: {error}\n")
            return None

    files_named = [str(f) for f in files]
    rows = kept(options.out, name, scanner, files_named, lambda: map(one, shown(name, files)))
    return [None if found is None else Told(**found) for found in rows]


def told(report: Report) -> Told:
    """Return what counts of a report."""
    stretches = [(s.from_s, s.to_s) for f in report.faces for s in f.stretches or ()]
    return Told(report.verdict.label, stretches, float((report.video or {"duration_s": 0.0})["duration_s"]))


def genuine(scanner: Scanner, samples: Sequence[Sample], options: argparse.Namespace) -> list[str]:
    """Return how genuine moving clips are headed, by length and by kind."""
    everybody = [s for s in samples if s.label != 1]
    folder, clips = composed(
        everybody, options, "genuine", clips=options.genuine, seconds=SECONDS, fake_share=0.0, sources=GENUINE,
        seed=21,
    )  # fmt: skip
    mine = scan(scanner, [folder / c.name for c in clips], options, "genuine")
    public = scan(scanner, clips_below(options.clips), options, "public") if options.clips else []
    rows = {"composed": mine, "public, cut and encoded at three qualities": public, "all": mine + public}
    for low, high in ((0, 6), (6, 20), (20, 60), (60, 1e9)):
        name = f"{low} s and longer" if high > 1e8 else f"{low} to {high} s"
        rows[name] = [t for t in mine + public if t is not None and low <= t.seconds < high]
    return ["## Genuine clips", "", *head("clips", *HEADED), *verdicts(rows), ""]


def verdicts(rows: dict[str, list[Told | None]]) -> list[str]:
    """Return a row of verdicts for each name that has clips."""
    found = {name: [t.label for t in seen if t is not None] for name, seen in rows.items()}
    return [line(name, len(own), shares(own, (*LABELS, "no_face"))) for name, own in found.items() if own]


def partial(scanner: Scanner, samples: Sequence[Sample], options: argparse.Namespace) -> list[str]:
    """Return how clips are headed in which somebody is fake for a part of the time, and how well the part is found."""
    folder, clips = composed(
        samples, options, "partial", clips=options.partial, seconds=(5.0, 10.0, 10.0, 20.0), fake_share=1.0,
        partial=(0.1, 0.7), seed=22,
    )  # fmt: skip
    found = scan(scanner, [folder / c.name for c in clips], options, "partial")
    pairs = [(c.people[0], t) for c, t in zip(clips, found, strict=True) if t is not None]
    lines = [
        "## Fake for a part of the time",
        "",
        "Found: headed fake. Overlap: time in both over time in either, of clips that were found.",
        "",
        *head("part", "clips", "found", "uncertain", "real", "overlap, mean"),
    ]
    parts = {
        "all": lambda _p, _t: True,
        "without cuts": lambda p, _t: not p.cut,
        "with a cut at both ends": lambda p, _t: p.cut,
        "10 to 30 % of the time": lambda p, t: length(p) < 0.3 * t.seconds,
        "30 to 50 %": lambda p, t: 0.3 * t.seconds <= length(p) < 0.5 * t.seconds,
        "50 to 70 %": lambda p, t: length(p) >= 0.5 * t.seconds,
        "swaps of the data": lambda p, _t: p.kind == "swap" and p.source == "dfdc",
        "retouches": lambda p, _t: p.kind == "retouch",
    }
    for name, holds in parts.items():
        own = [(p, t) for p, t in pairs if p.fake_s is not None and holds(p, t)]
        laps = [overlap(p.fake_s, t.stretches) for p, t in own if t.label == "fake" and p.fake_s is not None]
        mean = f"{np.mean(laps) if laps else float('nan'):.2f}"
        lines.append(line(name, len(own), shares(t.label for _, t in own), mean))
    return [*lines, ""]


def length(person: Any) -> float:
    """Return for how many seconds a person is fake."""
    return 0.0 if person.fake_s is None else float(person.fake_s[1] - person.fake_s[0])


def overlap(true: tuple[float, float], found: Sequence[tuple[float, float]]) -> float:
    """Return the time in both over the time in either, on a grid of 20 ms."""
    grid = np.arange(0, max([true[1], *(b for _, b in found)]) + 0.02, 0.02)
    real = (grid >= true[0]) & (grid < true[1])
    said = np.zeros_like(real)
    for a, b in found:
        said |= (grid >= a) & (grid < b)
    return float((real & said).sum() / max(1, (real | said).sum()))


def whole(scanner: Scanner, samples: Sequence[Sample], options: argparse.Namespace) -> list[str]:
    """Return how clips are headed in which somebody is fake all the time, beside another version's verdicts."""
    folder, clips = composed(
        samples, options, "whole", clips=options.whole, seconds=(2.0, 4.0, 8.0, 16.0), fake_share=1.0, seed=23
    )
    files = [folder / c.name for c in clips]
    rows = {"this version": scan(scanner, files, options, "whole")}
    if options.beside is not None:
        labels = beside(options.beside, files)
        rows["the version beside"] = [Told(label, [], 0.0) for label in labels]
    return ["## Fake all the time", "", *head("scanned by", *HEADED), *verdicts(rows), ""]


def beside(source: Path, files: Sequence[Path]) -> list[str]:
    """Return the labels that another version gives the same clips."""
    out = subprocess.run(
        [sys.executable, "-c", _OLD, *map(str, files)],
        env={**os.environ, "PYTHONPATH": str(source)}, check=True, capture_output=True, text=True,
    ).stdout  # fmt: skip
    return [json.loads(line)[1] for line in out.splitlines()]


if __name__ == "__main__":
    main()
