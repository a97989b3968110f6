"""What a few examples teach, on sources that nothing was learned from.

``python benchmarks/adapt.py FEATURES... --out FILE.json``; FEATURES are folders of `fakeweb data probe cache`. For
every set below a head is fitted without its sources, calibrated on validation groups A of the others and summarised as
the shipped one is; then examples are drawn, no group of theirs is asked about, and what `fakeweb adapt` does is done.
"""

from __future__ import annotations

import argparse
import copy
import json
import math
import time
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np

from fakeweb.adapt import run
from fakeweb.adapt.fit import fit, left_out
from fakeweb.adapt.line import elsewhere, relined
from fakeweb.adapt.summarise import summarise
from fakeweb.adapt.summary import FULL
from fakeweb.errors import DatasetError
from fakeweb.evaluate.probe.cache import Features, read_features
from fakeweb.evaluate.probe.fit import Pool
from fakeweb.metrics import auc, balanced_weights
from fakeweb.runtime import find_card
from fakeweb.train.calibrate import fit_bent, fit_decision
from fakeweb.workshop.probe import read_recipe

SIZES, DRAWS, LEAST = (5, 10, 20, 40), 20, 8


@dataclass(frozen=True)
class Case:
    """One kind of fake.

    Attributes:
        name: What it is called.
        fakes, reals: Sources that examples and questions are drawn from.
        out: Further sources that the head did not see.
        base: Whether the head stands beside ``fast``; not where ``fast`` was trained on the source.
    """

    name: str
    fakes: tuple[str, ...]
    reals: tuple[str, ...]
    out: tuple[str, ...] = ()
    base: bool = True


CASES = (
    Case("StyleGAN2 (omi)", ("omi",), ("roeishc",)),
    Case("live swaps in clips", ("clips_swap",), ("clips_swap",)),
    Case("animated portraits in clips", ("clips_animated",), ("clips_animated",)),
    Case("lips in clips", ("clips_lips",), ("clips_lips",)),
    Case("SDXL", ("sdxl",), ("scut", "pixabay"), base=False),
    Case("StyleGAN", ("stylegan1_ffhq",), ("stylegan1_ffhq",), ("stylegan2_sfhq",), base=False),
    Case("StyleGAN2 (grids)", ("stylegan2_sfhq",), ("stylegan1_ffhq",), ("stylegan1_ffhq",), base=False),
    Case("experts' retouches (ciplab)", ("ciplab",), ("ciplab",), base=False),
    Case("DFDC's swaps", ("dfdc",), ("dfdc",), ("faceswap3d_lfw",), base=False),
    Case("copies by VAElight", ("d_vaelight",), ("d_vaelight",)),
    Case("copies by TAEF2", ("d_taef2",), ("d_taef2",), ("d_vaelight",)),
    Case("forged swaps", ("d_swap",), ("d_swap",)),
    Case("forged retouches", ("d_retouch",), ("d_retouch",)),
)


def part(features: Features, rows: np.ndarray) -> Features:
    """Return some rows of features."""
    return Features(tuple(features.rows[i] for i in rows), features.values[rows], features.logits[rows])


def drawn(groups: np.ndarray, labels: np.ndarray, count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Draw so many of either class from half of its groups at most; return them, and the rows of all other groups."""
    dice, chosen = np.random.default_rng([seed, count]), []
    for label in (0, 1):
        own = np.flatnonzero(labels == label)
        names = dice.permutation(np.unique(groups[own]))
        pools = [
            list(dice.permutation(own[groups[own] == name])) for name in names[: max(1, len(names) // 2)]
        ]
        taken: list[int] = []
        while len(taken) < count and any(pools):
            taken += [pool.pop() for pool in pools if pool][: count - len(taken)]
        chosen += taken
    examples = np.array(chosen)
    return examples, np.flatnonzero(~np.isin(groups, groups[examples]))


def by_source(called: np.ndarray, source: np.ndarray) -> float:
    """Return the mean share of sources of 15 faces and more."""
    names, counts = np.unique(source, return_counts=True)
    return float(np.mean([called[source == name].mean() for name in names[counts >= 15]]))


def distance(summary: Any, u: np.ndarray) -> np.ndarray:
    """Return how far faces lie from the nearest source: squared Mahalanobis distance plus log determinant."""
    kept, found = slice(1, 1 + FULL), np.full(len(u), np.inf)
    for cell, middle, covariance in zip(summary.cells, summary.mean, summary.covariance, strict=True):
        if cell.view == "plain":
            within, off = covariance[kept, kept], u[:, :FULL] - middle[kept]
            far = np.einsum("nk,nk->n", off, np.linalg.solve(within, off.T).T)
            found = np.minimum(found, far + np.linalg.slogdet(within)[1])
    return found


def unfamiliar(
    summary: Any, features: Features, kept: np.ndarray, u: Any, logits: Any, y: Any, card: Any
) -> dict[str, Any]:
    """Return which share of right and wrong verdicts lies farther from all sources than 1 % of known training faces."""
    known = {cell.source for cell in summary.cells}
    rows = [
        i
        for i in kept
        if features.rows[i].split == "train"
        and features.rows[i].view == "plain"
        and features.rows[i].source in known
    ]
    far = float(np.quantile(distance(summary, summary.project(features.values[rows])), 0.99))
    p = np.array([card.calibration.probability(z) for z in logits])
    called, passed = logits > card.decision.fake_logit(), p <= card.decision.real
    wrong, right = np.where(y == 1, passed, called), np.where(y == 1, called, passed)
    flag = distance(summary, u) > far
    return {
        name: [int(m.sum()), float(flag[m].mean()) if m.any() else None]
        for name, m in (("wrong", wrong), ("right", right))
    }


def measure(
    case: Case, features: Features, recipe: Any, pools: dict[bool, Pool], args: argparse.Namespace
) -> dict[str, Any]:
    """Return per size the figures of all draws of a case."""
    card = find_card("accurate")
    source, label, view = (features.column(n) for n in ("source", "label", "view"))
    gone = {*case.fakes, *case.reals, *case.out}
    logits = pools[case.base].fit(tuple(gone))(features)
    kept = np.flatnonzero(~np.isin(source, list(gone)))
    held = kept[(features.column("half")[kept] == "A") & np.isin(view[kept], ("plain", "degraded"))]
    learned = np.isin(source, recipe.known) & (features.column("split") == "train")
    held = held[~learned[held]]
    calibration = fit_bent(logits[held], label[held], balanced_weights(label[held], source[held]))
    decision = fit_decision(
        logits[held], label[held], calibration, recipe.calibration, (view[held] != "plain").astype(np.int64)
    )
    parent = replace(card, calibration=calibration, decision=decision)
    summary = summarise(parent, part(features, kept), logits[kept])
    plain = (view == "plain") & (features.column("half") != "B")
    rows = np.flatnonzero(
        plain & ((np.isin(source, case.fakes) & (label == 1)) | (np.isin(source, case.reals) & (label == 0)))
    )
    groups = np.char.add(source[rows], features.column("group")[rows])
    u, before, y = summary.project(features.values[rows]), logits[rows], label[rows].astype(np.int64)
    other, limit = summary.project(features.values[held]), decision.fake_logit()
    genuine = label[held] == 0
    out: dict[str, Any] = {
        "faces": [int((y == 1).sum()), int((y == 0).sum())],
        "auc": float(auc(before[y == 1], before[y == 0])),
        "unfamiliar": unfamiliar(summary, features, kept, u, before, y, parent),
    }
    for count, share in product(args.sizes, {0.0, args.swapped}):
        found = []
        for seed in range(DRAWS):
            ex, ask = drawn(groups, y, count, seed)
            enough = min(np.bincount(y[ex], minlength=2)) == count
            if not enough or min(np.bincount(y[ask], minlength=2)) < LEAST:
                continue
            told = y[ex].copy()
            if share:
                wrong = np.random.default_rng(seed).permutation(len(ex))[: round(share * len(ex))]
                told[wrong] = 1 - told[wrong]
            correction = fit(before[ex], u[ex], told, summary.line)
            after = left_out(before[ex], u[ex], told, groups[ex].tolist(), summary.line)
            new = relined(parent, summary, correction, after, told)
            made = replace(parent, calibration=new[0], decision=new[1])
            harm = elsewhere(summary, correction, limit, new[1].fake_logit())
            try:
                run._refuse(run._own(parent, made, before[ex], after, told), harm)
                taken = True
            except DatasetError:
                taken = False
            now, line = before[ask] + correction(u[ask]), new[1].fake_logit()
            all_now = logits[held] + correction(other)
            pair = (before[ask], limit), (now, line)
            whole = (logits[held], limit), (all_now, line)
            own = run._own(parent, made, before[ex], after, told)
            aucs = [auc(z[y[ask] == 1], z[y[ask] == 0]) for z, _ in pair]
            found.append({
                "taken": taken,
                "gain": aucs[1] - aucs[0],
                "promised": own["auc"][1] - own["auc"][0],
                "log_loss": own["log_loss"],
                "caught": [float((z > at)[y[ask] == 1].mean()) for z, at in pair],
                "alarms": [float((z > at)[y[ask] == 0].mean()) for z, at in pair],
                "alarms_elsewhere": [by_source((z > at)[genuine], source[held][genuine]) for z, at in whole],
                "alarms_said": list(harm.alarms),
                "caught_elsewhere": [by_source((z > at)[~genuine], source[held][~genuine]) for z, at in whole],
            })  # fmt: skip
        out[f"{count} swapped" if share else str(count)] = found
    return out


def mean(found: list[dict[str, Any]], *keys: Any) -> float:
    """Return the mean of a figure over draws."""
    values = []
    for one in found:
        value: Any = one
        for key in keys:
            value = value[key]
        values.append(value)
    return float(np.mean(values)) if values else math.nan


def lines(results: dict[str, Any]) -> list[str]:
    """Return two tables: what is gained there, and what becomes of all else at 10 + 10."""
    sizes = [str(n) for n in SIZES if any(case.get(str(n)) for case in results.values())]
    told = [
        "| fakes of a source never seen | fakes, reals | AUC before | "
        + " | ".join(f"{n} + {n}" for n in sizes)
        + " |",
        "|" + "---|" * (3 + len(sizes)),
    ]
    for name, case in results.items():
        cells = []
        for n in sizes:
            gains = [d["gain"] for d in case.get(n, ())]
            low, high = np.quantile(gains, [0.025, 0.975]) if gains else (math.nan, math.nan)
            cells.append(f"{np.mean(gains):+.3f} [{low:+.3f}, {high:+.3f}]" if gains else "")
        told.append(
            f"| {name} | {case['faces'][0]}, {case['faces'][1]} | {case['auc']:.3f} | {' | '.join(cells)} |"
        )
    gains_of = {n: [mean(c[n], "gain") for c in results.values() if c.get(n)] for n in sizes}
    told.append(
        "| mean | | | " + " | ".join(f"{np.mean(v):+.3f}, {len(v)} sets" for v in gains_of.values()) + " |"
    )
    told += [
        "",
        "| at 10 + 10 | caught | false alarms | elsewhere: caught | false alarms | as said | written | gain then |",
    ]
    told.append("|" + "---|" * 8)
    for name, case in results.items():
        ten = case.get("10", ())
        if ten:
            keys = ("caught", "alarms", "caught_elsewhere", "alarms_elsewhere", "alarms_said")
            pairs = [f"{100 * mean(ten, k, 0):.1f} -> {100 * mean(ten, k, 1):.1f} %" for k in keys]
            written = [d for d in ten if d["taken"]]
            then = f"{mean(written, 'gain'):+.3f}" if written else ""
            told.append(f"| {name} | {' | '.join(pairs)} | {len(written)} of {len(ten)} | {then} |")
    return told


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("features", nargs="+", type=Path)
    parser.add_argument(
        "--recipe", type=Path, default=Path(__file__).parents[1] / "recipes/probe/accurate.toml"
    )
    parser.add_argument(
        "--swapped", type=float, default=0.0, help="measure also with this share of the labels turned round"
    )
    parser.add_argument("--sizes", nargs="+", type=int, default=SIZES, help="examples of either class")
    parser.add_argument("--out", type=Path, required=True, help="JSON of all draws")
    args = parser.parse_args()
    features, recipe = read_features(args.features), read_recipe(args.recipe)
    own = sorted(set(features.column("source").tolist()))
    beside = Pool(features, recipe.probe)
    alone = copy.copy(beside)
    alone.recipe = replace(recipe.probe, base=0.0)
    results: dict[str, Any] = {}
    for case in CASES:
        if not ({*case.fakes} & set(own) and {*case.reals} & set(own)):
            continue
        began = time.time()
        results[case.name] = measure(case, features, recipe, {True: beside, False: alone}, args)
        args.out.write_text(json.dumps(results))
        print(f"{case.name}: {time.time() - began:.0f} s", flush=True)
    print("\n".join(lines(results)))


if __name__ == "__main__":
    main()
