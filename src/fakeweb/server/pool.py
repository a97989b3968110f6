"""The processes that judge pictures: started, watched, replaced when they die or take too long."""

from __future__ import annotations

import asyncio
import logging
import signal
import time
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any

from fakeweb.errors import Busy, FakeWebError, ModelMissing, Overdue, WorkerDied, from_dict
from fakeweb.server.fair import FairLine
from fakeweb.server.frames import Child

LOG = logging.getLogger("fakeweb.server")
_START_S = 120.0
_RESTART_S = (0.0, 0.5, 1.0, 5.0, 15.0)
_LEAST = 0.25
"""A task that waited long has at least this share of its time to run."""
_AT_WORK = 0.5
"""A worker that was ended had worked, if it took so much of its time on a processor: else others kept it from it."""
_GONE = (ConnectionError, asyncio.IncompleteReadError, OSError)


class Pool:
    """Workers and the line before them, in which callers take turns.

    Args:
        count: How many processes.
        settings: Told to each worker.
    """

    def __init__(self, count: int, settings: Mapping[str, Any]) -> None:
        self.count = count
        self.about: dict[str, Any] = {}
        """Model and finder, as the workers report them."""
        self.restarts = 0
        self.broken: FakeWebError | None = None
        """Why no worker can start; None while they can."""
        self._settings = dict(settings)
        self._idle: deque[Child] = deque()
        self._line: FairLine[asyncio.Future[Child]] = FairLine()
        self._all: set[Child] = set()
        self._tasks: set[asyncio.Task[Any]] = set()
        self._ended: set[Child] = set()
        self._closing = False

    @property
    def ready(self) -> int:
        """Workers that could work now."""
        return len(self._all)

    @property
    def waiting(self) -> int:
        """Tasks that wait for a worker."""
        return sum(not place.done() for place in self._line)

    def resident_bytes(self) -> int:
        """Memory of all workers together."""
        return sum(child.resident_bytes() for child in self._all)

    async def start(self) -> None:
        """Start all workers.

        Raises:
            ModelError, UsageError: They cannot start.
        """
        for child in await asyncio.gather(*(self._make() for _ in range(self.count))):
            self._free(child)

    async def run(
        self,
        task: Mapping[str, Any],
        data: bytes,
        *,
        who: str,
        cost_s: float,
        harmed: Callable[[int | None], None],
        deadline_s: float,
    ) -> tuple[dict[str, Any], bytes, float]:
        """Have a worker do a task.

        Args:
            task: See :meth:`fakeweb.server.worker.WorkerScanner.answer`.
            data: The picture.
            who: For whom, see :mod:`fakeweb.server.fair`.
            cost_s: What it is expected to take a worker.
            harmed: Called when a worker ends over it, see :meth:`fakeweb.server.harmful.HarmfulFiles.ended`.
            deadline_s: On the monotonic clock. A task that waits longer is given up; a worker that works longer is
                ended.

        Returns:
            The worker's answer, its bytes, and the seconds the worker took.

        Raises:
            Overdue: The deadline has passed.
            WorkerDied: The worker ended without an answer.
            FakeWebError: Whatever the worker raised.
        """
        deadline_in_s = deadline_s - time.monotonic()
        child = await self._turn(who, cost_s, deadline_s)
        started = time.monotonic()
        worked_s = child.cpu_s()
        limit_s = max(_LEAST * deadline_in_s, deadline_s - started)  # who begins late is not cut off at once
        told = {**task, "limit_s": limit_s}
        working = asyncio.ensure_future(self._work(child, told, data, harmed))
        self._keep(working)
        try:
            # The worker is freed by its own task: a caller who goes away must not leave it half read.
            header, body = await asyncio.wait_for(asyncio.shield(working), limit_s)
        except TimeoutError:
            self._ended.add(child)
            at_work = child.cpu_s() - worked_s > _AT_WORK * limit_s
            harmed(None if at_work else -signal.SIGKILL)  # else it may not be the file's fault
            child.process.kill()
            raise Overdue("judging took too long", hint="send a smaller picture", retry_after_s=5) from None
        finally:
            self._line.charge(who, time.monotonic() - started - cost_s)
        if "error" in header:
            raise from_dict(header["error"])
        return header, body, time.monotonic() - started

    async def close(self) -> None:
        """End all workers; what they are doing is lost, so call this when all is answered."""
        self._closing = True
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await asyncio.gather(*(child.end() for child in self._all))
        self._all.clear()

    async def _turn(self, who: str, cost_s: float, deadline_s: float) -> Child:
        """Wait for a worker."""
        if self._closing:
            raise Busy("the service is stopping", retry_after_s=5)
        if self.broken is not None and not self._all:
            raise self.broken
        place: asyncio.Future[Child] = asyncio.get_running_loop().create_future()
        self._line.put(who, place, cost_s)
        if self._idle:
            self._free(self._idle.popleft())
        try:
            return await asyncio.wait_for(place, max(0.001, deadline_s - time.monotonic()))
        except TimeoutError:
            raise Overdue("no worker was free in time", hint="try again later", retry_after_s=2) from None
        except asyncio.CancelledError:
            if place.done() and not place.cancelled():
                self._free(place.result())
            raise

    def _free(self, child: Child) -> None:
        """Give a worker to whose turn it is."""
        while self._line:
            place = self._line.get()
            if not place.done():
                place.set_result(child)
                return
        self._idle.append(child)

    async def _work(
        self, child: Child, task: Mapping[str, Any], data: bytes, harmed: Callable[[int | None], None]
    ) -> tuple[dict[str, Any], bytes]:
        try:
            await child.send(task, data)
            answer = await child.receive()
        except _GONE:
            status = await child.end(kill=False)
            if child not in self._ended:  # its own crash, not our impatience
                harmed(status)
            self._ended.discard(child)
            self._keep(asyncio.ensure_future(self._replace(child)))
            raise WorkerDied("a worker ended without an answer", hint="try again") from None
        self._free(child)
        return answer

    async def _replace(self, dead: Child) -> None:
        self._all.discard(dead)
        LOG.error("worker %d ended with status %s", dead.pid, await dead.end())
        self.restarts += 1
        attempt = 0
        while not self._closing:
            await asyncio.sleep(_RESTART_S[min(attempt, len(_RESTART_S) - 1)])
            attempt += 1
            try:
                child = await self._make()
            except FakeWebError as error:
                self.broken = error
                LOG.error("no worker can start: %s", error.message)
                continue
            self.broken = None
            self._free(child)
            return

    async def _make(self) -> Child:
        child = await asyncio.to_thread(Child, "fakeweb.server.worker")
        try:
            await child.open()
            await child.send(self._settings)
            header, _ = await asyncio.wait_for(child.receive(), _START_S)
        except (TimeoutError, *_GONE):
            await child.end()
            raise ModelMissing("a worker ended while it started", hint="the log says more") from None
        except BaseException:
            child.process.kill()
            raise
        if "error" in header:
            await child.end()
            raise from_dict(header["error"])
        self.about = header
        self._all.add(child)
        return child

    def _keep(self, task: asyncio.Task[Any]) -> None:
        """Hold a task until it ends, and look at its exception so that nobody complains of it."""
        self._tasks.add(task)

        def ended(done: asyncio.Task[Any]) -> None:
            self._tasks.discard(done)
            if not done.cancelled():
                done.exception()

        task.add_done_callback(ended)
