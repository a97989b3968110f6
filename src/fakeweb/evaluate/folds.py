"""Cross-validation by held-out source: what a model does on sources it never saw.

Each fold drops some fake and some real sources from training; the model of that fold is judged on all pictures of
exactly these. Sources that share a part of their name (``lfw`` and ``faceswap3d_lfw``) share people or pictures and
are dropped together.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from fakeweb.datasets import Sample
from fakeweb.datasets.splits import Families
from fakeweb.errors import DatasetError, UsageError
from fakeweb.evaluate import evaluate, figures, plots
from fakeweb.evaluate.degrade import PLAIN
from fakeweb.evaluate.pages import Block, Heading, Table, Text, write_json, write_page
from fakeweb.evaluate.protocol import Protocol
from fakeweb.evaluate.report import values
from fakeweb.evaluate.scores import Row
from fakeweb.media import write_atomically

FOLDS = 4


@dataclass(frozen=True)
class Fold:
    """One fold: its number from 1, and the sources its model must not see."""

    number: int
    held_out: tuple[str, ...]


def make_folds(samples: Sequence[Sample], count: int = FOLDS) -> list[Fold]:
    """Deal the sources into folds, each with fakes and reals, the largest first to the emptiest.

    Args:
        samples: Labelled samples of at least as many families of fake sources as folds.
        count: How many folds.

    Raises:
        DatasetError: Too few sources with fakes, or too few with reals.
    """
    size = Counter((s.source, s.label) for s in samples if s.label is not None)
    units = _families(sorted({source for source, _ in size}))

    def weigh(unit: tuple[str, ...], label: int) -> int:
        return sum(size[source, label] for source in unit)

    fake = sorted((u for u in units if weigh(u, 1)), key=lambda u: (-weigh(u, 1), u))
    real = sorted((u for u in units if not weigh(u, 1)), key=lambda u: (-weigh(u, 0), u))
    if len(fake) < count:
        raise DatasetError(
            f"{count} folds need as many unrelated sources with fakes, there are {len(fake)}",
            hint="ask for fewer --folds, or add data",
        )
    dealt: list[list[str]] = [[] for _ in range(count)]
    for label, pile in ((1, fake), (0, real)):
        for unit in pile:
            least = min(range(count), key=lambda i: (sum(size[s, label] for s in dealt[i]), i))
            dealt[least] += unit
    for held in dealt:
        if not any(size[s, 0] for s in held):
            raise DatasetError(
                "a fold would hold no real faces", hint="ask for fewer --folds, or add sources of reals"
            )
    return [Fold(i, tuple(sorted(held))) for i, held in enumerate(dealt, 1)]


def _families(sources: Sequence[str]) -> list[tuple[str, ...]]:
    """Return the sources that share a part of their name, a part being at least three letters between marks."""
    joined = Families()
    by_part: dict[str, str] = {}
    for source in sources:
        for part in source.lower().replace("/", "_").replace("-", "_").split("_"):
            if len(part) >= 3:
                joined.join(by_part.setdefault(part, source), source)
    found: dict[str, list[str]] = {}
    for source in sources:
        found.setdefault(joined.name_of(source), []).append(source)
    return [tuple(v) for v in found.values()]


def write_folds(folds: Sequence[Fold], recipe: Path, values: Mapping[str, Any], out: Path) -> list[Path]:
    """Write ``folds.json`` and one recipe per fold, ``fold1-...``: the given one is its base, and it skips the sources.

    Args:
        folds: From :func:`make_folds`.
        recipe: A training recipe; it must stay where it is.
        values: What it says, its own bases included.
        out: Folder.

    Returns:
        The recipes.
    """
    skipped = values.get("data", {}).get("skip_sources", ())
    paths = []
    for fold in folds:
        path = out / f"fold{fold.number}-{recipe.stem}.toml"
        listed = json.dumps(sorted({*skipped, *fold.held_out}))
        base = json.dumps(os.path.relpath(recipe, out).replace(os.sep, "/"))
        text = f'base = {base}\nname = "fold{fold.number}-{values.get("name", recipe.stem)}"\n\n'
        write_atomically(path, f"{text}[data]\nskip_sources = {listed}\n".encode())
        paths.append(path)
    about = {"recipe": recipe.name, "folds": [asdict(f) for f in folds]}
    write_json(out / "folds.json", about)
    return paths


def read_folds(folder: Path) -> list[tuple[Fold, Path]]:
    """Return the folds of a folder with their models' cards, found at ``foldN/*.json`` beside ``folds.json``.

    Raises:
        UsageError: No ``folds.json``, or a fold without its model.
    """
    try:
        about = json.loads((folder / "folds.json").read_text(encoding="utf-8"))
        folds = [Fold(f["number"], tuple(f["held_out"])) for f in about["folds"]]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UsageError(f"no folds in {folder}", hint="`fakeweb data folds` makes them") from error
    out = []
    for fold in folds:
        cards = [
            p for p in sorted(folder.glob(f"fold{fold.number}/*.json")) if p.with_suffix(".onnx").is_file()
        ]
        if len(cards) != 1:
            raise UsageError(
                f"{folder} holds {len(cards)} models of fold {fold.number}",
                hint=f"train its recipe with --out {folder / f'fold{fold.number}'}",
            )
        out.append((fold, cards[0]))
    return out


def evaluate_folds(
    folder: Path,
    protocol: Protocol,
    out: Path,
    *,
    workers: int = 1,
    on_progress: Callable[[str, int, int], None] = lambda _stage, _done, _total: None,
) -> list[str]:
    """Judge each fold's model on all pictures of the sources it never saw; write one report per fold and one of all.

    Args:
        folder: With ``folds.json`` and the trained folds.
        protocol: For all but model, sources and split: every picture of a held-out source is unseen.
        out: Folder for the reports.
        workers: Processes.
        on_progress: Called with (stage, done, total).

    Returns:
        One line per fold, and one of all together.
    """
    rows: dict[str, list[Row]] = {}
    tables: dict[str, dict[str, Any]] = {}
    for fold, card in read_folds(folder):
        own = replace(protocol, models=(str(card),), part="all", only=fold.held_out, skip=())
        result = evaluate(own, out / f"fold{fold.number}", workers=workers, on_progress=on_progress)
        model, name = next(iter(result.metrics["models"])), f"fold {fold.number}"
        rows[name] = [r for r in result.rows if r.model == model and r.view == PLAIN]
        tables[name] = {**figures.table(rows[name]), "held_out": list(fold.held_out), "model": model}
    pooled = figures.table([r for own in rows.values() for r in own])
    known = [t["auc"]["value"] for t in tables.values() if t["auc"]["value"] is not None]
    mean = round(float(np.mean(known)), 4) if known else None
    write_json(out / "metrics.json", {"folds": tables, "pooled": pooled, "mean_auc": mean})
    return _write_report(out, {**tables, "pooled": {**pooled, "held_out": ["all"]}}, rows)


def _write_report(out: Path, tables: dict[str, dict[str, Any]], rows: dict[str, list[Row]]) -> list[str]:
    """Write the report of all folds; return one line per table."""
    lines = [
        [name, ", ".join(t["held_out"]), *values(t, ("real", "fake", "auc", "recall", "false_alarm_rate"))]
        for name, t in tables.items()
    ]
    blocks: list[Block] = [
        Heading("Cross-validation by held-out source", 1),
        Text(
            "Each model is judged on all pictures of the sources that its training left out; "
            "'pooled' mixes the models' scores."
        ),
        Table(["fold", "held out", "reals", "fakes", "AUC", "fakes called fake", "reals called fake"], lines),
        plots.roc_plot(
            {n: figures.judged(own) for n, own in rows.items()}, "roc-folds", "sources never seen"
        ),
    ]
    write_page(out, "report", blocks)
    return [f"{line[0]}  {line[1]}  AUC {line[4]}" for line in lines]
