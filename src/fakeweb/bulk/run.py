"""Batch run: list, leave out what is done, judge on an engine, write shard by shard."""

from __future__ import annotations

import csv
import hashlib
import io
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from functools import partial
from typing import Any, Final, Literal

from fakeweb.batch import Limits, Lost, guarded_map, ray_map
from fakeweb.bulk.dest import DEAD, Destination, Progress, about_run, now
from fakeweb.bulk.items import Item, Source
from fakeweb.bulk.judge import Answer, Judge, Options
from fakeweb.bulk.lock import Lock
from fakeweb.errors import FakeWebError, UsageError, WorkerDied, readable
from fakeweb.render.rows import safe_cell
from fakeweb.scanner import Scanner
from fakeweb.scanner.parts import models_of

Engine = Literal["processes", "serial", "ray"]
ENGINES: Final = ("processes", "serial", "ray")
_LOST: Final = {
    "time": ("batch.time", "it took too long", "allow more with --time-limit, or look at the file by itself"),
    "memory": ("batch.memory", "it needs too much memory", "allow more with --memory-limit"),
    "died": ("batch.died", "it ended the process that read it", "look at the file by itself, with care"),
    "raised": (
        "batch.raised",
        "reading it failed in a way nobody foresaw",
        "please report it, with the file",
    ),
}
_TELL_S: Final = 5.0
_WAITS_S: Final = (1.0, 2.0, 4.0, 8.0, 16.0)


@dataclass(frozen=True)
class Plan:
    """What to run and how.

    Attributes:
        source: What to judge.
        out: Folder or address of the results.
        options: How to judge.
        engine: ``processes``, ``serial`` (in this process, without limits) or ``ray``.
        workers: Processes, or actors; for ``ray`` 0 takes all CPUs of the cluster.
        limits: What one file may cost.
        shard: Files in a shard.
        new: Whether another run in ``out`` makes way.
        retry: Whether dead letters of earlier runs are tried again.
        ray_address: Of the cluster; empty starts one here.
    """

    source: Source
    out: str
    options: Options = field(default_factory=Options)
    engine: Engine = "processes"
    workers: int = 1
    limits: Limits = field(default_factory=lambda: Limits(120.0, 2 << 30))
    shard: int = 1000
    new: bool = False
    retry: bool = False
    ray_address: str = ""


@dataclass(frozen=True)
class Summary:
    """What came of a run.

    Attributes:
        progress: Its last one.
        doubles: Files named twice and judged once.
        judged: Files judged or given up in this run alone.
    """

    progress: Progress
    doubles: int
    judged: int


def run_batch(plan: Plan, on_progress: Callable[[Progress], None] = lambda _: None) -> Summary:
    """Judge all files of a source that are not judged yet.

    Args:
        plan: What and how.
        on_progress: Called when all files are named, and after every file.

    Raises:
        UsageError: Another run is there or at work, the place or the engine cannot be used.
        MediaError: The source holds nothing.
        MissingExtra: pyarrow, Ray or the package of a kind of storage is not installed.
        WorkerDied: Workers do not start.
    """
    scanner = plan.options.scanner()  # wrong names and broken models are found before anything else is done
    destination = Destination(plan.out)
    models = models_of(scanner.classifier, scanner.finder, scanner.mesher)
    about = about_run(scanner.digest(), models, _told_options(plan, scanner))
    lock = Lock(destination.storage)
    try:
        if plan.retry and not plan.new:
            destination.begin(about)
            destination.forget_failed()
        ledger = destination.begin(about, new=plan.new)
        items = plan.source.items()
        writer = _Writer(plan, destination, lock, len(items), on_progress)
        todo = []
        for item in items:
            if item.id in ledger:
                writer.count(*ledger[item.id])
            else:
                todo.append(item)
        writer.run(_answers(plan, todo))
        return Summary(writer.progress("done"), plan.source.skipped, writer.done - writer.before)
    finally:
        lock.release()


def _told_options(plan: Plan, scanner: Scanner) -> dict[str, Any]:
    """Return the options that decide answers, by the names they have on the command line where they have one."""
    trust = scanner.trust
    return {
        "threshold": scanner.threshold,
        "max_megapixels": scanner.limits.max_pixels / 1e6,
        "limits": asdict(scanner.limits),
        "trust": None if trust is None else hashlib.sha256(trust.encode()).hexdigest()[:8],
        "pace": None if plan.options.pace is None else asdict(plan.options.pace),
        "identity": plan.source.identity,  # ids of both kinds in one place would count each file twice
    }


def _answers(plan: Plan, items: Iterable[Item]) -> Iterator[tuple[Item, Answer | Lost]]:
    """Judge items on the plan's engine; those that failed by the network are tried again at the end."""
    tries = 1
    while items:
        later: list[Item] = []
        for item, answer in _once(plan, items):
            if isinstance(answer, Answer) and answer.again:
                if tries < plan.limits.tries:
                    later.append(item)
                    continue
                answer.file["tries"] = tries
            yield item, answer
        items, tries = later, tries + 1


def _once(plan: Plan, items: Iterable[Item]) -> Iterator[tuple[Item, Answer | Lost]]:
    make = partial(Judge, plan.options)
    if plan.engine == "serial":
        judge = make()
        return ((item, judge(item)) for item in items)
    if plan.engine == "ray":
        return ray_map(make, items, workers=plan.workers, limits=plan.limits, address=plan.ray_address)
    if plan.engine == "processes":
        return guarded_map(make, items, workers=max(1, plan.workers), limits=plan.limits)
    raise UsageError(f"there is no engine '{plan.engine}'", hint=f"known: {', '.join(ENGINES)}")


class _Writer:
    """Gathers answers into shards, and tells how far the run is."""

    def __init__(
        self, plan: Plan, destination: Destination, lock: Lock, total: int, tell: Callable[[Progress], None]
    ) -> None:
        self.plan, self.destination, self.lock, self.total, self.tell = plan, destination, lock, total, tell
        self.done = self.failed = self.faces = 0
        self.before, self.started, self.told = 0, time.monotonic(), 0.0
        self.open: list[tuple[dict[str, Any], list[dict[str, Any]]]] = []

    def count(self, failed: bool, faces: int) -> None:
        """Count a file that is done."""
        self.done += 1
        self.failed += failed
        self.faces += faces

    def run(self, answers: Iterator[tuple[Item, Answer | Lost]]) -> None:
        """Write all answers; what is open when the run is interrupted is written too."""
        self.before = self.done
        self.tell(self.progress("running"))
        state: Literal["stopped", "done"] = "stopped"
        self.destination.finish(self.progress("running"))
        try:
            for item, answer in answers:
                self._add(item, answer)
            self._commit()
            self._write_dead()
            state = "done"
        except (KeyboardInterrupt, WorkerDied):
            self._commit()
            raise
        finally:
            try:
                self.destination.finish(self.progress(state))
            except KeyboardInterrupt:  # all is written; that it is must be told, too
                self.destination.finish(self.progress(state))
                raise

    def progress(self, state: Literal["running", "stopped", "done"]) -> Progress:
        """Return how far the run is."""
        rate = (self.done - self.before) / max(1e-9, time.monotonic() - self.started)
        left = (self.total - self.done) / rate if rate else None
        return Progress(state, self.total, self.done, self.failed, self.faces, rate, left, now())

    def _add(self, item: Item, answer: Answer | Lost) -> None:
        if isinstance(answer, Lost):
            answer = _dead(item, answer)
        row = {
            "id": item.id,
            "path": readable(item.path),
            "size_bytes": item.size_bytes if item.size_bytes >= 0 else None,
            "modified_ns": item.modified_ns if item.modified_ns >= 0 else None,
            **answer.file,
        }
        if row.get("code"):
            row.setdefault("tries", 1)
        self.open.append((row, [{"id": item.id, "path": row["path"], **face} for face in answer.faces]))
        self.count(bool(row.get("code")), len(answer.faces))
        if len(self.open) >= self.plan.shard:
            self._commit()
        if time.monotonic() - self.told > _TELL_S:
            self.told = time.monotonic()
            with suppress(FakeWebError):  # told again soon
                self.destination.finish(self.progress("running"))
        self.tell(self.progress("running"))

    def _commit(self) -> None:
        if self.open:
            self.lock.check()
        files, faces = [row for row, _ in self.open], [face for _, faces in self.open for face in faces]
        for wait_s in (*_WAITS_S, None):
            try:
                self.destination.commit(files, faces)
                break
            except UsageError:  # a store that is away for a moment; a disk that is full stays so
                if wait_s is None or self.destination.storage.local is not None:
                    raise
                time.sleep(wait_s)
        self.open = []

    def _write_dead(self) -> None:
        """Write the dead letters as a table that a spreadsheet opens."""
        file = io.StringIO(newline="")
        writer = csv.writer(file)
        columns = ("path", "code", "message", "hint", "tries")
        writer.writerow(columns)
        for row in self.destination.rows("files") if self.failed else ():
            if row["code"] is not None:
                writer.writerow([safe_cell(row[c]) for c in columns])
        self.destination.storage.write(DEAD, file.getvalue().encode("utf-8", "replace"))


def _dead(item: Item, lost: Lost) -> Answer:
    code, what, hint = _LOST[lost.why]
    told = f"{item.path}: {what}" + (f" ({lost.detail})" if lost.detail else "")
    return Answer({"code": code, "message": told, "hint": hint, "tries": lost.tries})
