"""Bodies are taken apart within their limits, however they are cut into chunks."""

import asyncio
import contextlib
import hashlib
import itertools
import threading
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.requests import Request

from fakeweb.errors import BadRequest, FakeWebError, TooLarge, TooSlow, Unreadable
from fakeweb.server.bodies import FileSink, MemorySink, Pace, Reader, safe_name
from fakeweb.server.forms import parse_options

FORM = "multipart/form-data; boundary=x"


def request(*chunks, content_type=FORM, length=None, pause_s=0.0):
    waiting = list(chunks)

    async def receive():
        if pause_s:
            await asyncio.sleep(pause_s)
        body = waiting.pop(0) if waiting else b""
        return {"type": "http.request", "body": body, "more_body": bool(waiting)}

    headers = [(b"content-type", content_type.encode())]
    if length is not None:
        headers.append((b"content-length", str(length).encode()))
    scope = {"type": "http", "method": "POST", "path": "/", "query_string": b"", "headers": headers}
    return Request(scope, receive)


def read(*chunks, max_bytes=1000, max_files=3, idle_s=5.0, least=1, sinks=None, **about):
    reader = Reader(max_bytes, max_files, idle_s, least)
    endless = (MemorySink(1000) for _ in itertools.count())
    return asyncio.run(reader.read(request(*chunks, **about), sinks or endless))


def part(name, data, filename=None):
    tail = "" if filename is None else f'; filename="{filename}"'
    return f'--x\r\nContent-Disposition: form-data; name="{name}"{tail}\r\n\r\n'.encode() + data + b"\r\n"


END = b"--x--\r\n"


@given(data=st.binary(max_size=300), at=st.lists(st.integers(0, 500), max_size=6))
def test_a_form_is_the_same_in_any_chunks(data, at):
    body = part("threshold", b"0.5") + part("file", data, "a.jpg") + END
    cuts = sorted({min(c, len(body)) for c in at} | {0, len(body)})
    form = read(*(body[a:b] for a, b in itertools.pairwise(cuts)))
    assert form.fields == {"threshold": "0.5"}
    assert [(u.name, u.data, u.sha256) for u in form.uploads] == [
        ("a.jpg", data, hashlib.sha256(data).hexdigest())
    ]


@given(st.binary(max_size=400), st.binary(max_size=60))
def test_nonsense_is_a_problem_never_a_crash(body, boundary):
    for kind in (FORM, "multipart/form-data; boundary=" + boundary.decode("latin-1"), "multipart/form-data"):
        try:
            form = read(body, content_type="".join(c for c in kind if c.isprintable()))
        except FakeWebError as error:
            status = error.http_status
        else:
            status = 200 if form.uploads else None
        assert status in (200, 400, 413, 422)


def test_a_raw_body_is_the_file():
    form = read(b"ab", b"c", content_type="image/jpeg")
    assert form.uploads[0].data == b"abc"
    assert read(b"abc", content_type="application/x-www-form-urlencoded").uploads[0].data == b"abc"


def test_limits_hold_with_and_without_a_length():
    with pytest.raises(TooLarge):
        read(b"a" * 1001, content_type="image/jpeg")
    with pytest.raises(TooLarge):
        read(b"", content_type="image/jpeg", length=1001)
    with pytest.raises(TooLarge):
        read(part("file", b"a" * 1001, "a") + END)
    with pytest.raises(TooLarge):
        read(*[part("file", b"a", "a")] * 4, END)
    with pytest.raises(BadRequest, match="too long"):
        read(part("note", b"a" * 9000) + END)
    with pytest.raises(BadRequest, match="fields"):
        read(*(part(f"f{n}", b"a") for n in range(40)), END)


def test_what_is_missing_is_said():
    with pytest.raises(Unreadable, match="no file"):
        read(part("threshold", b"1") + END)
    with pytest.raises(BadRequest, match="incomplete"):
        read(part("file", b"abc", "a"))
    with pytest.raises(BadRequest, match="boundary"):
        read(b"abc", content_type="multipart/form-data")


def test_a_body_that_does_not_come_is_given_up():
    with pytest.raises(TooSlow):
        read(b"a", b"b", content_type="image/jpeg", pause_s=5, idle_s=0.05)


def test_a_body_that_trickles_is_given_up_however_fast_it_began(monkeypatch):
    monkeypatch.setattr("fakeweb.server.bodies._CREDIT_S", 0.3)
    fast, slow = [b"a" * 1000], [b"a"] * 40
    for chunks in (slow, fast + slow):
        with pytest.raises(TooSlow):
            read(*chunks, content_type="image/jpeg", max_bytes=9999, pause_s=0.05, idle_s=1, least=1000)
    steady = [b"a" * 100] * 20
    assert read(
        *steady, content_type="image/jpeg", max_bytes=9999, pause_s=0.05, idle_s=1, least=1000
    ).uploads


def test_a_process_that_stands_still_blames_no_upload():
    async def check():
        pace = Pace(0.05, 1000)
        message = asyncio.get_running_loop().create_future()

        async def receive():
            return await asyncio.shield(message)

        loop = asyncio.get_running_loop()
        loop.call_later(0.02, time.sleep, 0.5)  # longer than the pause that is allowed
        loop.call_later(0.03, message.set_result, {"type": "http.request"})
        return await pace.wait(receive)

    assert asyncio.run(check())["type"] == "http.request"


NAMELESS = b"--x\r\na:\r\n\r\n\r\n"
"""A part of a few bytes that is no field and no file."""


@pytest.mark.parametrize(
    "body",
    [
        NAMELESS * 1000,
        (b"--x\r\n\r\n\r\n") * 1000,
        part("again", b"a") * 1000,
        b"--x\r\n" + b"a: b\r\n" * 1000 + b"\r\nx\r\n",
        b"--x\r\na: " + b"b" * 100_000,
        b"--x\r\n" + b"a" * 100_000,
        b"--x" + b" " * 100_000,
        b"--x\r\n" + b"a:\r\n" * 20 + b"\r\nx\r\n--x--\r\n",
        b"--xy\r\na: b\r\n\r\n",
    ],
)
def test_parts_and_their_heads_are_counted_whatever_they_are(body):
    with pytest.raises(BadRequest):
        read(body + END, max_bytes=1 << 20)


def test_forms_cost_little_cpu_whatever_is_in_them():
    """A thousand times 20 kB of each, as one form of 20 MB: what it costs does not depend on what it holds."""
    almost = (b"\r\n--" + b"a" * 30) * 700_000
    for body in (NAMELESS * 1_300_000, almost, b"\r\n-" * 6_600_000, part("file", almost, "a") + END):
        chunks = [body[i : i + 65536] for i in range(0, len(body), 65536)]
        begun = time.process_time()
        with contextlib.suppress(FakeWebError):
            read(*chunks, max_bytes=30 << 20, content_type=FORM.replace("=x", "=" + "a" * 31))
        assert time.process_time() - begun < 1.0


def test_large_bodies_are_taken_apart_off_the_event_loop():
    where = set()

    class Sink(MemorySink):
        def write(self, data):
            where.add(threading.current_thread())
            super().write(data)

        def finish(self, name):
            where.add(threading.current_thread())
            return super().finish(name)

    big = [b"a" * 65536] * 20
    for about in ({"content_type": "image/jpeg"}, {}):
        where.clear()
        head = [] if about else [part("file", b"", "a")[:-2]]
        form = read(*head, *big, b"\r\n" + END, max_bytes=9 << 20, sinks=[Sink(1000)], **about)
        assert form.uploads[0].size_bytes >= len(big) * 65536
        assert threading.main_thread() not in where


def test_heads_of_parts_are_read_as_browsers_write_them():
    disposition = b'form-data; name="file"; filename="a;b=\\"c\\".jpg"'
    assert parse_options(disposition) == (b"form-data", {"name": b"file", "filename": b'a;b="c".jpg'})
    assert parse_options(b'attachment; filename="C:\\dir\\a.jpg"')[1]["filename"] == b"C:\\dir\\a.jpg"
    star = parse_options(b"form-data; filename=\"x\"; filename*=UTF-8''%e2%82%ac.jpg")[1]
    assert star["filename"].decode() == "\u20ac.jpg"
    assert parse_options(b"multipart/Form-Data ;boundary=ab'c")[1] == {"boundary": b"ab'c"}
    assert parse_options(b'; name="open') == (b"", {"name": b'"open'})
    assert parse_options(b'; name="') == (b"", {"name": b""})
    padded = b"first words\r\n--x \t\r\ncontent-disposition: form-data; name=image\r\n\r\nabc\r\n--x--last"
    assert read(padded).uploads[0].data == b"abc"


def test_a_video_goes_to_a_file(tmp_path):
    data = bytes(range(256)) * 20_000
    sink = FileSink(tmp_path / "upload")
    chunks = [data[i : i + 70_000] for i in range(0, len(data), 70_000)]
    form = read(*chunks, content_type="video/mp4", max_bytes=len(data), sinks=[sink])
    assert (tmp_path / "upload").read_bytes() == data
    assert form.uploads[0].sha256 == hashlib.sha256(data).hexdigest()
    assert form.uploads[0].size_bytes == len(data)


@pytest.mark.parametrize(
    ("name", "safe"),
    [
        ("photo.jpg", "photo.jpg"),
        ("../../etc/passwd", "passwd"),
        ("C:\\Users\\x\\a.png", "a.png"),
        ("", "upload"),
        ("...", "upload"),
        ("a\r\nSet-Cookie: x=1", "a__Set-Cookie_ x=1"),
        ("<script>.png", "_script_.png"),
        ("e\u0301\u4e2d.png", "e\u0301\u4e2d.png"),
        ("a\u202egpj.exe", "a_gpj.exe"),
        ("x" * 300 + ".jpeg", "x" * 115 + ".jpeg"),
        ("C:\\x\\caf\udce9.jpg", "caf\\xe9.jpg"),
    ],
)
def test_names_are_made_safe(name, safe):
    assert safe_name(name) == safe


@given(st.text(max_size=300))
def test_any_name_becomes_one_that_is_safe(name):
    safe = safe_name(name)
    assert 1 <= len(safe) <= 120
    assert not set(safe) & set('/\\"<>|:*?\r\n\0')
    safe.encode()
