"""Who may come in: decided from the headers alone, before a byte of a body is read.

A picture is refused when it would wait longer for a worker than ``max_wait_s``; how long that is follows from what
pictures took lately and from who waits already: workers go round among the callers (:class:`FairLine`), so somebody
who piles up pictures waits for them, and nobody else does. Uploads that crawl do not keep the queue busy: after a
second they no longer count, and ask again when they have arrived.

A picture counts as what pictures took lately until it has arrived, then as what it is reckoned to take: by its
format and bytes (:mod:`fakeweb.media.cost`) and by its pixels, in which faces are looked for.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Self

from fakeweb.errors import Busy, TooLarge
from fakeweb.media import Cost
from fakeweb.server.fair import Place, Shares, may_wait
from fakeweb.server.settings import Settings

_SMOOTH = 0.1
_FINDING_S = 85e-9
"""To look for faces in a pixel, on the machine of docs/reference/service.md."""
_ONE_FACE_S = 0.015
_SLOWEST = 4.0
"""What a machine is taken for at most, or at least: the first pictures take a worker longer."""
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
        self.pace = 1.0
        """By how much this machine is slower than the one on which costs were measured, smoothed."""
        self.lag_s = 0.0
        """By how much the event loop is late."""
        self._learnt = 0
        self._inside: dict[str, int] = {}
        self._load_s: dict[str, float] = {}
        self.inside = 0
        """Pictures that wait or are judged, and uploads that have just begun."""
        self.uploads = Shares(settings.upload_budget_bytes)
        self.stopping = False

    def took(self, seconds: float, reckoned_s: float = 0.0) -> None:
        """Learn how long a worker needed for what was reckoned to take so long; the first ones count most."""
        self._learnt += 1
        weight = max(_SMOOTH, 1 / self._learnt)
        self.service_s += weight * (seconds - self.service_s)
        if reckoned_s > 0:
            pace = self.pace + weight * (seconds * self.pace / reckoned_s - self.pace)
            self.pace = min(_SLOWEST, max(1 / _SLOWEST, pace))

    def reckon(self, decoding: Cost) -> float:
        """Return what a picture will take a worker, in seconds."""
        return self.pace * _judging_s(decoding)

    def check_cost(self, decoding: Cost, name: str, left_s: float) -> None:
        """Raise TooLarge for a picture that takes longer than there is time, even on a good machine."""
        if _judging_s(decoding) > left_s:
            raise TooLarge(f"{name} takes too long to judge", hint="scale it down, or save it as JPEG")

    def wait_s(self, who: str) -> float:
        """Return how long one more picture of a caller would wait for a worker."""
        busy_s = self._ahead_s(who) + (1 - self._workers) * self.service_s
        return max(0.0, busy_s) / self._workers + self.lag_s

    def check(self, who: str) -> None:
        """Raise Busy where one more picture would wait too long, or the service is stopping.

        Who has none inside and would be the next is let in, however long pictures take.
        """
        if self.stopping:
            raise Busy("the service is stopping", hint="try again", retry_after_s=5)
        wait_s, own = self.wait_s(who), self._inside.get(who, 0)
        is_next = not own and self._ahead_s(who) <= self._workers * self.service_s
        fits = may_wait(self.inside, own, self._settings.max_waiting + self._workers)
        if not fits or (wait_s > self._settings.max_wait_s and not is_next):
            raise Busy(
                "the queue is full", hint="try again after Retry-After", retry_after_s=max(1.0, wait_s)
            )

    def _ahead_s(self, who: str) -> float:
        """Return how long what comes before one more of a caller takes: its own, and of each other at most as much."""
        own_s = self._load_s.get(who, 0.0)
        turn_s = own_s + self.service_s
        return own_s + sum(min(load_s, turn_s) for name, load_s in self._load_s.items() if name != who)

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

    def enter(self, who: str, cost_s: float) -> None:
        """Count a picture."""
        self._inside[who] = self._inside.get(who, 0) + 1
        self._load_s[who] = self._load_s.get(who, 0.0) + cost_s
        self.inside += 1

    def leave(self, who: str, cost_s: float) -> None:
        """Count it no longer."""
        self.inside -= 1
        self._inside[who] -= 1
        self._load_s[who] -= cost_s
        if not self._inside[who]:
            del self._inside[who], self._load_s[who]


class Ticket:
    """One request that was let in; close it when it is answered."""

    __slots__ = ("_admission", "_cost_s", "_counts", "_places", "_timer", "_who")

    def __init__(self, admission: Admission, who: str, place: Place) -> None:
        self._admission = admission
        self._who = who
        self._places = [place]
        self._counts = False
        self._enter(admission.service_s)
        self._timer = asyncio.get_running_loop().call_later(_FRESH_S, self._leave)

    def uploaded(self, decoding: Iterable[Cost]) -> None:
        """Say that the body is there, and what decoding its pictures takes.

        Raises:
            Busy: It took so long that others came first.
        """
        self._timer.cancel()
        if not self._counts:
            self._admission.check(self._who)
        self._leave()
        self._enter(sum(map(self._admission.reckon, decoding)))

    def hold(self, count: int) -> None:
        """Count bytes that stand in memory until the answer is taken.

        Raises:
            Busy: The caller has its share in use.
        """
        place = self._admission.uploads.take(self._who, count)
        if place is None:
            raise Busy("too much is being sent at once", hint="take the answers first", retry_after_s=2)
        self._places.append(place)

    def close(self) -> None:
        """Make room."""
        self._timer.cancel()
        self._leave()
        while self._places:
            self._places.pop().close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _enter(self, cost_s: float) -> None:
        self._counts, self._cost_s = True, cost_s
        self._admission.enter(self._who, cost_s)

    def _leave(self) -> None:
        if self._counts:
            self._counts = False
            self._admission.leave(self._who, self._cost_s)


def _judging_s(decoding: Cost) -> float:
    return decoding.seconds + decoding.pixels * _FINDING_S + _ONE_FACE_S
