"""Ctrl-C without half-done steps."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Callable, Iterator


@contextlib.contextmanager
def whole_steps() -> Iterator[None]:
    """Let an interrupt wait until the block is through: a step is taken and logged wholly or not at all."""
    if not _ours():
        yield
        return
    held: list[int] = []
    signal.signal(signal.SIGINT, lambda number, _frame: held.append(number))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    if held:
        raise KeyboardInterrupt


@contextlib.contextmanager
def asked_to_stop(ask: Callable[[], None]) -> Iterator[None]:
    """Call ``ask`` at an interrupt, for processes that must agree on the step they stop at."""
    if not _ours():
        yield
        return
    signal.signal(signal.SIGINT, lambda _number, _frame: ask())
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def _ours() -> bool:
    """Tell whether an interrupt would raise KeyboardInterrupt here."""
    main = threading.current_thread() is threading.main_thread()
    return main and signal.getsignal(signal.SIGINT) is signal.default_int_handler
