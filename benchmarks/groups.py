"""Measure groups on composed pictures of validation groups B, and what harmless handling does to verdicts.

    python benchmarks/groups.py --data DATA

Writes docs/reference/groups.md. Each fake of a picture with one fake is scanned alone too, at the same size and
quality.
"""

from __future__ import annotations

import argparse
import io
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
from PIL import Image as Picture

from calibrate import kept, show  # beside this file
from fakeweb.datasets import half_of_group
from fakeweb.datasets.index import IndexLayout
from fakeweb.evaluate.degrade import degrade
from fakeweb.evaluate.groups import (
    SMALL_TILES_PX,
    FaceRow,
    GroupOptions,
    GroupPlan,
    judge_group,
    plan_groups,
)
from fakeweb.media import encode_clip, read_image
from fakeweb.scanner import Scanner
from fakeweb.types import Image, Sample

ROOT = Path(__file__).resolve().parents[1]
OUT = ROOT / "docs" / "reference" / "groups.md"
LABELS = ("fake", "uncertain", "real")


def main() -> None:
    """Compose, scan, count, write."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data")
    parser.add_argument("--half", default="B")
    parser.add_argument("--genuine", type=int, default=12, help="genuine pictures of each size and source")
    parser.add_argument("--doctored", type=int, default=8, help="of each size, kind and number of fakes")
    parser.add_argument("--handled", type=int, default=120, help="pictures to handle in ten ways")
    parser.add_argument("--out", type=Path, default=ROOT / "runs" / "groups")
    options = parser.parse_args()
    cv2.setNumThreads(1)
    options.out.mkdir(parents=True, exist_ok=True)
    scanner = Scanner()
    samples = [s for s in IndexLayout().index(options.data) if s.split == "val"]
    plan = GroupOptions(options.half, genuine=options.genuine, doctored=options.doctored, seed=1)
    rows, alone = scanned(scanner, samples, plan, options.out)
    lines = [
        "# Groups, measured",
        "",
        f"Written by `python benchmarks/groups.py`: {scanner.classifier.reference}, pictures composed of validation"
        f" groups {options.half} (docs/decisions/0004). The faces of a picture come from one source, resized and"
        " encoded together; beside fakes without genuine faces of their own source stand portraits. In square brackets:"
        " 95 % intervals (Wilson).",
        "",
        *genuine(rows),
        *doctored(rows, alone),
        *by_kind(rows, alone, 9),
        *small(scanner, samples, options),
        *stability(scanner, samples, options.half, options.handled),
    ]
    OUT.write_text("\n".join(lines) + "\n", encoding="utf-8")
    sys.stdout.write("\n".join(lines) + "\n")


def scanned(
    scanner: Scanner, samples: Sequence[Sample], plan: GroupOptions, out: Path, name: str = ""
) -> tuple[list[FaceRow], list[FaceRow]]:
    """Return the rows of all pictures, and of each fake of pictures with one fake, alone."""
    plans = plan_groups(samples, plan)
    singles = [alone_of(p) for p in plans if p.fakes == 1 and len(p.members) > 1]

    def scan(wanted: Sequence[GroupPlan]) -> Callable[[], Iterable[list[dict[str, object]]]]:
        def run() -> Iterable[list[dict[str, object]]]:
            for number, one in enumerate(wanted, 1):
                show("pictures", number, len(wanted))
                yield [vars(row) for row in judge_group(one, scanner)]

        return run

    found = kept(out, f"{name}pictures", scanner, plan, scan(plans))
    by_one = kept(out, f"{name}alone", scanner, plan, scan(singles))
    return [FaceRow(**r) for rows in found for r in rows], [FaceRow(**r) for rows in by_one for r in rows]


def alone_of(plan: GroupPlan) -> GroupPlan:
    """Return the picture of a plan's one fake alone, handled alike."""
    return replace(plan, members=tuple(m for m in plan.members if m.label))


def genuine(rows: Sequence[FaceRow]) -> list[str]:
    """Return how genuine pictures are headed."""
    lines = [
        "## Genuine pictures",
        "",
        "| faces | pictures | headed fake | uncertain | real | genuine faces marked |",
    ]
    lines += ["|---|---|---|---|---|---|"]
    for size in sorted({r.faces for r in rows}):
        own = [r for r in rows if r.faces == size and not r.fakes]
        heads = headed(own)
        marked = share(r.verdict == "fake" for r in own)
        lines.append(f"| {size} | {len(heads)} | {cells(heads)} | {marked} |")
    return [*lines, ""]


def doctored(rows: Sequence[FaceRow], alone: Sequence[FaceRow]) -> list[str]:
    """Return how pictures with fakes are headed, and how many fakes are marked."""
    lines = [
        "## Pictures with fakes",
        "",
        "Marked: faces called fake, over all kinds. Beside it, the same fakes alone.",
        "",
        "| faces | of them fake | pictures | headed fake | uncertain | real | fakes marked | alone | ratio |"
        " genuine neighbours marked |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    for size in sorted({r.faces for r in rows}):
        for fakes in sorted({r.fakes for r in rows if r.faces == size and r.fakes}):
            own = [r for r in rows if (r.faces, r.fakes) == (size, fakes)]
            heads = headed(own)
            false = [r.verdict == "fake" for r in own if r.label]
            true = [r.verdict == "fake" for r in own if not r.label]
            single = marked_alone(own, alone)
            ratio = "" if single is None else f"{np.mean(false) / single:.2f}"
            beside = "" if single is None else f"{100 * single:.0f} %"
            lines.append(
                f"| {size} | {fakes if fakes < size else 'all'} | {len(heads)} | {cells(heads)} | {share(false)} |"
                f" {beside} | {ratio} | {share(true) if true else ''} |"
            )
    return [*lines, ""]


def by_kind(rows: Sequence[FaceRow], alone: Sequence[FaceRow], size: int) -> list[str]:
    """Return the same for one size by the source of the fakes."""
    lines = [
        f"## {size} faces, one of them fake, by kind",
        "",
        "| fakes from | pictures | headed fake | uncertain | real | marked | alone |",
        "|---|---|---|---|---|---|---|",
    ]
    for source in sorted({r.source for r in rows if r.fakes}):
        own = [r for r in rows if (r.faces, r.fakes, r.source) == (size, 1, source)]
        heads = headed(own)
        single = marked_alone(own, alone)
        beside = "" if single is None else f"{100 * single:.0f} %"
        lines.append(
            f"| {source} | {len(heads)} | {cells(heads)} | {share(r.verdict == 'fake' for r in own if r.label)} |"
            f" {beside} |"
        )
    return [*lines, ""]


def small(scanner: Scanner, samples: Sequence[Sample], options: argparse.Namespace) -> list[str]:
    """Return what is said of faces that the norm for small ones judges, each alone in its picture."""
    plan = GroupOptions(options.half, sizes=(1,), genuine=40, doctored=20, tiles_px=SMALL_TILES_PX, seed=2)
    rows, _ = scanned(scanner, samples, plan, options.out, "small-")
    low, high = scanner.rules.least_px, scanner.rules.full_px
    lines = [
        f"## Faces of {low:.0f} to {high:.0f} px",
        "",
        "| faces | number | called fake | uncertain | real |",
        "|---|---|---|---|---|",
    ]
    for label, name in ((0, "genuine"), (1, "fake")):
        own = [r.verdict for r in rows if r.label == label and low <= r.width_px < high]
        lines.append(f"| {name} | {len(own)} | {cells(own)} |")
    return [*lines, ""]


def headed(rows: Sequence[FaceRow]) -> list[str]:
    """Return the verdict on each picture."""
    return list({r.number: r.picture for r in rows}.values())


def marked_alone(rows: Sequence[FaceRow], alone: Sequence[FaceRow]) -> float | None:
    """Return how many of these pictures' fakes are marked alone; None where they were not scanned alone."""
    numbers = {r.number for r in rows}
    own = [r.verdict == "fake" for r in alone if r.number in numbers]
    return float(np.mean(own)) if own else None


def cells(heads: Sequence[str]) -> str:
    """Return the shares of the three labels."""
    return " | ".join(share(h == label for h in heads) for label in LABELS)


def share(hits: Iterable[bool]) -> str:
    """Return a share with its 95 % interval (Wilson)."""
    found = list(hits)
    if not found:
        return ""
    n, p, z = len(found), float(np.mean(found)), 1.96
    centre, half = p + z * z / (2 * n), z * np.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    low, high = (100 * (centre + side * half) / (1 + z * z / n) for side in (-1, 1))
    return f"{100 * p:.1f} % [{max(0, low):.1f}, {high:.1f}]"


def stability(scanner: Scanner, samples: Sequence[Sample], half: str, count: int) -> list[str]:
    """Return what ten harmless handlings of the same pictures do to their verdicts."""
    own = [s for s in samples if s.label is not None and half_of_group(s.source, s.group) == half]
    order = np.random.default_rng(0).permutation(len(own))[:count]
    before, after = [], {name: [] for name in HANDLINGS}
    for number, place in enumerate(order.tolist(), 1):
        show("handled", number, len(order))
        image = read_image(own[place].path).image
        before.append(verdict_of(scanner, image))
        for name, handle in HANDLINGS.items():
            after[name].append(verdict_of(scanner, handle(image)))
    lines = [
        "## Stability",
        "",
        f"{len(order)} pictures of groups {half}, real and fake, each handled in ten harmless ways. Turned over: real"
        " became fake or fake real; moved: the label is another one.",
        "",
        "| handling | turned over | moved | mean change of P | 95 % of changes below |",
        "|---|---|---|---|---|",
    ]
    for name, seen in after.items():
        pairs = [(a, b) for a, b in zip(before, seen, strict=True) if a[1] is not None and b[1] is not None]
        over = share({a[0], b[0]} == {"real", "fake"} for a, b in pairs)
        moved = share(a[0] != b[0] for a, b in pairs)
        gaps = np.array([abs(a[1] - b[1]) for a, b in pairs if a[1] is not None and b[1] is not None])
        lines.append(f"| {name} | {over} | {moved} | {gaps.mean():.3f} | {np.quantile(gaps, 0.95):.2f} |")
    return [*lines, ""]


def verdict_of(scanner: Scanner, image: Image | bytes) -> tuple[str, float | None]:
    """Return label and P(fake) of a picture, or of the bytes of a file."""
    verdict = scanner.scan(image if isinstance(image, bytes) else image.pixels).verdict
    return verdict.label, verdict.p_fake


def saved(image: Image, kind: str, **options: object) -> bytes:
    """Return a picture as a file."""
    out = io.BytesIO()
    Picture.fromarray(np.asarray(image.pixels)).save(out, kind, **options)
    return out.getvalue()


def framed_by(image: Image, share_of_side: float) -> Image:
    """Return a picture with a white frame, as on a page."""
    pad = round(share_of_side * max(image.width, image.height))
    return Image(cv2.copyMakeBorder(image.pixels, pad, pad, pad, pad, cv2.BORDER_CONSTANT, value=(255,) * 3))


def trimmed(image: Image, share_of_side: float) -> Image:
    """Return a picture without its edges."""
    x, y = round(share_of_side * image.width), round(share_of_side * image.height)
    return Image(np.ascontiguousarray(image.pixels[y : image.height - y, x : image.width - x]))


def as_clip(image: Image) -> bytes:
    """Return a second of the picture as H.264."""
    path = ROOT / "runs" / "groups" / "still.mp4"
    even = Image(np.ascontiguousarray(image.pixels[: image.height // 2 * 2, : image.width // 2 * 2]))
    encode_clip(path, ((even, i / 8) for i in range(8)), fps=8, crf=20, gop=8, threads=1)
    return path.read_bytes()


HANDLINGS: dict[str, Callable[[Image], Image | bytes]] = {
    "JPEG 90": lambda image: saved(image, "JPEG", quality=90),
    "JPEG 75": lambda image: saved(image, "JPEG", quality=75),
    "WebP 80": lambda image: saved(image, "WEBP", quality=80),
    "three quarters of the size": lambda image: degrade(image, "resize-0.75", "x"),
    "a tenth larger": lambda image: Image(
        np.asarray(cv2.resize(image.pixels, None, fx=1.1, fy=1.1, interpolation=cv2.INTER_CUBIC), np.uint8)
    ),
    "edges cut off (4 %)": lambda image: trimmed(image, 0.04),
    "white frame (10 %)": lambda image: framed_by(image, 0.1),
    "a tenth brighter": lambda image: degrade(image, "brightness-1.1", "x"),
    "screenshot": lambda image: degrade(image, "screenshot-1", "x"),
    "a second of video": as_clip,
}


if __name__ == "__main__":
    main()
