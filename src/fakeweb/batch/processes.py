"""Ordered parallel map: over items in this process or in several, memory bounded."""

from __future__ import annotations

import multiprocessing
import multiprocessing.connection
import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from typing import Any, TypeVar

from fakeweb.errors import WorkerDied

Item = TypeVar("Item")
Result = TypeVar("Result")

_state: dict[str, Any] = {}


def ordered_map(
    make: Callable[[], Callable[[Item], Result]], items: Iterable[Item], *, workers: int = 1
) -> Generator[tuple[Item, Result], None, None]:
    """Yield ``(item, result)`` in the order of the items.

    Args:
        make: Called once in each process; returns the function. It, the items and the results must be
            picklable when ``workers`` is above 1. A model's session is thus built inside each worker.
        items: Read only as far ahead as the workers can use.
        workers: Processes; 1 works in this one.

    Raises:
        WorkerDied: A worker process died.
    """
    if workers <= 1:
        function = make()
        for item in items:
            yield item, function(item)
        return
    pool = ProcessPoolExecutor(
        workers, mp_context=multiprocessing.get_context("spawn"), initializer=_start, initargs=(make,)
    )
    waiting: deque[tuple[Item, Future[Result]]] = deque()
    try:
        for item in items:
            waiting.append((item, _submit(pool, item)))
            if len(waiting) >= 4 * workers:
                first, future = waiting.popleft()
                yield first, future.result()
        while waiting:
            first, future = waiting.popleft()
            yield first, future.result()
    except BrokenProcessPool as error:
        raise WorkerDied(
            "a worker process died, perhaps for want of memory", hint="use fewer --workers"
        ) from error
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _submit(pool: ProcessPoolExecutor, item: Any) -> Future[Any]:
    """Submit an item; a worker started by it ignores Ctrl-C from its first moment, which is the parent's business."""
    with ignoring_interrupts():
        return pool.submit(_call, item)


@contextmanager
def ignoring_interrupts() -> Iterator[None]:
    """Ignore Ctrl-C, as do processes that are started meanwhile; in threads other than the first it does nothing."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def end_with_parent() -> None:
    """End this process when its parent has ended, however that came about."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        multiprocessing.connection.wait([parent.sentinel])
        os._exit(1)


def _start(make: Callable[[], Callable[[Any], Any]]) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=end_with_parent, daemon=True).start()
    try:
        _state["function"] = make()
    except Exception as error:  # raised again where the caller can see it
        _state["error"] = error


def _call(item: Any) -> Any:
    if "error" in _state:
        raise _state["error"]
    return _state["function"](item)
