"""CSV files of dataclasses: written whole or not at all, and read back."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterable, Sequence
from dataclasses import astuple, fields
from pathlib import Path
from typing import Any, TypeVar

from fakeweb.media import write_atomically

_Row = TypeVar("_Row")


def to_csv(rows: Iterable[Sequence[object]]) -> str:
    """Return rows of cells as CSV."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue()


def write_csv(path: Path, rows: Iterable[Sequence[object]]) -> None:
    """Write rows of cells, whole or not at all; names that are no UTF-8 keep their bytes."""
    write_atomically(path, to_csv(rows).encode("utf-8", "surrogateescape"))


def cells_of(row: Any) -> list[str]:
    """Return a dataclass's values as cells; NaN is empty."""
    return ["" if isinstance(v, float) and math.isnan(v) else str(v) for v in astuple(row)]


def header_of(kind: type) -> list[str]:
    """Return the names of a dataclass's fields."""
    return [f.name for f in fields(kind)]


def read_csv(path: Path, kind: type[_Row]) -> list[_Row] | None:
    """Read dataclasses back, whose fields are int, float and str; None where the header is another one.

    A last line that was cut off, or a line of other cells, is passed over.
    """
    casts: dict[str, Any] = {"int": int, "float": lambda v: float(v or "nan")}
    types = [casts.get(str(f.type), str) for f in fields(kind)]  # type: ignore[arg-type]
    text = path.read_bytes().decode("utf-8", "surrogateescape")
    table = csv.reader(io.StringIO(text[: text.rfind("\n") + 1], newline=""))
    if next(table, None) not in (None, header_of(kind)):
        return None
    rows = []
    for cells in table:
        try:
            rows.append(kind(*(cast(v) for cast, v in zip(types, cells, strict=True))))
        except ValueError:
            continue
    return rows
