"""What is remembered: results, jobs, the review queue and API keys, in SQLite or PostgreSQL.

Every method is one transaction, runs in the caller's thread and may take milliseconds; the event loop calls
:meth:`Store.run`, :meth:`Store.look_up` or :meth:`Store.keep`. SQLite keeps a write-ahead log, so that what was
committed survives ``kill -9``.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import sqlite3
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

from sqlalchemy import (
    Connection,
    Engine,
    create_engine,
    delete,
    event,
    func,
    insert,
    or_,
    select,
    text,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, NoSuchModuleError, SQLAlchemyError

from fakeweb.errors import StoreFailed, UsageError, missing_extra
from fakeweb.server.tables import JOBS, KEYS, METADATA, QUEUE, RESULTS, SCHEMA, VERSION

P = ParamSpec("P")
T = TypeVar("T")
Row = dict[str, Any]

_ADD_RESULT = (
    "INSERT INTO results (id, cache_key, media_sha256, report, created_s, used_s) "
    "VALUES (:id, :cache_key, :media_sha256, :report, :created_s, :used_s)"
)
FINISHED = ("done", "failed", "cancelled")


def new_id() -> str:
    """Return an id nobody can guess: 128 random bits."""
    return secrets.token_hex(16)


class Store:
    """One database.

    Args:
        url: SQLAlchemy URL, such as ``sqlite:///path`` or ``postgresql+psycopg://user@host/name``.

    Raises:
        UsageError: The URL makes no sense, or the tables are of another version.
        MissingExtra: PostgreSQL without the extra ``postgres``.
        StoreFailed: The database cannot be reached.
    """

    def __init__(self, url: str) -> None:
        self._engine = _connect(url)
        self.is_sqlite = self._engine.dialect.name == "sqlite"
        self._upsert = sqlite.insert if self.is_sqlite else postgresql.insert  # both know ON CONFLICT
        # SQLite has one writer at a time anyway; one thread then never waits for a lock of its own process
        self._threads = ThreadPoolExecutor(1 if self.is_sqlite else 4, "fakeweb-store")
        with self._begin() as db:
            if not self.is_sqlite:  # two services that start at once must not both make the tables
                db.execute(text("SELECT pg_advisory_xact_lock(7203951)"))
            METADATA.create_all(db)
            found = db.execute(select(VERSION.c.version)).scalar()
            if found is None:
                db.execute(insert(VERSION).values(version=SCHEMA))
            elif found != SCHEMA:
                raise UsageError(
                    f"the database has tables of version {found}, this FakeWeb needs {SCHEMA}",
                    hint="use the FakeWeb that made it, or another database",
                )
        self._at_once = self._open_at_once()

    async def run(self, method: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Call one of the methods below in a thread of the store."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, lambda: method(*args, **kwargs))

    async def look_up(self, cache_key: str) -> Row | None:
        """As :meth:`find_result`; a file of SQLite's says without a thread that a picture is new.

        A thread costs more than the answer, and readers of a WAL never wait for its writer.

        Raises:
            StoreFailed: The database does not answer.
        """
        if self._at_once is not None:
            with contextlib.suppress(sqlite3.Error):  # then the usual way says what is wrong
                found = self._at_once.execute("SELECT 1 FROM results WHERE cache_key = ?", (cache_key,))
                if not found.fetchall():
                    return None
        return await self.run(self.find_result, cache_key)

    async def keep(self, cache_key: str, media_sha256: str, report: str) -> str:
        """As :meth:`add_result`; into a file of SQLite's without a thread, unless somebody else is writing.

        Raises:
            StoreFailed: The database does not answer.
        """
        if self._at_once is not None:
            now = time.time()
            row = {"id": new_id(), "cache_key": cache_key, "media_sha256": media_sha256, "report": report}
            with contextlib.suppress(sqlite3.Error):  # busy, or there already
                self._at_once.execute(_ADD_RESULT, {**row, "created_s": now, "used_s": now})
                return row["id"]
        return await self.run(self.add_result, cache_key, media_sha256, report)

    def _open_at_once(self) -> sqlite3.Connection | None:
        """Open a connection for the event loop, where the database is a file; it waits for nobody."""
        path = self._engine.url.database
        if not self.is_sqlite or not path or path == ":memory:":
            return None
        try:
            connection = sqlite3.connect(path, timeout=0, check_same_thread=False)
            _prepare_sqlite(connection, None)
        except sqlite3.Error:
            return None
        return connection

    def close(self) -> None:
        """Finish what was begun and close the connections."""
        self._threads.shutdown(wait=True)
        if self._at_once is not None:
            self._at_once.close()
        self._engine.dispose()

    @contextlib.contextmanager
    def _begin(self) -> Iterator[Connection]:
        try:
            with self._engine.begin() as connection:
                yield connection
        except SQLAlchemyError as error:
            reason = str(getattr(error, "orig", None) or error).partition("\n")[0]
            raise StoreFailed(f"the database does not answer: {reason}", hint="try again later") from error

    def ping(self) -> None:
        """Raise StoreFailed where the database does not answer."""
        with self._begin() as db:
            db.execute(select(VERSION.c.version))

    # results

    def add_result(self, cache_key: str, media_sha256: str, report: str) -> str:
        """Store a report under a cache key, or keep the one that is there; return its id."""
        now = time.time()
        row = {"id": new_id(), "cache_key": cache_key, "media_sha256": media_sha256, "report": report}
        new = self._upsert(RESULTS).values(**row, created_s=now, used_s=now)
        new = new.on_conflict_do_nothing().returning(RESULTS.c.id)
        with self._begin() as db:
            if made := db.execute(new).scalar():
                return str(made)
            again = db.execute(select(RESULTS.c.id).where(RESULTS.c.cache_key == cache_key))
            return str(again.scalar_one())

    def find_result(self, cache_key: str) -> Row | None:
        """Return the result of a cache key, and note that it was used."""
        with self._begin() as db:
            row = _first(db, select(RESULTS).where(RESULTS.c.cache_key == cache_key))
            if row is not None and row["used_s"] < time.time() - 3600:
                db.execute(update(RESULTS).where(RESULTS.c.id == row["id"]).values(used_s=time.time()))
            return row

    def get_result(self, result_id: str) -> Row | None:
        """Return a result by its id."""
        with self._begin() as db:
            return _first(db, select(RESULTS).where(RESULTS.c.id == result_id))

    def delete_result(self, result_id: str) -> bool:
        """Delete a result; its queue items stay without it."""
        with self._begin() as db:
            return bool(db.execute(delete(RESULTS).where(RESULTS.c.id == result_id)).rowcount)

    def delete_media(self, media_sha256: str) -> dict[str, int]:
        """Delete results and queue items about these bytes; return how many of each."""
        with self._begin() as db:
            items = db.execute(delete(QUEUE).where(QUEUE.c.media_sha256 == media_sha256)).rowcount
            results = db.execute(delete(RESULTS).where(RESULTS.c.media_sha256 == media_sha256)).rowcount
            return {"results": results, "queue_items": items}

    # the review queue

    def add_item(self, item: Mapping[str, Any]) -> str:
        """Put an item into the queue; an open one about the same post takes the new reach instead."""
        with self._begin() as db:
            same = (
                (QUEUE.c.media_sha256 == item["media_sha256"])
                & (QUEUE.c.reference.is_not_distinct_from(item["reference"]))
                & (QUEUE.c.state == "open")
            )
            found = db.execute(select(QUEUE.c.id).where(same)).scalar()
            # a result that was deleted in the meantime becomes NULL, not an error
            result = select(RESULTS.c.id).where(RESULTS.c.id == item["result_id"]).scalar_subquery()
            values = {**item, "result_id": result}
            if found is not None:
                db.execute(update(QUEUE).where(QUEUE.c.id == found).values(**values))
                return str(found)
            made = new_id()
            db.execute(insert(QUEUE).values(id=made, state="open", note="", created_s=time.time(), **values))
            return made

    def list_items(self, state: str, limit: int, offset: int) -> tuple[list[Row], int]:
        """Return items, the worst first, and how many there are in all."""
        with self._begin() as db:
            where = QUEUE.c.state == state
            order = (QUEUE.c.score.desc(), QUEUE.c.created_s, QUEUE.c.id)
            rows = db.execute(select(QUEUE).where(where).order_by(*order).limit(limit).offset(offset))
            items = [dict(r) for r in rows.mappings()]
            return items, int(db.execute(select(func.count()).select_from(QUEUE).where(where)).scalar_one())

    def get_item(self, item_id: str) -> Row | None:
        """Return an item by its id."""
        with self._begin() as db:
            return _first(db, select(QUEUE).where(QUEUE.c.id == item_id))

    def decide_item(self, item_id: str, state: str | None, note: str | None, by: str) -> Row | None:
        """Change state and note of an item; return it, or None where there is none."""
        values: Row = {} if note is None else {"note": note}
        if state is not None:
            decided_s = None if state == "open" else time.time()
            values |= {"state": state, "decided_s": decided_s, "decided_by": by if decided_s else None}
        with self._begin() as db:
            if values:
                db.execute(update(QUEUE).where(QUEUE.c.id == item_id).values(**values))
            return _first(db, select(QUEUE).where(QUEUE.c.id == item_id))

    # jobs

    def add_job(self, job: Mapping[str, Any]) -> None:
        """Store a new job; from here on it is not lost."""
        with self._begin() as db:
            db.execute(insert(JOBS).values(**job))

    def get_job(self, job_id: str) -> Row | None:
        """Return a job by its id."""
        with self._begin() as db:
            return _first(db, select(JOBS).where(JOBS.c.id == job_id))

    def change_job(self, job_id: str, *, only: tuple[str, ...] = (), **values: Any) -> bool:
        """Change a job, if it is in one of the states ``only`` (any where empty); tell whether it was."""
        with self._begin() as db:
            change = update(JOBS).where(JOBS.c.id == job_id)
            if only:
                change = change.where(JOBS.c.state.in_(only))
            return bool(db.execute(change.values(**values)).rowcount)

    def unfinished_jobs(self, instance: str) -> list[Row]:
        """Return this instance's jobs that are queued or were running, the oldest first."""
        with self._begin() as db:
            where = (JOBS.c.instance == instance) & JOBS.c.state.in_(("queued", "running"))
            return [
                dict(r) for r in db.execute(select(JOBS).where(where).order_by(JOBS.c.created_s)).mappings()
            ]

    def jobs_of_media(self, media_sha256: str) -> list[Row]:
        """Return the jobs about these bytes."""
        with self._begin() as db:
            rows = db.execute(select(JOBS).where(JOBS.c.media_sha256 == media_sha256))
            return [dict(r) for r in rows.mappings()]

    def delete_job(self, job_id: str) -> bool:
        """Delete a job's row."""
        with self._begin() as db:
            return bool(db.execute(delete(JOBS).where(JOBS.c.id == job_id)).rowcount)

    # retention

    def expired(self, *, results_s: float, queue_s: float, jobs_s: float) -> tuple[dict[str, int], list[Row]]:
        """Delete results and items that are older than these seconds; return counts, and the jobs that are."""
        now = time.time()
        with self._begin() as db:
            old = (QUEUE.c.state != "open") & (QUEUE.c.decided_s < now - queue_s)
            items = db.execute(delete(QUEUE).where(old)).rowcount
            kept = select(QUEUE.c.result_id).where(QUEUE.c.result_id.is_not(None), QUEUE.c.state == "open")
            stale = (RESULTS.c.used_s < now - results_s) & RESULTS.c.id.not_in(kept)
            results = db.execute(delete(RESULTS).where(stale)).rowcount
            jobs = db.execute(select(JOBS).where(JOBS.c.finished_s < now - jobs_s))
            return {"results": results, "queue_items": items}, [dict(r) for r in jobs.mappings()]

    # API keys

    def add_key(self, name: str, key_sha256: str, scopes: str, per_minute: int) -> str:
        """Store a key's hash; return its id."""
        row = {"id": new_id()[:8], "name": name, "key_sha256": key_sha256, "scopes": scopes}
        with self._begin() as db:
            db.execute(insert(KEYS).values(**row, per_minute=per_minute, created_s=time.time()))
        return str(row["id"])

    def list_keys(self) -> list[Row]:
        """Return all keys, the oldest first."""
        with self._begin() as db:
            return [dict(r) for r in db.execute(select(KEYS).order_by(KEYS.c.created_s)).mappings()]

    def revoke_key(self, name_or_id: str) -> int:
        """Revoke the keys of this id or name; return how many."""
        which = or_(KEYS.c.id == name_or_id, KEYS.c.name == name_or_id) & KEYS.c.revoked_s.is_(None)
        with self._begin() as db:
            return int(db.execute(update(KEYS).where(which).values(revoked_s=time.time())).rowcount)


def _first(db: Connection, query: Any) -> Row | None:
    row = db.execute(query).mappings().first()
    return None if row is None else dict(row)


def _connect(url: str) -> Engine:
    try:
        parsed = make_url(url)
        if parsed.drivername in ("postgresql", "postgres"):
            parsed = parsed.set(drivername="postgresql+psycopg")
        if parsed.get_backend_name() == "sqlite":
            if parsed.database and parsed.database != ":memory:":
                folder = Path(parsed.database).absolute().parent
                folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            engine = create_engine(parsed, connect_args={"timeout": 30, "check_same_thread": False})
            event.listen(engine, "connect", _prepare_sqlite)
            event.listen(engine, "begin", lambda db: db.exec_driver_sql("BEGIN IMMEDIATE"))
            return engine
        return create_engine(parsed, pool_pre_ping=True, pool_size=4)
    except ModuleNotFoundError as error:
        raise missing_extra("postgres", "a PostgreSQL database") from error
    except (ArgumentError, NoSuchModuleError) as error:
        raise UsageError(
            f"the database URL makes no sense: {str(error).partition('.')[0]}",
            hint="such as sqlite:////var/lib/fakeweb/db.sqlite3 or postgresql://user@host/name",
        ) from error
    except OSError as error:
        raise UsageError(
            f"the database's folder cannot be made: {error}", hint="set FAKEWEB_DATA_DIR"
        ) from error


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    connection.isolation_level = None  # transactions begin where SQLAlchemy says so
    for pragma in ("journal_mode=WAL", "synchronous=NORMAL", "foreign_keys=ON", "secure_delete=ON"):
        connection.execute(f"PRAGMA {pragma}")
