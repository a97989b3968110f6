"""Pictures: one, several, or by address."""

from __future__ import annotations

import hashlib
import itertools
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from fakeweb.errors import Busy, FakeWebError, Refused, TooLarge
from fakeweb.media import Limits, decoding_cost, fetch_url
from fakeweb.server.bodies import Form, MemorySink, Reader, Upload, safe_name
from fakeweb.server.pictures import Judged, deadline_in
from fakeweb.server.problems import for_caller, from_unknown, problem
from fakeweb.server.routes.given import (
    Kind,
    caller_of,
    json_answer,
    merge,
    page_answer,
    parameters_of,
    problems,
    query_of,
    service_of,
    wanted_kind,
    while_connected,
)
from fakeweb.server.schemas import BatchAnswer, Judgement, PredictOptions, UrlRequest
from fakeweb.server.service import Service

router = APIRouter(tags=["pictures"])

_BINARY = {"type": "string", "format": "binary"}
_OPTIONS = PredictOptions.model_json_schema()["properties"]
_PARAMETERS = {"parameters": parameters_of(PredictOptions)}
PICTURE_BODY: dict[str, Any] = {
    **_PARAMETERS,
    "requestBody": {
        "required": True,
        "description": "The picture itself, or a form with the picture in `file` and options as fields.",
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "properties": {"file": _BINARY, **_OPTIONS},
                    "required": ["file"],
                }
            },
            "application/octet-stream": {"schema": _BINARY},
            "image/jpeg": {"schema": _BINARY},
            "image/png": {"schema": _BINARY},
            "image/webp": {"schema": _BINARY},
        },
    },
}
_BATCH_BODY: dict[str, Any] = {
    **_PARAMETERS,
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "properties": {"files": {"type": "array", "items": _BINARY, "minItems": 1}, **_OPTIONS},
                    "required": ["files"],
                }
            }
        },
    },
}
MOST_DRAWN_BYTES = 64 << 20
"""Of all overlays in one answer."""
_COPIES = 3
"""So many times the bytes of an overlay stand in memory, at worst: as PNG, as base64, and in the answer."""
_OTHERS: tuple[Kind, ...] = ("image/png", "text/html")
_FORMS = {
    "description": "The judgement; with `Accept: image/png` the overlay, with `Accept: text/html` a page to hand on."
    " The verdict is then in the headers.",
    "content": {"image/png": {"schema": _BINARY}, "text/html": {"schema": {"type": "string"}}},
    "headers": {
        "X-FakeWeb-Verdict": {"schema": {"type": "string"}, "description": "With PNG and HTML: the verdict."},
        "X-FakeWeb-P-Fake": {
            "schema": {"type": "string"},
            "description": "With PNG and HTML: P(fake), if any.",
        },
        "X-FakeWeb-Id": {"schema": {"type": "string"}, "description": "With PNG and HTML: id of the result."},
    },
}
_ANSWERS: Any = {200: _FORMS, **problems(406, 408, 413, 415)}


@router.post(
    "/v1/predict",
    response_model=Judgement,
    responses=_ANSWERS,
    openapi_extra=PICTURE_BODY,
    summary="Judge a picture",
    operation_id="predict",
)
@router.post(
    "/predict",
    response_model=Judgement,
    responses=_ANSWERS,
    openapi_extra=PICTURE_BODY,
    summary="Judge a picture (the same as /v1/predict)",
    operation_id="predict_unversioned",
)
async def predict(request: Request) -> Response:
    """Say which faces of a picture were manipulated.

    A picture without a face is an answer (`no_face`), not an error. The picture is not kept; the report is, so that
    the same bytes are judged once.
    """
    service = service_of(request)
    kind = wanted_kind(request, *_OTHERS)
    _chosen(request, {})  # what is wrong is told before the picture is read
    deadline_s = deadline_in(service.settings.deadline_s)
    form = await _read(request, service, 1)
    options = _chosen(request, form.fields)
    return await while_connected(request, _answer(request, form.uploads[0], options, kind, deadline_s))


@router.post(
    "/v1/predict/batch",
    response_model=BatchAnswer,
    responses=problems(408, 413),
    openapi_extra=_BATCH_BODY,
    summary="Judge several pictures",
    operation_id="predict_batch",
)
async def predict_batch(request: Request) -> Response:
    """Judge several pictures with the same options; a picture that cannot be judged does not spoil the others."""
    service = service_of(request)
    _chosen(request, {})
    form = await _read(request, service, service.settings.max_batch)
    request.scope["fakeweb.pay"](len(form.uploads) - 1)
    options = _chosen(request, form.fields)
    return await while_connected(request, _answers(request, form.uploads, options))


@router.post(
    "/v1/urls",
    response_model=Judgement,
    responses={200: _FORMS, **problems(406, 408, 413, 415)},
    summary="Judge a picture on the web",
    operation_id="predict_url",
)
async def predict_url(
    request: Request, body: UrlRequest, _options: Annotated[PredictOptions, Query()]
) -> Response:
    """Fetch a picture and judge it. Off unless the service was started with `--allow-url`.

    Only public addresses are spoken to, after the name was resolved and again on every redirect.
    """
    service = service_of(request)
    if not service.settings.allow_url:
        raise Refused(
            "this service fetches nothing from the web", hint="send the picture itself to /v1/predict"
        )
    kind = wanted_kind(request, *_OTHERS)
    options = _chosen(request, {})
    deadline_s = deadline_in(service.settings.deadline_s)
    limits = Limits(max_bytes=service.settings.max_bytes)
    place = service.fetches.take(caller_of(request).id)
    if place is None:
        raise Busy("too many addresses are being fetched", hint="try again later", retry_after_s=5)
    with place:
        data, digest = await service.fetch(lambda: _fetched(body.url, limits))
    cost = decoding_cost(data, service.settings.max_pixels)
    request.scope["fakeweb.ticket"].uploaded([cost])
    name = safe_name(body.url.partition("?")[0])
    upload = Upload(name, data, digest, len(data), cost)
    return await _answer(request, upload, options, kind, deadline_s)


def _chosen(request: Request, fields: dict[str, str]) -> PredictOptions:
    options = merge(PredictOptions, query_of(request), fields)
    if options.queue:
        caller_of(request).must("enqueue")
    return options


def _fetched(url: str, limits: Limits) -> tuple[bytes, str]:
    data = fetch_url(url, limits=limits, discreet=True)
    return data, hashlib.sha256(data).hexdigest()


async def _read(request: Request, service: Service, most: int) -> Form:
    settings = service.settings
    reader = Reader(settings.max_bytes, most, settings.upload_idle_s, settings.upload_bytes_per_s)
    form = await reader.read(request, (MemorySink(settings.max_pixels) for _ in itertools.count()))
    request.scope["fakeweb.ticket"].uploaded(upload.decoding for upload in form.uploads)
    return form


async def _answer(
    request: Request, upload: Upload, options: PredictOptions, kind: Kind, deadline_s: float
) -> Response:
    pictures, caller = service_of(request).pictures, caller_of(request)
    draw = kind == "image/png" or (kind == "application/json" and options.overlay)
    judged = await pictures.picture(caller, upload, options, draw=draw, deadline_s=deadline_s)
    _hold(request, judged, MOST_DRAWN_BYTES)
    if kind == "application/json":
        return json_answer(await pictures.answer(caller, judged, options, overlay=options.overlay))
    await pictures.answer(caller, judged, options, overlay=False)  # for the queue
    if kind == "image/png":
        return Response(judged.drawn, media_type="image/png", headers=_headers(judged))
    page = await pictures.page(caller, upload, judged, options, deadline_s=deadline_s)
    return page_answer(page, judged.name, _headers(judged))


async def _answers(request: Request, uploads: list[Upload], options: PredictOptions) -> Response:
    """Judge one after the other: a batch takes no more of the workers than a single picture."""
    items, left = [], MOST_DRAWN_BYTES
    for number, upload in enumerate(uploads, 1):
        own = options
        if options.reference:
            own = options.model_copy(update={"reference": f"{options.reference[:190]} #{number}"})
        item, drawn = await _item(request, upload, own, left)
        items.append(item)
        left -= drawn
    return json_answer({"items": items})


async def _item(
    request: Request, upload: Upload, options: PredictOptions, most_drawn: int
) -> tuple[dict[str, Any], int]:
    """Return one picture's part of the answer, and the bytes of its overlay."""
    pictures, caller, request_id = (
        service_of(request).pictures,
        caller_of(request),
        request.scope["fakeweb.id"],
    )
    item: dict[str, Any] = {"name": upload.name, "status": 200, "judgement": None, "problem": None}
    deadline_s, drawn = deadline_in(service_of(request).settings.deadline_s), 0
    try:
        judged = await pictures.picture(caller, upload, options, draw=options.overlay, deadline_s=deadline_s)
        _hold(request, judged, most_drawn)
        drawn = len(judged.drawn)
        item["judgement"] = await pictures.answer(caller, judged, options, overlay=options.overlay)
    except FakeWebError as error:
        item["problem"] = problem(for_caller(error), request_id)
    except Exception as error:
        item["problem"] = problem(from_unknown(error, request_id), request_id)
    if item["problem"]:
        item["status"] = item["problem"]["status"]
    return item, drawn


def _hold(request: Request, judged: Judged, most: int) -> None:
    """Count an overlay among what the caller has in use, up to a limit."""
    count = len(judged.drawn)
    if count > most:
        raise TooLarge(
            f"the overlays of one answer have more than {MOST_DRAWN_BYTES:,} bytes",
            hint="scale the picture down, or ask for fewer at once",
        )
    if count:
        request.scope["fakeweb.ticket"].hold(_COPIES * count)


def _headers(judged: Judged) -> dict[str, str]:
    summary = judged.report.summary
    headers: dict[str, str] = {"X-FakeWeb-Verdict": summary.label}
    if judged.id is not None:
        headers["X-FakeWeb-Id"] = judged.id
    if summary.p_fake is not None:
        headers["X-FakeWeb-P-Fake"] = f"{summary.p_fake:.6f}"
    return headers


__all__ = ["PICTURE_BODY", "router"]
