"""Submission: clips -> submission.csv, one line per clip, P(fake) held within 0.01 and 0.99. Resumable."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from fakeweb.batch import ordered_map
from fakeweb.datasets.csvfile import to_csv as rows_to_csv
from fakeweb.datasets.tables import read_rows
from fakeweb.dfdc.parts import ClipRef, Part
from fakeweb.dfdc.score_clips import CLIP
from fakeweb.errors import FakeWebError, LayoutMismatch, UsageError, readable
from fakeweb.media import Pace, write_atomically
from fakeweb.scanner import Scanner

UNKNOWN = 0.5
"""What a clip gets in which nobody could be judged: the submission needs a number; the summary says how many."""


@dataclass(frozen=True)
class ScannerOptions:
    """How each process makes its scanner."""

    finder: str
    finder_model: str | None
    model: str
    frames: int

    def make(self) -> Scanner:
        """Make it."""
        return Scanner(finder=self.finder, finder_model=self.finder_model, model=self.model)


@dataclass(frozen=True)
class Prediction:
    """One line to be: ``p_fake`` is None where nobody could be judged, with the reason in ``note``."""

    filename: str
    p_fake: float | None
    note: str = ""


@dataclass(frozen=True)
class _Task:
    part: Part
    clip: ClipRef


def submit(
    parts: Sequence[Part],
    out: Path,
    options: ScannerOptions,
    *,
    order: Sequence[str] | None = None,
    workers: int = 1,
    on_clip: Callable[[int, int], None] | None = None,
) -> list[Prediction]:
    """Scan all clips and write the submission; a run that was killed goes on where it stood.

    Every prediction is appended to ``OUT.journal`` as soon as it is there; the submission itself appears when all are.

    Args:
        parts: From :func:`fakeweb.dfdc.parts.find_parts`.
        out: The CSV file.
        options: The scanner.
        order: File names in the order wanted, as in a sample submission; each must be there. None: sorted.
        workers: Processes.
        on_clip: Called with (done, total).

    Returns:
        The predictions in the order of the file.

    Raises:
        LayoutMismatch: Two clips of one name, or a name of ``order`` that is not there.
        UsageError: The journal belongs to another model, or cannot be written.
    """
    tasks = {c.name: _Task(p, c) for p in parts for c in p.clips}
    if len(tasks) < sum(len(p.clips) for p in parts):
        raise LayoutMismatch(
            "two clips have the same name", hint="a submission names files only: scan parts one by one"
        )
    wanted = sorted(tasks) if order is None else list(order)
    missing = [n for n in wanted if n not in tasks]
    if missing:
        raise LayoutMismatch(
            f"{missing[0]} is in the list, but there is no such clip", hint="check the places"
        )
    journal = _Journal(out.with_name(out.name + ".journal"), options)
    left = [tasks[n] for n in wanted if n not in journal.done]
    for count, (_, prediction) in enumerate(ordered_map(partial(_Judge, options), left, workers=workers), 1):
        journal.add(prediction)
        if on_clip is not None:
            on_clip(len(wanted) - len(left) + count, len(wanted))
    predictions = [journal.done[n] for n in wanted]
    write_atomically(out, to_csv(predictions).encode())
    journal.end()
    return predictions


def to_csv(predictions: Sequence[Prediction]) -> str:
    """Return the submission: ``filename,label`` with P(fake) within 0.01 and 0.99."""
    rows = [("filename", "label")]
    for prediction in predictions:
        p = UNKNOWN if prediction.p_fake is None else min(1 - CLIP, max(CLIP, prediction.p_fake))
        rows.append((readable(prediction.filename), f"{p:.6f}"))
    return rows_to_csv(rows)


def read_order(path: Path) -> list[str]:
    """Return the file names of a sample submission, in order.

    Raises:
        LayoutMismatch: It cannot be read, or has no column ``filename``.
    """
    return [
        row["filename"] for _, row in read_rows(path, ("filename",), hint="give DFDC's sample_submission.csv")
    ]


class _Judge:
    """Scans clips in one process; keeps the last part open."""

    def __init__(self, options: ScannerOptions) -> None:
        self._scanner, self._pace = options.make(), Pace(frames=options.frames)

    def __call__(self, task: _Task) -> Prediction:
        """Scan one clip; what is wrong with a clip becomes a note, never an invented score."""
        try:
            with task.part.reader() as reader:
                content = reader.read(task.clip)
            report = self._scanner.scan_video(content, pace=self._pace, name=task.clip.name, threads=1)
        except FakeWebError as error:
            return Prediction(task.clip.name, None, error.message)
        reasons = "; ".join(report.verdict.reasons) if report.verdict.p_fake is None else ""
        return Prediction(task.clip.name, report.verdict.p_fake, reasons)


class _Journal:
    """Predictions as they come, one JSON line each; a line cut off by a kill is done again."""

    def __init__(self, path: Path, options: ScannerOptions) -> None:
        self._path = path
        self.done: dict[str, Prediction] = {}
        head = {"options": vars(options)}
        whole = self._read(head) if path.is_file() else [json.dumps(head)]
        write_atomically(path, ("\n".join(whole) + "\n").encode())  # without the line that was cut off

    def _read(self, head: dict[str, Any]) -> list[str]:
        lines = []
        for number, line in enumerate(self._path.read_text(encoding="utf-8", errors="replace").splitlines()):
            try:
                entry = json.loads(line)
            except ValueError:
                break
            if number == 0 and entry != head:
                raise UsageError(
                    f"{self._path} was begun with other options",
                    hint="use the same ones, or remove the journal",
                )
            if number:
                prediction = Prediction(**entry)
                self.done[prediction.filename] = prediction
            lines.append(line)
        return lines or [json.dumps(head)]

    def add(self, prediction: Prediction) -> None:
        self.done[prediction.filename] = prediction
        with self._path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(vars(prediction)) + "\n")

    def end(self) -> None:
        self._path.unlink(missing_ok=True)
