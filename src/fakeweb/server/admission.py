"""Who may come in: decided from the headers alone, before a byte of a body is read.

A picture is refused when it would wait longer for a worker than ``max_wait_s``; how long that is follows from what
pictures took lately. Uploads that crawl do not keep the queue busy: after a second they no longer count, and ask
again when they have arrived.
"""

from __future__ import annotations

import asyncio
from typing import Self

from fakeweb.errors import Busy
from fakeweb.server.settings import Settings

_SMOOTH = 0.1
_FRESH_S = 1.0


class Admission:
    """Counts what is under way and says no in time.

    Args:
        settings: ``max_waiting``, ``max_wait_s``, ``upload_budget_bytes`` and the number of workers.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._workers = settings.worker_count
        self.service_s = 0.1
        """What a picture takes a worker, smoothed."""
        self._learnt = 0
        self.inside = 0
        """Pictures that wait or are judged, and uploads that have just begun."""
        self.upload_bytes = 0
        self.stopping = False

    def took(self, seconds: float) -> None:
        """Learn how long a worker needed; the first ones count most."""
        self._learnt += 1
        self.service_s += max(_SMOOTH, 1 / self._learnt) * (seconds - self.service_s)

    def wait_s(self) -> float:
        """Return how long one more picture would wait for a worker."""
        ahead = max(0, self.inside + 1 - self._workers)
        return ahead * self.service_s / self._workers

    def check(self) -> None:
        """Raise Busy where one more picture would wait too long, or the service is stopping."""
        if self.stopping:
            raise Busy("the service is stopping", hint="try again", retry_after_s=5)
        wait_s = self.wait_s()
        if wait_s > self._settings.max_wait_s or self.inside >= self._settings.max_waiting + self._workers:
            raise Busy(
                "the queue is full", hint="try again after Retry-After", retry_after_s=max(1.0, wait_s)
            )

    def admit(self, length: int | None) -> Ticket:
        """Let a request in.

        Args:
            length: Its Content-Length; None where it sends chunks.

        Raises:
            Busy: The queue is full, too many uploads are under way, or the service is stopping.
        """
        self.check()
        expected = self._settings.max_bytes if length is None else length
        if self.upload_bytes and self.upload_bytes + expected > self._settings.upload_budget_bytes:
            raise Busy("too many uploads at once", hint="try again after Retry-After", retry_after_s=2)
        return Ticket(self, expected)


class Ticket:
    """One request that was let in; close it when it is answered."""

    __slots__ = ("_admission", "_bytes", "_counts", "_timer")

    def __init__(self, admission: Admission, expected_bytes: int) -> None:
        self._admission = admission
        self._bytes = expected_bytes
        self._counts = True
        admission.inside += 1
        admission.upload_bytes += expected_bytes
        self._timer = asyncio.get_running_loop().call_later(_FRESH_S, self._no_longer_fresh)

    def uploaded(self) -> None:
        """Say that the body is there.

        Raises:
            Busy: It took so long that others came first.
        """
        self._timer.cancel()
        if not self._counts:
            self._admission.check()
            self._counts = True
            self._admission.inside += 1

    def close(self) -> None:
        """Make room."""
        self._timer.cancel()
        self._no_longer_fresh()
        self._admission.upload_bytes -= self._bytes
        self._bytes = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _no_longer_fresh(self) -> None:
        if self._counts:
            self._counts = False
            self._admission.inside -= 1
