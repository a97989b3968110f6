"""JSON and CSV lists that come with data sets: read in full, or refused with file and line."""

from __future__ import annotations

import codecs
import csv
import io
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from fakeweb.errors import LayoutMismatch
from fakeweb.media.limits import one_line

_AGAIN = "the file may be cut off: fetch it again from where the data set came"


def read_text(path: Path) -> str:
    """Return a file's text, whatever its line endings, without a byte order mark: UTF-8, or UTF-16 that says so.

    Raises:
        LayoutMismatch: It cannot be read, or is neither.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise LayoutMismatch(
            f"{path} cannot be read: {error.strerror}", hint="check the file's rights"
        ) from error
    try:
        return content.decode(
            "utf-16" if content[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE) else "utf-8-sig"
        )
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise LayoutMismatch(
            f"{path}:{line}: not text in UTF-8: {error.reason}", hint=f"save it as UTF-8; or {_AGAIN}"
        ) from error


def read_json(path: Path) -> Any:
    """Return what a JSON file holds.

    Raises:
        LayoutMismatch: It cannot be read, or is broken.
    """
    try:
        return json.loads(read_text(path))
    except json.JSONDecodeError as error:
        raise LayoutMismatch(f"{path}:{error.lineno}: broken JSON: {error.msg}", hint=_AGAIN) from error
    except (RecursionError, ValueError) as error:
        raise LayoutMismatch(f"{path}:1: JSON that makes no sense: {error}", hint=_AGAIN) from error


def read_records(path: Path) -> dict[str, dict[str, Any]]:
    """Return a JSON object whose values are objects: file name -> what is known about it.

    Raises:
        LayoutMismatch: It cannot be read, is broken, or holds something else.
    """
    content = read_json(path)
    hint = 'it should look like {"x.mp4": {"label": "FAKE", ...}, ...}'
    if not isinstance(content, dict):
        raise LayoutMismatch(f"{path}:1: holds no JSON object", hint=hint)
    for name, record in content.items():
        if not isinstance(record, dict):
            raise LayoutMismatch(f"{path}: the entry '{name}' is no JSON object", hint=hint)
    return content


def read_rows(path: Path, needed: Sequence[str], *, hint: str = "") -> Iterator[tuple[int, dict[str, str]]]:
    """Yield the rows of a CSV file with a header, each with the number of its line.

    Commas, semicolons, tabs or bars part the fields, as the header shows; names of columns are yielded in lower case.

    Args:
        path: The file.
        needed: Columns it must have; further ones are yielded too, empty where a row is short.
        hint: What else to do where a column is missing.

    Raises:
        LayoutMismatch: It cannot be read, lacks a column, or a row lacks a needed field.
    """
    wanted = f"it needs {', '.join(needed)}"
    lines = io.StringIO(read_text(path), newline="")
    head, number, before = lines.readline(), 1, 0
    if head.startswith("sep="):  # how Excel is told
        head, before = lines.readline(), 1
    try:
        delimiter, columns = _header(head, needed)
        missing = [c for c in needed if c not in columns]
        if missing:
            found = f"its columns are {', '.join(map(repr, columns))}" if columns else "it is empty"
            raise LayoutMismatch(
                f"{path} lacks the columns {', '.join(missing)}: {one_line(found)}",
                hint="; ".join(filter(None, (wanted, hint))),
            )
        reader = csv.DictReader(lines, columns, delimiter=delimiter)
        for row in reader:
            number = 1 + before + reader.line_num
            if any(row[column] is None for column in needed):
                raise LayoutMismatch(f"{path}:{number}: too few fields", hint=wanted)
            yield number, {k: v or "" for k, v in row.items() if isinstance(k, str)}
    except csv.Error as error:
        raise LayoutMismatch(f"{path}:{number}: not a CSV file: {error}", hint=wanted) from error


def _header(line: str, needed: Sequence[str]) -> tuple[str, list[str]]:
    """Return what parts the fields, and the names of the columns: as most of those needed are found."""
    found = [(d, [c.strip().lower() for c in next(csv.reader([line], delimiter=d), [])]) for d in ",;\t|"]
    return max(found, key=lambda f: (len(set(needed) & set(f[1])), len(f[1])))
