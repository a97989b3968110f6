"""Output files about all that was scanned, to be handed on: a page (HTML) and a table (CSV)."""

from __future__ import annotations

import heapq
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from fakeweb.cli.targets import Target
from fakeweb.errors import FakeWebError, UsageError, readable
from fakeweb.media import write_atomically
from fakeweb.media.address import shown
from fakeweb.media.limits import one_line
from fakeweb.render.page import Shown, album_to_html, to_html
from fakeweb.render.report_words import About
from fakeweb.render.rows import report_row, to_csv
from fakeweb.render.words import file_name
from fakeweb.types import Report

MOST_SHOWN: Final = 200
"""So many pictures stand in the page of a folder, the most suspicious ones."""
_ORDER: Final = {"fake": 3, "uncertain": 2, "real": 1, "no_face": 0}


@dataclass(eq=False)
class HandedOn:
    """Gathers what the files need while inputs are scanned.

    Attributes:
        html, csv: Where to write; None for nowhere.
        title: Of the page of many inputs.
    """

    html: Path | None = None
    csv: Path | None = None
    title: str = "FakeWeb"
    _shown: list[tuple[tuple[int, float], int, Shown]] = field(default_factory=list)
    _rows: list[dict[str, Any]] = field(default_factory=list)
    _failed: list[str] = field(default_factory=list)
    _count: int = 0

    def check(self, targets: Sequence[Target]) -> None:
        """Check the files before anything is scanned.

        Raises:
            UsageError: A suffix that says something else, a folder, or a file that is an input.
        """
        inputs = {os.path.realpath(t.source) for t in targets if t.source != "-"}
        for option, path, suffixes in (
            ("--html", self.html, (".html", ".htm")),
            ("--csv", self.csv, (".csv",)),
        ):
            if path is None:
                continue
            if path.suffix.lower() not in suffixes:
                raise UsageError(f"{option} {path} has no known suffix", hint=f"use {', '.join(suffixes)}")
            if path.is_dir():
                raise UsageError(f"{option} {path} is a folder", hint="name a file")
            if os.path.realpath(path) in inputs:
                raise UsageError(f"{option} {path} is an input itself", hint="choose another name")

    def add(
        self, source: str, report: Report | None, shown: Shown | None, error: FakeWebError | None
    ) -> None:
        """Take what became of one input."""
        if report is None:
            message = "" if error is None else error.message
            self._failed.append(_by_name(message, source))
            self._rows.append({"source": source, "verdict": "failed", "error": message})
            return
        if self.csv is not None:
            row = report_row(report)
            self._rows.append(row if error is None else {**row, "error": error.message})
        if shown is not None:
            rank = _ORDER[report.verdict.label], report.verdict.p_fake or 0.0
            self._count += 1
            push = heapq.heappush if len(self._shown) < MOST_SHOWN else heapq.heappushpop
            push(self._shown, (rank, -self._count, shown))

    def write(self, about: About, *, single: bool) -> list[str]:
        """Write the files; return a line for each.

        Raises:
            UsageError: A place that cannot be written to.
        """
        lines = []
        if self.csv is not None:
            write_atomically(self.csv, to_csv(self._rows).encode())
            lines.append(f"table: {shown(self.csv)}")
        if self.html is not None:
            lines.append(self._write_page(self.html, about, single=single))
        return lines

    def _write_page(self, html: Path, about: About, *, single: bool) -> str:
        if single and not self._shown:
            return f"no page: {html} was not written, since nothing was judged"
        items = [shown for _, _, shown in sorted(self._shown, key=lambda held: held[:2], reverse=True)]
        if single:
            page = to_html(items[0], about)
        else:
            left_out = self._count - len(items)
            page = album_to_html(self.title, items, about, left_out=left_out, failed=self._failed)
        write_atomically(html, page.encode("utf-8", "backslashreplace"))
        return f"page: {shown(html)}"


def _by_name(message: str, source: str) -> str:
    """Return what an error says of a file by its name; without a source the message begins with the path."""
    if not source:
        return file_name(message.replace("/ ", " "))
    for path in (readable(source), one_line(source, 4096)):
        message = message.replace(path, readable(file_name(source)))
    return message
