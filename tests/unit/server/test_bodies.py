"""Bodies are taken apart within their limits, however they are cut into chunks."""

import asyncio
import hashlib
import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.requests import Request

from fakeweb.errors import BadRequest, FakeWebError, TooLarge, TooSlow, Unreadable
from fakeweb.server.bodies import FileSink, MemorySink, Reader, safe_name

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


def read(*chunks, max_bytes=1000, max_files=3, timeout_s=5.0, sinks=None, **about):
    reader = Reader(max_bytes, max_files, timeout_s)
    endless = (MemorySink() for _ in itertools.count())
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
        read(b"a", b"b", content_type="image/jpeg", pause_s=5, timeout_s=0.05)


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
