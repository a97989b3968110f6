"""Videos as jobs."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import FileResponse, Response, StreamingResponse

from fakeweb.errors import Busy, Conflict, NotFound, from_dict
from fakeweb.media import NO_COST
from fakeweb.server.bodies import FileSink, Reader
from fakeweb.server.finished import Finished
from fakeweb.server.keys import Key
from fakeweb.server.pictures import deadline_in
from fakeweb.server.problems import for_caller, problem
from fakeweb.server.routes.given import (
    caller_of,
    iso,
    json_answer,
    merge,
    page_answer,
    problems,
    query_of,
    service_of,
    wanted_kind,
)
from fakeweb.server.schemas import Job, Judgement, ReachOptions, VideoOptions
from fakeweb.server.service import Service
from fakeweb.server.store import FINISHED, Row

LOG = logging.getLogger("fakeweb.server")
router = APIRouter(prefix="/v1/videos", tags=["videos"])

_BINARY = {"type": "string", "format": "binary"}
_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "description": "The video itself, or a form with the video in `file` and options as fields.",
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "properties": {"file": _BINARY, **VideoOptions.model_json_schema()["properties"]},
                    "required": ["file"],
                }
            },
            "application/octet-stream": {"schema": _BINARY},
            "video/mp4": {"schema": _BINARY},
        },
    }
}
_EVENTS: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "Server-sent events: `progress` with the job as JSON, at last `done`, `failed` or `cancelled`.",
        "content": {"text/event-stream": {"schema": {"type": "string"}}},
    }
}
_OVERLAY: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The overlay.",
        "content": {"video/mp4": {"schema": _BINARY}, "image/png": {"schema": _BINARY}},
    }
}
_RESULT: dict[str, Any] = {
    "description": "The judgement, or with `Accept: text/html` a page to hand on.",
    "content": {"text/html": {"schema": {"type": "string"}}},
}
_KINDS = {".mp4": "video/mp4", ".webm": "video/webm", ".png": "image/png", ".gif": "image/gif"}
_BEAT_S = 10.0


@router.post(
    "",
    status_code=202,
    response_model=Job,
    responses=problems(408, 413),
    openapi_extra=_BODY,
    summary="Judge a video",
    operation_id="create_video",
)
async def create(request: Request, _options: Annotated[VideoOptions, Query()]) -> Response:
    """Accept a video as a job. Once this answers 202 the job is not lost, even if the service is killed."""
    service = service_of(request)
    caller = caller_of(request)
    service.jobs.room(caller.id)
    place = service.videos.take(caller.id)
    if place is None:
        raise Busy("too many videos are being uploaded", hint="try again later", retry_after_s=10)
    with place:
        return await _accept(request, service)


async def _accept(request: Request, service: Service) -> Response:
    settings, caller = service.settings, caller_of(request)
    job_id, folder = service.jobs.new_folder()
    sink = FileSink(folder / "upload")
    accepted = False
    try:
        reader = Reader(settings.max_video_bytes, 1, settings.upload_idle_s, settings.upload_bytes_per_s)
        form = await reader.read(request, [sink])
        options = merge(VideoOptions, query_of(request), form.fields)
        if options.queue:
            caller.must("enqueue")
        elif not caller.may("enqueue"):
            options = options.model_copy(update={"queue": False})
        row = await service.jobs.add(caller, job_id, form.uploads[0], options)
        accepted = True
    except OSError as error:
        LOG.error("no room for a video: %s", error)
        raise Busy(
            "there is no room for videos at present", hint="try again later", retry_after_s=60
        ) from error
    finally:
        sink.close()
        if not accepted:
            service.jobs.discard(job_id)
    return json_answer(job_answer(row), 202, {"Location": f"/v1/videos/{job_id}"})


@router.get(
    "/{job_id}",
    response_model=Job,
    responses=problems(404),
    summary="How a job is doing",
    operation_id="get_video",
)
async def status(request: Request, job_id: str) -> Response:
    """Return state, stage and progress."""
    return json_answer(job_answer(await service_of(request).jobs.get(job_id, caller_of(request).sees)))


@router.get(
    "/{job_id}/events",
    responses={**_EVENTS, **problems(404)},
    response_class=StreamingResponse,
    summary="Follow a job",
    operation_id="follow_video",
)
async def events(request: Request, job_id: str) -> Response:
    """Send an event for each change, until the job has ended."""
    service = service_of(request)
    await service.jobs.get(job_id, caller_of(request).sees)  # 404 where there is none
    who = caller_of(request).id
    place = service.streams.take(who)
    if place is None:
        raise Busy("too many jobs are being followed", hint="ask for the job now and then", retry_after_s=10)
    place.close()  # taken anew by the stream, since only that is sure to end
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return StreamingResponse(_stream(service, who, job_id), media_type="text/event-stream", headers=headers)


async def _stream(service: Service, who: str, job_id: str) -> AsyncIterator[str]:
    place = service.streams.take(who)
    if place is None:
        return
    with place:
        async for text in _changes(service, job_id):
            yield text


async def _changes(service: Service, job_id: str) -> AsyncIterator[str]:
    sent = ""
    while True:
        changed = service.jobs.changed(job_id)
        try:
            row = await service.jobs.get(job_id)
        except NotFound:
            yield 'event: deleted\ndata: {"id": "' + job_id + '"}\n\n'
            return
        ended = row["state"] in FINISHED
        text = json.dumps(job_answer(row))
        if text != sent:
            yield f"event: {row['state'] if ended else 'progress'}\ndata: {text}\n\n"
            sent = text
        else:
            yield ": still there\n\n"
        if ended or service.stopping.is_set():
            changed.set()
            return
        with suppress(TimeoutError):
            here = row["instance"] == service.jobs.instance
            await asyncio.wait_for(changed.wait(), _BEAT_S if here else 1.0)


@router.get(
    "/{job_id}/result",
    response_model=Judgement,
    responses={200: _RESULT, **problems(404, 406, 409)},
    summary="What came out",
    operation_id="get_video_result",
)
async def result(request: Request, job_id: str, _reach: Annotated[ReachOptions, Query()]) -> Response:
    """Return the judgement of a finished job; of one that failed, its status tells why.

    A reach given here goes before the one given with the video; the review queue keeps what it was told then.
    """
    service = service_of(request)
    kind = wanted_kind(request, "text/html")
    reach = merge(ReachOptions, query_of(request), {})
    row = await service.jobs.get(job_id, caller_of(request).sees)
    if row["state"] != "done":
        raise _not_done(row)
    options = VideoOptions.model_validate_json(row["options"])
    options = options.model_copy(update=reach.model_dump(exclude_none=True))
    if kind == "application/json":
        return json_answer(_judgement(service, row, options))
    return page_answer(await _page(service, caller_of(request), row, options), row["source"])


def _judgement(service: Service, row: Row, options: VideoOptions) -> dict[str, Any]:
    """Return the judgement of a finished job in the form of a picture's."""
    report = Finished.stored(row["report"])
    found = service.pictures.impact(report.summary.p_fake, options.reach)
    return {
        "id": row["result_id"],
        "cached": False,
        "stored": True,
        "report": report.named(row["source"]),
        "impact": None if found is None else asdict(found),
        "viewer_warnings": report.summary.viewer_warnings,
        "queue_id": row["queue_id"],
        "overlay": None,
    }


async def _page(service: Service, caller: Key, row: Row, options: VideoOptions) -> bytes:
    """Have a worker make the page of a finished job; it is let in as a picture is."""
    deadline_s = deadline_in(service.settings.deadline_s)
    with service.admission.admit(caller.id, None) as ticket:
        ticket.uploaded([NO_COST])
        kept = await asyncio.to_thread(service.jobs.kept_for_page, row)
        report = Finished.stored(row["report"])
        return await service.pictures.clip_page(
            caller, row["source"], report, kept, options, deadline_s=deadline_s
        )


@router.get(
    "/{job_id}/overlay",
    responses={**_OVERLAY, **problems(404, 409)},
    response_class=FileResponse,
    summary="Download the overlay",
    operation_id="get_video_overlay",
)
async def download(request: Request, job_id: str) -> Response:
    """Return the video with meshes over the faces called fake."""
    service = service_of(request)
    row = await service.jobs.get(job_id, caller_of(request).sees)
    if row["state"] not in FINISHED:
        raise _not_done(row)
    path = service.jobs.overlay_path(row)
    if path is None:
        raise NotFound(
            "this job has no overlay here", hint="send overlay=true; overlays are kept for a limited time"
        )
    kind = _KINDS.get(path.suffix, "application/octet-stream")
    return FileResponse(path, media_type=kind, filename=f"fakeweb-{job_id}{path.suffix}")


@router.post(
    "/{job_id}/cancel",
    response_model=Job,
    responses=problems(404, 409),
    summary="Cancel a job",
    operation_id="cancel_video",
)
async def cancel(request: Request, job_id: str) -> Response:
    """Stop a job and delete its upload; one that has ended stays as it is."""
    return json_answer(job_answer(await service_of(request).jobs.cancel(job_id, caller_of(request).sees)))


@router.delete(
    "/{job_id}",
    status_code=204,
    response_class=Response,
    responses=problems(404, 409),
    summary="Delete a job",
    operation_id="delete_video",
)
async def delete(request: Request, job_id: str) -> Response:
    """Cancel a job if it runs, and delete upload, overlay and report."""
    service = service_of(request)
    await service.jobs.get(job_id, caller_of(request).sees)
    await service.jobs.delete(job_id, with_result=True)
    return Response(status_code=204)


def _not_done(row: Row) -> Conflict:
    hint = "GET the job to see why" if row["state"] in FINISHED else f"follow /v1/videos/{row['id']}/events"
    return Conflict(f"the job is {row['state']}", hint=hint)


def job_answer(row: Row) -> dict[str, Any]:
    """Return a job as callers see it."""
    base = f"/v1/videos/{row['id']}"
    failed = None
    if row["problem"]:
        failed = problem(for_caller(from_dict(json.loads(row["problem"]))))
    return {
        "id": row["id"],
        "state": row["state"],
        "stage": row["stage"],
        "progress": row["progress"],
        "source": row["source"],
        "created_at": iso(row["created_s"]),
        "started_at": iso(row["started_s"]),
        "finished_at": iso(row["finished_s"]),
        "problem": failed,
        "links": {
            "self": base,
            "events": f"{base}/events",
            "result": f"{base}/result",
            "overlay": f"{base}/overlay" if row["overlay"] else None,
        },
    }
