"""Several data sets and models in one table, as papers print them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import numpy as np

from fakeweb.datasets.csvfile import write_csv
from fakeweb.errors import UsageError
from fakeweb.evaluate import evaluate
from fakeweb.evaluate.pages import NONE, Block, Heading, Table, Text, write_json, write_page
from fakeweb.evaluate.protocol import Protocol
from fakeweb.evaluate.report import cell
from fakeweb.evaluate.run import OnProgress

_SHARES: Final = ("accuracy", "hits_at_1", "hits_at_2", "hits_at_5")
COLUMNS: Final = {
    "auc": "AUC", "video_auc": "video AUC", "alike_auc": "AUC, handled alike", "average_precision": "AP",
    "equal_error_rate": "EER", "accuracy": "accuracy", "hits_at_1": "found at 1 % alarms", "hits_at_2": "at 2 %",
    "hits_at_5": "at 5 %", "calibration_error": "ECE",
}  # fmt: skip
"""Figures of a line, and their titles."""


def evaluate_sets(
    protocol: Protocol,
    sets: Sequence[Path],
    out: Path,
    *,
    workers: int = 1,
    on_progress: OnProgress = lambda _stage, _done, _total: None,
) -> dict[str, Any]:
    """Judge every data set by every model of a protocol; write a report per set, and one table of all.

    Args:
        protocol: For all but the data set.
        sets: Roots of the data sets; a folder's name is the set's.
        out: Gets a folder per set, and ``table.html``, ``table.md``, ``table.csv`` and ``metrics.json``.
        workers: Processes.
        on_progress: Called with (stage, done, total).

    Returns:
        ``lines``: one per set and model; ``manipulations``: one per set, model and manipulation; ``means``: per model.

    Raises:
        UsageError: Two sets of one name.
        DatasetError, LayoutMismatch, UnknownName, ModelError: As :func:`fakeweb.evaluate.evaluate` says.
    """
    names = [path.resolve().name for path in sets]
    if len(set(names)) < len(names):
        raise UsageError(
            f"two data sets go by one name: {', '.join(names)}", hint="link one under another name"
        )
    lines: list[dict[str, Any]] = []
    parts: list[dict[str, Any]] = []
    for name, path in zip(names, sets, strict=True):

        def tell(stage: str, done: int, total: int, name: str = name) -> None:
            on_progress(f"{name}: {stage}", done, total)

        found = evaluate(replace(protocol, data=path), out / name, workers=workers, on_progress=tell)
        for model, said in found.metrics["models"].items():
            key = "pooled_two_class" if said["two_class_sources"] else "pooled_all"
            about = {"set": name, "model": model}
            video, alike = said.get("video", {}).get(key), said.get("alike", {}).get(key)
            lines.append(about | _line(said[key], video, alike))
            parts += [
                about | {"manipulation": kind} | _line(figures, figures.get("video"), None)
                for kind, figures in said["manipulations"].items()
            ]
    result = {"lines": lines, "manipulations": parts, "means": _means(lines)}
    _write(out, protocol, result)
    return result


def _line(
    figures: Mapping[str, Any], video: Mapping[str, Any] | None, alike: Mapping[str, Any] | None
) -> dict[str, Any]:
    others = {"video_auc": video and video["auc"], "alike_auc": alike and alike["auc"]}
    return {k: figures[k] for k in ("real", "fake", "no_face", "unreadable")} | {
        k: others[k] if k in others else figures[k] for k in COLUMNS
    }


def _means(lines: Sequence[Mapping[str, Any]]) -> dict[str, dict[str, float]]:
    """Return per model the plain mean over the sets of every figure that all of them have."""
    out: dict[str, dict[str, float]] = {}
    for model in dict.fromkeys(line["model"] for line in lines):
        own = [line for line in lines if line["model"] == model]
        columns = {k: [line[k]["value"] for line in own if line[k]] for k in COLUMNS}
        whole = {k: v for k, v in columns.items() if len(v) == len(own) and None not in v}
        out[model] = {k: round(float(np.mean(v)), 6) for k, v in whole.items()}
    return out


def _write(out: Path, protocol: Protocol, result: Mapping[str, Any]) -> None:
    lines, parts, means = result["lines"], result["manipulations"], result["means"]
    write_json(out / "metrics.json", result)
    ends = [f"{k}{end}" for k in COLUMNS for end in ("", "_low", "_high")]
    head = ["set", "model", "manipulation", "real", "fake", "no_face", "unreadable"]
    cells = [
        [line.get(k, "all") for k in head]
        + [
            "" if (v := (line[k] or {}).get(end)) is None else v
            for k in COLUMNS
            for end in ("value", "low", "high")
        ]
        for line in (*lines, *parts)
    ]
    write_csv(out / "table.csv", [[*head, *ends], *cells])
    shown = [k for k in COLUMNS if any(line[k] for line in lines)]

    def row(line: Mapping[str, Any], first: Sequence[str], keys: Sequence[str]) -> list[str]:
        start = [line[k] for k in first] + [str(line["real"]), str(line["fake"])]
        return start + [cell(line[k], k in _SHARES) for k in keys]

    of_sets, of_parts = ["set", "model"], ["set", "manipulation", "model"]
    kept = [k for k in shown if k != "alike_auc"]
    averaged = [
        ["mean", model, "", "", *(_number(own.get(k), k in _SHARES) for k in shown)]
        for model, own in means.items()
    ]
    blocks: list[Block] = [
        Heading("Data sets and models", 1),
        Text(
            f"Split {protocol.part}, level {protocol.level!r}; pooled over each set's sources of both classes. "
            "Square brackets are 95 % intervals over whole groups. Accuracy is at even odds; 'found at 1 % alarms' "
            "is the share of fakes above the threshold that 1 % of the genuine files exceed. Files without a judged "
            "face do not count; metrics.json and table.csv say how many there are."
        ),
        Table(
            [*of_sets, "genuine", "fakes", *(COLUMNS[k] for k in shown)],
            [*(row(v, of_sets, shown) for v in lines), *averaged],
        ),
        Heading("By manipulation"),
        Text("Each manipulation's fakes against all genuine files of the set."),
        Table(
            [*of_parts, "genuine", "fakes", *(COLUMNS[k] for k in kept)],
            [row(v, of_parts, kept) for v in parts],
        ),
    ]
    write_page(out, "table", blocks)


def _number(value: float | None, percent: bool) -> str:
    return NONE if value is None else f"{100 * value:.1f} %" if percent else f"{value:.3f}"
