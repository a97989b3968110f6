"""Measure groups on composed pictures of validation groups B, and what harmless handling does to verdicts.

    python benchmarks/groups.py --data DATA

Writes docs/reference/groups.md. Each fake of a picture with one fake is scanned alone too, at the same size and
quality.
"""

from __future__ import annotations

import argparse
import io
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace

import cv2
import numpy as np
from PIL import Image as Picture

from bench import ROOT, arguments, head, kept, line, share, shares, shown, validation, write
from composed.pictures import SMALL_TILES_PX, FaceRow, GroupOptions, GroupPlan, judge_group, plan_groups
from fakeweb.datasets import Sample, half_of_group
from fakeweb.evaluate.degrade import degrade
from fakeweb.media import encode_clip, read_image
from fakeweb.scanner import Scanner
from fakeweb.types import Image

HEADED = ("headed fake", "uncertain", "real")


def main() -> None:
    """Compose, scan, count, write."""
    parser = arguments(__doc__, out="groups")
    parser.add_argument("--half", default="B")
    parser.add_argument("--genuine", type=int, default=12, help="genuine pictures of each size and source")
    parser.add_argument("--doctored", type=int, default=8, help="of each size, kind and number of fakes")
    parser.add_argument("--handled", type=int, default=120, help="pictures to handle in ten ways")
    options = parser.parse_args()
    scanner, samples = Scanner(), validation(options.data)
    plan = GroupOptions(options.half, genuine=options.genuine, doctored=options.doctored, seed=1)
    rows, alone = scanned(scanner, samples, plan, options)
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
    write("groups.md", lines)


def scanned(
    scanner: Scanner,
    samples: Sequence[Sample],
    plan: GroupOptions,
    options: argparse.Namespace,
    name: str = "",
) -> tuple[list[FaceRow], list[FaceRow]]:
    """Return the rows of all pictures, and of each fake of pictures with one fake, alone and handled alike."""
    plans = plan_groups(samples, plan)
    singles = [
        replace(p, members=tuple(m for m in p.members if m.label))
        for p in plans
        if p.fakes == 1 and len(p.members) > 1
    ]

    def rows(what: str, wanted: Sequence[GroupPlan]) -> list[FaceRow]:
        found = kept(
            options.out, name + what, scanner, plan,
            lambda: ([asdict(r) for r in judge_group(one, scanner)] for one in shown(what, wanted)),
        )  # fmt: skip
        return [FaceRow(**r) for own in found for r in own]

    return rows("pictures", plans), rows("alone", singles)


def genuine(rows: Sequence[FaceRow]) -> list[str]:
    """Return how genuine pictures are headed."""
    lines = ["## Genuine pictures", "", *head("faces", "pictures", *HEADED, "genuine faces marked")]
    for size in sorted({r.faces for r in rows}):
        own = [r for r in rows if r.faces == size and not r.fakes]
        lines.append(line(size, *headed(own), share(r.verdict == "fake" for r in own)))
    return [*lines, ""]


def doctored(rows: Sequence[FaceRow], alone: Sequence[FaceRow]) -> list[str]:
    """Return how pictures with fakes are headed, and how many fakes are marked."""
    lines = [
        "## Pictures with fakes",
        "",
        "Marked: faces called fake, over all kinds. Beside it, the same fakes alone.",
        "",
        *head(
            "faces", "of them fake", "pictures", *HEADED, "fakes marked", "alone", "ratio",
            "genuine neighbours marked",
        ),
    ]  # fmt: skip
    for size, fakes in sorted({(r.faces, r.fakes) for r in rows if r.fakes}):
        own = [r for r in rows if (r.faces, r.fakes) == (size, fakes)]
        false, true = ([r.verdict == "fake" for r in own if r.label == label] for label in (1, 0))
        single = marked_alone(own, alone)
        ratio = "" if single is None else f"{np.mean(false) / single:.2f}"
        number = fakes if fakes < size else "all"
        lines.append(line(size, number, *headed(own), share(false), percent(single), ratio, share(true)))
    return [*lines, ""]


def by_kind(rows: Sequence[FaceRow], alone: Sequence[FaceRow], size: int) -> list[str]:
    """Return the same for one size by the source of the fakes."""
    lines = [f"## {size} faces, one of them fake, by kind", ""]
    lines += head("fakes from", "pictures", *HEADED, "marked", "alone")
    for source in sorted({r.source for r in rows if r.fakes}):
        own = [r for r in rows if (r.faces, r.fakes, r.source) == (size, 1, source)]
        marked = share(r.verdict == "fake" for r in own if r.label)
        lines.append(line(source, *headed(own), marked, percent(marked_alone(own, alone))))
    return [*lines, ""]


def small(scanner: Scanner, samples: Sequence[Sample], options: argparse.Namespace) -> list[str]:
    """Return what is said of faces that the norm for small ones judges, each alone in its picture."""
    plan = GroupOptions(options.half, sizes=(1,), genuine=40, doctored=20, tiles_px=SMALL_TILES_PX, seed=2)
    rows, _ = scanned(scanner, samples, plan, options, "small-")
    low, high = scanner.rules.least_px, scanner.rules.full_px
    lines = [f"## Faces of {low:.0f} to {high:.0f} px", ""]
    lines += head("faces", "number", "called fake", "uncertain", "real")
    for label, name in ((0, "genuine"), (1, "fake")):
        own = [r.verdict for r in rows if r.label == label and low <= r.width_px < high]
        lines.append(line(name, len(own), shares(own)))
    return [*lines, ""]


def headed(rows: Sequence[FaceRow]) -> tuple[int, str]:
    """Return how many pictures there are, and the shares of the verdicts on them."""
    heads = {r.number: r.picture for r in rows}
    return len(heads), shares(heads.values())


def marked_alone(rows: Sequence[FaceRow], alone: Sequence[FaceRow]) -> float | None:
    """Return how many of these pictures' fakes are marked alone; None where they were not scanned alone."""
    numbers = {r.number for r in rows}
    own = [r.verdict == "fake" for r in alone if r.number in numbers]
    return float(np.mean(own)) if own else None


def percent(value: float | None) -> str:
    """Return a share without an interval."""
    return "" if value is None else f"{100 * value:.0f} %"


def stability(scanner: Scanner, samples: Sequence[Sample], half: str, count: int) -> list[str]:
    """Return what ten harmless handlings of the same pictures do to their verdicts."""
    own = [s for s in samples if s.label is not None and half_of_group(s.source, s.group) == half]
    order = np.random.default_rng(0).permutation(len(own))[:count].tolist()
    before: list[tuple[str, float | None]] = []
    after: dict[str, list[tuple[str, float | None]]] = {name: [] for name in HANDLINGS}
    for place in shown("handled", order):
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
        *head("handling", "turned over", "moved", "mean change of P", "95 % of changes below"),
    ]
    for name, seen in after.items():
        pairs = [
            (a, b, p - q)
            for (a, p), (b, q) in zip(before, seen, strict=True)
            if p is not None and q is not None
        ]
        over = share({a, b} == {"real", "fake"} for a, b, _ in pairs)
        gaps = np.abs([gap for *_, gap in pairs])
        moved = share(a != b for a, b, _ in pairs)
        lines.append(line(name, over, moved, f"{gaps.mean():.3f}", f"{np.quantile(gaps, 0.95):.2f}"))
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
