"""Lists that come with data sets: JSON and CSV, read in full or refused with file and line."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from fakeweb.errors import LayoutMismatch

_AGAIN = "the file may be cut off: fetch it again from where the data set came"


def read_text(path: Path) -> str:
    """Return a file's text, whatever its line endings, without a byte order mark.

    Raises:
        LayoutMismatch: It cannot be read, or is not UTF-8.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise LayoutMismatch(
            f"{path} cannot be read: {error.strerror}", hint="check the file's rights"
        ) from error
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise LayoutMismatch(f"{path}:{line}: not text in UTF-8: {error.reason}", hint=_AGAIN) from error


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


def read_rows(path: Path, needed: Sequence[str]) -> Iterator[tuple[int, dict[str, str]]]:
    """Yield the rows of a CSV file with a header, each with the number of its line.

    Args:
        path: The file.
        needed: Columns it must have; further ones are yielded too, empty where a row is short.

    Raises:
        LayoutMismatch: It cannot be read, lacks a column, or a row lacks a needed field.
    """
    hint = f"it needs {', '.join(needed)}"
    reader = csv.DictReader(io.StringIO(read_text(path), newline=""))
    try:
        missing = [c for c in needed if c not in (reader.fieldnames or ())]
        if missing:
            raise LayoutMismatch(f"{path} lacks the columns {', '.join(missing)}", hint=hint)
        for row in reader:
            if any(row[column] is None for column in needed):
                raise LayoutMismatch(f"{path}:{reader.line_num}: too few fields", hint=hint)
            yield reader.line_num, {k: v or "" for k, v in row.items() if isinstance(k, str)}
    except csv.Error as error:
        raise LayoutMismatch(
            f"{path}:{reader.reader.line_num}: not a CSV file: {error}", hint=hint
        ) from error
