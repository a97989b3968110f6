"""HTTP with the standard library: one connection per thread, kept open; waits where the service is busy."""

from __future__ import annotations

import http.client
import json
import random
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any, BinaryIO
from urllib.parse import quote, urlencode, urlsplit

from fakeweb.client.values import error_of, understood
from fakeweb.errors import ServiceError, Unreachable, UsageError

_LONGEST_WAIT_S = 30.0
_CHUNK_BYTES = 1 << 16
_AGAIN = (429, 503)

Body = bytes | BinaryIO | None


class Wire:
    """One service.

    Args:
        address: Such as ``https://fakeweb.example``; a path before ``/v1`` is kept.
        key: API key, or None.
        timeout_s: For connecting, and for each wait on the socket.
        patience_s: How long a request may be tried again altogether where the service is busy; 0: never.
    """

    def __init__(self, address: str, key: str | None, timeout_s: float, patience_s: float) -> None:
        parts = urlsplit(address)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise UsageError(
                f"{address} is not an http or https address", hint="such as http://127.0.0.1:8000"
            )
        self._parts = parts
        self._base = parts.path.rstrip("/")
        self._key = key
        self._timeout_s = timeout_s
        self._patience_s = patience_s
        self._local = threading.local()

    def json(self, method: str, path: str, **request: Any) -> Any:
        """Make a request; return its JSON."""
        body = self.bytes(method, path, **request)
        with understood():
            return json.loads(body or b"null")

    def bytes(self, method: str, path: str, **request: Any) -> bytes:
        """Make a request; return its body."""
        with self.open(method, path, **request) as response:
            return response.read()

    @contextmanager
    def open(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, Any] | None = None,
        body: Body = None,
        headers: Mapping[str, str] | None = None,
    ) -> Iterator[http.client.HTTPResponse]:
        """Make a request; yield the response, whose status is below 400.

        Raises:
            Unreachable: Nobody answers.
            FakeWebError: What the service says.
        """
        target = self._base + quote(path) + _query(query)
        until = time.monotonic() + self._patience_s
        while True:
            response = self._once(method, target, body, headers or {})
            if response.status < 400:
                break
            wait_s = _retry_after_s(response)
            error = _error(response, wait_s)
            if response.status not in _AGAIN or time.monotonic() + wait_s > until or not _rewind(body):
                raise error
            time.sleep(wait_s)
        try:
            yield response
        except (OSError, http.client.HTTPException) as error:
            self.close()
            raise Unreachable(f"the answer breaks off: {error}", hint="try again") from error
        finally:
            if not response.isclosed():  # not read to the end: the connection cannot be used again
                response.close()
                self.close()

    def close(self) -> None:
        """Close this thread's connection."""
        connection = getattr(self._local, "connection", None)
        if connection is not None:
            connection.close()
            self._local.connection = None

    def _once(
        self, method: str, target: str, body: Body, headers: Mapping[str, str]
    ) -> http.client.HTTPResponse:
        sent = {"Accept": "application/json", "User-Agent": "fakeweb-client", **headers}
        if self._key:
            sent["Authorization"] = f"Bearer {self._key}"
        reused = getattr(self._local, "connection", None) is not None
        while True:
            connection = self._connection()
            try:
                connection.request(method, target, body, sent)
                return connection.getresponse()
            except (OSError, http.client.HTTPException) as error:
                self.close()
                # a connection that had been idle may have been closed in the meantime; a new one may not
                if not reused or not _rewind(body):
                    where = f"{self._parts.scheme}://{self._parts.netloc}"
                    raise Unreachable(
                        f"no service answers at {where}: {error or type(error).__name__}",
                        hint="is it running?",
                    ) from error
                reused = False

    def _connection(self) -> http.client.HTTPConnection:
        found: http.client.HTTPConnection | None = getattr(self._local, "connection", None)
        if found is None:
            kind = (
                http.client.HTTPSConnection if self._parts.scheme == "https" else http.client.HTTPConnection
            )
            found = kind(self._parts.hostname or "", self._parts.port, timeout=self._timeout_s)
            self._local.connection = found
        return found


def _query(query: Mapping[str, Any] | None) -> str:
    given = {
        k: str(v).lower() if isinstance(v, bool) else v for k, v in (query or {}).items() if v is not None
    }
    return "?" + urlencode(given) if given else ""


def _rewind(body: Body) -> bool:
    """Make a body ready to be sent again; tell whether that was possible."""
    if body is None or isinstance(body, bytes):
        return True
    with suppress(OSError):
        body.seek(0)
        return True
    return False


def _retry_after_s(response: http.client.HTTPResponse) -> float:
    """Return how long to wait, a little more for some than for others."""
    try:
        wait_s = float(response.getheader("Retry-After") or 1)
    except ValueError:
        wait_s = 1.0
    return min(_LONGEST_WAIT_S, max(0.0, wait_s)) * (1 + 0.25 * random.random())


def _error(response: http.client.HTTPResponse, wait_s: float) -> Exception:
    body = response.read()
    try:
        problem = json.loads(body)
        error: Exception = error_of(problem)
    except (ValueError, AttributeError, TypeError):
        return Unreachable(f"HTTP {response.status}, and no problem that explains it", hint="is it FakeWeb?")
    if isinstance(error, ServiceError) and response.status in _AGAIN:
        error.retry_after_s = wait_s
    return error


__all__ = ["Wire"]
