"""Videos as jobs: accepted, stored, judged in a process of their own, kept for a while.

A job is on disk and in the database before it is acknowledged. After ``kill -9`` the service starts it again, or
another one does that shares the database and the folder; the upload is deleted as soon as the job has ended,
whichever way. Owners take turns, however many videos one of them has sent.
"""

from __future__ import annotations

import asyncio
import json
import logging
import shutil
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from fakeweb.errors import Busy, FakeWebError, NotFound, Overdue, WorkerDied, from_dict
from fakeweb.server.bodies import Upload
from fakeweb.server.fair import FairLine, may_wait
from fakeweb.server.finished import FOR_PAGE, Finished, from_frame
from fakeweb.server.frames import Child
from fakeweb.server.keys import Key, on_behalf_of
from fakeweb.server.metrics import Metrics
from fakeweb.server.pictures import Pictures
from fakeweb.server.schemas import VideoOptions
from fakeweb.server.settings import Settings
from fakeweb.server.store import FINISHED, UNFINISHED, Row, Store, new_id

LOG = logging.getLogger("fakeweb.server")
SILENT_S = 30.0
"""A service that has not said for so long that it is there is taken for dead."""
_ATTEMPTS = 3
_WRITE_EVERY_S = 1.0
_LOOK_EVERY_S = 5.0
_TYPICAL_S = 30.0
_FREE_BYTES = 256 << 20
_GONE = (ConnectionError, asyncio.IncompleteReadError, OSError)


class Jobs:
    """All jobs of this service."""

    def __init__(
        self,
        settings: Settings,
        store: Store,
        pictures: Pictures,
        metrics: Metrics,
        child_settings: Mapping[str, Any],
    ) -> None:
        self._settings = settings
        self._store = store
        self._pictures = pictures
        self._metrics = metrics
        self._child_settings = dict(child_settings)
        self._folder = settings.jobs_dir or settings.data_dir / "jobs"
        self._line: FairLine[Row] = FairLine()
        self._filled = asyncio.Event()
        self._waiting: dict[str, int] = {}
        self._begun: set[str] = set()
        self._live: dict[str, Row] = {}
        self._changed: dict[str, asyncio.Event] = {}
        self._children: dict[str, Child] = {}
        self._runners: list[asyncio.Task[None]] = []
        self._stopping = False
        self.instance = _instance(settings.data_dir)

    @property
    def _mark(self) -> str:
        """How ids of this service's jobs begin, so that services that share a folder know their own."""
        return self.instance[:8]

    @property
    def waiting(self) -> int:
        """Jobs that wait to be run."""
        return len(self._line)

    async def start(self) -> None:
        """Take up what an earlier life left behind, and begin."""
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        for job in await self._store.run(self._store.unfinished_jobs, self.instance):
            LOG.info("job %s is taken up again", job["id"])
            self._put(job)
        await self.tidy()
        for _ in range(self._settings.max_jobs_running):
            self._runners.append(asyncio.create_task(self._run_all()))

    async def stop(self) -> None:
        """End what runs; it is taken up again at the next start."""
        self._stopping = True
        for runner in self._runners:
            runner.cancel()
        await asyncio.gather(*self._runners, return_exceptions=True)
        self.wake()

    async def tidy(self) -> None:
        """Remove folders whose job is gone: uploads that were never acknowledged, jobs deleted elsewhere."""
        found = {f.name: f for f in self._folder.iterdir() if f.name not in self._begun}
        known = await self._store.run(self._store.known_jobs, list(found))
        for name in found.keys() - known - self._begun:
            if (
                name.startswith(self._mark) or _age_s(found[name]) > 86400
            ):  # or another's, not acknowledged yet
                shutil.rmtree(found[name], ignore_errors=True)

    async def adopt(self) -> None:
        """Take over unfinished jobs of services that are gone; those whose upload is out of reach end in time."""
        for job in await self._store.run(self._store.orphaned_jobs, SILENT_S, self.instance):
            if (self._folder / job["id"] / "upload").is_file():
                if await self._store.run(self._store.adopt_job, job["id"], self.instance, SILENT_S):
                    LOG.info("job %s is taken over from a service that is gone", job["id"])
                    self._put(job)
            elif job["created_s"] < time.time() - self._settings.job_hours * 3600:
                error = WorkerDied("the service that had this video is gone", hint="send it again")
                ended = {"state": "failed", "stage": "failed", "finished_s": time.time()}
                ended["problem"] = json.dumps(error.to_dict())
                await self._store.run(_change(self._store, job["id"], only=UNFINISHED, **ended))

    def room(self, who: str) -> None:
        """Raise Busy where no more jobs of a caller are taken."""
        most, own = self._settings.max_jobs_waiting, self._waiting.get(who, 0)
        if self._stopping or not may_wait(len(self._line), own, most):
            raise Busy("no more videos are taken at present", hint="try again later", retry_after_s=30)
        if shutil.disk_usage(self._folder).free < self._settings.max_video_bytes + _FREE_BYTES:
            LOG.error("no room for videos on the disk")
            raise Busy("there is no room for videos at present", hint="try again later", retry_after_s=60)

    def new_folder(self) -> tuple[str, Path]:
        """Return the id of a job to be, and its folder."""
        job_id = self._mark + new_id()[len(self._mark) :]
        folder = self._folder / job_id
        self._begun.add(job_id)
        folder.mkdir(parents=True, mode=0o700)
        return job_id, folder

    def discard(self, job_id: str) -> None:
        """Remove the folder of a job that came to nothing."""
        self._begun.discard(job_id)
        shutil.rmtree(self._folder / job_id, ignore_errors=True)

    async def add(self, caller: Key, job_id: str, upload: Upload, options: VideoOptions) -> Row:
        """Accept a job whose upload lies in its folder."""
        self.room(caller.id)
        self._pictures.harmful.check(caller.tenant, upload.sha256, upload.name)
        row: Row = {
            "id": job_id,
            "instance": self.instance,
            "state": "queued",
            "stage": "waiting",
            "progress": 0.0,
            "source": upload.name,
            "options": options.model_dump_json(),
            "attempts": 0,
            "cancel": False,
            "media_sha256": upload.sha256,
            "created_s": time.time(),
            "tenant": caller.tenant,
            "owner": caller.id,
        }
        await self._store.run(self._store.add_job, row)
        self._begun.discard(job_id)
        self._put(row)
        return await self.get(job_id)

    async def get(self, job_id: str, tenant: str | None = None) -> Row:
        """Return a job with its latest progress.

        Args:
            job_id: Which.
            tenant: Whose; None: anybody's.

        Raises:
            NotFound: There is none.
        """
        row = await self._store.run(self._store.get_job, job_id, tenant)
        if row is None:
            raise NotFound("there is no such job", hint="it may have been deleted, or kept for its time")
        live = self._live.get(job_id)
        return {**row, **live} if live is not None and row["state"] == "running" else row

    def changed(self, job_id: str) -> asyncio.Event:
        """Return an event that is set when a job changes next; ask for it before you read the job."""
        return self._changed.setdefault(job_id, asyncio.Event())

    def wake(self) -> None:
        """Wake all who wait for a change."""
        for job_id in list(self._changed):
            self._tell(job_id)

    async def cancel(self, job_id: str, tenant: str | None = None) -> Row:
        """Cancel a job; a finished one stays as it is. One that runs in another service ends within seconds.

        Raises:
            NotFound: There is none.
        """
        job = await self.get(job_id, tenant)
        if job["state"] in FINISHED:
            return job
        ended = {"state": "cancelled", "stage": "cancelled", "finished_s": time.time(), "cancel": True}
        if await self._store.run(_change(self._store, job_id, only=UNFINISHED, **ended)):
            self._kill(job_id)
            self._drop_upload(job_id)
            self._tell(job_id)
            self._metrics.jobs.labels("cancelled").inc()
        return await self.get(job_id)

    async def delete(self, job_id: str, *, with_result: bool = False) -> None:
        """Delete a job and all that was kept of it; a running one is ended."""
        await self._store.erase(self._store.delete_job, job_id, with_result=with_result)
        self._kill(job_id)
        self.discard(job_id)
        self._tell(job_id)

    def overlay_path(self, job: Row) -> Path | None:
        """Return the file of a job's overlay, if it has one here."""
        path = self._folder / job["id"] / (job["overlay"] or "")
        return path if job["overlay"] and path.is_file() else None

    def kept_for_page(self, job: Row) -> bytes:
        """Return what a job left of its video for the page to hand on, JPEG; empty where it left nothing here."""
        with suppress(OSError):
            return (self._folder / job["id"] / FOR_PAGE).read_bytes()
        return b""

    def _put(self, job: Row) -> None:
        self._line.put(job["owner"], job, _TYPICAL_S)
        self._waiting[job["owner"]] = self._waiting.get(job["owner"], 0) + 1
        self._filled.set()

    async def _take(self) -> Row:
        while not self._line:
            self._filled.clear()
            await self._filled.wait()
        job = self._line.get()
        self._waiting[job["owner"]] -= 1
        if not self._waiting[job["owner"]]:
            del self._waiting[job["owner"]]
        return job

    async def _run_all(self) -> None:
        while True:
            job = await self._take()
            begun_s = time.monotonic()
            try:
                await self._run(job["id"])
            except FakeWebError:  # the store is away: the job stays in it
                await asyncio.sleep(_LOOK_EVERY_S)
                self._put(job)
            finally:
                self._live.pop(job["id"], None)
                self._line.charge(job["owner"], time.monotonic() - begun_s - _TYPICAL_S)

    async def _run(self, job_id: str) -> None:
        job = await self._store.run(self._store.get_job, job_id)
        if job is None or job["state"] in FINISHED:
            return
        attempts = job["attempts"] + 1
        if attempts > _ATTEMPTS:
            self._pictures.harmful.ended(job["tenant"], job["media_sha256"], None)
            error = WorkerDied("the video ended its reader several times", hint="cut it or convert it")
            await self._end(job_id, "failed", problem=json.dumps(error.to_dict()))
            return
        begun = {"state": "running", "stage": "starting", "attempts": attempts, "started_s": time.time()}
        if not await self._change(job_id, only=UNFINISHED, **begun):  # another service has it now
            return
        self._tell(job_id)
        again = {"state": "queued", "stage": "waiting", "progress": 0.0}
        try:
            done = await self._watch(job)
        except WorkerDied:  # killed from outside, perhaps for want of memory
            LOG.error("the process of job %s ended without an answer, attempt %d", job_id, attempts)
            if await self._change(job_id, only=("running",), **again):
                self._put(job)
            return
        except FakeWebError as error:
            if isinstance(error, Overdue):
                self._pictures.harmful.ended(job["tenant"], job["media_sha256"], None)
            await self._end(job_id, "failed", problem=json.dumps(error.to_dict()))
            return
        except asyncio.CancelledError:  # the service stops; that is not the video's fault
            as_before = {**again, "attempts": job["attempts"]}
            await asyncio.shield(self._change(job_id, only=("running",), **as_before))
            raise
        if done is not None:
            await self._finish(job, *done)
            return
        left = await self._store.run(
            self._store.get_job, job_id
        )  # cancelled, deleted or taken over elsewhere
        if left is None or left["state"] in FINISHED:
            self._drop_upload(job_id)

    async def _watch(self, job: Row) -> tuple[Finished, str | None] | None:
        """Run the process of a job to its end; return report and overlay, or None where it was cancelled."""
        job_id = job["id"]
        folder = self._folder / job_id
        options = json.loads(job["options"])
        task = {
            "path": str(folder / "upload"),
            "folder": str(folder),
            "name": job["source"],
            "settings": self._child_settings,
            "faces": None,
            **{k: options[k] for k in ("threshold", "opacity", "overlay")},
        }
        child = await asyncio.to_thread(Child, "fakeweb.server.film")
        self._children[job_id] = child
        watcher = asyncio.ensure_future(self._end_when_lost(job_id, child))
        try:
            async with asyncio.timeout(self._settings.job_timeout_s):
                await child.open()
                await child.send(task)
                return await self._listen(job_id, child)
        except TimeoutError:
            limit = f"{self._settings.job_timeout_s:,.0f} seconds"
            raise Overdue(f"the video took more than {limit}", hint="send a shorter one") from None
        except _GONE:
            if not await self._store.run(self._owns, job_id):
                return None
            raise WorkerDied("the process ended without an answer", hint="send a smaller video") from None
        finally:
            watcher.cancel()
            self._children.pop(job_id, None)
            await asyncio.shield(child.end())

    async def _listen(self, job_id: str, child: Child) -> tuple[Finished, str | None]:
        written_s = 0.0
        while True:
            header, body = await child.receive()
            if "error" in header:
                raise from_dict(header["error"])
            if "summary" in header:
                return from_frame(header, body)[0], header["overlay"]
            progress = {"stage": str(header["stage"])[:100], "progress": round(header["progress"], 4)}
            self._live[job_id] = progress
            self._tell(job_id)
            if time.monotonic() - written_s > _WRITE_EVERY_S:
                written_s = time.monotonic()
                with suppress(FakeWebError):  # the store may be away for a while
                    await self._change(job_id, only=("running",), **progress)

    async def _end_when_lost(self, job_id: str, child: Child) -> None:
        """End a process whose job was cancelled, deleted or taken over elsewhere."""
        while True:
            await asyncio.sleep(_LOOK_EVERY_S)
            with suppress(FakeWebError):
                if not await self._store.run(self._owns, job_id):
                    child.process.kill()
                    return

    def _owns(self, job_id: str) -> bool:
        job = self._store.get_job(job_id)
        return job is not None and job["instance"] == self.instance and job["state"] == "running"

    def _kill(self, job_id: str) -> None:
        if (child := self._children.get(job_id)) is not None:
            child.process.kill()

    async def _finish(self, job: Row, report: Finished, overlay: str | None) -> None:
        """Store what came out."""
        if not await self._store.run(self._owns, job["id"]):
            return
        options = VideoOptions.model_validate_json(job["options"])
        summary, tenant, digest = report.summary, job["tenant"], job["media_sha256"]
        key = self._pictures.key_of(tenant, "video:" + self._pictures.cache_key(digest, options))
        result_id = await self._store.run(self._store.add_result, tenant, key, digest, report.packed)
        found = self._pictures.impact(summary.p_fake, options.reach)
        queue_id = await self._pictures.enqueue(on_behalf_of(tenant), result_id, summary, options, found)
        await self._end(
            job["id"],
            "done",
            report=report.text.decode(),
            overlay=overlay,
            result_id=result_id,
            queue_id=queue_id,
            progress=1.0,
        )
        self._metrics.verdicts.labels(summary.label, "false").inc()

    async def _end(self, job_id: str, state: str, **values: Any) -> None:
        ended = {"state": state, "stage": state, "finished_s": time.time(), **values}
        self._live.pop(job_id, None)
        if await self._change(job_id, only=UNFINISHED, **ended):
            self._metrics.jobs.labels(state).inc()
            self._drop_upload(job_id)
        self._tell(job_id)

    async def _change(self, job_id: str, *, only: tuple[str, ...], **values: Any) -> bool:
        """Change a job, unless another service has it; tell whether that was so."""
        change = _change(self._store, job_id, only=only, instance=self.instance, **values)
        return await self._store.run(change)

    def _drop_upload(self, job_id: str) -> None:
        (self._folder / job_id / "upload").unlink(missing_ok=True)

    def _tell(self, job_id: str) -> None:
        event = self._changed.pop(job_id, None)
        if event is not None:
            event.set()


def _change(store: Store, job_id: str, **change: Any) -> Callable[[], bool]:
    return lambda: store.change_job(job_id, **change)


def _age_s(folder: Path) -> float:
    with suppress(OSError):
        return time.time() - max(p.stat().st_mtime for p in (folder, *folder.iterdir()))
    return 0.0


def _instance(data_dir: Path) -> str:
    """Return the name of this data folder, so that services that share a database know their own jobs."""
    path = data_dir / "instance"
    if not path.is_file():
        path.write_text(new_id())
    return path.read_text().strip()
