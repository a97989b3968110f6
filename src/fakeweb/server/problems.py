"""Errors -> problem JSON (RFC 9457) with the stable codes of :mod:`fakeweb.errors`."""

from __future__ import annotations

import json
import logging
import math
import re
from typing import Any

from fakeweb.errors import (
    BadRequest,
    FakeWebError,
    InvalidOption,
    ModelError,
    NotFound,
    ServiceError,
    StoreFailed,
    WorkerDied,
)

LOG = logging.getLogger("fakeweb.server")
MEDIA_TYPE = "application/problem+json"
_RETRY_S = 1.0


def problem(error: FakeWebError, request_id: str = "") -> dict[str, Any]:
    """Return the problem's JSON form."""
    return {
        "type": f"urn:fakeweb:{error.code}",
        "title": _title(type(error)),
        "status": error.http_status,
        "detail": error.message,
        "code": error.code,
        "hint": error.hint,
        "instance": f"urn:fakeweb:request:{request_id}" if request_id else "",
    }


def problem_answer(error: FakeWebError, request_id: str = "") -> tuple[int, list[tuple[bytes, bytes]], bytes]:
    """Return status, headers and body of the answer to an error."""
    body = json.dumps(problem(error, request_id), ensure_ascii=True).encode()
    headers = [(b"content-type", MEDIA_TYPE.encode()), (b"content-length", str(len(body)).encode())]
    wait_s = retry_after_s(error)
    if wait_s is not None:
        headers.append((b"retry-after", str(max(1, math.ceil(wait_s))).encode()))
    if error.http_status == 401:
        headers.append((b"www-authenticate", b'Bearer realm="fakeweb"'))
    return error.http_status, headers, body


def retry_after_s(error: FakeWebError) -> float | None:
    """Return after how many seconds trying again may help, or None."""
    if isinstance(error, ServiceError) and error.retry_after_s is not None:
        return error.retry_after_s
    return _RETRY_S if error.http_status in (429, 503) else None


def from_unknown(error: BaseException, request_id: str) -> FakeWebError:
    """Return what the caller learns of an error nobody foresaw; the log learns all."""
    LOG.error("request %s failed", request_id, exc_info=error)
    return FakeWebError(
        "something went wrong inside the service", hint="tell its operator the instance of this problem"
    )


def for_caller(error: FakeWebError) -> FakeWebError:
    """Keep what only the operator should read, such as paths of models, out of answers."""
    if isinstance(error, StoreFailed):
        return StoreFailed("the database does not answer", hint="try again later", retry_after_s=5)
    if isinstance(error, ModelError | WorkerDied):
        LOG.error("%s (%s)", error.message, error.hint)
        what = "a worker ended" if isinstance(error, WorkerDied) else "the model cannot be used"
        return type(error)(f"{what}; the operator finds more in the log", hint="try again later")
    return error


def from_status(status: int, detail: str) -> FakeWebError:
    """Return the error for a status that the framework itself answers, such as 404 and 405."""
    if status == 404:
        return NotFound("there is nothing at this address", hint="GET /v1/openapi.json lists all addresses")
    error = BadRequest(detail or "the request cannot be answered", hint="GET /v1/openapi.json lists what can")
    error.http_status = status  # type: ignore[misc]  # of this one error
    return error


def invalid(errors: list[Any]) -> InvalidOption:
    """Return one error for what pydantic found, without echoing what was sent."""
    said = []
    for entry in errors[:5]:
        where = ".".join(str(part) for part in entry.get("loc", ()) if part not in ("query", "body", "path"))
        said.append(f"{where or 'the body'}: {entry.get('msg', 'is wrong')}")
    return InvalidOption(
        "; ".join(said)[:500] or "an option is wrong", hint="GET /v1/openapi.json lists the options"
    )


def _title(kind: type[FakeWebError]) -> str:
    words = re.sub(r"(?<!^)(?=[A-Z])", " ", kind.__name__).lower()
    return "internal error" if kind is FakeWebError else words
