"""Everything a running service holds, begun and ended in one place."""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from typing import Any

from fakeweb.errors import FakeWebError
from fakeweb.server.admission import Admission
from fakeweb.server.jobs import Jobs
from fakeweb.server.judge import Judge
from fakeweb.server.keys import KeyRing
from fakeweb.server.metrics import Metrics
from fakeweb.server.pool import Pool
from fakeweb.server.settings import Settings
from fakeweb.server.store import Store

LOG = logging.getLogger("fakeweb.server")
_KEYS_EVERY_S = 2.0
_CLEAN_EVERY_S = 600.0
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
        told["finder_model"] = str(settings.finder_model) if settings.finder_model else None
        self.store = Store(settings.url)
        self.metrics = Metrics()
        self.admission = Admission(settings)
        self.ring = KeyRing(self._load_keys)
        self.pool = Pool(settings.worker_count, told)
        self.judge = Judge(settings, self.store, self.pool, self.admission, self.metrics)
        self.jobs = Jobs(settings, self.store, self.judge, self.metrics, told)
        self.stopping = asyncio.Event()
        self.loop: asyncio.AbstractEventLoop | None = None
        self.started = False
        self.uploading = 0
        """Videos that are being uploaded."""
        self._tasks: list[asyncio.Task[None]] = []
        self._watch()

    async def start(self) -> None:
        """Begin: workers, jobs left from before, housekeeping.

        Raises:
            FakeWebError: The workers cannot start.
        """
        self.loop = asyncio.get_running_loop()
        await self._load_keys()
        await self.pool.start()
        await self.jobs.start()
        self._tasks = [
            asyncio.create_task(self._repeat(_KEYS_EVERY_S, self._load_keys)),
            asyncio.create_task(self._repeat(_CLEAN_EVERY_S, self.clean)),
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
        await asyncio.to_thread(self.store.close)

    @property
    def status(self) -> str:
        """``ok``, ``starting``, ``stopping`` or ``broken``."""
        if self.stopping.is_set():
            return "stopping"
        if not self.started:
            return "starting"
        return "ok" if self.pool.ready else "broken"

    async def clean(self) -> None:
        """Delete what was kept long enough."""
        s = self.settings
        counts, jobs = await self.store.run(
            lambda: self.store.expired(
                results_s=s.result_days * 86400, queue_s=s.queue_days * 86400, jobs_s=s.job_hours * 3600
            )
        )
        for job in jobs:
            if job["instance"] == self.jobs.instance:
                await self.jobs.delete(job["id"])
        if counts["results"]:
            self.judge.forget()

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
