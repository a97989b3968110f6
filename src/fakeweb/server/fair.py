"""What is scarce, shared out among callers, so that one who takes all it can leaves room for the next.

A caller is a key or, where no key is asked for, an address: see :func:`party`.
"""

from __future__ import annotations

import heapq
import ipaddress
import itertools
from collections.abc import Iterator
from typing import Generic, Self, TypeVar

T = TypeVar("T")
_REMEMBERED = 1024


def party(address: str) -> str:
    """Return whom an address stands for: itself, or the network that one customer of a provider gets in IPv6.

    Example:
        >>> party("2001:db8:1:2:3:4:5:6"), party("192.0.2.7")
        ('2001:db8:1:2::/64', '192.0.2.7')
    """
    if ":" not in address:
        return address
    try:
        found = ipaddress.IPv6Address(address.partition("%")[0])
    except ValueError:
        return address
    if found.ipv4_mapped is not None:
        return str(found.ipv4_mapped)
    return str(ipaddress.IPv6Network((found, 64), strict=False))


class Shares:
    """Places of one kind. Whoever holds as much as would be left gets no more, so that the next one finds room.

    With one greedy caller half of all stays free, with two a third, and so on.

    Args:
        total: How many places there are.
    """

    def __init__(self, total: int) -> None:
        self._total = total
        self._held: dict[str, int] = {}
        self.used = 0

    def take(self, who: str, amount: int = 1) -> Place | None:
        """Take places.

        Args:
            who: The caller.
            amount: How many; who holds none may take all that are free, and more than there are where all are.

        Returns:
            What must be closed when it is over, or None where there is no room.
        """
        held = self._held.get(who, 0)
        left = self._total - self.used - amount
        if self.used and (left < 0 or (held and held + amount > left)):
            return None
        self._held[who] = held + amount
        self.used += amount
        return Place(self, who, amount)

    def _give(self, who: str, amount: int) -> None:
        self.used -= amount
        self._held[who] -= amount
        if not self._held[who]:
            del self._held[who]


class Place:
    """What one caller holds of something scarce."""

    __slots__ = ("_amount", "_shares", "_who")

    def __init__(self, shares: Shares, who: str, amount: int) -> None:
        self._shares = shares
        self._who = who
        self._amount = amount

    def close(self) -> None:
        """Give it back."""
        amount, self._amount = self._amount, 0
        if amount:
            self._shares._give(self._who, amount)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class FairLine(Generic[T]):
    """A line in which nobody waits for what somebody else has piled up (start-time fair queueing).

    Each caller's tasks stand one behind the other on a clock of costs; the earliest start comes first. Who has been
    away begins at the present time of that clock, whatever others have put into the line before.
    """

    def __init__(self) -> None:
        self._heap: list[tuple[float, int, T]] = []
        self._ends: dict[str, float] = {}
        self._now = 0.0
        self._count = itertools.count()

    def __len__(self) -> int:
        return len(self._heap)

    def __iter__(self) -> Iterator[T]:
        return (item for _, _, item in self._heap)

    def put(self, who: str, item: T, cost: float) -> None:
        """Put a task into the line.

        Args:
            who: The caller.
            item: The task.
            cost: What it takes, in the unit of all others, such as seconds.
        """
        start = max(self._now, self._ends.get(who, 0.0))
        self._ends[who] = start + cost
        heapq.heappush(self._heap, (start, next(self._count), item))

    def get(self) -> T:
        """Return the task whose turn it is.

        Raises:
            IndexError: The line is empty.
        """
        start, _, item = heapq.heappop(self._heap)
        self._now = max(self._now, start)
        if len(self._ends) > _REMEMBERED:  # those who are furthest ahead of their turn
            latest = heapq.nlargest(_REMEMBERED // 2, self._ends.items(), key=lambda entry: entry[1])
            self._ends = {who: end for who, end in latest if end > self._now}
        return item

    def charge(self, who: str, more: float) -> None:
        """Correct what a caller's task has cost, once it is known."""
        if who in self._ends:
            self._ends[who] += more


def may_wait(inside: int, own: int, most: int) -> bool:
    """Tell whether one more may wait: a line has places for all, and as many again for who has none in it."""
    return inside < (most if own else 2 * most)
