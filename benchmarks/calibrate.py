"""Fit the norms of a model's card: rarity, groups, small faces, clips.

    python benchmarks/calibrate.py --data DATA --reals REALS/index.csv --clips CLIPS --write

composes pictures and clips of validation groups A, scans them and the further genuine pictures (a CSV with the columns
``path`` and ``source``) and clips (a folder), fits, tells, and puts the section ``norms`` into the card with --write.
What was scanned is kept in --out and not scanned again. ``benchmarks/groups.py`` and ``benchmarks/moments.py`` then
measure on groups B.
"""

from __future__ import annotations

import argparse
import csv
import json
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np

from bench import GENUINE, SECONDS, arguments, clips_below, kept, show, shown, validation
from composed.clips import ComposeOptions, compose
from composed.pictures import SMALL_TILES_PX, FaceRow, GroupOptions, judge_group, plan_groups
from fakeweb.classifiers import OnnxClassifier
from fakeweb.datasets import Sample, half_of_group
from fakeweb.errors import FakeWebError
from fakeweb.media import write_atomically
from fakeweb.runtime import ModelCard, Norms, SmallNorm, find_card
from fakeweb.scanner import Scanner
from fakeweb.scanner.decide import Rules, Seen
from fakeweb.scanner.moments import Looks
from fakeweb.train.rarity import LEAST_OF_SOURCE, fit_rarity
from fakeweb.types import FaceResult
from norms import fit_clip, fit_group, fit_offset

SMALL_PX = 32.0


def main() -> None:
    """Scan, fit, tell, write."""
    flags = ("--reals index of further genuine pictures", "--clips folder of further genuine clips")
    parser = arguments(__doc__, *flags, out="norms")
    parser.add_argument("--composed", type=int, default=120, help="genuine clips to compose")
    parser.add_argument("--model", default="fast")
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    card = bare(options.model)
    norms, told = fit(Scanner(model=OnnxClassifier(card)), card, validation(options.data), options)
    sys.stdout.write(json.dumps({"norms": norms.to_dict(), "details": told}, indent=1) + "\n")
    if options.write:
        path = find_card(options.model).path.with_suffix(".json")
        data = json.loads(path.read_text(encoding="utf-8"))
        data.pop("video", None)  # before there were norms
        data["norms"], data["details"]["norms"] = norms.to_dict(), told
        write_atomically(path, (json.dumps(data, indent=2, ensure_ascii=False) + "\n").encode())


def bare(model: str) -> ModelCard:
    """Return a model's card with no norms but that small faces are judged as they are."""
    card = find_card(model)
    if not isinstance(card, ModelCard):
        raise SystemExit(f"{card.reference} is no classifier")
    return replace(card, norms=Norms(small=SmallNorm(SMALL_PX, 0.0)))


def fit(
    scanner: Scanner, card: ModelCard, samples: list[Sample], options: argparse.Namespace
) -> tuple[Norms, dict[str, Any]]:
    """Return the norms, and what they were measured on."""
    line = card.decision.fake_logit()
    grouped = groups(scanner, samples, "groups", GroupOptions(genuine=9, doctored=0), options.out)
    wanted = GroupOptions(genuine=12, doctored=0, sizes=(1, 4, 9), tiles_px=SMALL_TILES_PX)
    small = groups(scanner, samples, "small", wanted, options.out)
    tiny = [r for r in small if not r.label and SMALL_PX <= r.width_px < card.decision.min_face_px]
    tiny = [r for r in tiny if r.logit == r.logit]
    offset = fit_offset(np.array([r.logit for r in tiny]), [r.own_source for r in tiny], line)
    logits, sources = zip(*genuine_faces(scanner, samples, options), strict=True)
    people = genuine_clips(scanner, samples, options)
    doctored = clips_of(
        scanner, samples, options, "whole", clips=80, seconds=SECONDS[:4], fake_share=1.0, seed=13
    )
    doctored += clips_of(
        scanner, samples, options, "partial", clips=100, seconds=(5.0, 10.0, 10.0, 20.0), fake_share=1.0,
        partial=(0.1, 0.7), seed=12,
    )  # fmt: skip
    norms = Norms(
        rarity=fit_rarity(np.array(logits), sources),
        group=fit_group(grouped, line),
        clip=fit_clip(people, doctored, card.calibration.probability, line),
        small=SmallNorm(SMALL_PX, round(offset, 3)),
    )
    counts = Counter(sources)
    return norms, {
        "rarity": dict(sorted(counts.items())),
        "rarity_left_out": sorted(s for s, n in counts.items() if n >= LEAST_OF_SOURCE),
        "group": {"pictures": len({r.number for r in grouped if not r.fakes}), "half": "A"},
        "small": {"faces": len(tiny), "sources": len({r.own_source for r in tiny}), "half": "A"},
        "clip": {"genuine_clips": len(people)},
    }


def groups(
    scanner: Scanner, samples: list[Sample], name: str, plan: GroupOptions, out: Path
) -> list[FaceRow]:
    """Compose and scan pictures of several faces."""
    found = kept(
        out, name, scanner, plan,
        lambda: ([asdict(r) for r in judge_group(p, scanner)] for p in shown(name, plan_groups(samples, plan))),
    )  # fmt: skip
    return [FaceRow(**row) for rows in found for row in rows]


def genuine_faces(
    scanner: Scanner, samples: list[Sample], options: argparse.Namespace
) -> list[tuple[float, str]]:
    """Return logit and source of the main face of every genuine picture that can be judged."""
    files = [(s.path, s.source) for s in samples if s.label == 0 and half_of_group(s.source, s.group) == "A"]
    if options.reals is not None:
        with options.reals.open(newline="", encoding="utf-8") as stream:
            files += [(options.reals.parent / r["path"], r["source"]) for r in csv.DictReader(stream)]

    def scan() -> Iterator[tuple[float, str]]:
        for path, source in shown("faces", files):
            try:
                logit = main_logit(scanner.scan(path).faces, scanner.rules)
            except FakeWebError as error:
                sys.stderr.write(f"\n{path}: {error}\n")
                continue
            if logit is not None:
                yield logit, source

    return [(v, s) for v, s in kept(options.out, "faces", scanner, [str(f) for f, _ in files], scan)]


def main_logit(faces: Iterable[FaceResult], rules: Rules) -> float | None:
    """Return the logit of the largest face that a verdict may rest on."""
    judged = [r for r in faces if r.score is not None and is_judged(r, rules)]
    best = max(judged, key=lambda r: r.face.width_px, default=None)
    return None if best is None or best.score is None else best.score.logit


def is_judged(result: FaceResult, rules: Rules) -> bool:
    """Tell whether a result's verdict follows from its score."""
    told = Seen(result.face, result.score)
    return told.is_judged(rules) and not (
        result.verdict.label == "uncertain" and any("judge" in why for why in result.verdict.reasons)
    )


def genuine_clips(scanner: Scanner, samples: list[Sample], options: argparse.Namespace) -> list[list[Looks]]:
    """Return the looks of each person of every genuine clip: composed ones, and the folder's."""
    everybody = [s for s in samples if s.label != 1]
    found = clips_of(
        scanner, everybody, options, "genuine", clips=options.composed, seconds=SECONDS, fake_share=0.0,
        sources=GENUINE, seed=11,
    )  # fmt: skip
    if options.clips is None:
        return found
    return found + all_looks(scanner, clips_below(options.clips), options.out, "public")


def clips_of(
    scanner: Scanner, samples: list[Sample], options: argparse.Namespace, name: str, **how: Any
) -> list[list[Looks]]:
    """Compose clips of groups A, one person each, and return the looks of each person found."""
    folder = options.out / f"clips-{name}"
    plan = ComposeOptions(people=(1,), half="A", fps=8, **how)
    clips = compose(samples, folder, plan, on_clip=lambda n, of: show(f"composing {name}", n, of))
    return all_looks(scanner, [folder / c.name for c in clips], options.out, name)


def all_looks(scanner: Scanner, files: list[Path], out: Path, name: str) -> list[list[Looks]]:
    """Return the looks of each judged person of every clip that can be read and shows one."""

    def scan() -> Iterator[list[dict[str, list[float]]]]:
        for path in shown(f"clips, {name}", files):
            try:
                scanned = scanner.video_scan(threads=1)
                scanned.run(path, None, None, None, None)
                yield [{k: v.tolist() for k, v in vars(looks).items()} for looks in scanned.looks.values()]
            except FakeWebError as error:
                sys.stderr.write(f"\n{path}: {error}\n")

    rows = kept(out, name, scanner, [str(p) for p in files], scan)
    return [[Looks(**{k: np.array(v) for k, v in looks.items()}) for looks in row] for row in rows if row]


if __name__ == "__main__":
    main()
