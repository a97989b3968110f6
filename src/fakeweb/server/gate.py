"""The door: the first code a request meets, and the last an answer passes.

It knows who calls, how often they may, and whether there is room, from the headers alone: a request that is refused
costs a fraction of a millisecond and none of its body is kept. It adds the security headers, counts and times.
"""

from __future__ import annotations

import asyncio
import re
import secrets
import time
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Final

from fakeweb.errors import Busy, FakeWebError, NotFound, TooLarge, Unauthorized
from fakeweb.media import check_host, check_origin
from fakeweb.server.admission import Admission
from fakeweb.server.connection import DRAINED_BYTES
from fakeweb.server.fair import party
from fakeweb.server.keys import Buckets, Key, KeyRing, anybody
from fakeweb.server.metrics import Metrics
from fakeweb.server.problems import for_caller, from_unknown, problem_answer
from fakeweb.server.settings import Settings

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

OPEN: Final = "open"
"""Needs no key."""

_FORM_BYTES: Final = 1 << 16
_STRANGERS_DRAINED: Final = 1 << 20
_STRANGERS_PER_MINUTE: Final = 6000
_REFUSED_PER_MINUTE: Final = 1200
_LONGEST_PAUSE_S: Final = 2.0
_PICTURES: Final = {
    "/predict": "predict",
    "/v1/predict": "predict",
    "/v1/predict/batch": "batch",
    "/v1/urls": "urls",
}
_ROUTES: Final = (
    (re.compile(r"/v1/videos(/.*)?"), "videos", "videos"),
    (re.compile(r"/v1/queue(/.*)?"), "queue", "queue"),
    (re.compile(r"/v1/results(/.*)?"), "results", "results"),
    (re.compile(r"/v1/media(/.*)?"), "media", "results"),
    (re.compile(r"/v1/impact"), "impact", "predict"),
    (re.compile(r"/v1/models"), "models", ""),
    (re.compile(r"/metrics"), "metrics", "metrics"),
    (re.compile(r"/(livez|readyz)"), "health", OPEN),
    (re.compile(r"/v1/openapi\.json"), "page", OPEN),
)
_GUARDED: Final = ("/v1", "/predict", "/metrics")
_SECURITY: Final = (
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-opener-policy", b"same-origin"),
)
_NO_DEVICES: Final = b"camera=(), microphone=(), geolocation=()"
_CAMERA: Final = b"camera=(self), microphone=(), geolocation=()"  # of the page, where its user asks for it
_NOTHING: Final = b"default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
_PAGES: Final = (
    b"default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self' 'unsafe-inline'; "
    b"img-src 'self' data: blob:; "
    b"media-src 'self' blob:; connect-src 'self'; font-src 'self'; manifest-src 'self'; worker-src 'self' blob:; "
    b"frame-ancestors 'none'; base-uri 'none'; form-action 'self'"
)


def classify(path: str) -> tuple[str, str]:
    """Return the name of a route for the metrics, and the scope it needs.

    What lies below the API's prefixes and is not known needs the scope of an operator: a router that understands a
    path otherwise than this table must not open a door.
    """
    if path in _PICTURES:
        return _PICTURES[path], "predict"
    for pattern, name, scope in _ROUTES:
        if pattern.fullmatch(path):
            return name, scope
    return ("other", "admin") if path.lower().startswith(_GUARDED) else ("page", OPEN)


class Gate:
    """An ASGI application around another.

    Args:
        app: What answers the requests that come in.
        settings: Limits.
        admission: Whether there is room.
        ring: Who may come in.
        metrics: Where it is counted.
    """

    def __init__(
        self, app: App, settings: Settings, admission: Admission, ring: KeyRing, metrics: Metrics
    ) -> None:
        self._app = app
        self._settings = settings
        self._admission = admission
        self._ring = ring
        self._metrics = metrics
        self._buckets = Buckets()
        self._pauses = Buckets()
        self._longest = {
            "predict": settings.max_bytes + _FORM_BYTES,
            "batch": settings.max_bytes * settings.max_batch + _FORM_BYTES,
            "videos": settings.max_video_bytes + _FORM_BYTES,
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = time.perf_counter()
        route, needs = classify(scope["path"])
        answer = _Answer(send, secrets.token_hex(8), page=route == "page")
        scope["fakeweb.id"] = answer.request_id
        address = party((scope.get("client") or ("",))[0])
        scope["fakeweb.key"] = anybody(address)
        try:
            if not scope["path"].isprintable():
                raise NotFound(
                    "there is nothing at this address", hint="GET /v1/openapi.json lists all addresses"
                )
            if not self._settings.needs_key:
                self._check_browser(scope)
            key = scope["fakeweb.key"] = await self._caller(scope, needs, address)
            scope["fakeweb.pay"] = lambda count: self._buckets.owe(key.id, key.per_minute, count)
            length = _content_length(scope)
            answer.too_long = length is not None and length > DRAINED_BYTES
            self._check_length(length, route)
            if scope["method"] == "POST" and needs == "predict":
                with self._admission.admit(key.id, length) as ticket:
                    scope["fakeweb.ticket"] = ticket
                    await self._app(scope, receive, answer)
            else:
                await self._app(scope, receive, answer)
        except FakeWebError as error:
            self._metrics.refused.labels(error.code).inc()
            await self._refuse(scope, answer, error)
        except asyncio.CancelledError:  # the service stops and has waited long enough
            if answer.status:
                raise
            await answer.problem(Busy("the service is stopping", hint="try again", retry_after_s=5))
        except Exception as error:
            if not answer.status:
                await answer.problem(from_unknown(error, answer.request_id))
            elif not answer.complete:
                raise  # too late to say anything; the connection is cut
        finally:
            self._metrics.requests.labels(route, answer.status or 499).inc()
            self._metrics.seconds.labels(route).observe(time.perf_counter() - started)

    def _check_browser(self, scope: Scope) -> None:
        """Refuse what a stranger's page makes a browser on this machine send: it needs no key here."""
        hosts, headers = self._settings.hosts, scope["headers"]
        check_host(headers, hosts, (scope.get("server") or ("",))[0])
        check_origin(scope["method"], headers, hosts, self._settings.cors_origins)

    async def _caller(self, scope: Scope, needs: str, address: str) -> Key:
        if needs == OPEN or scope["method"] == "OPTIONS":
            await self._pause(f"open {address}", _STRANGERS_PER_MINUTE)
            return anybody(address)
        if self._settings.needs_key:
            key = await self._ring.find_fresh(scope["headers"], needs)
        else:
            key = anybody(address, self._settings.anonymous_per_minute)
        self._buckets.take(key.id, key.per_minute)
        return key

    async def _refuse(self, scope: Scope, answer: _Answer, error: FakeWebError) -> None:
        """Say no; who is told so again and again has to wait for it, and so cannot keep the event loop busy."""
        if isinstance(error, Unauthorized) and (connection := scope.get("fakeweb.connection")):
            connection.drained_bytes = _STRANGERS_DRAINED
        await self._pause(scope["fakeweb.key"].id, _REFUSED_PER_MINUTE)
        await answer.problem(for_caller(error))

    async def _pause(self, who: str, per_minute: int) -> None:
        """Wait, where somebody does something more often than this."""
        pause_s = self._pauses.owe(who, per_minute, most_s=_LONGEST_PAUSE_S)
        if pause_s > 0:
            await asyncio.sleep(pause_s)

    def _check_length(self, length: int | None, route: str) -> None:
        most = self._longest.get(route, _FORM_BYTES)
        if length is not None and length > most:
            raise TooLarge(
                f"the request has {length:,} bytes; this address takes {most:,}", hint="send a smaller file"
            )


def _content_length(scope: Scope) -> int | None:
    """Return the Content-Length, None where there is none."""
    for name, value in scope["headers"]:
        if name == b"content-length":
            return int(value) if value.isdigit() else None
    return None


class _Answer:
    """Sends an answer on, with the security headers."""

    def __init__(self, send: Send, request_id: str, *, page: bool) -> None:
        self._send = send
        self._headers = [
            *_SECURITY,
            (b"x-request-id", request_id.encode()),
            (b"content-security-policy", _PAGES if page else _NOTHING),
            (b"permissions-policy", _CAMERA if page else _NO_DEVICES),
            *(
                ((b"cross-origin-embedder-policy", b"require-corp"),) if page else ()
            ),  # isolated, it may use threads
        ]
        self.request_id = request_id
        self.status = 0
        self.complete = False
        self.too_long = False
        """Whether the body is so long that the connection is rather cut than drained."""

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            headers = [*message.get("headers", ()), *self._headers]
            if not any(name == b"cache-control" for name, _ in headers):
                headers.append((b"cache-control", b"no-store"))
            message["headers"] = headers
        else:
            self.complete = not message.get("more_body", False)
        await self._send(message)

    async def problem(self, error: FakeWebError) -> None:
        """Answer with an error, unless an answer has begun."""
        if self.status:
            raise error
        status, headers, body = problem_answer(error, self.request_id)
        if isinstance(error, TooLarge) and self.too_long:
            headers.append((b"connection", b"close"))
        await self({"type": "http.response.start", "status": status, "headers": headers})
        await self({"type": "http.response.body", "body": body})
