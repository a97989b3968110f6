"""Who may come in: decided from the headers alone, before a byte of a body is read.

A picture is refused when it would wait longer for a worker than ``max_wait_s``; how long that is follows from what
pictures took lately and from who waits already: workers go round among the callers (:class:`FairLine`), so somebody
who piles up pictures waits for them, and nobody else does. Uploads that crawl do not keep the queue busy: after a
second they no longer count, and ask again when they have arrived.
"""

from __future__ import annotations

import asyncio
from typing import Self

from fakeweb.errors import Busy
from fakeweb.server.fair import Place, Shares, may_wait
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
        self.lag_s = 0.0
        """By how much the event loop is late."""
        self._learnt = 0
        self._inside: dict[str, int] = {}
        self.inside = 0
        """Pictures that wait or are judged, and uploads that have just begun."""
        self.uploads = Shares(settings.upload_budget_bytes)
        self.stopping = False

    def took(self, seconds: float) -> None:
        """Learn how long a worker needed; the first ones count most."""
        self._learnt += 1
        self.service_s += max(_SMOOTH, 1 / self._learnt) * (seconds - self.service_s)

    def wait_s(self, who: str) -> float:
        """Return how long one more picture of a caller would wait for a worker."""
        return max(0, self._ahead(who) + 1 - self._workers) * self.service_s / self._workers + self.lag_s

    def check(self, who: str) -> None:
        """Raise Busy where one more picture would wait too long, or the service is stopping.

        Who has none inside and would be the next is let in, however long pictures take.
        """
        if self.stopping:
            raise Busy("the service is stopping", hint="try again", retry_after_s=5)
        wait_s, own = self.wait_s(who), self._inside.get(who, 0)
        is_next = not own and self._ahead(who) <= self._workers
        fits = may_wait(self.inside, own, self._settings.max_waiting + self._workers)
        if not fits or (wait_s > self._settings.max_wait_s and not is_next):
            raise Busy(
                "the queue is full", hint="try again after Retry-After", retry_after_s=max(1.0, wait_s)
            )

    def _ahead(self, who: str) -> int:
        """Return how many pictures come before one more of a caller: its own, and of each other at most as many."""
        turn = self._inside.get(who, 0) + 1
        if self.inside <= turn:
            return self.inside
        return sum(min(count, turn) for name, count in self._inside.items() if name != who) + turn - 1

    def admit(self, who: str, length: int | None) -> Ticket:
        """Let a request in.

        Args:
            who: The caller.
            length: Its Content-Length; None where it sends chunks.

        Raises:
            Busy: The queue is full, too many uploads are under way, or the service is stopping.
        """
        self.check(who)
        place = self.uploads.take(who, self._settings.max_bytes if length is None else length)
        if place is None:
            raise Busy("too many uploads at once", hint="try again after Retry-After", retry_after_s=2)
        return Ticket(self, who, place)

    def enter(self, who: str) -> None:
        """Count a picture."""
        self._inside[who] = self._inside.get(who, 0) + 1
        self.inside += 1

    def leave(self, who: str) -> None:
        """Count it no longer."""
        self.inside -= 1
        self._inside[who] -= 1
        if not self._inside[who]:
            del self._inside[who]


class Ticket:
    """One request that was let in; close it when it is answered."""

    __slots__ = ("_admission", "_counts", "_place", "_timer", "_who")

    def __init__(self, admission: Admission, who: str, place: Place) -> None:
        self._admission = admission
        self._who = who
        self._place = place
        self._counts = True
        admission.enter(who)
        self._timer = asyncio.get_running_loop().call_later(_FRESH_S, self._no_longer_fresh)

    def uploaded(self) -> None:
        """Say that the body is there.

        Raises:
            Busy: It took so long that others came first.
        """
        self._timer.cancel()
        if not self._counts:
            self._admission.check(self._who)
            self._counts = True
            self._admission.enter(self._who)

    def close(self) -> None:
        """Make room."""
        self._timer.cancel()
        self._no_longer_fresh()
        self._place.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _no_longer_fresh(self) -> None:
        if self._counts:
            self._counts = False
            self._admission.leave(self._who)
