"""Health, metrics, models, the OpenAPI document and its page."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import orjson
from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, Response

import fakeweb
from fakeweb.errors import NotFound
from fakeweb.runtime import find_card, list_cards, model_info
from fakeweb.server.metrics import CONTENT_TYPE
from fakeweb.server.routes.given import json_answer, problems, service_of
from fakeweb.server.schemas import Health, Models
from fakeweb.server.service import Service

router = APIRouter(tags=["service"])

ASSETS = Path(__file__).parents[1] / "assets"
_SWAGGER = {
    "swagger-ui-bundle.js": "text/javascript",
    "swagger-ui.css": "text/css",
    "start.js": "text/javascript",
    "favicon-32x32.png": "image/png",
    "LICENSE": "text/plain",
    "NOTICE": "text/plain",
}
_DOCS = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>FakeWeb API</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="stylesheet" href="/docs/swagger-ui.css"><link rel="icon" href="/docs/favicon-32x32.png"></head>
<body><div id="swagger-ui"></div>
<script src="/docs/swagger-ui-bundle.js"></script><script src="/docs/start.js"></script></body></html>
"""


@router.get("/livez", response_model=Health, summary="Is the process alive?", operation_id="livez")
async def livez(request: Request) -> Response:
    """Answer 200 as long as the process answers at all."""
    return json_answer(health(service_of(request)))


@router.get(
    "/readyz",
    response_model=Health,
    responses={503: {"model": Health, "description": "Not ready."}},
    summary="Can it work?",
    operation_id="readyz",
)
async def readyz(request: Request) -> Response:
    """Answer 200 where pictures can be judged and kept, 503 while starting, stopping or broken."""
    found = health(service_of(request))
    return json_answer(found, 200 if found["status"] == "ok" else 503)


@router.get(
    "/metrics",
    responses={
        200: {"content": {"text/plain": {"schema": {"type": "string"}}}, "description": "Prometheus text."}
    },
    response_class=Response,
    summary="For Prometheus",
    operation_id="metrics",
)
async def metrics(request: Request) -> Response:
    """Return counters and gauges."""
    return Response(service_of(request).metrics.page(), media_type=CONTENT_TYPE)


@router.get(
    "/v1/models",
    response_model=Models,
    responses=problems(),
    summary="Models and limits",
    operation_id="list_models",
)
async def models(request: Request) -> Response:
    """List the installed models, the one in use, the face finder, and the limits of this service."""
    service = service_of(request)
    settings, about = service.settings, service.pool.about
    cards = {card.reference: card for card in list_cards()}
    own = find_card(settings.model)
    cards[own.reference] = own
    names = (
        "max_bytes",
        "max_pixels",
        "max_side_px",
        "max_faces",
        "max_batch",
        "max_video_bytes",
        "max_duration_s",
    )
    return json_answer(
        {
            "models": [model_info(card, card.reference == about.get("model")) for card in cards.values()],
            "finder": about.get("finder", settings.finder),
            "limits": {name: getattr(settings, name) for name in names},
            "fetches_addresses": settings.allow_url,
            "version": fakeweb.__version__,
        }
    )


@router.get("/docs", include_in_schema=False)
async def docs() -> Response:
    """Return the interactive documentation; everything it needs is served from here."""
    return HTMLResponse(_DOCS)


@router.get("/docs/{name}", include_in_schema=False)
async def docs_asset(name: str) -> Response:
    """Return a file of the interactive documentation."""
    if name not in _SWAGGER:
        raise NotFound("there is no such file", hint="open /docs")
    return Response(_asset(name), media_type=_SWAGGER[name], headers={"Cache-Control": "max-age=86400"})


@router.get("/v1/openapi.json", include_in_schema=False)
async def openapi(request: Request) -> Response:
    """Return the OpenAPI document, which is written once."""
    state = request.app.state
    if not hasattr(state, "openapi"):
        state.openapi = orjson.dumps(request.app.openapi())
    return Response(state.openapi, media_type="application/json")


@cache
def _asset(name: str) -> bytes:
    return (ASSETS / "swagger-ui" / name).read_bytes()


def health(service: Service) -> dict[str, Any]:
    """Return what ``/livez`` and ``/readyz`` say."""
    return {
        "status": service.status,
        "workers_ready": service.pool.ready,
        "workers": service.pool.count,
        "waiting": service.pool.waiting,
        "database": "ok" if service.store.failing is None else "failing",
        "version": fakeweb.__version__,
    }
