"""What every route is given: the service, the caller, and options from query and form."""

from __future__ import annotations

import asyncio
import datetime
import re
from collections.abc import Awaitable, Mapping
from pathlib import PurePath
from typing import Annotated, Any, Literal, TypeVar
from urllib.parse import quote

import orjson
from fastapi import FastAPI, Query, Request, Response
from pydantic import BaseModel, ValidationError

from fakeweb.errors import BadRequest, InvalidOption, NotAcceptable
from fakeweb.server.keys import Key
from fakeweb.server.problems import invalid
from fakeweb.server.schemas import Problem
from fakeweb.server.service import Service

Model = TypeVar("Model", bound=BaseModel)
T = TypeVar("T")

_SAID = {
    400: "The request cannot be taken apart.",
    401: "No API key, or one that is not known.",
    403: "The key may not do this, or it must be allowed first.",
    404: "There is none.",
    406: "None of the forms that were asked for.",
    408: "The upload did not arrive in time.",
    409: "Not in the state that this needs.",
    413: "Over a limit.",
    415: "A kind of file that is not read.",
    422: "Broken media, or an option that makes no sense.",
    429: "More requests than the key may make; see Retry-After.",
    503: "Full, stopping, or not finished in time; see Retry-After.",
}


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Describe the errors of a route; those every route has are added."""
    return {
        status: {
            "description": _SAID[status],
            "content": {
                "application/problem+json": {"schema": {"$ref": f"#/components/schemas/{Problem.__name__}"}}
            },
        }
        for status in sorted({*statuses, 400, 401, 403, 422, 429, 503})
    }


def service_of(request: Request) -> Service:
    """Return the service behind a request."""
    found: Service = request.app.state.service
    return found


def caller_of(request: Request) -> Key:
    """Return who is calling."""
    key: Key = request.scope["fakeweb.key"]
    return key


def merge(model: type[Model], query: dict[str, Any], fields: dict[str, str]) -> Model:
    """Build options from the query and the fields of a form.

    Raises:
        InvalidOption: Unknown, out of range, or given in both places differently.
    """
    for name in query.keys() & fields.keys():
        if str(query[name]) != fields[name]:
            raise InvalidOption(f"{name} stands in the query and in the form", hint="give it once")
    try:
        return model.model_validate({**query, **{k: v for k, v in fields.items() if v != ""}})
    except ValidationError as error:
        raise invalid(list(error.errors())) from None


def parameters_of(model: type[BaseModel]) -> list[Any]:
    """Describe options as query parameters, for routes that check them by :func:`merge` alone.

    Where a route declares them, the framework checks them too, at a fifth of all that an answer costs the event loop.
    """
    about = FastAPI()
    about.add_api_route("/", _takes(model), methods=["GET"])
    found: list[Any] = about.openapi()["paths"]["/"]["get"]["parameters"]
    return found


def _takes(model: type[BaseModel]) -> Any:
    async def nothing(options: Any) -> None: ...

    nothing.__annotations__["options"] = Annotated[model, Query()]
    return nothing


def query_of(request: Request) -> dict[str, str]:
    """Return the query parameters, each at most once.

    Raises:
        InvalidOption: One is given twice.
    """
    pairs = request.query_params.multi_items()
    if len({name for name, _ in pairs}) < len(pairs):
        raise InvalidOption("a query parameter is given twice", hint="give it once")
    return dict(pairs)


Kind = Literal["application/json", "image/png", "text/html"]


def wanted_kind(request: Request, *others: Kind) -> Kind:
    """Return which kind of answer the caller prefers: JSON, unless one of the others stands before it.

    Args:
        request: With or without an Accept header.
        others: What there is beside JSON.

    Raises:
        NotAcceptable: None of them will do.
    """
    accept = request.headers.get("accept", "*/*") or "*/*"
    weights: dict[Kind, float] = dict.fromkeys(("application/json", *others), 0.0)
    for part in accept.split(","):
        kind, _, rest = part.strip().partition(";")
        for offered in weights:
            if kind in _NAMES[offered]:
                weights[offered] = max(weights[offered], _weight(rest))
    best = max(weights, key=lambda offered: weights[offered])
    if not weights[best]:
        named = " or ".join(weights)
        raise NotAcceptable(f"the answer is {named}", hint="change the Accept header")
    return best


_NAMES: Mapping[Kind, tuple[str, ...]] = {
    "application/json": ("application/json", "application/*", "*/*", "application/problem+json"),
    "image/png": ("image/png", "image/*"),
    "text/html": ("text/html", "text/*"),
}


def page_answer(page: bytes, source: str, headers: Mapping[str, str] | None = None) -> Response:
    """Return a page to hand on, as a file to save: nothing of what is in it is ever shown as a page of this service.

    Args:
        page: HTML.
        source: The name the caller knows the picture or video by.
        headers: More headers.
    """
    name = f"{PurePath(source).stem or 'report'}.fakeweb.html"
    plain = re.sub(r"[^A-Za-z0-9._-]", "_", name)  # for programs that do not know the other form
    disposition = f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name)}"
    return Response(
        page, media_type="text/html", headers={**(headers or {}), "Content-Disposition": disposition}
    )


def _weight(parameters: str) -> float:
    for parameter in parameters.split(";"):
        name, _, value = parameter.strip().partition("=")
        if name == "q":
            try:
                return min(1.0, max(0.0, float(value)))
            except ValueError:
                return 0.0
    return 1.0


async def while_connected(request: Request, work: Awaitable[T]) -> T:
    """Await work, and give it up when the caller goes away; call this only when the body was read.

    Raises:
        BadRequest: The caller went away.
    """
    task = asyncio.ensure_future(work)
    gone = asyncio.ensure_future(_gone(request))
    try:
        await asyncio.wait({task, gone}, return_when=asyncio.FIRST_COMPLETED)
        if not task.done():
            raise BadRequest("the caller has gone away")
        return task.result()
    finally:
        gone.cancel()
        if not task.done():
            task.cancel()


async def _gone(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


def json_answer(content: Any, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """Return a JSON answer."""
    return Response(orjson.dumps(content), status, headers, "application/json")


def iso(seconds: float | None) -> str | None:
    """Return a time as ISO 8601 in UTC."""
    if seconds is None:
        return None
    return datetime.datetime.fromtimestamp(seconds, datetime.UTC).isoformat(timespec="milliseconds")
