"""``fakeweb batch`` and ``fakeweb watch``."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from fakeweb.batch import Limits as Cost
from fakeweb.bulk import Destination, Options, Plan, Progress, Source, Summary, run_batch
from fakeweb.bulk.follow import follow as follow_rows
from fakeweb.bulk.page import report_page
from fakeweb.bulk.watch import watch as watch_folder
from fakeweb.cli.console import ERRORS, printable, progress_bar, write
from fakeweb.cli.options import Finder, FinderModel, Workers
from fakeweb.errors import FakeWebError, UsageError
from fakeweb.media import Limits, write_atomically
from fakeweb.scanner import DEFAULT_FINDER, DEFAULT_MODEL

EPILOG = """
**The same command again** goes on where it stood, whatever ended it; `--status` tells how far it is. What could not be
judged stands in DEST/dead_letters.csv. Needs the extra 'batch'; the engine ray the extra 'ray', buckets 's3'.

**Examples**

* fakeweb batch photos/ --out results -j 4

* fakeweb batch "s3://bucket/posts/2026-*/" --out s3://bucket/results --engine ray --ray auto

* fakeweb batch posts.parquet --column image_path --out results --limit 1000

* fakeweb batch --status --out results

* fakeweb batch report results
"""
WATCH_EPILOG = """
**Example**

* fakeweb watch incoming/ --out results
"""
_SAYS_EVERY_S = 30.0


class Engine(StrEnum):
    """Ways to run."""

    PROCESSES = "processes"
    SERIAL = "serial"
    RAY = "ray"


class Identity(StrEnum):
    """What makes a file the same one."""

    PATH = "path"
    SHA256 = "sha256"


class Form(StrEnum):
    """Forms of rows."""

    JSONL = "jsonl"
    CSV = "csv"


class _RunOrCommand(TyperGroup):
    """Reads ``fakeweb batch photos/`` as ``fakeweb batch run photos/``."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Put ``run`` before what is no command of this group."""
        if (
            args
            and args[0] not in self.commands
            and not (len(args) == 1 and args[0] in ctx.help_option_names)
        ):
            args = ["run", *args]
        return list(super().parse_args(ctx, args))


batch = typer.Typer(
    cls=_RunOrCommand,
    help="Judge a million files: folders, lists, tables, archives, buckets. Restartable; results are Parquet.",
    epilog="`fakeweb batch SOURCE --out DEST` is `fakeweb batch run`; its options: `fakeweb batch run --help`.",
    no_args_is_help=True,
    rich_markup_mode="markdown",
)

Out = Annotated[
    str, typer.Option("--out", "-o", help="Folder or address of the results.", show_default=False)
]
Model = Annotated[str, typer.Option(help="Name of a model, or path or address of a card.")]
Threshold = Annotated[
    float | None,
    typer.Option(help="Call faces fake from this probability on, instead of the model's own threshold."),
]
TimeLimit = Annotated[float, typer.Option(min=0.1, help="Seconds that one file may take.")]
MemoryLimit = Annotated[
    int, typer.Option(min=1, help="MiB that one file may take beside what a worker holds at rest (Linux).")
]
Tries = Annotated[
    int, typer.Option(min=1, help="How often a file is tried that hangs, kills or cannot be fetched.")
]
New = Annotated[
    bool, typer.Option("--new", help="Replace a run of another model or options that is in --out.")
]
Table = Annotated[str, typer.Option(help="files or faces.")]


@batch.command("run", epilog=EPILOG)
def run(
    source: Annotated[
        str,
        typer.Argument(
            help="Folder, glob, .txt list, .parquet or .csv table, .zip or .tar; local or s3://...",
            show_default=False,
        ),
    ] = "",
    out: Out = "",
    column: Annotated[str, typer.Option(help="Column of a table that holds paths.")] = "path",
    identity: Annotated[
        Identity, typer.Option(help="A file is the same by path, size and time, or by its content.")
    ] = Identity.PATH,
    limit: Annotated[int, typer.Option(min=0, help="Judge at most so many files; 0: all.")] = 0,
    sample: Annotated[
        int, typer.Option(min=0, help="Judge so many, drawn evenly, the same each time; 0: all.")
    ] = 0,
    engine: Annotated[
        Engine, typer.Option(help="How to run; serial has no limits per file.")
    ] = Engine.PROCESSES,
    workers: Workers = 1,
    ray: Annotated[
        str,
        typer.Option(help="Address of a Ray cluster, as ray.init takes it; without, one on this machine."),
    ] = "",
    model: Model = DEFAULT_MODEL,
    threshold: Threshold = None,
    finder: Finder = DEFAULT_FINDER,
    finder_model: FinderModel = None,
    max_megapixels: Annotated[
        float | None, typer.Option(min=0.001, help="Largest picture, in million pixels; 80 unless given.")
    ] = None,
    trust: Annotated[
        Path | None, typer.Option(help="Certificates (PEM) whose content credentials are trusted.")
    ] = None,
    time_limit: TimeLimit = 120.0,
    memory_limit: MemoryLimit = 2048,
    tries: Tries = 2,
    shard: Annotated[int, typer.Option(min=1, help="Files in a shard; a kill repeats at most one.")] = 1000,
    new: New = False,
    retry: Annotated[bool, typer.Option("--retry", help="Try dead letters of earlier runs again.")] = False,
    status: Annotated[bool, typer.Option("--status", help="Only tell how far the run in --out is.")] = False,
    follow: Annotated[
        Form | None,
        typer.Option(help="Only print the rows of the run in --out as they come.", show_default=False),
    ] = None,
    table: Table = "files",
) -> None:
    """Judge every file of a source and write one row per file and one per face."""
    place = out or (source if status or follow is not None else "")
    if not place:
        raise UsageError("--out is missing", hint="name a folder or an address for the results")
    if status:
        write(_told(*Destination(place).progress()))
        return
    if follow is not None:
        for line in follow_rows(Destination(place), table, follow.value):
            write(line)
        return
    if not source:
        raise UsageError("SOURCE is missing", hint="fakeweb batch SOURCE --out DEST")
    limits = None if max_megapixels is None else Limits.of_megapixels(max_megapixels)
    plan = Plan(
        Source(source, column, identity.value, limit, sample),
        place,
        Options(finder, finder_model, model, threshold, limits, trust=trust),
        engine.value,
        workers,
        Cost(time_limit, memory_limit << 20, tries),
        shard,
        new,
        retry,
        ray,
    )
    with progress_bar() as bar:
        shown = _Shown(bar)
        try:
            summary = run_batch(plan, shown)
        except KeyboardInterrupt:
            _say_stopped(shown.last)
            raise
    write(_summary(summary, place))


@batch.command("report")
def report(
    out: Annotated[str, typer.Argument(metavar="DEST", help="What --out named.", show_default=False)],
    html: Annotated[
        Path | None,
        typer.Option(help="Where to write the page. [default: DEST/report.html]", show_default=False),
    ] = None,
) -> None:
    """Write a page about a run: counts, scores, the most suspicious files, folders, dead letters."""
    destination = Destination(out)
    place = str(html) if html is not None else destination.storage.path_of("report.html")
    write_atomically(place, report_page(destination).encode("utf-8", "backslashreplace"))
    write(f"report: {place}")


def watch(
    source: Annotated[
        str, typer.Argument(metavar="IN", help="Folder or address to watch.", show_default=False)
    ],
    out: Out,
    every: Annotated[float, typer.Option(min=0.1, help="Seconds between two looks.")] = 5.0,
    workers: Workers = 1,
    model: Model = DEFAULT_MODEL,
    threshold: Threshold = None,
    finder: Finder = DEFAULT_FINDER,
    finder_model: FinderModel = None,
    time_limit: TimeLimit = 120.0,
    memory_limit: MemoryLimit = 2048,
    tries: Tries = 2,
    new: New = False,
) -> None:
    """Judge what arrives in a folder or bucket, until Ctrl-C: a file that is still being written waits.

    Results are those of `fakeweb batch`; the same command goes on after a stop of any kind.
    """
    plan = Plan(
        Source(source), out, Options(finder, finder_model, model, threshold), workers=workers,
        limits=Cost(time_limit, memory_limit << 20, tries), new=new,
    )  # fmt: skip
    try:
        watch_folder(
            plan, every_s=every, on_round=lambda made: write(f"{made.judged} new: {_summary(made, out)}")
        )
    except KeyboardInterrupt:
        last = None
        with suppress(FakeWebError):
            last, _ = Destination(out).progress()
        _say_stopped(last)
        raise


class _Shown:
    """Shows a run: a bar on a terminal, else a line on stderr now and then."""

    def __init__(self, bar: Any) -> None:
        self.bar, self.task = bar, bar.add_task("judging", total=None, note="")
        self.said = time.monotonic()
        self.last: Progress | None = None
        self.say: Callable[[str], None] = lambda line: ERRORS.print(line, markup=False)

    def __call__(self, progress: Progress) -> None:
        self.last = progress
        note = f"{progress.rate:.1f}/s" + (f", {progress.failed} failed" if progress.failed else "")
        self.bar.update(self.task, completed=progress.done, total=progress.total, note=note)
        if self.bar.disable and time.monotonic() - self.said > _SAYS_EVERY_S:
            self.said = time.monotonic()
            self.say(_told(progress, held=True))


def _say_stopped(last: Progress | None) -> None:
    """Say on stderr how far an interrupted run came."""
    if last is None:
        told = "stopped: no file was judged yet; the same command begins again"
    else:
        told = _told(replace(last, state="stopped"), held=False)
    ERRORS.print(told, markup=False)


def _told(progress: Progress, held: bool) -> str:
    state: str = progress.state
    if state == "running" and not held:
        state = "stopped: it was killed"
    share = f"{progress.done} of {progress.total} files"
    told = f"{state}: {share}, {progress.faces} faces, {progress.failed} failed, {progress.rate:.1f} files/s"
    if state == "running" and progress.left_s is not None:
        told += f", {_duration(progress.left_s)} left"
    return told if state in ("running", "done") else f"{told}; the same command goes on"


def _duration(seconds: float) -> str:
    hours, rest = divmod(round(seconds), 3600)
    return f"{hours} h {rest // 60} min" if hours else f"{rest // 60} min {rest % 60} s"


def _summary(summary: Summary, place: str) -> str:
    progress = summary.progress
    doubles = f", {summary.doubles} named twice" if summary.doubles else ""
    return printable(
        f"{progress.done} files, {progress.faces} faces, {progress.failed} failed{doubles}: {place}"
    )
