"""The door: the first code a request meets, and the last an answer passes.

It knows who calls, how often they may, and whether there is room, from the headers alone: a request that is refused
costs a fraction of a millisecond and none of its body is kept. It adds the security headers, counts and times, and
bounds the bodies that are no uploads.
"""

from __future__ import annotations

import asyncio
import re
import secrets
import time
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any, Final

import orjson
from uvicorn.protocols.http.httptools_impl import STATUS_LINE

from fakeweb.errors import BadRequest, Busy, FakeWebError, NotFound, TooLarge, Unauthorized
from fakeweb.media import check_host, check_origin
from fakeweb.server.admission import Admission
from fakeweb.server.bodies import Pace
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
_UPLOADS: Final = frozenset((*(p for p in _PICTURES if p != "/v1/urls"), "/v1/videos"))
"""Whose bodies are read as they come, see :mod:`.bodies`; others are small and are read before anything is done."""
_WITH_BODY: Final = ("POST", "PUT", "PATCH")
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


_ALWAYS: Final = b"".join(
    name + b": " + value + b"\r\n"
    for name, value in (
        *_SECURITY,
        (b"content-security-policy", _NOTHING),
        (b"permissions-policy", _NO_DEVICES),
        (b"cache-control", b"no-store"),
    )
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
        health: What ``/livez`` says.
    """

    def __init__(
        self,
        app: App,
        settings: Settings,
        admission: Admission,
        ring: KeyRing,
        metrics: Metrics,
        health: Callable[[], Mapping[str, Any]],
    ) -> None:
        self._app = app
        self._settings = settings
        self._admission = admission
        self._ring = ring
        self._metrics = metrics
        self._health = health
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
            key = scope["fakeweb.key"] = await self._caller(scope, route, needs, address)
            scope["fakeweb.pay"] = lambda count: self._buckets.owe(key.id, key.per_minute, count)
            length = _content_length(scope)
            answer.too_long = length is not None and length > DRAINED_BYTES
            self._check_length(length, route)
            if scope["method"] in _WITH_BODY and scope["path"] not in _UPLOADS:
                receive = await self._small(receive)
            if scope["method"] == "POST" and needs == "predict":
                with self._admission.admit(key.id, length) as ticket:
                    scope["fakeweb.ticket"] = ticket
                    await self._app(scope, receive, answer)
                    await _taken(scope)
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

    def at_once(self, scope: Scope) -> bytes | None:
        """Answer what a head alone decides: that the process lives, and no to a picture where there is no room.

        Returns:
            The whole answer, all but its date; None: :meth:`__call__` decides.
        """
        started, method, path = time.perf_counter(), scope["method"], scope["path"]
        if self._settings.proxies and not self._settings.needs_key:  # who calls stands in headers
            return None
        try:
            if method == "GET" and path == "/livez":
                route, found = "health", self._alive(scope)
            elif method == "POST" and path in _PICTURES:
                route, found = _PICTURES[path], self._no_room(scope, _PICTURES[path])
            else:
                return None
        except FakeWebError:
            return None
        if found is None:
            return None
        status, answer = found
        self._metrics.requests.labels(route, status).inc()
        self._metrics.seconds.labels(route).observe(time.perf_counter() - started)
        return answer

    def _alive(self, scope: Scope) -> tuple[int, bytes] | None:
        if not self._settings.needs_key:
            self._check_browser(scope)
        address = party((scope.get("client") or ("",))[0])
        if self._pauses.owe(f"health {address}", _STRANGERS_PER_MINUTE) > 0:
            return None
        body = orjson.dumps(self._health())
        headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
        return 200, _written(200, headers, body, secrets.token_hex(8))

    def _no_room(self, scope: Scope, route: str) -> tuple[int, bytes] | None:
        if self._settings.needs_key:
            key = self._ring.find(scope["headers"], "predict")
        else:
            self._check_browser(scope)
            address = party((scope.get("client") or ("",))[0])
            key = anybody(address, self._settings.anonymous_per_minute)
        self._check_length(_content_length(scope), route)
        try:
            self._admission.check(key.id)
        except Busy as error:
            self._buckets.take(key.id, key.per_minute)
            if self._pauses.owe(key.id, _REFUSED_PER_MINUTE) > 0:
                return None
            self._metrics.refused.labels(error.code).inc()
            request_id = secrets.token_hex(8)
            return error.http_status, _written(*problem_answer(error, request_id), request_id)
        return None

    def _check_browser(self, scope: Scope) -> None:
        """Refuse what a stranger's page makes a browser on this machine send: it needs no key here."""
        hosts, headers = self._settings.hosts, scope["headers"]
        check_host(headers, hosts, (scope.get("server") or ("",))[0])
        check_origin(scope["method"], headers, hosts, self._settings.cors_origins)

    async def _caller(self, scope: Scope, route: str, needs: str, address: str) -> Key:
        if needs == OPEN or scope["method"] == "OPTIONS":
            await self._pause(f"{route} {address}", _STRANGERS_PER_MINUTE)  # no page keeps a probe waiting
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

    async def _small(self, receive: Receive) -> Receive:
        """Read a body that is no upload, within limits and time; return what gives it to the application."""
        pace, body, more = Pace(self._settings.upload_idle_s, self._settings.upload_bytes_per_s), b"", True
        while more:
            message = await pace.wait(receive)
            if message["type"] == "http.disconnect":
                raise BadRequest("the connection was closed before the request was complete")
            body += message.get("body", b"")
            more = message.get("more_body", False)
            pace.came(len(message.get("body", b"")))
            self._check_length(len(body), "")
        whole = [{"type": "http.request", "body": body, "more_body": False}]

        async def receive_whole() -> Message:
            return whole.pop() if whole else await receive()

        return receive_whole

    def _check_length(self, length: int | None, route: str) -> None:
        most = self._longest.get(route, _FORM_BYTES)
        if length is not None and length > most:
            raise TooLarge(
                f"the request has {length:,} bytes; this address takes {most:,}", hint="send a smaller file"
            )


async def _taken(scope: Scope) -> None:
    """Wait until most of an answer is taken: so long what it took to make it stays in use."""
    if (connection := scope.get("fakeweb.connection")) is not None:
        await connection.flow.drain()


def _written(status: int, headers: list[tuple[bytes, bytes]], body: bytes, request_id: str) -> bytes:
    """Return an answer as it goes over the wire."""
    lines = b"".join(name + b": " + value + b"\r\n" for name, value in headers)
    own = f"x-request-id: {request_id}\r\n\r\n".encode()
    return b"".join((STATUS_LINE[status], lines, _ALWAYS, own, body))


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
