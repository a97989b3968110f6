"""The application factory."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.middleware.cors import CORSMiddleware
from fastapi.openapi.utils import get_openapi
from fastapi.responses import Response
from starlette.exceptions import HTTPException

import fakeweb
from fakeweb.errors import FakeWebError
from fakeweb.render import REPORT_SCHEMA
from fakeweb.server.connection import AtOnce
from fakeweb.server.gate import Gate
from fakeweb.server.problems import for_caller, from_status, from_unknown, invalid, problem_answer
from fakeweb.server.routes import about, local, predict, results, review, videos
from fakeweb.server.schemas import DESCRIBED, Problem
from fakeweb.server.service import Service
from fakeweb.server.settings import Settings
from fakeweb.server.web import PAGE, add_page
from fakeweb.types.form import form_of

LOG = logging.getLogger("fakeweb.server")
_TEXT = """Tells which faces in a picture or a video were manipulated, and how sure it is.

Scores are P(fake): 0 is real, 1 is fake. **Do not treat an answer as proof**; it helps to decide what to look at.
Errors are problem JSON (RFC 9457) with a stable `code`. A refused request (429 or 503) says in `Retry-After` when to
try again. Pictures are not kept; see the guide for what is.
"""


def create_app(settings: Settings) -> Any:
    """Make the ASGI application: the gate, and FastAPI behind it.

    Args:
        settings: How it runs.

    Returns:
        The application; its ``service``, and its ``at_once`` for :func:`fakeweb.server.connection.bounded`.

    Raises:
        UsageError, StoreFailed: The database cannot be used.
    """
    service = Service(settings)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        await service.start()
        try:
            yield
        finally:
            await service.stop()

    api = _api(lifespan)
    api.state.service = service
    add_page(api, settings.page_dir or PAGE)
    gate = Gate(
        api, settings, service.admission, service.ring, service.metrics, lambda: about.health(service)
    )
    app: Any = gate
    at_once: AtOnce | None = gate.at_once
    if settings.cors_origins:
        at_once = None  # it would lack the headers that are added here
        app = CORSMiddleware(
            app,
            allow_origins=list(settings.cors_origins),
            allow_methods=["GET", "POST", "PATCH", "DELETE"],
            allow_headers=["Authorization", "Content-Type", "X-API-Key"],
            expose_headers=[
                "Retry-After",
                "X-Request-Id",
                "X-FakeWeb-Verdict",
                "X-FakeWeb-P-Fake",
                "X-FakeWeb-Id",
            ],
        )
    app.service = service
    app.at_once = at_once
    return app


def openapi() -> dict[str, Any]:
    """Return the OpenAPI document; nothing is started."""
    schema: dict[str, Any] = _api(None).openapi()
    return schema


def _api(lifespan: Any) -> FastAPI:
    api = FastAPI(
        title="FakeWeb",
        version=fakeweb.__version__,
        description=_TEXT,
        license_info={"name": "Apache-2.0"},
        openapi_url=None,  # it is written once, see routes.about
        docs_url=None,
        redoc_url=None,
        lifespan=lifespan,
        redirect_slashes=False,
        separate_input_output_schemas=False,
    )
    for module in (predict, videos, review, results, about, local):
        api.include_router(module.router)
    api.add_exception_handler(FakeWebError, _on_error)
    api.add_exception_handler(RequestValidationError, _on_invalid)
    api.add_exception_handler(HTTPException, _on_status)
    api.add_exception_handler(Exception, _on_unknown)
    api.openapi = lambda: _openapi(api)
    return api


async def _on_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, FakeWebError)  # noqa: S101
    return _answer(request, for_caller(error))


async def _on_invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)  # noqa: S101
    return _answer(request, invalid(list(error.errors())))


async def _on_status(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101
    answer = _answer(request, from_status(error.status_code, str(error.detail)))
    if error.headers and "allow" in {k.lower() for k in error.headers}:
        answer.headers["Allow"] = next(v for k, v in error.headers.items() if k.lower() == "allow")
    return answer


async def _on_unknown(request: Request, error: Exception) -> Response:
    return _answer(request, from_unknown(error, request.scope.get("fakeweb.id", "")))


def _answer(request: Request, error: FakeWebError) -> Response:
    status, headers, body = problem_answer(error, request.scope.get("fakeweb.id", ""))
    return Response(body, status, headers={k.decode(): v.decode() for k, v in headers})


def _openapi(api: FastAPI) -> dict[str, Any]:
    """Return FastAPI's document with what it cannot know: the report, problems, keys, and query options."""
    if api.openapi_schema is None:
        schema = get_openapi(
            title=api.title,
            version=api.version,
            description=api.description,
            license_info=api.license_info,
            routes=api.routes,
            separate_input_output_schemas=False,
        )
        parts = schema["components"]["schemas"]
        parts["Report"] = {k: v for k, v in REPORT_SCHEMA.items() if k not in ("$schema", "$id")}
        parts |= {cls.__name__: form_of(cls).schema() for cls in DESCRIBED}
        parts["Problem"] = Problem.model_json_schema()
        for name in ("HTTPValidationError", "ValidationError"):
            parts.pop(name, None)
        for operations in schema["paths"].values():
            for operation in operations.values():
                names = list(operation)
                if (
                    "parameters" in names[names.index("responses") :]
                ):  # described by the route itself: as elsewhere
                    for name in ("responses", "requestBody"):
                        operation[name] = operation.pop(name)
        schema["components"]["securitySchemes"] = {
            "key": {
                "type": "http",
                "scheme": "bearer",
                "description": "An API key, where the service asks for one.",
            }
        }
        schema["security"] = [{"key": []}, {}]
        api.openapi_schema = _linked(schema)
    return api.openapi_schema


def _linked(value: Any) -> Any:
    """Put references where the wire schemas name a schema that is not pydantic's."""
    if isinstance(value, dict):
        if "x-schema" in value:
            return {"$ref": f"#/components/schemas/{value['x-schema']}"}
        return {k: _linked(v) for k, v in value.items()}
    return [_linked(v) for v in value] if isinstance(value, list) else value
