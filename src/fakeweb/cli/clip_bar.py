"""Progress bar of one clip, and Ctrl-C that ends it early instead of throwing away what was seen."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import PurePath
from types import FrameType, TracebackType
from typing import Any

from rich.progress import Progress, TaskID

from fakeweb.cli.console import printable
from fakeweb.scanner import VideoProgress


class Interrupt:
    """Within it, the first Ctrl-C only asks, where somebody will hear it; the second interrupts as usual."""

    def __init__(self) -> None:
        self.asked = False
        self.heard = False  # set while somebody looks at ``asked``
        self._before: Any = None

    def __enter__(self) -> Interrupt:
        """Take over Ctrl-C, in the main thread."""
        if threading.current_thread() is threading.main_thread():
            self._before = signal.getsignal(signal.SIGINT)
            signal.signal(signal.SIGINT, self._on_signal)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Give Ctrl-C back."""
        if self._before is not None:
            signal.signal(signal.SIGINT, self._before)

    def _on_signal(self, _number: int, _frame: FrameType | None) -> None:
        if not self.heard or self.asked:
            raise KeyboardInterrupt
        self.asked = True

    def raise_if_asked(self) -> None:
        """Interrupt now, if that was asked for."""
        if self.asked:
            raise KeyboardInterrupt


class ClipBar:
    """Shows how far a clip is, frame by frame."""

    def __init__(self, bar: Progress, interrupt: Interrupt) -> None:
        self._bar, self._interrupt = bar, interrupt
        self._task: TaskID | None = None

    @contextmanager
    def clip(self, name: str) -> Iterator[None]:
        """Show a bar for one clip, and let Ctrl-C end it."""
        short = printable(PurePath(name).name)[-30:]
        self._task = self._bar.add_task(short, total=None, note="")
        self._interrupt.heard = True
        try:
            yield
        finally:
            self._interrupt.heard = False
            self._bar.remove_task(self._task)
            self._task = None

    def update(self, progress: VideoProgress) -> None:
        """Move the bar."""
        if self._task is not None:
            where = f"{progress.time_s:.0f} of {progress.duration_s:.0f} s"
            self._bar.update(self._task, completed=progress.done, total=progress.total, note=where)

    def should_stop(self) -> bool:
        """Tell whether Ctrl-C was pressed."""
        return self._interrupt.asked


class Silent:
    """Stands in for :class:`ClipBar` where nothing is shown and nothing interrupts."""

    @contextmanager
    def clip(self, name: str) -> Iterator[None]:  # noqa: ARG002
        """Do nothing around a clip."""
        yield

    def update(self, progress: VideoProgress) -> None:
        """Show nothing."""

    def should_stop(self) -> bool:
        """Never stop."""
        return False
