"""Requests that a stranger's web page makes a browser send: DNS rebinding and cross-site request forgery (CSRF).

Where no key is asked for, everybody who can reach a service may use it, and a browser on the same computer can, with
any page open in it. So such a service answers only to names it is known by (a page that rebinds a name of its own
keeps that name), and does as it is told only by pages of its own.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Collection, Iterable
from typing import Final
from urllib.parse import urlsplit

from fakeweb.errors import Forbidden

_READING: Final = ("GET", "HEAD", "OPTIONS")
_PORTS: Final = {"http": 80, "https": 443}
_EXTENSIONS: Final = ("chrome-extension", "moz-extension", "safari-web-extension")
"""What its user has installed; a page cannot speak in their name."""


def check_host(headers: Iterable[tuple[bytes, bytes]], names: Collection[str], here: str) -> None:
    """Raise Forbidden for a request to a name that the service is not known by.

    Args:
        headers: Of the request, names in lower case. Programs may leave ``Host`` out; browsers do not.
        names: Names by which the service is known, beside ``localhost`` and this machine's own addresses.
        here: Address at which the request arrived.
    """
    for header, value in headers:
        if header == b"host" and not _is_ours(_host_and_port(f"//{_text(value)}")[0], names, here):
            raise Forbidden(
                "the service is not known by this name", hint="call it localhost, or name it in FAKEWEB_HOSTS"
            )


def check_origin(
    method: str,
    headers: Iterable[tuple[bytes, bytes]],
    names: Collection[str] = (),
    origins: Collection[str] = (),
) -> None:
    """Raise Forbidden for a request that changes something and comes from a page of somebody else's.

    Args:
        method: Such as ``POST``.
        headers: Of the request, names in lower case.
        names: Names by which the service is known, for what a proxy calls otherwise.
        origins: Origins that may ask; ``*`` for all.
    """
    if method in _READING or "*" in origins:
        return
    said = {name: _text(value) for name, value in headers}
    origin, site = said.get(b"origin"), said.get(b"sec-fetch-site", "none")
    if origin is None:
        ours = site in ("none", "same-origin")
    else:
        ours = origin in origins or _is_own(origin, said.get(b"host", ""), names)
    if not ours:
        raise Forbidden("pages of other origins may not do this", hint="name theirs in FAKEWEB_CORS_ORIGINS")


def _is_ours(name: str, names: Collection[str], here: str) -> bool:
    if name in ("localhost", here.partition("%")[0]) or name in names:
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


def _is_own(origin: str, host: str, names: Collection[str]) -> bool:
    scheme = origin.partition(":")[0]
    if scheme in _EXTENSIONS:
        return True
    usual = _PORTS.get(scheme)
    name, port = _host_and_port(origin)
    own, own_port = _host_and_port(f"//{host}")
    if not name or usual is None:  # "null", for pages that hide where they come from
        return False
    if name == own and (port or usual) == (own_port or usual):
        return True
    return name in names and port in (None, usual)


def _host_and_port(address: str) -> tuple[str, int | None]:
    """Return name and port of an address; an empty name where it is none."""
    try:
        parts = urlsplit(address)
        plain = parts.hostname or ""
        if parts.username is not None or parts.path or parts.query:
            return "", None
        return plain.removesuffix("."), parts.port
    except ValueError:
        return "", None


def _text(value: bytes) -> str:
    return value.decode("latin-1").strip()
