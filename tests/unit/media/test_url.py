from __future__ import annotations

import ipaddress
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial

import pytest

from fakeweb.errors import Refused, TooLarge, Unreadable
from fakeweb.media import Limits, fetch_url
from fakeweb.media.url import is_public

# A key and a certificate for pictures.example, valid until 2126, made for these tests alone.
PEM = """\
-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgnAoNuWs+MOvsUvPa
9zNgMKdVWHekseF0WnNfAm8Zs/GhRANCAASEFUDuw6JEDQF2jHdmE7c1hsnvKqgj
rSzjjcC6xdfSxgu96s/886ZoIKXa/+OZ5lxO/NGY8PeN0LFIH4jF1bVV
-----END PRIVATE KEY-----
-----BEGIN CERTIFICATE-----
MIIBqjCCAVCgAwIBAgIUYLfx7STMq7pT8MqjsOTWx1gEK3swCgYIKoZIzj0EAwIw
GzEZMBcGA1UEAwwQcGljdHVyZXMuZXhhbXBsZTAgFw0yNjExMjAyMzExNDdaGA8y
MTI2MTAyNzIzMTE0N1owGzEZMBcGA1UEAwwQcGljdHVyZXMuZXhhbXBsZTBZMBMG
ByqGSM49AgEGCCqGSM49AwEHA0IABIQVQO7DokQNAXaMd2YTtzWGye8qqCOtLOON
wLrF19LGC73qz/zzpmggpdr/45nmXE780Zjw943QsUgfiMXVtVWjcDBuMB0GA1Ud
DgQWBBSnuOrKulh/buY0+kex4p6yb5uPfjAfBgNVHSMEGDAWgBSnuOrKulh/buY0
+kex4p6yb5uPfjAPBgNVHRMBAf8EBTADAQH/MBsGA1UdEQQUMBKCEHBpY3R1cmVz
LmV4YW1wbGUwCgYIKoZIzj0EAwIDSAAwRQIgHaSHMP2CU5uWN5kHzq1J6J8cYVdl
8IaEEG6IJkZt6yQCIQDiwdG8CiFljLjPnN0zOirUpLXSTcWFA7AgO8VMkTjRjA==
-----END CERTIFICATE-----
"""

BODY = bytes(range(256)) * 8


def answer(body: bytes = BODY, status: str = "200 OK", length: int | None = None, *headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status}", *headers]
    if length != -1:
        lines.append(f"Content-Length: {len(body) if length is None else length}")
    return "\r\n".join([*lines, "", ""]).encode() + body


class Server:
    """A server on 127.0.0.1 that sends what a test wants for each path, and keeps the requests."""

    def __init__(self, context: ssl.SSLContext | None = None) -> None:
        self.context = context
        self.pages: dict[str, bytes | Callable[[socket.socket], None]] = {}
        self.requests: list[str] = []
        self.listening = socket.create_server(("127.0.0.1", 0))
        self.port = self.listening.getsockname()[1]
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    def serve(self) -> None:
        while True:
            try:
                connection, _ = self.listening.accept()
            except OSError:
                return
            try:
                with connection:
                    connection.settimeout(3)
                    if self.context:
                        connection = self.context.wrap_socket(connection, server_side=True)
                    self.handle(connection)
            except OSError:
                continue
            finally:
                connection.close()

    def handle(self, connection: socket.socket) -> None:
        request = b""
        while b"\r\n\r\n" not in request:
            part = connection.recv(4096)
            if not part:
                return
            request += part
        self.requests.append(request.decode())
        page = self.pages.get(request.split()[1].decode(), answer(b"", "404 Not Found"))
        if callable(page):
            page(connection)
        else:
            connection.sendall(page)

    def close(self) -> None:
        self.listening.shutdown(socket.SHUT_RDWR)
        self.listening.close()
        self.thread.join()


@pytest.fixture
def server() -> Iterator[Server]:
    running = Server()
    yield running
    running.close()


@pytest.fixture
def fetch(server) -> Callable[..., bytes]:
    """fetch_url for paths of the server; pictures.example is the server, and nothing else may be reached."""
    hosts = {
        "pictures.example": ["127.0.0.1"],
        "inside.example": ["10.0.0.1"],
        "half.example": ["127.0.0.1", "10.0.0.1"],
    }

    def run(path: str, scheme: str = "http", **options) -> bytes:
        url = f"{scheme}://pictures.example:{server.port}{path}" if path.startswith("/") else path
        options.setdefault("_resolve", lambda host, port: hosts.get(host) or [host])
        options.setdefault("_is_allowed", lambda address: str(address) == "127.0.0.1")
        options.setdefault("allowed_ports", frozenset({80, 443, server.port}))
        return fetch_url(url, **options)

    return run


def test_a_picture_arrives(server, fetch):
    server.pages["/a%20b.jpg?x=1&y=%C3%BC"] = answer()
    assert fetch("/a%20b.jpg?x=1&y=ü") == BODY
    request = server.requests[0]
    assert f"Host: pictures.example:{server.port}\r\n" in request
    assert "Accept-Encoding: identity\r\n" in request


def test_chunks_and_no_length(server, fetch):
    server.pages["/chunks"] = answer(
        b"3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n", "200 OK", -1, "Transfer-Encoding: chunked"
    )
    server.pages["/open"] = answer(b"abc", "200 OK", -1, "Connection: close")
    assert fetch("/chunks") == b"abcde"
    assert fetch("/open") == b"abc"


@pytest.mark.parametrize("place", ["/b", "http://pictures.example:{port}/b", "b"])
@pytest.mark.parametrize("status", ["301 x", "302 x", "303 x", "307 x", "308 x"])
def test_redirects_are_followed(status, place, server, fetch):
    server.pages["/a"] = answer(b"", status, None, "Location: " + place.format(port=server.port))
    server.pages["/b"] = answer()
    assert fetch("/a") == BODY


@pytest.mark.parametrize(
    ("place", "words"),
    [
        ("http://inside.example/secret", "10.0.0.1, which is not a public address"),
        ("http://half.example/secret", "10.0.0.1"),
        ("http://127.0.0.2/", "127.0.0.2"),
        ("http://[::1]/", "::1"),
        ("http://pictures.example:22/", "port 22"),
        ("file:///etc/passwd", "not an http or https address"),
        ("ftp://pictures.example/", "not an http or https address"),
        ("http://user:word@pictures.example/", "user name"),
    ],
)
def test_redirects_pass_the_same_gate(place, words, server, fetch):
    server.pages["/a"] = answer(b"", "302 Found", None, f"Location: {place}")
    with pytest.raises(Refused, match=words.replace(".", r"\.")):
        fetch("/a")
    assert len(server.requests) == 1
    with pytest.raises(Refused, match=words.replace(".", r"\.")):
        fetch(place)


def test_a_redirect_loop_ends(server, fetch):
    server.pages["/a"] = answer(b"", "302 Found", None, "Location: /a")
    with pytest.raises(Unreadable, match="redirects more than 3 times"):
        fetch("/a", max_redirects=3)
    assert len(server.requests) == 4


@pytest.mark.parametrize(
    ("page", "words"),
    [
        (answer(b"", "404 Not Found"), "404 Not Found"),
        (answer(b"", "500 Oh"), "500 Oh"),
        (answer(b"", "302 Found"), "302 Found"),
        (answer(b"x", "206 Partial"), "206 Partial"),
        (answer(b""), "sends nothing"),
        (answer(BODY, "200 OK", 9999), "after 2,048 of 9,999 bytes"),
        (answer(b"5\r\nab", "200 OK", -1, "Transfer-Encoding: chunked"), "cannot be downloaded"),
        (answer(BODY, "200 OK", None, "Content-Encoding: gzip"), "compressed"),
        (b"SSH-2.0-OpenSSH\r\n", "cannot be downloaded"),
        (b"", "cannot be downloaded"),
        (b"HTTP/1.1 200 OK\r\nX: " + b"y" * 70000, "cannot be downloaded"),
    ],
    ids=lambda v: v if isinstance(v, str) else "",
)
def test_answers_that_are_no_picture(page, words, server, fetch):
    server.pages["/a"] = page
    with pytest.raises(Unreadable, match=words) as caught:
        fetch("/a")
    assert caught.value.hint
    assert "\n" not in caught.value.message


@pytest.mark.parametrize("length", [None, -1])
def test_a_body_over_the_limit(length, server, fetch):
    server.pages["/a"] = answer(BODY, "200 OK", length)
    with pytest.raises(TooLarge, match="1,000 bytes"):
        fetch("/a", limits=Limits(max_bytes=1000))
    assert fetch("/a", limits=Limits(max_bytes=len(BODY))) == BODY


def drip(connection: socket.socket, start: bytes) -> None:
    connection.sendall(start)
    for _ in range(60):
        connection.sendall(b"x")
        time.sleep(0.05)


@pytest.mark.parametrize("start", [answer(b"", "200 OK", 9999), b"HTTP/1.1 200 OK\r\nX: ", b""])
def test_a_slow_drip_meets_the_deadline(start, server, fetch):
    server.pages["/a"] = partial(drip, start=start)
    begin = time.monotonic()
    with pytest.raises(Unreadable, match="does not arrive in time"):
        fetch("/a", timeout_s=0.3)
    assert time.monotonic() - begin < 2.5  # the drip goes on for three seconds


def test_a_slow_resolver_meets_the_deadline(fetch):
    begin = time.monotonic()
    with pytest.raises(Unreadable, match="does not arrive in time"):
        fetch("/a", timeout_s=0.2, _resolve=lambda *_: time.sleep(20) or ["127.0.0.1"])
    assert time.monotonic() - begin < 10


def test_hosts_that_are_not_there(fetch):
    def nowhere(*_: object) -> list[str]:
        raise socket.gaierror(-2, "Name or service not known")

    for resolver in (nowhere, lambda *_: []):
        with pytest.raises(Unreadable, match=r"the host pictures\.example is not known"):
            fetch("/a", _resolve=resolver)
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    with pytest.raises(Unreadable, match="cannot be downloaded"):
        fetch(f"http://pictures.example:{port}/", allowed_ports=frozenset({port}))


def test_the_name_is_resolved_once_and_a_dead_address_passed_over(server, fetch):
    server.pages["/a"] = answer()
    asked = []

    def resolver(host: str, port: int) -> list[str]:
        asked.append((host, port))
        return ["127.0.0.9", "127.0.0.1"]

    assert fetch("/a", _resolve=resolver, _is_allowed=lambda _: True) == BODY
    assert asked == [("pictures.example", server.port)]


@pytest.fixture
def secure(tmp_path) -> Iterator[tuple[Server, ssl.SSLContext]]:
    pem = tmp_path / "test.pem"
    pem.write_text(PEM)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    running = Server(context)
    trusting = ssl.create_default_context(cadata=PEM[PEM.index("-----BEGIN CERT") :])
    yield running, trusting
    running.close()


def test_tls_checks_the_name_that_was_asked_for(secure):
    server, trusting = secure
    server.pages["/a"] = answer()
    server.pages["/down"] = answer(b"", "302 Found", None, "Location: http://pictures.example/")
    options = {
        "_resolve": lambda *_: ["127.0.0.1"],
        "_is_allowed": lambda _: True,
        "allowed_ports": {server.port},
    }
    there = f"https://pictures.example:{server.port}"
    assert fetch_url(f"{there}/a", _tls=trusting, **options) == BODY
    with pytest.raises(Refused, match="from https to http"):
        fetch_url(f"{there}/down", _tls=trusting, **options)
    with pytest.raises(Unreadable, match="no secure connection"):
        fetch_url(f"https://other.example:{server.port}/a", _tls=trusting, **options)
    with pytest.raises(Unreadable, match="no secure connection"):
        fetch_url(f"{there}/a", **options)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "pictures.example/a.jpg",
        "file:///etc/passwd",
        "ftp://pictures.example/",
        "http://",
        "http://user@pictures.example/",
        "http://:word@pictures.example/",
        "http://pictures.example:8080/",
        "http://pictures.example:99999/",
        "http://pictures.example:0x50/",
        "http://pictures.example/a b",
        "http://pictures.example/a\r\nHost: x",
        "http://pictures.example\\@inside.example/",
        "http://[fe80::1%25eth0]/",
        "http://[::1/",
        "http://" + "a" * 70 + ".example/",
        "http://pictures.example/" + "a" * 9000,
        "http://127.0.0.1/",
        "http://2130706433/",
        "http://0x7f.1/",
        "http://localhost/",
        "http://169.254.169.254/latest/meta-data/",
        "http://[::ffff:127.0.0.1]/",
        "http://0.0.0.0/",
    ],
    ids=lambda u: u[:40],
)
def test_addresses_that_are_refused(url):
    with pytest.raises(Refused) as caught:
        fetch_url(url, timeout_s=5)
    assert caught.value.hint
    assert "\n" not in caught.value.message
    assert "word" not in caught.value.message


PUBLIC = [
    "8.8.8.8",
    "93.184.216.34",
    "2606:4700::1111",
    "2a00:1450::1",
    "64:ff9b::808:808",
    "2002:808:808::1",
]
INSIDE = [
    "0.0.0.0",
    "10.1.2.3",
    "100.64.0.1",
    "100.100.100.200",
    "127.0.0.1",
    "168.63.129.16",
    "169.254.169.254",
    "172.16.0.1",
    "192.0.0.1",
    "192.0.2.1",
    "192.88.99.1",
    "192.168.1.1",
    "198.18.0.1",
    "224.0.0.1",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::7f00:1",
    "::ffff:10.0.0.1",
    "::ffff:8.8.8.8",
    "64:ff9b::a00:1",
    "64:ff9b:1::808:808",
    "100::1",
    "2001::1",
    "2001:db8::1",
    "2002:7f00:1::1",
    "2002:a00:1::1",
    "fc00::1",
    "fd00:ec2::254",
    "fe80::1",
    "fe80::1%eth0",
    "fec0::1",
    "ff02::1",
]


@pytest.mark.parametrize("address", PUBLIC)
def test_public_addresses(address):
    assert is_public(ipaddress.ip_address(address))


@pytest.mark.parametrize("address", INSIDE)
def test_addresses_that_are_not_public(address):
    assert not is_public(ipaddress.ip_address(address))


def test_arguments_are_checked():
    for options in ({"timeout_s": 0}, {"timeout_s": float("nan")}, {"max_redirects": -1}):
        with pytest.raises(ValueError, match="timeout_s must be"):
            fetch_url("http://example.com/", **options)


def test_strangers_do_not_learn_which_names_there_are_inside(monkeypatch):
    """Unknown, internal, internal among public ones, and too slow: the same words at the same time."""
    monkeypatch.setattr("fakeweb.media.url.NAMES_S", 0.5)

    def unknown(host, port):
        raise socket.gaierror("Name or service not known")

    def slow(host, port):
        time.sleep(0.8)
        return ["10.0.0.5"]

    told, took = set(), []
    for resolve in (unknown, slow, lambda *_: ["10.0.0.5"], lambda *_: ["1.1.1.1", "fd00::1"], lambda *_: []):
        begun = time.monotonic()
        with pytest.raises(Unreadable) as caught:
            fetch_url("http://db.internal/a.jpg", discreet=True, _resolve=resolve)
        took.append(time.monotonic() - begun)
        told.add((caught.value.message, caught.value.hint))
    assert len(told) == 1
    assert "10.0.0.5" not in str(told)
    assert min(took) >= 0.5
    assert max(took) - min(took) < 0.25


def test_nor_by_a_redirect(monkeypatch):
    """A server of the stranger's own leads there, and may choose when."""
    monkeypatch.setattr("fakeweb.media.url.NAMES_S", 0.5)
    server = Server()
    server.pages["/a.jpg"] = answer(b"", "302 Found", 0, "Location: http://db.internal/")
    took = []
    for inside in (["10.0.0.5"], []):
        names = {"pictures.example": ["127.0.0.1"], "db.internal": inside}
        begun = time.monotonic()
        with pytest.raises(Unreadable, match="not known, or not public"):
            fetch_url(
                f"http://pictures.example:{server.port}/a.jpg",
                discreet=True,
                allowed_ports=frozenset({server.port, 80}),
                _resolve=lambda host, _port, names=names: names[host],
                _is_allowed=lambda address: str(address) == "127.0.0.1",
            )
        took.append(time.monotonic() - begun)
    assert abs(took[0] - took[1]) < 0.3
