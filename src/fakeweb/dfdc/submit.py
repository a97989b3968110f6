"""Submission: clips -> submission.csv, one line per clip, P(fake) held within 0.01 and 0.99. Resumable."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from fakeweb.batch import ordered_map
from fakeweb.datasets.csvfile import to_csv as rows_to_csv
from fakeweb.datasets.journal import Journal
from fakeweb.datasets.tables import read_rows
from fakeweb.errors import FakeWebError, LayoutMismatch, UsageError, readable
from fakeweb.media import Pace, write_atomically
from fakeweb.metrics import DFDC_CLIP
from fakeweb.scanner import Scanner
from fakeweb.tracks.clips import ClipRef, Part

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
    wanted, journal = _wanted(parts, order), Journal(out.with_name(out.name + ".journal"))
    done = _predictions(journal, options)
    left = [task for task in wanted if task.clip.name not in done]
    make, before = partial(_ClipScanner, options), len(wanted) - len(left)
    for count, (_, prediction) in enumerate(ordered_map(make, left, workers=workers), before + 1):
        journal.add(vars(prediction))
        done[prediction.filename] = prediction
        if on_clip is not None:
            on_clip(count, len(wanted))
    predictions = [done[task.clip.name] for task in wanted]
    write_atomically(out, to_csv(predictions).encode())
    journal.path.unlink(missing_ok=True)
    return predictions


def _wanted(parts: Sequence[Part], order: Sequence[str] | None) -> list[_Task]:
    """Return the clips in the order wanted."""
    tasks = {c.name: _Task(p, c) for p in parts for c in p.clips}
    if len(tasks) < sum(len(p.clips) for p in parts):
        hint = "a submission names files only: scan parts one by one"
        raise LayoutMismatch("two clips have the same name", hint=hint)
    wanted = sorted(tasks) if order is None else order
    for name in wanted:
        if name not in tasks:
            raise LayoutMismatch(f"{name} is in the list, but there is no such clip", hint="check the places")
    return [tasks[name] for name in wanted]


def _predictions(journal: Journal, options: ScannerOptions) -> dict[str, Prediction]:
    """Return what a journal holds of a run with these options; its first line says which."""
    head = {"options": vars(options)}
    if not journal.records:
        journal.add(head)
    if journal.records[0] != head:
        raise UsageError(
            f"{journal.path} was begun with other options", hint="use the same ones, or remove the journal"
        )
    return {entry["filename"]: Prediction(**entry) for entry in journal.records[1:]}


def to_csv(predictions: Sequence[Prediction]) -> str:
    """Return the submission: ``filename,label`` with P(fake) within 0.01 and 0.99."""
    rows = [("filename", "label")]
    for prediction in predictions:
        p = UNKNOWN if prediction.p_fake is None else min(1 - DFDC_CLIP, max(DFDC_CLIP, prediction.p_fake))
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


class _ClipScanner:
    """Scans clips in one process."""

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
