"""What is remembered: results, jobs, the review queue and API keys, in SQLite or PostgreSQL.

Every method is one transaction, runs in the caller's thread and may take milliseconds; the event loop calls
:meth:`Store.run`, :meth:`Store.erase`, :meth:`Store.look_up` or :meth:`Store.keep`. SQLite keeps a write-ahead log,
so that what was committed survives ``kill -9``. Where a method takes a ``tenant``, what belongs to others is as if it
were not there; None sees all.
"""

from __future__ import annotations

import contextlib
import math
import secrets
import sqlite3
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Literal, TypeVar

import orjson
from sqlalchemy import ColumnElement, Connection, Select, Table, delete, func, insert, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite

from fakeweb.server.database import Database, prepare_sqlite
from fakeweb.server.packing import unpack
from fakeweb.server.tables import DEFAULT_TENANT, HARMFUL, INSTANCES, JOBS, KEYS, QUEUE, RESULTS

T = TypeVar("T")
Row = dict[str, Any]
Kept = Literal["results", "queue_items"]

_ADD_RESULT = (
    "INSERT INTO results (id, cache_key, media_sha256, report, created_s, used_s, tenant, packed) "
    "VALUES (:id, :cache_key, :media_sha256, :report, :created_s, :used_s, :tenant, :packed)"
)
_ROW_BYTES = 400
"""About what a row takes beside its report."""
FINISHED = ("done", "failed", "cancelled")
UNFINISHED = ("queued", "running")


def new_id() -> str:
    """Return an id nobody can guess: 128 random bits."""
    return secrets.token_hex(16)


class Store(Database):
    """One database and what is in it; arguments and errors as of :class:`Database`."""

    def __init__(self, url: str, timeout_s: float = 10.0) -> None:
        super().__init__(url, timeout_s)
        self._upsert = sqlite.insert if self.is_sqlite else postgresql.insert  # both know ON CONFLICT
        self._at_once: sqlite3.Connection | None = None
        self._at_once_inode: tuple[int, int] | None = None

    async def look_up(self, cache_key: str, read: Callable[[Row], T]) -> T | None:
        """As :meth:`find_result`, passed through ``read``; a file of SQLite's says without a thread what is new.

        A thread costs more than the answer, and readers of a WAL never wait for its writer.

        Raises:
            StoreFailed: The database does not answer.
        """
        if (at_once := self._open_at_once()) is not None:
            with contextlib.suppress(sqlite3.Error):  # then the usual way says what is wrong
                found = at_once.execute("SELECT 1 FROM results WHERE cache_key = ?", (cache_key,))
                if not found.fetchall():
                    return None

        def find() -> T | None:
            row = self.find_result(cache_key)
            return None if row is None else read(row)

        return await self.run(find)

    async def keep(self, tenant: str, cache_key: str, media_sha256: str, packed: bytes) -> str:
        """As :meth:`add_result`; into a file of SQLite's without a thread, unless somebody else is writing.

        Raises:
            StoreFailed: The database does not answer.
        """
        if (at_once := self._open_at_once()) is not None:
            with contextlib.suppress(sqlite3.Error):  # busy, or there already
                row = _result(tenant, cache_key, media_sha256, packed)
                at_once.execute(_ADD_RESULT, row)
                return str(row["id"])
        return await self.run(self.add_result, tenant, cache_key, media_sha256, packed)

    def _open_at_once(self) -> sqlite3.Connection | None:
        """Return the connection of the event loop, where the database is a file; it waits for nobody."""
        if self.path is None:
            return None
        if self.failing is not None:
            self._close_at_once()
            return None
        if self._at_once is None or self._at_once_inode != self.inode:
            self._close_at_once()
            try:
                self._at_once = sqlite3.connect(self.path, timeout=0, check_same_thread=False)
                prepare_sqlite(self._at_once, None)
                # the event loop does not wait for the disk: the heartbeat moves the log into the file
                self._at_once.execute("PRAGMA wal_autocheckpoint=0")
            except sqlite3.Error:
                self._close_at_once()
            self._at_once_inode = self.inode
        return self._at_once

    def _close_at_once(self) -> None:
        if self._at_once is not None:
            self._at_once.close()
            self._at_once = None

    def close(self) -> None:
        """Finish what was begun and close the connections."""
        self._close_at_once()
        super().close()

    def beat(self, instance: str) -> None:
        """Say that a service is there."""
        now = self._upsert(INSTANCES).values(id=instance, seen_s=time.time())
        with self.begin() as db:
            db.execute(now.on_conflict_do_update(index_elements=["id"], set_={"seen_s": now.excluded.seen_s}))

    # results

    def add_result(self, tenant: str, cache_key: str, media_sha256: str, packed: bytes) -> str:
        """Store a report under a cache key, or keep the one that is there; return its id.

        Args:
            tenant: Whose it is.
            cache_key: What makes two requests the same.
            media_sha256: Of the picture or video.
            packed: The report, see :mod:`fakeweb.server.packing`.
        """
        new = self._upsert(RESULTS).values(_result(tenant, cache_key, media_sha256, packed))
        with self.begin() as db:
            if made := db.execute(new.on_conflict_do_nothing().returning(RESULTS.c.id)).scalar():
                return str(made)
            again = db.execute(select(RESULTS.c.id).where(RESULTS.c.cache_key == cache_key))
            return str(again.scalar_one())

    def find_result(self, cache_key: str) -> Row | None:
        """Return the result of a cache key with its ``report``, and note that it was used."""
        with self.begin() as db:
            row = _first(db, select(RESULTS).where(RESULTS.c.cache_key == cache_key))
            if row is not None and row["used_s"] < time.time() - 3600:
                db.execute(update(RESULTS).where(RESULTS.c.id == row["id"]).values(used_s=time.time()))
        return _read(row)

    def get_result(self, result_id: str, tenant: str | None = None) -> Row | None:
        """Return a result by its id, with its ``report``."""
        with self.begin() as db:
            return _read(_first(db, select(RESULTS).where(_mine(RESULTS, tenant, RESULTS.c.id == result_id))))

    def delete_result(self, result_id: str, tenant: str | None = None) -> bool:
        """Delete a result; its queue items stay without it."""
        with self.begin() as db:
            where = _mine(RESULTS, tenant, RESULTS.c.id == result_id)
            return bool(db.execute(delete(RESULTS).where(where)).rowcount)

    def has_items(self, media_sha256: str, tenant: str | None = None) -> bool:
        """Tell whether the review queue has items about these bytes."""
        with self.begin() as db:
            where = _mine(QUEUE, tenant, QUEUE.c.media_sha256 == media_sha256)
            return db.execute(select(QUEUE.c.id).where(where).limit(1)).scalar() is not None

    def delete_media(self, media_sha256: str, tenant: str | None = None) -> dict[str, int]:
        """Delete results and queue items about these bytes; return how many of each."""
        with self.begin() as db:
            items = _mine(QUEUE, tenant, QUEUE.c.media_sha256 == media_sha256)
            results = _mine(RESULTS, tenant, RESULTS.c.media_sha256 == media_sha256)
            return {
                "queue_items": db.execute(delete(QUEUE).where(items)).rowcount,
                "results": db.execute(delete(RESULTS).where(results)).rowcount,
            }

    # the review queue

    def add_item(self, item: Mapping[str, Any], *, may_lower: bool = True) -> str:
        """Put an item into the queue; an open one of the tenant about the same post takes the new reach instead.

        Args:
            item: Its columns, ``tenant`` among them.
            may_lower: Whether the open one may thereby move towards the end.
        """
        with self.begin() as db:
            if not self.is_sqlite:  # which has one writer anyway; here two would both find none
                post = f"{item['tenant']} {item['media_sha256']} {item['reference']}"
                db.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(post, 0))))
            same = (
                (QUEUE.c.media_sha256 == item["media_sha256"])
                & (QUEUE.c.reference.is_not_distinct_from(item["reference"]))
                & (QUEUE.c.state == "open")
                & (QUEUE.c.tenant == item["tenant"])
            )
            found = _first(db, select(QUEUE.c.id, QUEUE.c.score).where(same))
            # a result that was deleted in the meantime becomes NULL, not an error
            result = select(RESULTS.c.id).where(RESULTS.c.id == item["result_id"]).scalar_subquery()
            values = {**item, "result_id": result}
            if found is not None:
                if may_lower or item["score"] >= found["score"]:
                    db.execute(update(QUEUE).where(QUEUE.c.id == found["id"]).values(**values))
                return str(found["id"])
            made = new_id()
            db.execute(insert(QUEUE).values(id=made, state="open", note="", created_s=time.time(), **values))
            return made

    def list_items(
        self, state: str, limit: int, offset: int, tenant: str | None = None
    ) -> tuple[list[Row], int]:
        """Return items, the worst first, and how many there are in all."""
        with self.begin() as db:
            where = _mine(QUEUE, tenant, QUEUE.c.state == state)
            order = (QUEUE.c.score.desc(), QUEUE.c.created_s, QUEUE.c.id)
            rows = db.execute(select(QUEUE).where(where).order_by(*order).limit(limit).offset(offset))
            items = [dict(r) for r in rows.mappings()]
            return items, int(db.execute(select(func.count()).select_from(QUEUE).where(where)).scalar_one())

    def get_item(self, item_id: str, tenant: str | None = None) -> Row | None:
        """Return an item by its id."""
        with self.begin() as db:
            return _first(db, select(QUEUE).where(_mine(QUEUE, tenant, QUEUE.c.id == item_id)))

    def decide_item(
        self, item_id: str, state: str | None, note: str | None, by: str, tenant: str | None = None
    ) -> Row | None:
        """Change state and note of an item; return it, or None where there is none."""
        values: Row = {} if note is None else {"note": note}
        if state is not None:
            decided_s = None if state == "open" else time.time()
            values |= {"state": state, "decided_s": decided_s, "decided_by": by if decided_s else None}
        where = _mine(QUEUE, tenant, QUEUE.c.id == item_id)
        with self.begin() as db:
            if values:
                db.execute(update(QUEUE).where(where).values(**values))
            return _first(db, select(QUEUE).where(where))

    # jobs

    def add_job(self, job: Mapping[str, Any]) -> None:
        """Store a new job; from here on it is not lost."""
        with self.begin() as db:
            db.execute(insert(JOBS).values(**job))

    def get_job(self, job_id: str, tenant: str | None = None) -> Row | None:
        """Return a job by its id."""
        with self.begin() as db:
            return _first(db, select(JOBS).where(_mine(JOBS, tenant, JOBS.c.id == job_id)))

    def change_job(
        self, job_id: str, *, only: tuple[str, ...] = (), instance: str | None = None, **values: Any
    ) -> bool:
        """Change a job, if it is in one of the states ``only`` and runs in ``instance``; tell whether it was.

        Args:
            job_id: Which.
            only: States; empty: any.
            instance: A service; None: any.
            **values: Columns.
        """
        change = update(JOBS).where(JOBS.c.id == job_id)
        if only:
            change = change.where(JOBS.c.state.in_(only))
        if instance is not None:
            change = change.where(JOBS.c.instance == instance)
        with self.begin() as db:
            return bool(db.execute(change.values(**values)).rowcount)

    def unfinished_jobs(self, instance: str) -> list[Row]:
        """Return this instance's jobs that are queued or were running, the oldest first."""
        where = (JOBS.c.instance == instance) & JOBS.c.state.in_(UNFINISHED)
        return self._jobs(where)

    def orphaned_jobs(self, silent_s: float, instance: str) -> list[Row]:
        """Return unfinished jobs of other services than this one that have not been there for so long.

        This one may have stood still itself, or its clock jumped: what it is doing is no orphan.
        """
        return self._jobs(JOBS.c.state.in_(UNFINISHED) & _silent(silent_s) & (JOBS.c.instance != instance))

    def adopt_job(self, job_id: str, instance: str, silent_s: float) -> bool:
        """Make an orphaned job this instance's; tell whether it was still one."""
        orphaned = (JOBS.c.id == job_id) & JOBS.c.state.in_(UNFINISHED) & _silent(silent_s)
        with self.begin() as db:
            adopted = update(JOBS).where(orphaned).values(instance=instance, state="queued", stage="waiting")
            return bool(db.execute(adopted).rowcount)

    def jobs_of_media(self, media_sha256: str, tenant: str | None = None) -> list[Row]:
        """Return the jobs about these bytes."""
        return self._jobs(_mine(JOBS, tenant, JOBS.c.media_sha256 == media_sha256))

    def known_jobs(self, job_ids: Iterable[str]) -> set[str]:
        """Return those of these jobs that there are."""
        with self.begin() as db:
            return set(db.execute(select(JOBS.c.id).where(JOBS.c.id.in_(list(job_ids)))).scalars())

    def delete_job(self, job_id: str, *, with_result: bool = False) -> bool:
        """Delete a job; with its result, unless another job has it too."""
        with self.begin() as db:
            result_id = db.execute(select(JOBS.c.result_id).where(JOBS.c.id == job_id)).scalar()
            gone = bool(db.execute(delete(JOBS).where(JOBS.c.id == job_id)).rowcount)
            if with_result and result_id is not None:
                others = select(JOBS.c.id).where(JOBS.c.result_id == result_id).exists()
                db.execute(delete(RESULTS).where((RESULTS.c.id == result_id) & ~others))
            return gone

    def _jobs(self, where: ColumnElement[bool]) -> list[Row]:
        with self.begin() as db:
            return [
                dict(r) for r in db.execute(select(JOBS).where(where).order_by(JOBS.c.created_s)).mappings()
            ]

    # files that have ended a process

    def add_harmful(self, mark: str, until_s: float) -> None:
        """Remember a file, and forget those whose time is over."""
        new = self._upsert(HARMFUL).values(mark=mark, until_s=until_s)
        with self.begin() as db:
            db.execute(delete(HARMFUL).where(HARMFUL.c.until_s < time.time()))
            db.execute(
                new.on_conflict_do_update(index_elements=["mark"], set_={"until_s": new.excluded.until_s})
            )

    def list_harmful(self) -> list[tuple[str, float]]:
        """Return marks and until when they hold."""
        with self.begin() as db:
            rows = db.execute(select(HARMFUL).where(HARMFUL.c.until_s > time.time()))
            return [(str(mark), float(until_s)) for mark, until_s in rows]

    # retention

    def expired(self, *, results_s: float, queue_s: float, jobs_s: float) -> tuple[dict[str, int], list[Row]]:
        """Delete results and items that are older than these seconds; return counts, and the jobs that are.

        An item counts from its decision or, where nobody decides, from its beginning.
        """
        now = time.time()
        with self.begin() as db:
            since_s = func.coalesce(QUEUE.c.decided_s, QUEUE.c.created_s)
            items = db.execute(delete(QUEUE).where(since_s < now - queue_s)).rowcount
            stale = (RESULTS.c.used_s < now - results_s) & RESULTS.c.id.not_in(_wanted())
            results = db.execute(delete(RESULTS).where(stale)).rowcount
        return {"results": results, "queue_items": items}, self._jobs(JOBS.c.finished_s < now - jobs_s)

    def surplus(self, max_rows: int, max_bytes: int) -> dict[Kept, int]:
        """Return how many results and items of the queue are more than there may be."""
        with self.begin() as db:
            results, items = (
                int(db.execute(select(func.count()).select_from(t)).scalar_one()) for t in (RESULTS, QUEUE)
            )
            used = self._used_bytes(db)
        too_large = math.ceil(results * (1 - max_bytes / used)) if used > max_bytes else 0
        return {"results": max(results - max_rows, too_large), "queue_items": max(0, items - max_rows)}

    def evict(self, table: Kept, count: int) -> int:
        """Delete the oldest, those that wait for a reviewer last; return how many."""
        if table == "results":
            found, waiting, age = RESULTS, RESULTS.c.id.in_(_wanted()), RESULTS.c.used_s
        else:
            found, waiting, age = QUEUE, QUEUE.c.state == "open", QUEUE.c.created_s
        gone = 0
        with self.begin() as db:
            for last in (False, True):
                which = waiting if last else ~waiting
                oldest = select(found.c.id).where(which).order_by(age).limit(count - gone)
                gone += db.execute(delete(found).where(found.c.id.in_(oldest))).rowcount
                if gone >= count:
                    break
        return gone

    def _used_bytes(self, db: Connection) -> int:
        if self.is_sqlite:
            pages, free, size = (
                int(db.exec_driver_sql(f"PRAGMA {what}").scalar_one())
                for what in ("page_count", "freelist_count", "page_size")
            )
            return (pages - free) * size
        each = func.coalesce(func.octet_length(RESULTS.c.packed), 0) + func.octet_length(RESULTS.c.report)
        return int(db.execute(select(func.coalesce(func.sum(each + _ROW_BYTES), 0))).scalar_one())

    # API keys

    def add_key(
        self, name: str, key_sha256: str, scopes: str, per_minute: int, tenant: str = DEFAULT_TENANT
    ) -> str:
        """Store a key's hash; return its id."""
        row = {
            "id": new_id()[:8],
            "name": name,
            "key_sha256": key_sha256,
            "scopes": scopes,
            "tenant": tenant,
        }
        with self.begin() as db:
            db.execute(insert(KEYS).values(**row, per_minute=per_minute, created_s=time.time()))
        return str(row["id"])

    def list_keys(self) -> list[Row]:
        """Return all keys, the oldest first."""
        with self.begin() as db:
            return [dict(r) for r in db.execute(select(KEYS).order_by(KEYS.c.created_s)).mappings()]

    def revoke_key(self, name_or_id: str) -> int:
        """Revoke the keys of this id or name; return how many."""
        which = or_(KEYS.c.id == name_or_id, KEYS.c.name == name_or_id) & KEYS.c.revoked_s.is_(None)
        with self.begin() as db:
            return int(db.execute(update(KEYS).where(which).values(revoked_s=time.time())).rowcount)


def _first(db: Connection, query: Any) -> Row | None:
    row = db.execute(query).mappings().first()
    return None if row is None else dict(row)


def _mine(table: Table, tenant: str | None, where: ColumnElement[bool]) -> ColumnElement[bool]:
    """Narrow a condition to what belongs to a tenant."""
    return where if tenant is None else where & (table.c.tenant == tenant)


def _wanted() -> Select[tuple[Any]]:
    """Return the results that items of the queue wait with for a reviewer."""
    return select(QUEUE.c.result_id).where(QUEUE.c.result_id.is_not(None), QUEUE.c.state == "open")


def _silent(seconds: float) -> ColumnElement[bool]:
    """Return the condition that a job's service has not been there for so long."""
    there = select(INSTANCES.c.id).where(INSTANCES.c.seen_s > time.time() - seconds)
    return JOBS.c.instance.not_in(there)


def _result(tenant: str, cache_key: str, media_sha256: str, packed: bytes) -> Row:
    now = time.time()
    return {
        "id": new_id(),
        "cache_key": cache_key,
        "media_sha256": media_sha256,
        "report": "",
        "created_s": now,
        "used_s": now,
        "tenant": tenant,
        "packed": packed,
    }


def _read(row: Row | None) -> Row | None:
    """Give a stored result its report, whichever version has stored it."""
    if row is None:
        return None
    packed = row.pop("packed")
    return row if packed is None else {**row, "report": orjson.dumps(unpack(packed)).decode()}
