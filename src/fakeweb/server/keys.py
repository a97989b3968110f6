"""API keys: made once, stored as hashes, with scopes and a rate limit."""

from __future__ import annotations

import contextlib
import hashlib
import math
import secrets
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from fakeweb.errors import FakeWebError, Forbidden, RateLimited, Unauthorized, UsageError

SCOPES = ("predict", "videos", "results", "queue", "metrics", "admin")
"""What a key may be used for; ``admin`` includes all others."""

_PREFIX = "fw_"
_BURST_S = 10.0
_FORGET_S = 600.0
_ASK_S = 0.5


def new_key() -> str:
    """Return a new key: 256 random bits."""
    return _PREFIX + secrets.token_urlsafe(32)


def hash_key(key: str) -> str:
    """Return what is stored of a key.

    A plain SHA-256 is enough here, unlike for passwords: nobody can try out 256 random bits.
    """
    return hashlib.sha256(key.encode("utf-8", "surrogateescape")).hexdigest()


def check_scopes(scopes: Iterable[str]) -> str:
    """Return scopes as they are stored.

    Raises:
        UsageError: A scope of another name, or none.
    """
    chosen = list(dict.fromkeys(scopes))
    if not chosen or not set(chosen) <= set(SCOPES):
        raise UsageError(
            f"scopes are {', '.join(SCOPES)}, got {', '.join(chosen)}", hint="such as predict,queue"
        )
    return ",".join(chosen)


@dataclass(frozen=True)
class Key:
    """Who is calling. ``per_minute`` of 0 means no limit."""

    id: str
    name: str
    scopes: frozenset[str]
    per_minute: int

    def may(self, scope: str) -> bool:
        """Tell whether this key has a scope."""
        return scope in self.scopes or "admin" in self.scopes


ANYBODY = Key("", "anonymous", frozenset(SCOPES), 0)
"""The caller where no key is asked for."""


@dataclass
class Buckets:
    """Rate limits: each caller may make ``per_minute`` requests, ten seconds' worth of them at once."""

    _filled: dict[str, tuple[float, float]] = field(default_factory=dict)
    _swept_s: float = 0.0

    def take(self, caller: str, per_minute: int) -> None:
        """Count one request.

        Raises:
            RateLimited: Too many; ``retry_after_s`` says when the next one is free.
        """
        if per_minute <= 0:
            return
        now = time.monotonic()
        rate, most = per_minute / 60, max(1.0, per_minute / 60 * _BURST_S)
        tokens, then = self._filled.get(caller, (most, now))
        tokens = min(most, tokens + (now - then) * rate)
        if tokens < 1:
            self._filled[caller] = (tokens, now)
            raise RateLimited(
                f"more than {per_minute} requests a minute",
                hint="wait as long as Retry-After says",
                retry_after_s=(1 - tokens) / rate,
            )
        self._filled[caller] = (tokens - 1, now)
        if now - self._swept_s > _FORGET_S:
            self._swept_s = now
            self._filled = {c: v for c, v in self._filled.items() if now - v[1] < _FORGET_S}


class KeyRing:
    """The keys in memory; the database is asked again every few seconds, so that revoking takes effect.

    Args:
        ask: Loads the keys anew. Asked for a key that is not known, so that a new one works at once, but not more
            than twice a second, so that wrong keys do not wear out the database.
    """

    def __init__(self, ask: Callable[[], Awaitable[None]] | None = None) -> None:
        self._keys: dict[str, Key] = {}
        self._ask = ask
        self._asked_s = -math.inf

    def load(self, rows: Iterable[Mapping[str, Any]]) -> None:
        """Take over what the database says."""
        self._keys = {
            str(r["key_sha256"]): Key(r["id"], r["name"], frozenset(r["scopes"].split(",")), r["per_minute"])
            for r in rows
            if r["revoked_s"] is None
        }

    async def find_fresh(self, headers: Iterable[tuple[bytes, bytes]], scope: str) -> Key:
        """Return the caller's key, even one made a moment ago; arguments and errors as of :meth:`find`."""
        given, now = _given(headers), time.monotonic()
        new = given.startswith(_PREFIX) and hash_key(given) not in self._keys
        if new and self._ask is not None and now - self._asked_s > _ASK_S:
            self._asked_s = now
            with contextlib.suppress(FakeWebError):  # the database may be away: then the key is not known
                await self._ask()
        return self.find(headers, scope)

    def find(self, headers: Iterable[tuple[bytes, bytes]], scope: str) -> Key:
        """Return the caller's key.

        Args:
            headers: Of the request, names in lower case.
            scope: What the request needs; empty: any key will do.

        Raises:
            Unauthorized: No key, or not a known one.
            Forbidden: The key lacks the scope.
        """
        given = _given(headers)
        key = self._keys.get(hash_key(given)) if given else None
        if key is None:
            raise Unauthorized(
                "this needs an API key" if not given else "this API key is not known",
                hint="send the header 'Authorization: Bearer KEY'; `fakeweb keys create` makes one",
            )
        if scope and not key.may(scope):
            raise Forbidden(f"the key '{key.name}' lacks the scope '{scope}'", hint="use a key that has it")
        return key


def _given(headers: Iterable[tuple[bytes, bytes]]) -> str:
    for name, value in headers:
        if name == b"authorization":
            kind, _, rest = value.decode("latin-1").partition(" ")
            return rest.strip() if kind.lower() == "bearer" else ""
        if name == b"x-api-key":
            return value.decode("latin-1").strip()
    return ""
