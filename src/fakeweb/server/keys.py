"""API keys: made once, stored as hashes, with scopes and a rate limit."""

from __future__ import annotations

import contextlib
import hashlib
import math
import re
import secrets
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from fakeweb.errors import FakeWebError, Forbidden, RateLimited, Unauthorized, UsageError
from fakeweb.server.tables import DEFAULT_TENANT

SCOPES = ("predict", "videos", "results", "enqueue", "queue", "metrics", "tenant-admin", "admin")
"""What a key may be used for. ``enqueue`` puts posts into the review queue, ``queue`` reads and decides as well;
``tenant-admin`` may do everything in its tenant, ``admin`` everything in all of them."""

_INCLUDED = {
    **{s: frozenset((s, "tenant-admin", "admin")) for s in ("predict", "videos", "results", "queue")},
    "enqueue": frozenset(("enqueue", "queue", "tenant-admin", "admin")),
}
"""Which scopes include which."""
_TENANT = re.compile(r"[a-z0-9][a-z0-9._-]{0,62}")
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


def check_tenant(name: str) -> str:
    """Return a tenant's name as it is stored.

    Raises:
        UsageError: It has other characters than these, or too many.
    """
    if not _TENANT.fullmatch(name):
        raise UsageError(
            f"a tenant's name has small letters, digits, '.', '_' and '-', got {name!r}", hint="such as acme"
        )
    return name


@dataclass(frozen=True)
class Key:
    """Who is calling. ``per_minute`` of 0 means no limit; where no key is asked for, the address is the id."""

    id: str
    name: str
    scopes: frozenset[str]
    per_minute: int
    tenant: str = DEFAULT_TENANT

    @property
    def sees(self) -> str | None:
        """The tenant whose results, jobs and items are there for this key; None: those of all."""
        return None if "admin" in self.scopes else self.tenant

    def may(self, scope: str) -> bool:
        """Tell whether this key has a scope."""
        return not _INCLUDED.get(scope, frozenset((scope, "admin"))).isdisjoint(self.scopes)

    def must(self, *scopes: str) -> None:
        """Raise Forbidden where this key lacks one of these scopes."""
        for scope in scopes:
            if scope and not self.may(scope):
                raise Forbidden(
                    f"the key '{self.name}' lacks the scope '{scope}'", hint="use a key that has it"
                )


def anybody(address: str, per_minute: int = 0) -> Key:
    """Return the caller where no key is asked for."""
    return Key(address, "anonymous", frozenset(SCOPES), per_minute)


def on_behalf_of(tenant: str) -> Key:
    """Return who finishes what a tenant's key has begun; whether that may use the queue was asked then."""
    return Key("", "", frozenset(("enqueue",)), 0, tenant)


@dataclass
class Buckets:
    """Rate limits: each caller may do ``per_minute`` things, ten seconds' worth of them at once."""

    _filled: dict[str, tuple[float, float]] = field(default_factory=dict)
    _swept_s: float = 0.0

    def take(self, caller: str, per_minute: int) -> None:
        """Count one request.

        Raises:
            RateLimited: Too many; ``retry_after_s`` says when the next one is free.
        """
        if per_minute <= 0:
            return
        tokens = self._tokens(caller, per_minute)
        if tokens < 1:
            raise RateLimited(
                f"more than {per_minute} pictures or requests a minute",
                hint="wait as long as Retry-After says",
                retry_after_s=(1 - tokens) * 60 / per_minute,
            )
        self._filled[caller] = (tokens - 1, time.monotonic())

    def owe(self, caller: str, per_minute: int, count: int = 1, *, most_s: float = math.inf) -> float:
        """Count what cannot be refused any more; return for how many seconds, up to ``most_s``, nothing is free."""
        if per_minute <= 0:
            return 0.0
        tokens = max(self._tokens(caller, per_minute) - count, -most_s * per_minute / 60)
        self._filled[caller] = (tokens, time.monotonic())
        return max(0.0, -tokens * 60 / per_minute)

    def _tokens(self, caller: str, per_minute: int) -> float:
        now = time.monotonic()
        most = max(1.0, per_minute / 60 * _BURST_S)
        tokens, then = self._filled.get(caller, (most, now))
        if now - self._swept_s > _FORGET_S:
            self._swept_s = now
            self._filled = {c: v for c, v in self._filled.items() if now - v[1] < _FORGET_S}
        return min(most, tokens + (now - then) * per_minute / 60)


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
            str(r["key_sha256"]): Key(
                r["id"], r["name"], frozenset(r["scopes"].split(",")), r["per_minute"], r["tenant"]
            )
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
        key.must(scope)
        return key


def _given(headers: Iterable[tuple[bytes, bytes]]) -> str:
    """Return the key of a request; what a proxy asked for with another scheme does not hide it."""
    own = ""
    for name, value in headers:
        if name == b"authorization":
            kind, _, rest = value.decode("latin-1").partition(" ")
            if kind.lower() == "bearer":
                return rest.strip()
        elif name == b"x-api-key" and not own:
            own = value.decode("latin-1").strip()
    return own
