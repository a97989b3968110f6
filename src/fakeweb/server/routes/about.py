"""Health, metrics, models, the OpenAPI document and its page."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import FileResponse, HTMLResponse, Response

import fakeweb
from fakeweb.errors import NotFound
from fakeweb.runtime import Card, ModelCard, find_card, list_cards
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
    return json_answer(_health(service_of(request)))


@router.get(
    "/readyz",
    response_model=Health,
    responses={503: {"model": Health, "description": "Not ready."}},
    summary="Can it work?",
    operation_id="readyz",
)
async def readyz(request: Request) -> Response:
    """Answer 200 where pictures can be judged and kept, 503 while starting, stopping or broken."""
    health = _health(service_of(request))
    return json_answer(health, 200 if health["status"] == "ok" else 503)


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
            "models": [_model(card, card.reference == about.get("model")) for card in cards.values()],
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
    return FileResponse(
        ASSETS / "swagger-ui" / name, media_type=_SWAGGER[name], headers={"Cache-Control": "max-age=86400"}
    )


def _model(card: Card, in_use: bool) -> dict[str, Any]:
    return {
        "reference": card.reference,
        "title": card.title,
        "task": card.task,
        "licence": card.licence,
        "sha256": card.sha256,
        "kinds": list(card.kinds) if isinstance(card, ModelCard) else [],
        "limits": list(card.details.get("limits", [])),
        "in_use": in_use,
        "lines": _lines(card) if isinstance(card, ModelCard) else None,
        "measured": measured(card.details) if isinstance(card, ModelCard) else [],
    }


def _lines(card: ModelCard) -> dict[str, float]:
    return {
        "real": card.decision.real,
        "fake": card.calibration.probability(card.decision.fake_logit()),
        "false_alarms": card.decision.false_alarms,
        "min_face_px": card.least_face_px,
    }


def measured(details: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the rates of a card's ``scores``; a set that lacks one of them is left out.

    Cards say how many of all faces stay uncertain; how many of the real ones are called real follows from that.
    """
    found = []
    for name, scores in dict(details.get("scores", {})).items():
        try:
            real, fake = int(scores["faces"]["real"]), int(scores["faces"]["fake"])
            alarms, hits, missed = (
                float(scores[k]) for k in ("real_called_fake", "fake_called_fake", "fake_called_real")
            )
            unsure = float(scores["uncertain"]) * (real + fake) - (1 - hits - missed) * fake
            called_real = 1 - alarms - unsure / real
        except (KeyError, TypeError, ValueError, ZeroDivisionError):
            continue
        prefix = "fake_called_fake_"
        found.append(
            {
                "on": str(name),
                "real_faces": real,
                "fake_faces": fake,
                "real_called_fake": alarms,
                "real_called_real": min(1.0, max(0.0, called_real)),
                "fake_called_fake": hits,
                "fake_called_real": missed,
                "found_by_source": {
                    k.removeprefix(prefix): float(v)
                    for k, v in scores.items()
                    if k.startswith(prefix) and isinstance(v, int | float)
                },
            }
        )
    return found


def _health(service: Service) -> dict[str, Any]:
    return {
        "status": service.status,
        "workers_ready": service.pool.ready,
        "workers": service.pool.count,
        "waiting": service.pool.waiting,
        "database": "ok" if service.store.failing is None else "failing",
        "version": fakeweb.__version__,
    }
