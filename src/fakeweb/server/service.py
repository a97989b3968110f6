"""Everything a running service holds, begun and ended in one place."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any, TypeVar

from fakeweb.errors import FakeWebError
from fakeweb.server.admission import Admission
from fakeweb.server.fair import Shares
from fakeweb.server.jobs import Jobs
from fakeweb.server.keys import KeyRing
from fakeweb.server.metrics import Metrics
from fakeweb.server.pictures import Pictures
from fakeweb.server.pool import Pool
from fakeweb.server.settings import Settings
from fakeweb.server.store import Store

LOG = logging.getLogger("fakeweb.server")
T = TypeVar("T")
_KEYS_EVERY_S = 2.0
_LAG_EVERY_S = 0.05
_VIDEO_UPLOADS = 8
_STREAMS = 512
_FETCHES = 8
_CLEAN_EVERY_S = 120.0
_TIDY_EVERY_S = 10.0
_BEAT_EVERY_S = 0.5
_STORE_S = 5.0
_EVICTED_AT_ONCE = 500
_TOLD = (
    "model", "finder", "threshold", "max_faces", "max_bytes", "max_pixels", "max_side_px", "max_video_bytes",
    "max_duration_s", "worker_memory_mb", "job_memory_mb",
)  # fmt: skip


class Service:
    """Store, workers, jobs, and what looks after them.

    Args:
        settings: How it runs.

    Raises:
        UsageError, StoreFailed: The database cannot be used.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        settings.data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
        told: dict[str, Any] = {name: getattr(settings, name) for name in _TOLD}
        for name in ("finder_model", "trust"):
            path = getattr(settings, name)
            told[name] = str(path) if path else None
        self.store = Store(settings.url, min(_STORE_S, settings.deadline_s / 2))
        self.metrics = Metrics()
        self.admission = Admission(settings)
        self.ring = KeyRing(self._load_keys)
        self.pool = Pool(settings.worker_count, told)
        self.pictures = Pictures(settings, self.store, self.pool, self.admission, self.metrics)
        self.jobs = Jobs(settings, self.store, self.pictures, self.metrics, told)
        self.stopping = asyncio.Event()
        self.loop: asyncio.AbstractEventLoop | None = None
        self.started = False
        self.videos = Shares(_VIDEO_UPLOADS)
        """Videos that are being uploaded."""
        self.streams = Shares(_STREAMS)
        """Readers who follow jobs."""
        self.fetches = Shares(_FETCHES)
        """Addresses that are being fetched."""
        self._fetchers = ThreadPoolExecutor(_FETCHES, "fakeweb-fetch")
        self._tasks: list[asyncio.Task[None]] = []
        self._watch()

    async def start(self) -> None:
        """Begin: workers, jobs left from before, housekeeping.

        Raises:
            FakeWebError: The workers cannot start.
        """
        self.loop = asyncio.get_running_loop()
        await self._load_keys()
        await self.store.check(self.store.beat, self.jobs.instance)
        await self.store.run(self.store.keep_reserve)
        await self.pictures.harmful.load()
        await self.pool.start()
        await self.jobs.start()
        self._tasks = [
            asyncio.create_task(self._repeat(_KEYS_EVERY_S, self._load_keys)),
            asyncio.create_task(self._repeat(_CLEAN_EVERY_S, self.clean)),
            asyncio.create_task(self._repeat(_TIDY_EVERY_S, self.tidy)),
            asyncio.create_task(self._repeat(_BEAT_EVERY_S, self._beat)),
            asyncio.create_task(self._measure_lag()),
        ]
        self.started = True

    def drain(self) -> None:
        """Take nothing more; called when the service is asked to stop, before it stops."""
        self.admission.stopping = True
        self.stopping.set()
        self.jobs.wake()

    async def stop(self) -> None:
        """End: everything that was accepted has been answered by now."""
        self.drain()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.jobs.stop()
        await self.pool.close()
        self._fetchers.shutdown(wait=False, cancel_futures=True)
        await asyncio.to_thread(self.store.close)

    @property
    def status(self) -> str:
        """``ok``, ``starting``, ``stopping`` or ``broken``."""
        if self.stopping.is_set():
            return "stopping"
        if not self.started:
            return "starting"
        return "ok" if self.pool.ready and self.store.failing is None else "broken"

    async def clean(self) -> None:
        """Delete what was kept long enough, and the oldest of what is too much."""
        s, store = self.settings, self.store
        counts, jobs = await store.run(
            lambda: store.expired(
                results_s=s.result_days * 86400, queue_s=s.queue_days * 86400, jobs_s=s.job_hours * 3600
            )
        )
        for job in jobs:
            await self.jobs.delete(job["id"])
        gone = sum(counts.values())
        for table, surplus in (await store.run(store.surplus, s.max_rows, s.max_database_mb << 20)).items():
            while surplus > 0 and (
                evicted := await store.run(store.evict, table, min(surplus, _EVICTED_AT_ONCE))
            ):
                surplus -= evicted
                gone += evicted
        if gone:
            store.traces = True
            self.pictures.forget()

    async def tidy(self) -> None:
        """Do what other services and earlier moments have left to do."""
        await self.jobs.adopt()
        await self.jobs.tidy()
        await self.pictures.harmful.load()
        if self.store.traces:
            await self.store.run(self.store.empty_log)

    async def _beat(self) -> None:
        """Say that this service is there, and notice whether the database is."""
        before = self.store.failing
        await self.store.check(self.store.beat, self.jobs.instance)
        now = self.store.failing
        if now is not None and before is None:
            LOG.error("%s", now.message)
        elif before is not None and now is None:
            LOG.info("the database answers again")

    async def fetch(self, work: Callable[[], T]) -> T:
        """Do what waits for the network, in threads that nothing else needs."""
        return await asyncio.get_running_loop().run_in_executor(self._fetchers, work)

    async def _measure_lag(self) -> None:
        """Notice by how much the event loop is late: those who are let in wait that long too."""
        loop = asyncio.get_running_loop()
        while True:
            asked = loop.time()
            await asyncio.sleep(_LAG_EVERY_S)
            self.admission.lag_s = loop.time() - asked - _LAG_EVERY_S

    async def _load_keys(self) -> None:
        self.ring.load(await self.store.run(self.store.list_keys))

    async def _repeat(self, every_s: float, what: Any) -> None:
        while True:
            with suppress(FakeWebError):  # the database may be away for a while
                await what()
            await asyncio.sleep(every_s)

    def _watch(self) -> None:
        watch = self.metrics.watch
        watch("fakeweb_inside", "Pictures accepted and not yet answered.", lambda: self.admission.inside)
        watch("fakeweb_waiting", "Pictures that wait for a worker.", lambda: self.pool.waiting)
        watch("fakeweb_workers_ready", "Workers that can work.", lambda: self.pool.ready)
        watch("fakeweb_worker_restarts", "Workers that had to be replaced.", lambda: self.pool.restarts)
        watch("fakeweb_worker_resident_bytes", "Memory of all workers.", self.pool.resident_bytes)
        watch("fakeweb_jobs_waiting", "Videos that wait.", lambda: self.jobs.waiting)
