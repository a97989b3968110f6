"""Stored results, what they amount to for a reach, and forgetting them."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request
from fastapi.responses import Response

from fakeweb.errors import NotFound
from fakeweb.render.impact import impact_words
from fakeweb.server.finished import Finished
from fakeweb.server.routes.given import caller_of, iso, json_answer, problems, service_of
from fakeweb.server.routes.videos import job_answer
from fakeweb.server.schemas import Deleted, ImpactAnswer, ImpactRequest, StoredResult
from fakeweb.server.store import Row

router = APIRouter(prefix="/v1", tags=["results"])

ResultId = Annotated[str, Path(max_length=64)]
Sha256 = Annotated[str, Path(pattern="^[0-9a-f]{64}$")]


@router.get(
    "/results/{result_id}",
    response_model=StoredResult,
    responses=problems(404),
    summary="A stored result",
    operation_id="get_result",
)
async def get_result(request: Request, result_id: ResultId) -> Response:
    """Return a report by the id of its judgement."""
    store, caller = service_of(request).store, caller_of(request)
    row = await store.run(store.get_result, result_id, caller.sees)
    if row is None:
        raise NotFound("there is no such result", hint="it may have been deleted, or kept for its time")
    report = Finished.stored(row["report"])
    return json_answer(
        {
            "id": row["id"],
            "media_sha256": row["media_sha256"],
            "created_at": iso(row["created_s"]),
            "report": report.named("upload"),
            "viewer_warnings": report.summary.viewer_warnings,
            "job": await _job_of(request, row) if caller.may("videos") else None,
        }
    )


async def _job_of(request: Request, result: Row) -> dict[str, Any] | None:
    """Return the latest job that a result came out of, None where there is none."""
    store = service_of(request).store
    jobs = await store.run(store.jobs_of_media, result["media_sha256"], caller_of(request).sees)
    found = [job for job in jobs if job["result_id"] == result["id"]]
    return job_answer(found[-1]) if found else None


@router.get(
    "/impact",
    response_model=ImpactAnswer,
    responses=problems(),
    summary="The impact of a score and a reach",
    operation_id="get_impact",
)
async def get_impact(request: Request, options: Annotated[ImpactRequest, Query()]) -> Response:
    """Say how much harm a post can do, of a picture or video that was judged before; nothing is stored."""
    found = service_of(request).pictures.impact(options.p_fake, options.reach)
    text = "" if found is None else impact_words(found)
    return json_answer({"impact": None if found is None else asdict(found), "text": text})


@router.delete(
    "/results/{result_id}",
    status_code=204,
    response_class=Response,
    responses=problems(404),
    summary="Delete a result",
    operation_id="delete_result",
)
async def delete_result(request: Request, result_id: ResultId) -> Response:
    """Delete a report; items of the review queue stay without it."""
    service = service_of(request)
    found = await service.store.erase(service.store.delete_result, result_id, caller_of(request).sees)
    service.pictures.forget()
    if not found:
        raise NotFound("there is no such result", hint="it may have been deleted before")
    return Response(status_code=204)


@router.delete(
    "/media/{media_sha256}",
    response_model=Deleted,
    responses=problems(404, 409),
    summary="Forget a picture or video",
    operation_id="forget_media",
)
async def forget_media(request: Request, media_sha256: Sha256) -> Response:
    """Delete everything about these bytes: results, jobs with their files, and items of the review queue.

    Needs the scopes of all that there is to delete: `videos` where there are jobs, `queue` where there are items.
    """
    service, caller = service_of(request), caller_of(request)
    store, tenant = service.store, caller.sees
    jobs = await store.run(store.jobs_of_media, media_sha256, tenant)
    has_items = await store.run(store.has_items, media_sha256, tenant)
    caller.must("videos" if jobs else "", "queue" if has_items else "")
    for job in jobs:
        await service.jobs.delete(job["id"])
    service.pictures.forget(tenant, media_sha256)
    counts = await store.erase(store.delete_media, media_sha256, tenant)
    service.pictures.forget(tenant, media_sha256)
    if not jobs and not any(counts.values()):
        raise NotFound("there is nothing about these bytes", hint="it may have been deleted before")
    return json_answer({**counts, "jobs": len(jobs)})
