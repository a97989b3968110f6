"""Streamed rows: a run's results as JSON lines or CSV, as its shards are written."""

from __future__ import annotations

import csv
import io
import json
import time
from collections.abc import Iterator
from typing import Literal

from fakeweb.bulk.dest import Destination
from fakeweb.bulk.rows import TABLES
from fakeweb.errors import UsageError
from fakeweb.render.rows import safe_cell

Form = Literal["jsonl", "csv"]


def follow(
    destination: Destination,
    table: str = "files",
    form: Form = "jsonl",
    *,
    wait: bool = True,
    every_s: float = 2.0,
) -> Iterator[str]:
    """Yield a line per row, those of shards that are there first, then of each new one, until the run ends.

    Args:
        destination: Of the run.
        table: ``files`` or ``faces``.
        form: ``csv`` begins with a line of names.
        wait: Whether to wait for what is still to come.
        every_s: How often to look.

    Raises:
        UsageError: There is no such table or no run.
    """
    if table not in TABLES:
        raise UsageError(f"there is no table '{table}'", hint=f"known: {', '.join(TABLES)}")
    if form == "csv":
        yield _csv_line(list(TABLES[table]))
    told: set[str] = set()
    while True:
        progress, held = destination.progress()
        for part in destination.parts(table):
            if part in told:
                continue
            told.add(part)
            for row in destination.read(part).to_pylist():
                values = [json.dumps(v) if isinstance(v, list) else v for v in row.values()]
                yield _csv_line(values) if form == "csv" else json.dumps(row)
        if not wait or progress.state != "running" or not held:
            return
        time.sleep(every_s)


def _csv_line(values: list[object]) -> str:
    file = io.StringIO(newline="")
    csv.writer(file).writerow(map(safe_cell, values))  # its line ends are what makes it quote a name with one
    return file.getvalue().removesuffix("\r\n")
