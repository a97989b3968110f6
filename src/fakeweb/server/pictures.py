"""Picture predictions, the use case of the service: bytes of a picture -> the answer a caller gets."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import time
from collections import OrderedDict
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from functools import partial
from typing import Any

import orjson

from fakeweb.errors import StoreFailed
from fakeweb.render.impact import Reach, impact
from fakeweb.server.admission import Admission
from fakeweb.server.bodies import Upload
from fakeweb.server.finished import Finished, Summary, from_frame
from fakeweb.server.harmful import HarmfulFiles
from fakeweb.server.keys import Key
from fakeweb.server.metrics import Metrics
from fakeweb.server.pool import Pool
from fakeweb.server.schemas import PredictOptions, ScanOptions, VideoOptions
from fakeweb.server.settings import Settings
from fakeweb.server.store import Row, Store
from fakeweb.types import Impact

_REMEMBERED_BYTES = 32 << 20
_INLINE_BYTES = 1 << 18


@dataclass(frozen=True)
class Judged:
    """A report that is stored.

    Attributes:
        id: Of the stored result; None where it could not be stored.
        report: The report.
        name: What the caller calls the picture.
        cached: Whether it was there before.
        drawn: PNG of the overlay, empty where none was asked for.
        erased: Whether these bytes were erased while they were judged: then nothing of it is stored.
    """

    id: str | None
    report: Finished
    name: str
    cached: bool
    drawn: bytes = b""
    erased: bool = False


class Memory:
    """The last results, so that a picture that goes round is answered without the database."""

    def __init__(self) -> None:
        self._held: OrderedDict[str, tuple[str, Finished]] = OrderedDict()
        self._bytes = 0

    def get(self, key: str) -> tuple[str, Finished] | None:
        """Return id and report of a result."""
        found = self._held.get(key)
        if found is not None:
            self._held.move_to_end(key)
        return found

    def put(self, key: str, result_id: str, report: Finished) -> None:
        """Remember a result, and forget the oldest."""
        if key not in self._held:
            self._held[key] = (result_id, report)
            self._bytes += len(key) + len(report.text)
        while self._bytes > _REMEMBERED_BYTES:
            old, (_, report) = self._held.popitem(last=False)
            self._bytes -= len(old) + len(report.text)

    def clear(self) -> None:
        """Forget all."""
        self._held.clear()
        self._bytes = 0


class _Shared:
    """Work that several callers wait for; it is given up when the last of them goes away."""

    def __init__(self, task: asyncio.Task[Judged]) -> None:
        self.task = task
        self._callers = 0
        task.add_done_callback(lambda done: None if done.cancelled() else done.exception() and None)

    async def wait(self) -> Judged:
        """Wait for the end of the work."""
        self._callers += 1
        try:
            return await asyncio.shield(self.task)
        finally:
            self._callers -= 1
            if not self._callers and not self.task.done():
                self.task.cancel()


class Pictures:
    """Judges pictures once, remembers, and puts what matters into the queue."""

    def __init__(
        self, settings: Settings, store: Store, pool: Pool, admission: Admission, metrics: Metrics
    ) -> None:
        self._settings = settings
        self._store = store
        self._pool = pool
        self._admission = admission
        self._metrics = metrics
        self.harmful = HarmfulFiles(store)
        self._running: dict[str, _Shared] = {}
        self._memory = Memory()
        self._erased: dict[tuple[str | None, str], float] = {}

    def cache_key(self, digest: str, options: PredictOptions | VideoOptions) -> str:
        """Return what makes two requests the same: bytes, all that the scanner is made of, the request's options."""
        threshold = self._settings.threshold if options.threshold is None else options.threshold
        faces = min(options.faces or self._settings.max_faces, self._settings.max_faces)
        return f"{digest}:{self._pool.about.get('digest')}:{threshold}:{faces}"

    def key_of(self, tenant: str, cache_key: str) -> str:
        """Return a cache key of a tenant's: what one has sent, no other learns. It stands twice in the database."""
        digest = hashlib.sha256(f"{tenant}:{cache_key}".encode()).digest()
        return base64.urlsafe_b64encode(digest).decode().rstrip("=")

    async def picture(
        self, caller: Key, upload: Upload, options: PredictOptions, *, draw: bool, deadline_s: float
    ) -> Judged:
        """Judge a picture, or find out that it was judged before.

        Args:
            caller: Whose picture it is, and whose turn at the workers it takes.
            upload: The picture.
            options: What the caller chose.
            draw: Whether the overlay is wanted.
            deadline_s: On the monotonic clock.

        Raises:
            FakeWebError: The picture cannot be judged, or not in time.
        """
        key = self.key_of(caller.tenant, self.cache_key(upload.sha256, options))
        known = await self._known(key, upload.name)
        if known is None:
            known = await self._once(caller, key, upload, options, deadline_s, draw=draw)
        if draw and not known.drawn:
            _, drawn = await self._work(
                caller, upload, options, deadline_s, report=known.report.text, draw=True
            )
            known = replace(known, drawn=drawn)
        self._metrics.verdicts.labels(known.report.summary.label, str(known.cached).lower()).inc()
        return known

    async def page(
        self, caller: Key, upload: Upload, judged: Judged, options: PredictOptions, *, deadline_s: float
    ) -> bytes:
        """Return the page to hand on of a picture that was judged, HTML.

        Args:
            caller: Whose turn at the workers it takes.
            upload: The picture.
            judged: From :meth:`picture`.
            options: What the caller chose.
            deadline_s: On the monotonic clock.

        Raises:
            FakeWebError: It cannot be made, or not in time.
        """
        found = self.impact(judged.report.summary.p_fake, options.reach)
        told = {"impact": None if found is None else asdict(found)}
        _, page = await self._work(caller, upload, options, deadline_s, report=judged.report.text, page=told)
        return page

    async def clip_page(
        self,
        caller: Key,
        name: str,
        report: Finished,
        kept: bytes,
        options: ScanOptions,
        *,
        deadline_s: float,
    ) -> bytes:
        """Return the page to hand on of a video, HTML.

        Args:
            caller: Whose turn at the workers it takes.
            name: What the caller calls the video.
            report: What came out.
            kept: JPEG that the job left for it, perhaps empty.
            options: What the caller chose.
            deadline_s: On the monotonic clock.

        Raises:
            FakeWebError: It cannot be made, or not in time.
        """
        upload = Upload(name, kept, report.summary.media_sha256, len(kept))
        chosen = PredictOptions.model_validate(options.model_dump(exclude={"overlay"}))
        return await self.page(
            caller, upload, Judged(None, report, name, cached=True), chosen, deadline_s=deadline_s
        )

    async def answer(
        self, caller: Key, judged: Judged, options: ScanOptions, *, overlay: bool
    ) -> dict[str, Any]:
        """Return the JSON answer: report, impact, warnings, and the overlay where wanted.

        Raises:
            StoreFailed: The review queue was asked for explicitly and cannot be written.
        """
        summary = judged.report.summary
        found, stored = self.impact(summary.p_fake, options.reach), judged.id is not None
        try:
            queue_id = None
            if not judged.erased:
                queue_id = await self.enqueue(caller, judged.id, summary, options, found)
        except StoreFailed:
            if options.queue:
                raise
            queue_id, stored = None, False
        return {
            "id": judged.id,
            "cached": judged.cached,
            "stored": stored,
            "report": judged.report.named(judged.name),
            "impact": None if found is None else asdict(found),
            "viewer_warnings": summary.viewer_warnings,
            "queue_id": queue_id,
            "overlay": await _base64(judged.drawn) if overlay else None,
        }

    def impact(self, p_fake: float | None, reach: Reach) -> Impact | None:
        """Return the impact of a post."""
        return impact(
            p_fake,
            reach,
            levels=self._settings.impact_levels,
            follower_share=self._settings.follower_share,
        )

    async def enqueue(
        self,
        caller: Key,
        result_id: str | None,
        summary: Summary,
        options: ScanOptions,
        found: Impact | None,
    ) -> str | None:
        """Put a post into the review queue where it belongs there and the caller may; return the item's id."""
        wanted = options.queue
        if wanted is None:
            wanted = bool(options.reach) and summary.label in self._settings.queue_labels
        if not wanted or not caller.may("enqueue"):
            return None
        item = {
            "result_id": result_id,
            "media_sha256": summary.media_sha256,
            "reference": options.reference,
            "label": summary.label,
            "p_fake": summary.p_fake,
            "kind": summary.kind,
            "views": options.views,
            "followers": options.followers,
            "engagement_rate": options.engagement_rate,
            "audience": None if found is None else found.audience,
            "score": 0.0 if found is None else found.score,
            "level": None if found is None else found.level,
            "tenant": caller.tenant,
        }
        return await self._store.run(self._store.add_item, item, may_lower=caller.may("queue"))

    def forget(self, tenant: str | None = None, media_sha256: str = "") -> None:
        """Forget what is in memory; called when something was deleted.

        Args:
            tenant: Whose; None: anybody's.
            media_sha256: All about these bytes was: what is being judged of them is not stored either.
        """
        self._memory.clear()
        if media_sha256 and self._running:
            longest_s = 2 * self._settings.deadline_s
            now = time.monotonic()
            self._erased = {k: v for k, v in self._erased.items() if now - v < longest_s}
            self._erased[tenant, media_sha256] = now

    async def _known(self, key: str, name: str) -> Judged | None:
        found = self._memory.get(key)
        if found is None:
            try:
                found = await self._store.look_up(key, _stored)
            except StoreFailed:  # judged once more, then
                return None
            if found is None:
                return None
            self._remember(key, *found)
        return Judged(*found, name, cached=True)

    async def _once(
        self,
        caller: Key,
        key: str,
        upload: Upload,
        options: PredictOptions,
        deadline_s: float,
        *,
        draw: bool,
    ) -> Judged:
        """Judge these bytes, unless somebody else is about to: then wait for that."""
        shared = self._running.get(key)
        first = shared is None
        if shared is None:
            shared = _Shared(
                asyncio.ensure_future(self._fresh(caller, key, upload, options, deadline_s, draw=draw))
            )
            self._running[key] = shared
            shared.task.add_done_callback(lambda _: self._running.pop(key, None))
        judged = await shared.wait()
        if first:
            return judged
        return Judged(judged.id, judged.report, upload.name, cached=True, erased=judged.erased)

    async def _fresh(
        self,
        caller: Key,
        key: str,
        upload: Upload,
        options: PredictOptions,
        deadline_s: float,
        *,
        draw: bool,
    ) -> Judged:
        begun_s = time.monotonic()
        work = self._work(caller, upload, options, deadline_s, report=None, draw=draw)
        report, drawn = from_frame(*await work)
        result_id = None
        if any(self._erased.get((who, upload.sha256), 0.0) > begun_s for who in (caller.tenant, None)):
            return Judged(None, report, upload.name, cached=False, drawn=drawn, erased=True)
        with suppress(StoreFailed):  # a full disk or a lost database is no reason to throw it away
            result_id = await self._store.keep(caller.tenant, key, upload.sha256, report.packed)
            self._remember(key, result_id, report)
        return Judged(result_id, report, upload.name, cached=False, drawn=drawn)

    async def _work(
        self,
        caller: Key,
        upload: Upload,
        options: PredictOptions,
        deadline_s: float,
        *,
        report: bytes | None,
        draw: bool = False,
        page: dict[str, Any] | None = None,
    ) -> tuple[dict[str, Any], bytes]:
        """Have a worker judge a picture, draw it, or make its page: :meth:`.worker.WorkerScanner.answer`."""
        task = {
            "name": upload.name,
            "threshold": options.threshold,
            "faces": options.faces,
            "opacity": options.opacity,
            "overlay": draw,
            "page": page,
            "report": None if report is None else orjson.Fragment(report),
        }
        self.harmful.check(caller.tenant, upload.sha256, upload.name)
        self._admission.check_cost(upload.decoding, upload.name, deadline_s - time.monotonic())
        cost_s = self._admission.reckon(upload.decoding)
        header, body, took_s = await self._pool.run(
            task,
            upload.data,
            who=caller.id,
            cost_s=cost_s,
            harmed=partial(self.harmful.ended, caller.tenant, upload.sha256),
            deadline_s=deadline_s,
        )
        self._admission.took(took_s, cost_s if report is None else 0.0)
        self._metrics.judging.observe(took_s)
        return header, body

    def _remember(self, key: str, result_id: str, report: Finished) -> None:
        if self._store.is_sqlite:  # nobody else can delete from under us
            self._memory.put(key, result_id, report)


def deadline_in(seconds: float) -> float:
    """Return the time that lies so many seconds ahead on the monotonic clock."""
    return time.monotonic() + seconds


def _stored(row: Row) -> tuple[str, Finished]:
    return row["id"], Finished.stored(row["report"])


async def _base64(data: bytes) -> str:
    if len(data) <= _INLINE_BYTES:
        return base64.b64encode(data).decode()
    return await asyncio.to_thread(lambda: base64.b64encode(data).decode())
