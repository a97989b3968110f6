"""Journals: lines of JSON that survive an interruption, each written when its work is done."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from fakeweb.errors import UsageError
from fakeweb.media.write import refuse_address


class Journal:
    """A file of records, one JSON line each.

    Args:
        path: The file; a last line that was cut off is dropped.

    Attributes:
        records: What stands in it.

    Raises:
        UsageError: The path is an address.
    """

    def __init__(self, path: Path) -> None:
        refuse_address(path)
        self.path = path
        self.records: list[Any] = []
        whole = 0
        if path.is_file():
            for line in path.read_bytes().splitlines(keepends=True):
                try:
                    record = json.loads(line)
                except ValueError:
                    break
                if not line.endswith(b"\n"):
                    break
                self.records.append(record)
                whole += len(line)
            with path.open("r+b") as stream:
                stream.truncate(whole)

    def add(self, record: Any) -> None:
        """Write one record.

        Raises:
            UsageError: It cannot be written.
        """
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with self.path.open("ab") as stream:
                stream.write(json.dumps(record).encode() + b"\n")
        except OSError as error:
            raise UsageError(
                f"{self.path} cannot be written: {error.strerror}",
                hint="is the disk full? may you write there?",
            ) from error
        self.records.append(record)
