"""SSRF-safe download: a picture from the web, whose address cannot reach into the network FakeWeb runs in.

Whoever may name an address can otherwise make a server speak to its own neighbours (SSRF). So: the name is
resolved once, every address it resolves to must be public, and the connection goes to the very address that
was checked (no second resolution, hence no DNS rebinding). Each redirect goes through the same gate.
"""

from __future__ import annotations

import http.client
import io
import ipaddress
import queue
import socket
import ssl
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, TypeAlias
from urllib.parse import SplitResult, quote, urljoin, urlsplit

from fakeweb.errors import Refused, Unreadable
from fakeweb.media.limits import DEFAULT_LIMITS, Limits, Reading, one_line

Address: TypeAlias = "ipaddress.IPv4Address | ipaddress.IPv6Address"
Resolver: TypeAlias = "Callable[[str, int], list[str]]"

_REDIRECTS: Final = {301, 302, 303, 307, 308}
_CHUNK_BYTES: Final = 1 << 16
_MAX_URL_CHARS: Final = 8192
_TRY_AGAIN: Final = "check the address, or download the picture yourself"
_PUBLIC_ONLY: Final = "only public web addresses are fetched; download the picture yourself"
_NOT_PUBLIC: Final = tuple(
    ipaddress.ip_network(n)
    for n in (
        "100.64.0.0/10",  # shared by providers; some clouds keep their metadata service here
        "168.63.129.16/32",  # Azure's wire server
        "192.0.0.0/24",
        "192.88.99.0/24",  # 6to4 relays
        "::/96",  # IPv4-compatible, long obsolete
        "64:ff9b:1::/48",  # NAT64 within a network
        "2001::/23",  # protocol assignments, Teredo among them
        "fec0::/10",  # site-local
    )
)
NAMES_S: Final = 3.0
"""Time for a name to be resolved."""
_NAT64: Final = ipaddress.IPv6Network("64:ff9b::/96")


def fetch_url(
    url: str,
    *,
    limits: Limits = DEFAULT_LIMITS,
    timeout_s: float = 10.0,
    max_redirects: int = 5,
    allowed_ports: frozenset[int] = frozenset({80, 443}),
    discreet: bool = False,
    _resolve: Resolver | None = None,
    _is_allowed: Callable[[Address], bool] | None = None,
    _tls: ssl.SSLContext | None = None,
) -> bytes:
    """Download one file from a public web address.

    Args:
        url: ``http://`` or ``https://``, without a user name.
        limits: ``max_bytes`` ends the download.
        timeout_s: Time for everything together: names, redirects and body, in seconds.
        max_redirects: How many redirects are followed.
        allowed_ports: Ports that may be spoken to.
        discreet: For strangers' addresses: a host that is not known and one that is not public are told alike and at
            the same time, so that nobody learns which names there are inside.
        _resolve: For tests: ``(host, port) -> addresses``.
        _is_allowed: For tests: which addresses may be spoken to.
        _tls: For tests: which certificates are believed.

    Returns:
        The body, not empty.

    Raises:
        Refused: Another scheme or port, a user name in the address, a host inside a private network, or a
            redirect from https to http.
        Unreadable: The server cannot be reached, is too slow, or answers with anything but a whole file.
        TooLarge: More than ``limits.max_bytes``.
        ValueError: ``timeout_s`` is not above 0, or ``max_redirects`` is below 0.

    Example:
        >>> fetch_url("http://127.0.0.1/a.jpg")
        Traceback (most recent call last):
        ...
        fakeweb.errors.Refused: http://127.0.0.1/a.jpg leads to 127.0.0.1, which is not a public address
    """
    if not timeout_s > 0 or max_redirects < 0:
        raise ValueError(f"timeout_s must be > 0 and max_redirects >= 0, got {timeout_s}, {max_redirects}")
    fetch = _Fetch(
        Reading(one_line(url), limits),
        time.monotonic() + timeout_s,
        allowed_ports,
        discreet,
        _resolve or resolve,
        _is_allowed or is_public,
        _tls,
    )
    for _ in range(max_redirects + 1):
        body, location = fetch.get(url)
        if location is None:
            return body
        url = _follow(url, location)
    raise Unreadable(
        f"{fetch.reading.name} redirects more than {max_redirects} times", hint="give the final address"
    )


def is_public(address: Address) -> bool:
    """Tell whether an address belongs to the public internet, also where IPv6 wraps an IPv4 address."""
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is not None or address.scope_id is not None:
            return False
        wrapped = address.sixtofour
        if address in _NAT64:
            wrapped = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
        if wrapped is not None:
            return is_public(wrapped)
    if any(address.version == n.version and address in n for n in _NOT_PUBLIC):
        return False
    special = address.is_private or address.is_loopback or address.is_link_local or address.is_multicast
    return address.is_global and not (special or address.is_reserved or address.is_unspecified)


def resolve(host: str, port: int) -> list[str]:
    """Return the addresses of a host; OSError where there is none."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


@dataclass(frozen=True)
class _Fetch:
    """One download: what it may reach, and until when (``deadline_s``, on the monotonic clock)."""

    reading: Reading
    deadline_s: float
    allowed_ports: frozenset[int]
    discreet: bool
    resolve: Resolver
    is_allowed: Callable[[Address], bool]
    tls: ssl.SSLContext | None

    def get(self, url: str) -> tuple[bytes, str | None]:
        """Return the body, or the place a redirect points to."""
        parts, host, port = self._check_url(url)
        addresses = self._discreetly(url, host, port) if self.discreet else self._addresses(url, host, port)
        try:
            with self._connect(addresses, host, port, parts.scheme == "https") as connection:
                return self._exchange(connection, parts, host, port)
        except TimeoutError as error:
            raise self._too_slow() from error
        except ssl.SSLError as error:
            raise self._failed(f"no secure connection ({error.reason or error})") from error
        except (OSError, http.client.HTTPException) as error:
            raise self._failed(f"{error or type(error).__name__}") from error

    def _check_url(self, url: str) -> tuple[SplitResult, str, int]:
        shown = one_line(url)
        if len(url) > _MAX_URL_CHARS or any(not c.isprintable() or c.isspace() or c == "\\" for c in url):
            raise Refused(f"{shown} is not a web address", hint="encode spaces and special characters")
        try:
            parts = urlsplit(url)
            host = (parts.hostname or "").encode("idna").decode("ascii") if parts.hostname else ""
            port = parts.port or {"http": 80, "https": 443}.get(parts.scheme, 0)
        except ValueError as error:  # UnicodeError too
            raise Refused(f"{shown} is not a web address: {error}", hint=_TRY_AGAIN) from error
        if parts.scheme not in ("http", "https") or not host or "%" in host:
            raise Refused(f"{shown} is not an http or https address", hint=_PUBLIC_ONLY)
        if parts.username is not None or parts.password is not None:
            raise Refused("an address with a user name is not fetched", hint="remove the part before the @")
        if port not in self.allowed_ports:
            raise Refused(f"{shown} asks for port {port}, which is not allowed", hint=_PUBLIC_ONLY)
        return parts, host, port

    def _discreetly(self, url: str, host: str, port: int) -> list[str]:
        begun_s = time.monotonic()
        try:
            return self._addresses(url, host, port)
        except (Refused, Unreadable):
            time.sleep(max(0.0, begun_s + NAMES_S - time.monotonic()))
            raise self._failed("its host is not known, or not public") from None

    def _addresses(self, url: str, host: str, port: int) -> list[str]:
        """Resolve once; every address must be allowed, not only the one that will be used."""
        found = self._resolve_in_time(host, port)
        for text in found:
            try:
                allowed = self.is_allowed(ipaddress.ip_address(text))
            except ValueError:
                allowed = False
            if not allowed:
                raise Refused(
                    f"{one_line(url)} leads to {one_line(text)}, which is not a public address",
                    hint=_PUBLIC_ONLY,
                )
        return found

    def _resolve_in_time(self, host: str, port: int) -> list[str]:
        """The system's resolver knows no timeout, so it runs in a thread that nobody waits for."""
        answer: queue.SimpleQueue[list[str] | Exception] = queue.SimpleQueue()

        def ask() -> None:
            try:
                answer.put(self.resolve(host, port))
            except Exception as error:
                answer.put(error)

        threading.Thread(target=ask, name="fakeweb-resolve", daemon=True).start()
        try:
            found = answer.get(timeout=min(NAMES_S, self._left()))
        except (queue.Empty, TimeoutError):
            raise self._too_slow() from None
        if isinstance(found, Exception) or not found:
            raise self._failed(f"the host {host} is not known")
        return found

    def _connect(self, addresses: list[str], host: str, port: int, secure: bool) -> _TimedSocket:
        """Connect to a checked address; with TLS the certificate must be for the host that was named."""
        for number, address in enumerate(addresses[:4], 1):
            try:
                # Shares the time, so that one dead address leaves some for the next.
                share_s = self._left() / (1 if number == len(addresses[:4]) else 2)
                connected = socket.create_connection((address, port), timeout=share_s)
                break
            except OSError:
                if number == len(addresses[:4]):
                    raise
        if not secure:
            return _TimedSocket(connected, self._left)
        try:
            connected.settimeout(self._left())
            context = self.tls or ssl.create_default_context()
            return _TimedSocket(context.wrap_socket(connected, server_hostname=host), self._left)
        except BaseException:
            connected.close()
            raise

    def _exchange(
        self, connection: _TimedSocket, parts: SplitResult, host: str, port: int
    ) -> tuple[bytes, str | None]:
        client = http.client.HTTPConnection(host, port)
        client.sock = connection
        target = quote(parts.path or "/", safe="/%:@!$&'()*+,;=~-._")
        if parts.query:
            target += "?" + quote(parts.query, safe="/%:@!$&'()*+,;=~-._?")
        named = f"[{host}]" if ":" in host else host
        headers = {
            "Host": named if port in (80, 443) else f"{named}:{port}",
            "User-Agent": "FakeWeb",
            "Accept": "image/*, */*;q=0.1",
            "Accept-Encoding": "identity",
            "Connection": "close",
        }
        client.request("GET", target, headers=headers)
        response = client.getresponse()
        try:
            location = response.getheader("Location")
            if response.status in _REDIRECTS and location:
                return b"", location
            if response.status != 200:
                raise self._failed(f"the server answers {response.status} {one_line(response.reason)}")
            return self._body(response), None
        finally:
            response.close()

    def _body(self, response: http.client.HTTPResponse) -> bytes:
        if response.getheader("Content-Encoding", "identity").lower() != "identity":
            raise self._failed("the server sends it compressed, which was not asked for")
        promised = response.length
        self.reading.check_bytes(promised or 0)
        parts: list[bytes] = []
        count = 0
        while part := response.read(_CHUNK_BYTES):
            count += len(part)
            self.reading.check_bytes(count)
            parts.append(part)
        if promised is not None and count < promised:
            raise self._failed(f"the download ends after {count:,} of {promised:,} bytes")
        if not count:
            raise self._failed("the server sends nothing")
        return b"".join(parts)

    def _left(self) -> float:
        """Return the seconds left; TimeoutError where none are."""
        left_s = self.deadline_s - time.monotonic()
        if left_s <= 0:
            raise TimeoutError("the deadline has passed")
        return left_s

    def _too_slow(self) -> Unreadable:
        return Unreadable(
            f"{self.reading.name} does not arrive in time", hint="raise timeout_s, or download it"
        )

    def _failed(self, reason: str) -> Unreadable:
        return Unreadable(f"{self.reading.name} cannot be downloaded: {one_line(reason)}", hint=_TRY_AGAIN)


class _TimedSocket:
    """A socket whose every call ends at one deadline, however slowly the bytes drip.

    A timeout of a socket holds for each call alone: a server that sends one byte per second would never end.
    """

    def __init__(self, connected: socket.socket, left: Callable[[], float]) -> None:
        self._socket = connected
        self._left = left

    def __enter__(self) -> _TimedSocket:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def sendall(self, data: bytes) -> None:
        self._socket.settimeout(self._left())
        self._socket.sendall(data)

    def makefile(self, *_: Any, **__: Any) -> io.BufferedReader:
        return io.BufferedReader(_TimedReader(self._socket, self._left))

    def close(self) -> None:
        """Do nothing: http.client closes its socket before the body is read. Leaving the block closes it."""


class _TimedReader(io.RawIOBase):
    def __init__(self, connected: socket.socket, left: Callable[[], float]) -> None:
        self._socket = connected
        self._left = left

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        self._socket.settimeout(self._left())
        return self._socket.recv_into(buffer)


def _follow(url: str, location: str) -> str:
    target = urljoin(url, location)
    if url.lower().startswith("https:") and target.lower().startswith("http:"):
        raise Refused(
            f"{one_line(url)} redirects from https to http",
            hint="download the picture yourself if you trust it",
        )
    return target
