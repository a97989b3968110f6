"""Videos as jobs: accepted, stored, judged in a process of their own, kept for a while.

A job is on disk and in the database before it is acknowledged. After ``kill -9`` the service starts it again; the
upload is deleted as soon as the job has ended, whichever way.
"""

from __future__ import annotations

import asyncio
import json
import logging
import shutil
import time
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from fakeweb.errors import Busy, Conflict, FakeWebError, NotFound, Overdue, WorkerDied, from_dict
from fakeweb.server.bodies import Upload
from fakeweb.server.finished import Finished, from_frame
from fakeweb.server.frames import Child
from fakeweb.server.judge import Judge
from fakeweb.server.metrics import Metrics
from fakeweb.server.schemas import VideoOptions
from fakeweb.server.settings import Settings
from fakeweb.server.store import FINISHED, Row, Store, new_id

LOG = logging.getLogger("fakeweb.server")
_ATTEMPTS = 3
_WRITE_EVERY_S = 1.0
_GONE = (ConnectionError, asyncio.IncompleteReadError, OSError)


class Jobs:
    """All jobs of this service."""

    def __init__(
        self,
        settings: Settings,
        store: Store,
        judge: Judge,
        metrics: Metrics,
        child_settings: Mapping[str, Any],
    ) -> None:
        self._settings = settings
        self._store = store
        self._judge = judge
        self._metrics = metrics
        self._child_settings = dict(child_settings)
        self._folder = settings.data_dir / "jobs"
        self._line: asyncio.Queue[str] = asyncio.Queue()
        self._live: dict[str, Row] = {}
        self._changed: dict[str, asyncio.Event] = {}
        self._children: dict[str, Child] = {}
        self._runners: list[asyncio.Task[None]] = []
        self._stopping = False
        self.instance = ""

    @property
    def waiting(self) -> int:
        """Jobs that wait to be run."""
        return self._line.qsize()

    async def start(self) -> None:
        """Take up what an earlier life left behind, and begin."""
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.instance = _instance(self._settings.data_dir)
        left = await self._store.run(self._store.unfinished_jobs, self.instance)
        for job in left:
            LOG.info("job %s is taken up again", job["id"])
            self._line.put_nowait(job["id"])
        known = {job["id"] for job in left}
        for folder in self._folder.iterdir():  # uploads that were never acknowledged
            if folder.name not in known and await self._store.run(self._store.get_job, folder.name) is None:
                shutil.rmtree(folder, ignore_errors=True)
        for _ in range(self._settings.max_jobs_running):
            self._runners.append(asyncio.create_task(self._run_all()))

    async def stop(self) -> None:
        """End what runs; it is taken up again at the next start."""
        self._stopping = True
        for runner in self._runners:
            runner.cancel()
        await asyncio.gather(*self._runners, return_exceptions=True)
        self.wake()

    def room(self) -> None:
        """Raise Busy where no more jobs are taken."""
        if self._stopping or self._line.qsize() >= self._settings.max_jobs_waiting:
            raise Busy("no more videos are taken at present", hint="try again later", retry_after_s=30)

    def new_folder(self) -> tuple[str, Path]:
        """Return the id of a job to be, and its folder."""
        job_id = new_id()
        folder = self._folder / job_id
        folder.mkdir(parents=True, mode=0o700)
        return job_id, folder

    def discard(self, job_id: str) -> None:
        """Remove the folder of a job that came to nothing."""
        shutil.rmtree(self._folder / job_id, ignore_errors=True)

    async def add(self, job_id: str, upload: Upload, options: VideoOptions) -> Row:
        """Accept a job whose upload lies in its folder."""
        self.room()
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
        }
        await self._store.run(self._store.add_job, row)
        self._line.put_nowait(job_id)
        return await self.get(job_id)

    async def get(self, job_id: str) -> Row:
        """Return a job with its latest progress.

        Raises:
            NotFound: There is none.
        """
        row = await self._store.run(self._store.get_job, job_id)
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

    async def cancel(self, job_id: str) -> Row:
        """Cancel a job; a finished one stays as it is.

        Raises:
            NotFound: There is none.
            Conflict: It runs in another service.
        """
        job = await self.get(job_id)
        if job["state"] in FINISHED:
            return job
        if job["instance"] != self.instance:
            raise Conflict("the job runs in another service", hint="ask that one, or wait")
        ended = {"state": "cancelled", "stage": "cancelled", "finished_s": time.time(), "cancel": True}
        if await self._store.run(lambda: self._store.change_job(job_id, only=("queued", "running"), **ended)):
            child = self._children.get(job_id)
            if child is not None:
                child.process.kill()
            self._drop_upload(job_id)
            self._tell(job_id)
            self._metrics.jobs.labels("cancelled").inc()
        return await self.get(job_id)

    async def delete(self, job_id: str) -> None:
        """Delete a job and all that was kept of it; a running one is cancelled first.

        Raises:
            NotFound: There is none.
        """
        await self.cancel(job_id)
        await self._store.run(self._store.delete_job, job_id)
        self.discard(job_id)
        self._tell(job_id)

    def overlay_path(self, job: Row) -> Path | None:
        """Return the file of a job's overlay, if it has one here."""
        path = self._folder / job["id"] / (job["overlay"] or "")
        return path if job["overlay"] and path.is_file() else None

    async def _run_all(self) -> None:
        while True:
            job_id = await self._line.get()
            try:
                await self._run(job_id)
            except FakeWebError as error:  # the store is away: the job stays in it
                LOG.error("job %s: %s", job_id, error.message)
                await asyncio.sleep(1)
                self._line.put_nowait(job_id)
            finally:
                self._live.pop(job_id, None)

    async def _run(self, job_id: str) -> None:
        job = await self._store.run(self._store.get_job, job_id)
        if job is None or job["state"] in FINISHED:
            return
        attempts = job["attempts"] + 1
        if attempts > _ATTEMPTS:
            error = WorkerDied("the video ended its reader several times", hint="cut it or convert it")
            await self._end(job_id, "failed", problem=json.dumps(error.to_dict()))
            return
        begun = {"state": "running", "stage": "starting", "attempts": attempts, "started_s": time.time()}
        await self._store.run(lambda: self._store.change_job(job_id, only=("queued", "running"), **begun))
        self._tell(job_id)
        try:
            done = await self._watch(job)
        except FakeWebError as error:
            await self._end(job_id, "failed", problem=json.dumps(error.to_dict()))
            return
        except asyncio.CancelledError:  # the service stops; that is not the video's fault
            again = {"state": "queued", "stage": "waiting", "progress": 0.0, "attempts": job["attempts"]}
            await asyncio.shield(
                self._store.run(lambda: self._store.change_job(job_id, only=("running",), **again))
            )
            raise
        if done is None:  # cancelled, or to be taken up again
            return
        await self._finish(job, *done)

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
        try:
            async with asyncio.timeout(self._settings.job_timeout_s):
                await child.open()
                await child.send(task)
                return await self._listen(job_id, child)
        except TimeoutError:
            limit = f"{self._settings.job_timeout_s:,.0f} seconds"
            raise Overdue(f"the video took more than {limit}", hint="send a shorter one") from None
        except _GONE:
            now = await self._store.run(self._store.get_job, job_id)
            if now is None or now["state"] == "cancelled":
                return None
            raise WorkerDied(
                "the process ended without an answer, perhaps for want of memory", hint="send a smaller video"
            ) from None
        finally:
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
                change = {"only": ("running",), **progress}
                await self._store.run(lambda c=change: self._store.change_job(job_id, **c))  # type: ignore[misc]

    async def _finish(self, job: Row, report: Finished, overlay: str | None) -> None:
        """Store what came out."""
        options = VideoOptions.model_validate_json(job["options"])
        summary, text = report.summary, report.text.decode()
        key = "video:" + self._judge.cache_key(job["media_sha256"], options)
        result_id = await self._store.run(self._store.add_result, key, job["media_sha256"], text)
        queue_id = await self._judge.enqueue(
            result_id, summary, options, self._judge.impact(summary, options)
        )
        await self._end(
            job["id"],
            "done",
            report=text,
            overlay=overlay,
            result_id=result_id,
            queue_id=queue_id,
            progress=1.0,
        )
        self._metrics.verdicts.labels(summary.label, "false").inc()

    async def _end(self, job_id: str, state: str, **values: Any) -> None:
        ended = {"state": state, "stage": state, "finished_s": time.time(), **values}
        self._live.pop(job_id, None)
        changed = await self._store.run(
            lambda: self._store.change_job(job_id, only=("queued", "running"), **ended)
        )
        if changed:
            self._metrics.jobs.labels(state).inc()
        self._drop_upload(job_id)
        self._tell(job_id)

    def _drop_upload(self, job_id: str) -> None:
        (self._folder / job_id / "upload").unlink(missing_ok=True)

    def _tell(self, job_id: str) -> None:
        event = self._changed.pop(job_id, None)
        if event is not None:
            event.set()


def job_answer(row: Row, judge: Judge) -> dict[str, Any]:
    """Return the judgement of a finished job in the form of a picture's."""
    options = VideoOptions.model_validate_json(row["options"])
    report = Finished.stored(row["report"])
    found = judge.impact(report.summary, options)
    return {
        "id": row["result_id"],
        "cached": False,
        "report": report.named(row["source"]),
        "impact": None if found is None else asdict(found),
        "viewer_warnings": report.summary.viewer_warnings,
        "queue_id": row["queue_id"],
        "overlay": None,
    }


def _instance(data_dir: Path) -> str:
    """Return the name of this data folder, so that services that share a database know their own jobs."""
    path = data_dir / "instance"
    if not path.is_file():
        path.write_text(new_id())
    return path.read_text().strip()
