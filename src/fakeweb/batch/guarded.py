"""Killable worker processes: limits of time and memory per item; one that ends its process costs itself alone."""

from __future__ import annotations

import contextlib
import multiprocessing
import multiprocessing.connection
import os
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any, Generic, Literal, TypeVar

from fakeweb.batch.processes import end_with_parent, ignoring_interrupts
from fakeweb.errors import WorkerDied

Item = TypeVar("Item")
Result = TypeVar("Result")
Make = Callable[[], Callable[[Item], Result]]
_START_S = 600.0


@dataclass(frozen=True)
class Limits:
    """What one item may cost.

    Attributes:
        time_s: Seconds; None for no limit.
        memory_bytes: Memory beside what a worker holds at rest; None for no limit. On Linux only.
        tries: How often an item is tried whose worker hung, died or ran out of memory.
    """

    time_s: float | None = None
    memory_bytes: int | None = None
    tries: int = 2


@dataclass(frozen=True)
class Lost:
    """What became of an item that gave no result.

    Attributes:
        why: Its time ran out, its memory did, its process ended, or the function raised what nobody foresaw.
        detail: What is known beside.
        tries: How often it was tried.
    """

    why: Literal["time", "memory", "died", "raised"]
    detail: str = ""
    tries: int = 1


class Guard(Generic[Item, Result]):
    """One worker process, started again where an item has ended it.

    Args:
        make: Called in the process; returns the function. It, the items and the results must be picklable.
        limits: What one item may cost.

    Raises:
        WorkerDied: The process ended before it was ready.
    """

    def __init__(self, make: Make[Item, Result], limits: Limits) -> None:
        self._make, self.limits = make, limits
        self.deadline = 0.0
        self._ready = False
        self._start()

    def _start(self) -> None:
        context = multiprocessing.get_context("spawn")
        self.connection, theirs = context.Pipe()
        self._process = context.Process(
            target=_serve, args=(theirs, self._make, self.limits.memory_bytes), daemon=True
        )
        with ignoring_interrupts():
            self._process.start()
        theirs.close()
        self._ready = False

    def give(self, item: Item) -> None:
        """Hand over an item; its time begins when the process is ready."""
        if not self._ready:
            self._wait_until_ready()
        self.deadline = time.monotonic() + (self.limits.time_s or 1e9)
        with contextlib.suppress(OSError):  # it has died: found out when its answer is taken
            self.connection.send(item)

    def take(self) -> Result | Lost | None:
        """Return the answer, None where there is none yet and time is left; a process that failed is started again."""
        try:
            if self.connection.poll():
                kind, answer = self.connection.recv()
                if kind == "result":
                    return answer  # type: ignore[no-any-return]
                self._again()
                return Lost(kind, answer)
        except (EOFError, OSError):
            self._process.join(5)
            code = self._process.exitcode
            self._again()
            return Lost("died", f"signal {-code}" if code is not None and code < 0 else f"exit code {code}")
        if time.monotonic() < self.deadline:
            return None
        self._again()
        return Lost("time", f"more than {self.limits.time_s:g} s")

    def call(self, item: Item) -> Result | Lost:
        """Return what becomes of one item; waits for it."""
        self.give(item)
        while True:
            self.connection.poll(max(0.0, self.deadline - time.monotonic()))
            answer = self.take()
            if answer is not None:
                return answer

    def close(self) -> None:
        """End the process."""
        self._process.kill()
        self._process.join()
        self.connection.close()

    def _again(self) -> None:
        self.close()
        self._start()

    def _wait_until_ready(self) -> None:
        try:
            if not self.connection.poll(_START_S):
                raise EOFError
            kind, answer = self.connection.recv()
        except (EOFError, OSError) as error:
            raise WorkerDied(
                "a worker process ended before it was ready", hint="is there enough memory? use fewer workers"
            ) from error
        if kind == "error":
            raise answer
        self._ready = True


def guarded_map(
    make: Make[Item, Result], items: Iterable[Item], *, workers: int, limits: Limits
) -> Iterator[tuple[Item, Result | Lost]]:
    """Yield each item with its result, or with how it was lost, in the order in which they are done.

    Args:
        make: See :class:`Guard`.
        items: Read only as far ahead as the workers can use.
        workers: Processes.
        limits: What one item may cost.

    Raises:
        WorkerDied: A process ended before it was ready.
    """
    source, waiting = iter(items), deque[tuple[Item, int]]()
    guards = [Guard(make, limits) for _ in range(workers)]
    busy: dict[Guard[Item, Result], tuple[Item, int]] = {}
    try:
        while True:
            for guard in guards:
                if guard not in busy and (given := _next(waiting, source)) is not None:
                    busy[guard] = given
                    guard.give(given[0])
            if not busy:
                return
            left = min(guard.deadline for guard in busy) - time.monotonic()
            multiprocessing.connection.wait([g.connection for g in busy], max(0.0, min(left, 60.0)))
            for guard in list(busy):
                answer = guard.take()
                if answer is None:
                    continue
                item, tries = busy.pop(guard)
                if isinstance(answer, Lost) and answer.why != "raised" and tries < limits.tries:
                    waiting.append((item, tries + 1))
                    continue
                yield item, Lost(answer.why, answer.detail, tries) if isinstance(answer, Lost) else answer
    finally:
        for guard in guards:
            guard.close()


def _next(waiting: deque[tuple[Item, int]], source: Iterator[Item]) -> tuple[Item, int] | None:
    """Return the next new item, or one to be tried again where there is no new one, with the number of the try."""
    for item in source:
        return item, 1
    return waiting.popleft() if waiting else None


def _serve(connection: Connection, make: Callable[[], Callable[[Any], Any]], memory: int | None) -> None:
    """Work in a process of its own until the other end is closed."""
    threading.Thread(target=end_with_parent, daemon=True).start()
    try:
        function = make()
        _limit_memory(memory)
    except Exception as error:
        connection.send(("error", error))
        return
    connection.send(("ready", None))
    while True:
        try:
            item = connection.recv()
        except (EOFError, OSError):
            return
        try:
            answer = ("result", function(item))
        except MemoryError:
            answer = ("memory", f"more than {(memory or 0) / 2**20:.0f} MiB")
        except Exception as error:
            answer = ("raised", f"{type(error).__name__}: {error}".partition("\n")[0][:500])
        connection.send(answer)


def _limit_memory(more: int | None) -> None:
    """Let this process take so many bytes more than it holds now; beyond, it gets a MemoryError."""
    if more is None or sys.platform != "linux":
        return
    import resource

    with open("/proc/self/statm") as file:  # noqa: PTH123
        data_pages = int(file.read().split()[5])
    held = data_pages * os.sysconf("SC_PAGE_SIZE")
    _, hard = resource.getrlimit(resource.RLIMIT_DATA)
    resource.setrlimit(resource.RLIMIT_DATA, (held + more, hard))
