"""Worker of ``fakeweb scan``: reads, judges, draws and writes one input, in this process or another."""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any, Literal

from fakeweb.cli.clip_bar import ClipBar, Silent
from fakeweb.cli.clip_files import ClipFiles
from fakeweb.cli.targets import Target
from fakeweb.errors import FakeWebError, Refused, UsageError
from fakeweb.media import Limits, Pace, encode_png, fetch_url, kind_of, read_image, write_atomically
from fakeweb.media.address import address_of, shown
from fakeweb.media.source import open_regular
from fakeweb.render import overlay
from fakeweb.render.impact import Reach, impact
from fakeweb.render.page import Shown
from fakeweb.scanner import Scanner, overlay_clip
from fakeweb.scanner.pages import ENTRY_PX, PICTURE_PX, show_clip, show_picture
from fakeweb.types import Impact, Report


@dataclass(frozen=True)
class Outcome:
    """What became of one input: a report, an error, or both where only the overlay failed."""

    report: Report | None = None
    error: FakeWebError | None = None
    written: tuple[str, ...] = ()
    shown: Shown | None = None
    impact: Impact | None = None


@dataclass(frozen=True)
class Options:
    """What every scan of this run shares."""

    finder: str
    finder_model: Path | None
    model: str
    threshold: float | None
    opacity: float
    pace: Pace | None = None
    limits: Limits | None = None
    files: ClipFiles = field(default_factory=ClipFiles)
    trust: Path | None = None
    reach: Reach = field(default_factory=Reach)
    page: Literal["", "one", "many"] = ""

    def scanner(self) -> Scanner:
        """Make the scanner these options describe."""
        return Scanner(
            finder=self.finder,
            finder_model=self.finder_model,
            model=self.model,
            threshold=self.threshold,
            limits=self.limits,
            trust=self.trust,
        )


@dataclass(frozen=True)
class Worker:
    """Scans inputs one by one; errors of an input become part of its outcome."""

    scanner: Scanner
    options: Options
    allow_url: bool
    show: ClipBar | None

    def __call__(self, target: Target) -> Outcome:
        """Scan one target; errors of the input become part of the outcome."""
        try:
            with self._content(target.source) as content:
                if kind_of(content) == "clip":
                    return self._clip(content, target)
                return self._picture(content, target)
        except FakeWebError as error:
            return Outcome(error=error)

    def _picture(self, content: Any, target: Target) -> Outcome:
        started = time.perf_counter()
        if self.options.files.only_clips:
            raise UsageError(
                f"{target.source} is no video",
                hint="--timeline and --sheet are for videos; --html writes a page of a picture",
            )
        media = read_image(content, limits=self.scanner.limits, name=target.source)
        report = self.scanner.judge(media, read_s=time.perf_counter() - started)
        outcome = self._outcome(report)
        if self.options.page:
            many = self.options.page == "many"
            side_px = ENTRY_PX if many else PICTURE_PX
            shown = show_picture(media.image, report, side_px=side_px, crops=not many, impact=outcome.impact)
            outcome = replace(outcome, shown=shown)
        if target.overlay is None:
            return outcome
        try:
            drawn = overlay(media.image, report, opacity=self.options.opacity)
            write_atomically(target.overlay, encode_png(drawn, drawn=True))
        except FakeWebError as error:
            return replace(outcome, error=error)  # the verdict stands, whatever became of the overlay
        return replace(outcome, written=(target.wrote(),))

    def _outcome(self, report: Report) -> Outcome:
        return Outcome(report, impact=impact(report.verdict.p_fake, self.options.reach))

    def _clip(self, content: Any, target: Target) -> Outcome:
        show = self.show or Silent()
        with show.clip(target.source):
            report = self.scanner.scan_video(
                content,
                pace=self.options.pace,
                name=target.source,
                on_progress=show.update,
                should_stop=show.should_stop,
                threads=0 if self.show else 1,
            )
        outcome = self._outcome(report)
        try:
            if self.options.page:
                limits = self.scanner.limits
                shown = show_clip(_again(content), report, limits=limits, impact=outcome.impact)
                outcome = replace(outcome, shown=shown)
            written = self.options.files.write(partial(_again, content), report, self.scanner)
            if target.overlay is not None and not show.should_stop():
                with show.clip(f"drawing {target.source}"):
                    whole = overlay_clip(
                        _again(content),
                        report,
                        target.overlay,
                        opacity=self.options.opacity,
                        limits=self.scanner.limits,
                        mesher=self.scanner.mesher or getattr(self.scanner.finder, "mesher", None),
                        on_progress=show.update,
                        should_stop=show.should_stop,
                    )
                written.append(target.wrote() + ("" if whole else " (stopped early)"))
        except FakeWebError as error:
            return replace(outcome, error=error)
        return replace(outcome, written=tuple(written))

    @contextmanager
    def _content(self, source: str) -> Iterator[Any]:
        """Give what is to be scanned: a path, bytes, or stdin as a file."""
        if source == "-":
            with self._stdin() as file:
                yield file
        elif source.lower().startswith(("http://", "https://")):
            if not self.allow_url:
                raise Refused(f"{source} would be fetched from the network", hint="allow it with --allow-url")
            yield fetch_url(source, limits=self.scanner.limits)
        elif address_of(source) is not None:
            with open_regular(source, shown(source)) as file:  # fetched once, however often it is read
                yield file
        else:
            yield source

    def _stdin(self) -> Any:
        """Return stdin as a file that can be read twice, in memory or a temporary file without a name; close it."""
        if sys.stdin is None:
            raise UsageError("standard input is closed", hint="pipe a picture into it")
        spool = tempfile.SpooledTemporaryFile(max_size=64 << 20)  # noqa: SIM115
        left = self.scanner.limits.max_clip_bytes + 1
        while left > 0 and (part := sys.stdin.buffer.read(min(left, 1 << 20))):
            spool.write(part)
            left -= len(part)
        spool.seek(0)
        return spool


def _again(content: Any) -> Any:
    """Return what was scanned, to be read once more."""
    if hasattr(content, "seek"):
        content.seek(0)
    return content


def make_worker(options: Options, allow_url: bool, show: ClipBar | None) -> Worker:
    """Make what scans, once per process."""
    return Worker(options.scanner(), options, allow_url, show)
