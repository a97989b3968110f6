"""Results folder and its ledger: shards written whole or not at all, in a folder or a bucket.

A shard is two Parquet files of one number, ``faces/part-000012.parquet`` and ``files/part-000012.parquet``. The second
is written last and in one step: it is what makes the shard count, and the ids in it are the ledger. What a kill leaves
behind (faces without files, temporary files) is removed when the run goes on.
"""

from __future__ import annotations

import hashlib
import io
import json
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from typing import Any, Final, Literal

from fakeweb.bulk.lock import is_held
from fakeweb.bulk.rows import SCHEMA, TABLES, arrow, arrow_schema
from fakeweb.errors import Unreadable, UsageError
from fakeweb.media.address import shown
from fakeweb.media.storage import Storage
from fakeweb.media.whole import TEMPORARY

RUN: Final = "run.json"
PROGRESS: Final = "progress.json"
DEAD: Final = "dead_letters.csv"


@dataclass(frozen=True)
class Progress:
    """How far a run is.

    Attributes:
        state: ``running``, ``stopped`` (interrupted or failed) or ``done``.
        total: Files the source names.
        done: Of them judged or given up, in this run and those before.
        failed: Of these given up.
        faces: Found.
        rate: Files a second, in this run.
        left_s: Seconds left at that rate; None where unknown.
        updated: When, in seconds since 1970.
    """

    state: Literal["running", "stopped", "done"]
    total: int
    done: int
    failed: int
    faces: int
    rate: float = 0.0
    left_s: float | None = None
    updated: float = 0.0


class Destination:
    """A folder of results.

    Args:
        place: Folder or address.

    Raises:
        UsageError, MissingExtra: The place cannot be used.
    """

    def __init__(self, place: str) -> None:
        arrow()
        self.storage = Storage(place)
        self.place = self.storage.place
        self._metadata: dict[str, str] = {}
        self._next = 0

    def begin(self, about: dict[str, Any], *, new: bool = False) -> dict[str, tuple[bool, int]]:
        """Take up what is there, or begin; return the ledger: ids of done files -> whether one failed, its faces.

        Args:
            about: What decides answers (``digest``) and what is worth knowing; stands in every shard.
            new: Whether a run of another kind that is there makes way.

        Raises:
            UsageError: A run by another model or options, or shards of another schema, and ``new`` was not asked for.
        """
        self._metadata = {
            f"fakeweb.{k}": v if isinstance(v, str) else json.dumps(v) for k, v in about.items()
        }
        there = self._about()
        if there is not None and (there.get("digest"), there.get("schema")) != (about["digest"], SCHEMA):
            if not new:
                raise UsageError(
                    f"{shown(self.place)} holds a run of {_difference(there, {**about, 'schema': SCHEMA})}",
                    hint="name another --out, or replace that run with --new",
                )
            self._clear()
        elif new:
            self._clear()
        self._tidy()
        ledger = self._ledger()
        self.storage.write(RUN, json.dumps({**about, "schema": SCHEMA}, indent=2).encode())
        return ledger

    def commit(self, files: Sequence[dict[str, Any]], faces: Sequence[dict[str, Any]]) -> None:
        """Write one shard: all of it counts, or nothing.

        Raises:
            UsageError: The place cannot be written to.
        """
        if not files:
            return
        key = lambda row: (row["path"], row["id"], row.get("face") or 0)  # noqa: E731
        for table, rows in (("faces", faces), ("files", files)):
            self._write(table, self._next, sorted(rows, key=key))
        self._next += 1

    def finish(self, progress: Progress) -> None:
        """Write how far the run is."""
        self.storage.write(PROGRESS, json.dumps(asdict(progress)).encode())

    def progress(self) -> tuple[Progress, bool]:
        """Return how far the run is, and whether somebody works on it now.

        Raises:
            UsageError: There is no run.
        """
        try:
            told = Progress(**json.loads(self.storage.read(PROGRESS)))
        except Unreadable as error:
            raise UsageError(
                f"there is no run in {shown(self.place)}", hint="name what --out named"
            ) from error
        except (ValueError, TypeError) as error:
            raise UsageError(
                f"{self.storage.path_of(PROGRESS)} is damaged",
                hint="give the run's command again: it writes it anew",
            ) from error
        return told, is_held(self.storage)

    def parts(self, table: str) -> list[str]:
        """Return the names of a table's shards that count, in order."""
        found = [n for n in self.storage.names(".parquet") if n.startswith("files/")]
        return [f"{table}/{name.partition('/')[2]}" for name in found]

    def read(self, part: str, columns: Sequence[str] | None = None) -> Any:
        """Return one shard as an Arrow table.

        Raises:
            UsageError: It is of another schema, or no shard at all.
        """
        pa = arrow()
        try:
            file = pa.parquet.ParquetFile(io.BytesIO(self.storage.read(part)))
            version = (file.schema_arrow.metadata or {}).get(b"fakeweb.schema", b"").decode()
        except (pa.ArrowException, OSError) as error:
            raise UsageError(
                f"{self.storage.path_of(part)} is no shard of a batch",
                hint="remove it, or name another --out",
            ) from error
        if version != str(SCHEMA):
            raise UsageError(
                f"{self.storage.path_of(part)} has the schema {version or 'of something else'}, this FakeWeb writes"
                f" {SCHEMA}",
                hint="name another --out, or replace the run with --new",
            )
        return file.read(columns=None if columns is None else list(columns))

    def rows(self, table: str) -> Iterator[dict[str, Any]]:
        """Yield all rows of a table, shard by shard."""
        for part in self.parts(table):
            yield from self.read(part).to_pylist()

    def forget_failed(self) -> None:
        """Take the dead letters out of the ledger, so that they are tried again."""
        for part in self.parts("files"):
            table = self.read(part)
            kept = [row for row in table.to_pylist() if row["code"] is None]
            if len(kept) < table.num_rows:
                self._write("files", int(part[-14:-8]), kept)

    def _write(self, table: str, number: int, rows: Sequence[dict[str, Any]]) -> None:
        pa = arrow()
        schema = arrow_schema(table, self._metadata)
        blank = dict.fromkeys(TABLES[table])
        data = io.BytesIO()
        filled = pa.Table.from_pylist([{**blank, **row} for row in rows], schema=schema)
        pa.parquet.write_table(filled, data, compression="zstd")
        self.storage.write(f"{table}/part-{number:06}.parquet", data.getvalue())

    def _about(self) -> dict[str, Any] | None:
        try:
            return dict(json.loads(self.storage.read(RUN)))
        except Unreadable:
            return None
        except (ValueError, TypeError) as error:
            raise UsageError(f"{self.storage.path_of(RUN)} is damaged", hint="name another --out") from error

    def _ledger(self) -> dict[str, tuple[bool, int]]:
        ledger: dict[str, tuple[bool, int]] = {}
        for part in self.parts("files"):
            table = self.read(part, ["id", "code", "faces"])
            for row in table.to_pylist():
                ledger[row["id"]] = row["code"] is not None, row["faces"] or 0
            self._next = max(self._next, int(part[-14:-8]) + 1)
        return ledger

    def _tidy(self) -> None:
        """Remove what a kill left behind."""
        whole = set(self.parts("faces"))
        for name in self.storage.names(".parquet"):
            if name.startswith("faces/") and name not in whole:
                self.storage.remove(name)
        if self.storage.local is not None:
            for left in self.storage.local.rglob(f"{TEMPORARY}*.tmp"):
                left.unlink(missing_ok=True)

    def _clear(self) -> None:
        """Remove what we wrote and nothing else; files first, so that half a removal leaves no shard that counts."""
        names = self.storage.names()
        for name in [n for n in names if n.startswith("files/part-")] + [
            n for n in names if n.startswith("faces/part-") or n in (RUN, PROGRESS, DEAD)
        ]:
            with suppress(Unreadable):
                self.storage.remove(name)


def about_run(scanner_digest: str, models: Sequence[str], options: dict[str, Any]) -> dict[str, Any]:
    """Return what every shard says of the run it belongs to."""
    from fakeweb import __version__

    return {
        "digest": hashlib.sha256(json.dumps([scanner_digest, options], sort_keys=True).encode()).hexdigest(),
        "models": list(models),
        "version": __version__,
        "options": options,
    }


def _described(about: dict[str, Any]) -> str:
    return (
        f"{', '.join(about.get('models') or ['?'])} (FakeWeb {about.get('version', '?')}, schema"
        f" {about.get('schema', '?')}, digest {str(about.get('digest', '?'))[:8]})"
    )


def _difference(there: dict[str, Any], here: dict[str, Any]) -> str:
    """Say what differs: the options where all else is the same, else both runs."""
    same = all(there.get(key) == here[key] for key in ("models", "version", "schema"))
    told, asked = there.get("options"), here["options"]
    if not same or not isinstance(told, dict):
        return f"{_described(there)}; this one is of {_described(here)}"
    names = [n for n in asked if told.get(n, "unknown") != asked[n]]
    if "max_megapixels" in names and "limits" in names:
        names.remove("limits")  # they follow from it
    if not names:
        return "the same models and options, made with or without another version of c2pa-python"
    before, now_ = (", ".join(f"{n} {_value(o.get(n, 'unknown'))}" for n in names) for o in (told, asked))
    return f"the same models with other options: {before}; this one has {now_}"


def _value(value: Any) -> str:
    return "unset" if value is None else f"{value:g}" if isinstance(value, float) else str(value)


def now() -> float:
    """Return the time, in seconds since 1970."""
    return time.time()
