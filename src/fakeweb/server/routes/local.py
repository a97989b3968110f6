"""What the page fetches to check pictures in the browser: the shipped models, packed; not part of the API.

ONNX Runtime's WebAssembly lies packed in ``local_runtime/``; ``web/local.py --runtime`` writes it.
"""

from __future__ import annotations

import json
from functools import lru_cache
from pathlib import Path
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import FileResponse, JSONResponse, Response
from starlette.concurrency import run_in_threadpool

from fakeweb.errors import ModelIncompatible, NotFound
from fakeweb.runtime import Packed, pack_models
from fakeweb.runtime.find import PACKAGED, find_card
from fakeweb.scanner import DEFAULT_FINDER
from fakeweb.server.routes.given import service_of
from fakeweb.server.settings import Settings

router = APIRouter(include_in_schema=False)

_RUNTIME = Path(__file__).parents[1] / "local_runtime"
_FOREVER = {"Cache-Control": "public, max-age=31536000, immutable"}


@router.get("/local/parts.json")
async def parts(request: Request) -> Response:
    """Name what is needed; 404 where this service judges otherwise than a browser would."""
    packed = await run_in_threadpool(_packed, service_of(request).settings)
    runtime: Any = json.loads((_RUNTIME / "runtime.json").read_text(encoding="utf-8"))
    told = {role: {**part, "file": f"models/{part['file']}"} for role, part in packed.parts.items()}
    return JSONResponse({"runtime": runtime, **told}, headers={"Cache-Control": "no-cache"})


@router.get("/local/{name}")
async def runtime(name: str) -> Response:
    """Return ONNX Runtime's WebAssembly, packed."""
    if name not in {path.name for path in _RUNTIME.glob("*.gz")}:
        raise NotFound("there is no such file", hint="load the page again")
    return FileResponse(_RUNTIME / name, media_type="application/gzip", headers=_FOREVER)


@router.get("/local/models/{name}")
async def model(request: Request, name: str) -> Response:
    """Return a packed model."""
    packed = await run_in_threadpool(_packed, service_of(request).settings)
    if name not in packed.files:
        raise NotFound("there is no such file", hint="load the page again")
    return Response(packed.files[name], media_type="application/gzip", headers=_FOREVER)


def _packed(settings: Settings) -> Packed:
    """Pack what the service itself uses, where that is what ships: others' own models are not handed out.

    Raises:
        NotFound: It uses another model, finder or threshold.
    """
    nothing = NotFound("this service has no checks in the browser", hint="let the service check")
    card = find_card(settings.model)
    if (
        card.path.parent != PACKAGED
        or settings.finder != DEFAULT_FINDER
        or settings.finder_model
        or settings.threshold
    ):
        raise nothing
    try:
        return _pack(card.name)
    except ModelIncompatible as error:
        raise nothing from error


@lru_cache(maxsize=1)
def _pack(name: str) -> Packed:
    return pack_models(name)
