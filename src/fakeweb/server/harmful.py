"""Files that have ended a process which read them: for an hour nobody reads them again.

They are remembered by a hash of tenant and bytes, in the database too: a restart forgets none, and services that share
it learn of each other's. One that ends for another reason is given a second chance.
"""

from __future__ import annotations

import asyncio
import hashlib
import signal
import time
from collections import OrderedDict
from contextlib import suppress

from fakeweb.errors import Harmful, StoreFailed
from fakeweb.server.store import Store

HOUR_S = 3600.0
_REMEMBERED = 10_000
_FROM_OUTSIDE = (-signal.SIGKILL, -signal.SIGTERM)
"""What the system and people end processes with, whatever these are doing."""


class HarmfulFiles:
    """What is remembered of them.

    Args:
        store: Where it is kept.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._until_s: OrderedDict[str, float] = OrderedDict()
        self._suspects: OrderedDict[str, float] = OrderedDict()
        self._writing: set[asyncio.Task[None]] = set()

    def check(self, tenant: str, sha256: str, name: str) -> None:
        """Raise Harmful for a file of a tenant's that has ended a process within the last hour."""
        if self._until_s.get(_mark(tenant, sha256), 0.0) > time.time():
            raise Harmful(
                f"{name} has ended a process that read it, and is not read again for an hour",
                hint="save it anew with another program",
            )

    def ended(self, tenant: str, sha256: str, status: int | None) -> None:
        """Note that a process ended while it read a file.

        Args:
            tenant: Whose file it is.
            sha256: Of its bytes.
            status: As :attr:`subprocess.Popen.returncode` gives it; None: we ended it, since it worked for too long.
        """
        mark, now = _mark(tenant, sha256), time.time()
        if status in _FROM_OUTSIDE and now - self._suspects.get(mark, 0.0) > HOUR_S:
            _put(self._suspects, mark, now)
            return
        _put(self._until_s, mark, now + HOUR_S)
        writing = asyncio.ensure_future(self._write(mark, now + HOUR_S))
        self._writing.add(writing)
        writing.add_done_callback(self._writing.discard)

    async def load(self) -> None:
        """Learn what was remembered before, or elsewhere.

        Raises:
            StoreFailed: The database does not answer.
        """
        for mark, until_s in await self._store.run(self._store.list_harmful):
            _put(self._until_s, mark, until_s)

    async def _write(self, mark: str, until_s: float) -> None:
        with suppress(StoreFailed):  # then it is remembered here alone
            await self._store.run(self._store.add_harmful, mark, until_s)


def _mark(tenant: str, sha256: str) -> str:
    return hashlib.sha256(f"{tenant}:{sha256}".encode()).hexdigest()


def _put(found: OrderedDict[str, float], mark: str, value: float) -> None:
    found[mark] = value
    found.move_to_end(mark)
    while len(found) > _REMEMBERED:
        found.popitem(last=False)
