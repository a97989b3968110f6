"""Measure the shipped Scanner and write docs/reference/results.md: ``just bench [--data FOLDER]``.

Speed is measured on the example picture, accuracy on validation groups B of the labelled pictures, end to end: bytes
in, verdict out, with the default finder. Without labelled pictures only speed is measured and nothing is written.
"""

from __future__ import annotations

import argparse
import contextlib
import math
import os
import platform
import re
import resource
import statistics
import subprocess
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Callable
from importlib import metadata
from pathlib import Path

import cv2
import numpy as np

import fakeweb
from fakeweb.datasets import half_of_group
from fakeweb.datasets.index import IndexLayout
from fakeweb.media import encode_jpeg
from fakeweb.scanner.decide import decide_face
from fakeweb.train.calibrate import auc
from fakeweb.types import Image, Report, Sample

ROOT = Path(__file__).parents[1]
EXAMPLE = ROOT / "examples" / "collins.jpg"
OUT = ROOT / "docs" / "reference" / "results.md"


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
    cv2.setNumThreads(1)
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
    return ["| what | median |", "|---|---|", *rows, "", f"Peak memory of that process: {peak:.0f} MB."]


def main_face(report: Report, box_centre: tuple[float, float]):  # noqa: ANN201
    """Return the scored face nearest to the picture's centre."""
    scored = [f for f in report.faces if f.score is not None]

    def off(f) -> float:  # noqa: ANN001
        x0, y0, x1, y1 = f.face.box
        return abs((x0 + x1) / 2 - box_centre[0]) + abs((y0 + y1) / 2 - box_centre[1])

    return min(scored, key=off) if scored else None


def scan_all(samples: list[Sample], scanner: fakeweb.Scanner) -> list[tuple[Sample, Report]]:
    """Scan every sample, with a line of progress on a terminal."""
    results = []
    for done, sample in enumerate(samples, 1):
        results.append((sample, scanner.scan(sample.path)))
        if sys.stderr.isatty():
            sys.stderr.write(f"\r{done}/{len(samples)}")
    return results


def accuracy(data: Path) -> list[str]:
    """Return the tables on validation groups B, end to end."""
    scanner = fakeweb.Scanner()
    samples = [s for s in IndexLayout().index(data) if s.split == "val" and s.label is not None]
    results = scan_all([s for s in samples if half_of_group(s.source, s.group) == "B"], scanner)
    logits: dict[tuple[str, int], list[float]] = defaultdict(list)
    labels: dict[tuple[str, int], Counter[str]] = defaultdict(Counter)
    for sample, report in results:
        key = (sample.source, int(sample.label or 0))
        labels[key][report.verdict.label] += 1
        face = main_face(report, (report.width / 2, report.height / 2))
        if face is not None:
            logits[key].append(face.score.logit)
    rows = [
        "| source | truth | pictures | face found | called fake | uncertain | called real | AUC |",
        "|" + "---|" * 8,
    ]
    all_real = [v for (_, label), values in logits.items() if label == 0 for v in values]
    for source, label in sorted(labels):
        count, total = labels[source, label], sum(labels[source, label].values())
        own = logits[source, 0] if len(logits[source, 0]) >= 10 else all_real
        area = f"{auc(logits[source, 1], own):.3f}" + ("" if logits[source, 0] else " *") if label else ""
        shares = " | ".join(f"{100 * count[k] / total:.1f} %" for k in ("fake", "uncertain", "real"))
        found = 100 * (1 - count["no_face"] / total)
        rows.append(
            f"| {source} | {'fake' if label else 'real'} | {total} | {found:.1f} % | {shares} | {area} |"
        )
    return [*rows, "", *totals(labels, logits, results, scanner)]


def beta_upper(hits: int, total: int) -> float:
    """Return the one-sided 95 % upper bound of a share (Clopper and Pearson, 1934), by bisection."""
    low, high = hits / total, 1.0
    for _ in range(60):
        p = (low + high) / 2
        below = sum(math.comb(total, k) * p**k * (1 - p) ** (total - k) for k in range(hits + 1))
        low, high = (p, high) if below > 0.05 else (low, p)
    return high


def montage_labels(samples: list[Sample], scanner: fakeweb.Scanner) -> Counter[str]:
    """Return the verdicts on pictures of 5 x 2 real faces, each used once, shrunk or enlarged to 256 px."""
    labels: Counter[str] = Counter()
    order = np.random.default_rng(1).permutation(len(samples))
    for start in range(0, len(order) - 9, 10):
        chosen = [fakeweb.read_image(samples[i].path).image.pixels for i in order[start : start + 10]]
        tiles = [
            np.asarray(cv2.resize(p, (256, 256), interpolation=cv2.INTER_AREA), np.uint8) for p in chosen
        ]
        picture = np.vstack([np.hstack(tiles[:5]), np.hstack(tiles[5:])])
        labels[scanner.scan(picture).verdict.label] += 1
    return labels


def totals(labels, logits, results, scanner) -> list[str]:  # noqa: ANN001
    """Return the figures over all sources, with bootstrap intervals, and the montage rate."""
    two = [s for s, label in labels if label == 1 and (s, 0) in labels]
    fake = np.array([v for s in two for v in logits[s, 1]])
    real = np.array([v for s in two for v in logits[s, 0]])
    rng = np.random.default_rng(0)
    boots = [auc(rng.choice(fake, len(fake)), rng.choice(real, len(real))) for _ in range(500)]
    accused = np.array([r.verdict.label == "fake" for s, r in results if s.label == 0])
    rates = [rng.choice(accused, len(accused)).mean() for _ in range(1000)]
    scores = [f.score for s, r in results if s.label == 0 for f in r.faces if f.score is not None]
    ten = scanner.classifier.thresholds(10)
    hits = np.array([decide_face(score, ten).label == "fake" for score in scores])
    bound = beta_upper(int(hits.sum()), len(hits))
    montages = montage_labels([s for s, _ in results if s.label == 0], scanner)
    low, high = np.percentile(boots, [2.5, 97.5])
    low_r, high_r = np.percentile(rates, [2.5, 97.5])
    return [
        "`*` no reals of its own: against the reals of all sources.",
        "",
        f"- AUC pooled over two-class sources: **{auc(fake, real):.3f}** [{low:.3f}, {high:.3f}]",
        f"- real pictures called fake: **{100 * accused.mean():.1f} %** [{100 * low_r:.1f}, {100 * high_r:.1f}]"
        f" of {len(accused)}",
        f"- real faces above the threshold for ten faces: **{hits.sum()} of {len(hits)}**; at the 95 % bound of that,"
        f" {100 * (1 - (1 - bound) ** 10):.1f} % of all-real ten-face pictures would be called fake",
        f"- {sum(montages.values())} montages of ten real faces each, scanned as pictures: "
        + ", ".join(f"{montages[k]} {k}" for k in ("fake", "uncertain", "real", "no_face")),
    ]


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data")
    options = parser.parse_args()
    cpu = next(
        (
            x.split(":")[1].strip()
            for x in Path("/proc/cpuinfo").read_text().splitlines()
            if "model name" in x
        ),
        "",
    )
    import onnxruntime

    lines = [
        "# Results",
        "",
        "Written by `just bench` (benchmarks/results.py) from the shipped model and the default finder;"
        f" {fakeweb.Scanner().classifier.reference}.",
        f"Machine: {cpu}, {os.cpu_count()} cores, Python {platform.python_version()}, onnxruntime"
        f" {onnxruntime.__version__}, OpenCV {cv2.__version__}.",
        "",
        "## Speed",
        "",
        *speed(),
        "",
    ]
    if not (options.data / "index.csv").is_file():
        sys.stdout.write(
            "\n".join(lines) + "\nno labelled pictures: accuracy not measured, nothing written\n"
        )
        return
    lines += [
        "## Accuracy, end to end",
        "",
        "Groups B of the validation split: faces that were used neither to train, select, calibrate nor to set"
        " thresholds. Bytes in, verdict out, with the default finder; pictures in which it finds no face count as"
        " neither. AUC is over the pictures in which a face was found.",
        "",
        *accuracy(options.data),
        "",
    ]
    OUT.write_text("\n".join(lines), encoding="utf-8")
    sys.stdout.write("\n".join(lines))


if __name__ == "__main__":
    main()
