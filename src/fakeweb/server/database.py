"""The way to the database: connections, time-outs, whether it answers, and leaving no trace of what was erased.

Everything here may take milliseconds and runs in threads of the store; the event loop calls :meth:`Database.run`,
which gives up after ``timeout_s``, whatever the database does.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import socket
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

from sqlalchemy import Connection, Engine, create_engine, event, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError, SQLAlchemyError

from fakeweb.errors import StoreFailed, UsageError, missing_extra
from fakeweb.server.migrate import prepare

P = ParamSpec("P")
T = TypeVar("T")

_PULSE_S = 1.0
_LEAST_FREE_BYTES = 8 << 20
_RESERVE_BYTES = 16 << 20
_SPARED_BYTES = 1 << 20
_PAGE_BYTES = 16384
"""Of a page of SQLite's usual 4 kB, a report would leave half empty."""
_REWRITTEN_BYTES = 256 << 20
_ONE_AT_A_TIME = 7203951


class Full(StoreFailed):
    """There is no room for what is to be written."""


class Database:
    """One database, in a file or a server.

    Args:
        url: SQLAlchemy URL.
        timeout_s: No call takes longer.

    Raises:
        UsageError: The URL makes no sense, or the tables are of a later version.
        MissingExtra: PostgreSQL without the extra ``postgres``.
        StoreFailed: The database cannot be reached.
    """

    def __init__(self, url: str, timeout_s: float = 10.0) -> None:
        self._timeout_s = timeout_s
        self._engine = _connect(url, timeout_s)
        self.is_sqlite = self._engine.dialect.name == "sqlite"
        self.failing: StoreFailed | None = None
        """Why nothing is asked of the database at present; None while it answers."""
        database = self._engine.url.database if self.is_sqlite else None
        self.path = Path(database) if database and database != ":memory:" else None
        """The file, where there is one."""
        # SQLite has one writer at a time anyway; one thread then never waits for a lock of its own process
        self._threads = ThreadPoolExecutor(1 if self.is_sqlite else 4, "fakeweb-store")
        self._pulse = ThreadPoolExecutor(1, "fakeweb-pulse")
        self._under_way: dict[int, tuple[float, Any]] = {}
        with self.begin() as db:
            if not self.is_sqlite:  # two services that start at once must not both make the tables
                db.execute(text(f"SELECT pg_advisory_xact_lock({_ONE_AT_A_TIME})"))
            prepare(db)
        self.inode = self._file_id()
        """Which file it is; another one, when somebody put one in its place."""
        self.traces = False
        """Whether something that was erased may still stand in the write-ahead log."""

    async def run(self, method: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Call a method in a thread of the store.

        Raises:
            StoreFailed: It fails, takes too long, or the database is known not to answer.
        """
        if self.failing is not None and not isinstance(self.failing, Full):  # a full disk can be read
            raise StoreFailed(self.failing.message, hint=self.failing.hint) from self.failing
        return await self._in_time(self._threads, self._timeout_s, lambda: method(*args, **kwargs))

    async def erase(self, method: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Call a method that deletes; it works on a full disk too, and leaves nothing in the write-ahead log."""

        def work() -> T:
            done = self._with_reserve(lambda: method(*args, **kwargs))
            self.traces = True
            with contextlib.suppress(StoreFailed):  # it is tried again later
                self._with_reserve(self.empty_log)
            self.keep_reserve()
            return done

        return await self._in_time(self._threads, 2 * self._timeout_s, work)

    async def check(self, method: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> None:
        """Find out, with a method that writes, whether the database answers, and remember it in ``failing``."""
        try:
            await self._in_time(self._pulse, _PULSE_S, lambda: self._look(lambda: method(*args, **kwargs)))
        except StoreFailed as error:
            self._cut(_PULSE_S)
            self.failing = error
        else:
            self.failing = None

    def close(self) -> None:
        """Finish what was begun and close the connections."""
        self._cut(self._timeout_s)
        self._threads.shutdown(wait=True)
        self._pulse.shutdown(wait=True)
        self._engine.dispose()

    @contextlib.contextmanager
    def begin(self) -> Iterator[Connection]:
        """Begin a transaction that is committed at the end."""
        thread = threading.get_ident()
        try:
            with self._connection(thread) as connection, connection.begin():
                yield connection
        except SQLAlchemyError as error:
            raise _translate(error) from error
        finally:
            self._under_way.pop(thread, None)

    def empty_log(self) -> None:
        """Move what was written into the database's file and cut the write-ahead log to nothing.

        Where somebody else is reading or writing, ``traces`` stays set, and it must be done again.
        """
        if self.path is not None:
            try:
                with contextlib.closing(sqlite3.connect(self.path, timeout=self._timeout_s)) as connection:
                    (busy, _, _) = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
            except sqlite3.Error as error:
                raise _translate(error) from error
            if busy:
                return
        self.traces = False

    def keep_reserve(self) -> None:
        """Keep some megabytes of the disk, so that something can be erased when it is full: that needs room too."""
        if self.path is None:
            return
        with contextlib.suppress(OSError):
            has = self._reserve.stat().st_size if self._reserve.is_file() else 0
            free = shutil.disk_usage(self.path.parent).free
            wanted = min(_RESERVE_BYTES, has + free - _SPARED_BYTES)
            if wanted > has:
                with self._reserve.open("ab") as file:
                    os.posix_fallocate(file.fileno(), 0, wanted)

    async def _in_time(self, threads: ThreadPoolExecutor, limit_s: float, work: Callable[[], T]) -> T:
        try:
            async with asyncio.timeout(limit_s):
                return await asyncio.get_running_loop().run_in_executor(threads, work)
        except TimeoutError:
            self._cut(limit_s)
            raise StoreFailed(
                f"the database did not answer in {limit_s:g} s", hint="try again later"
            ) from None

    def _connection(self, thread: int) -> Connection:
        """Return a connection that is known to :meth:`_cut`; one that broke while it was idle is made anew."""
        connection = self._engine.connect()
        self._under_way[thread] = (time.monotonic(), connection.connection.driver_connection)
        if self.is_sqlite:
            return connection
        try:
            connection.exec_driver_sql("SELECT 1")
            connection.rollback()
        except DBAPIError as error:
            connection.close()
            if not error.connection_invalidated:
                raise
            connection = self._engine.connect()
            self._under_way[thread] = (time.monotonic(), connection.connection.driver_connection)
        return connection

    def _cut(self, longer_than_s: float) -> None:
        """End what has waited so long for an answer, so that its thread is free again."""
        for since, connection in list(self._under_way.values()):
            if time.monotonic() - since < longer_than_s:
                continue
            with contextlib.suppress(Exception):  # it has ended by itself
                if self.is_sqlite:
                    connection.interrupt()
                    continue
                with socket.socket(fileno=os.dup(connection.pgconn.socket)) as cut:
                    cut.shutdown(socket.SHUT_RDWR)

    def _look(self, method: Callable[[], T]) -> T:
        if self.path is not None:
            if self._file_id() != self.inode:
                self._open_anew()
            if shutil.disk_usage(self.path.parent).free < _LEAST_FREE_BYTES:
                raise Full("the disk of the database is full", hint="make room")
        try:
            return method()
        except StoreFailed:
            if self.path is not None:  # one that was opened while nobody might write stays so
                self._engine.dispose()
            raise

    def _open_anew(self) -> None:
        """Take the file that lies there now, where it is another one than before."""
        if self._file_id() is None:
            raise StoreFailed("the database's file is gone", hint="put it back")
        self._engine.dispose()
        with self.begin() as db:
            prepare(db)
        self.inode = self._file_id()

    def _file_id(self) -> tuple[int, int] | None:
        try:
            found = self.path.stat() if self.path is not None else None
        except OSError:
            return None
        return None if found is None else (found.st_dev, found.st_ino)

    def _with_reserve(self, work: Callable[[], T]) -> T:
        try:
            return work()
        except Full:
            if self.path is None:
                raise
            self._reserve.unlink(missing_ok=True)
            return work()

    @property
    def _reserve(self) -> Path:
        assert self.path is not None  # noqa: S101
        return self.path.with_name("reserve")


def _translate(error: Exception) -> StoreFailed:
    cause = getattr(error, "orig", None) or error
    reason = str(cause).partition("\n")[0]
    full = getattr(cause, "sqlite_errorname", "").startswith(("SQLITE_FULL", "SQLITE_IOERR"))
    kind = Full if full else StoreFailed
    return kind(f"the database does not answer: {reason}", hint="try again later")


def _connect(url: str, timeout_s: float) -> Engine:
    try:
        parsed = make_url(url)
        if parsed.drivername in ("postgresql", "postgres"):
            parsed = parsed.set(drivername="postgresql+psycopg")
        if parsed.get_backend_name() == "sqlite":
            return _connect_sqlite(parsed, timeout_s)
        limit_ms = max(1, int(timeout_s * 1000))
        limits = f"-c statement_timeout={limit_ms} -c lock_timeout={limit_ms}"
        given = {"connect_timeout": max(2, int(timeout_s)), "options": limits}
        return create_engine(parsed, pool_size=4, pool_timeout=timeout_s, connect_args=given)
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


def _connect_sqlite(parsed: Any, timeout_s: float) -> Engine:
    if parsed.database and parsed.database != ":memory:":
        path = Path(parsed.database).absolute()
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        _make_private(path)
        _enlarge_pages(path)
    engine = create_engine(parsed, connect_args={"timeout": timeout_s, "check_same_thread": False})
    event.listen(engine, "connect", prepare_sqlite)
    event.listen(engine, "begin", lambda db: db.exec_driver_sql("BEGIN IMMEDIATE"))
    return engine


def _make_private(path: Path) -> None:
    """Let nobody else read the database; SQLite gives its helper files the same rights."""
    with contextlib.suppress(OSError):  # then opening says what is wrong
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
        for name in (path.name, f"{path.name}-wal", f"{path.name}-shm"):
            if (own := path.with_name(name)).exists():
                own.chmod(0o600)


def _enlarge_pages(path: Path) -> None:
    """Write a small file of an earlier version anew, so that reports fill its pages."""
    with contextlib.suppress(OSError, sqlite3.Error):  # it works as it is, too
        if not 0 < path.stat().st_size <= _REWRITTEN_BYTES:
            return
        with contextlib.closing(sqlite3.connect(path, timeout=0, isolation_level=None)) as db:
            if db.execute("PRAGMA page_size").fetchone()[0] < _PAGE_BYTES:
                for statement in ("PRAGMA journal_mode=DELETE", f"PRAGMA page_size={_PAGE_BYTES}", "VACUUM"):
                    db.execute(statement)


def prepare_sqlite(connection: Any, _record: Any) -> None:
    """Set what each connection to a file of SQLite's needs."""
    connection.isolation_level = None  # transactions begin where SQLAlchemy says so
    for pragma in (
        f"page_size={_PAGE_BYTES}",  # of a new file
        "journal_mode=WAL",
        "wal_autocheckpoint=250",  # pages: 4 MB
        "synchronous=NORMAL",
        "foreign_keys=ON",
        "secure_delete=ON",
    ):
        connection.execute(f"PRAGMA {pragma}")
