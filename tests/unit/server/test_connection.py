"""What a connection may cost before anybody knows who it is."""

import asyncio
import contextlib
import resource
import time

import pytest
import uvicorn

from fakeweb.server import connection
from fakeweb.server.connection import HEAD_BYTES, bounded

GET = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
POST = b"POST / HTTP/1.1\r\nHost: a\r\n"


@pytest.fixture(autouse=True)
def quickly(monkeypatch):
    """Whoever is refused is told so soon."""
    monkeypatch.setattr(connection, "REFUSED_S", 0.01)


async def app(scope, receive, send):
    """Read the body and say how long it was; at /refused do not read it; at /slow wait; at /long say much."""
    count = 0
    if scope["path"] == "/long":
        await send({"type": "http.response.start", "status": 200, "headers": []})
        for _ in range(1000):
            await send({"type": "http.response.body", "body": b"a" * 65536, "more_body": True})
        await send({"type": "http.response.body", "body": b""})
        return
    if scope["path"] == "/slow":
        await asyncio.sleep(0.3)
    while scope["path"] != "/refused":
        message = await receive()
        count += len(message.get("body", b""))
        if not message.get("more_body"):
            break
    body = f"{count} {len(scope['headers'])}".encode()
    await send(
        {
            "type": "http.response.start",
            "status": 200,
            "headers": [(b"content-length", str(len(body)).encode())],
        }
    )
    await send({"type": "http.response.body", "body": body})


def serve(check, most=100, at_once=None):
    """Run ``check(open_connection)`` against a server with these connections, which answers so from heads."""

    async def run():
        config = uvicorn.Config(
            app,
            port=0,
            http=bounded(most, at_once),
            lifespan="off",
            log_config=None,
            log_level="error",
            ws="none",
        )
        server = uvicorn.Server(config)
        task = asyncio.ensure_future(server.serve())
        while not server.started:
            await asyncio.sleep(0.01)
        port = server.servers[0].sockets[0].getsockname()[1]
        async with contextlib.AsyncExitStack() as stack:

            async def connect(source="127.0.0.1"):
                reader, writer = await asyncio.open_connection("127.0.0.1", port, local_addr=(source, 0))
                stack.callback(writer.close)
                return reader, writer

            await check(connect)
        server.should_exit = True
        await task

    asyncio.run(run())


async def send(writer, *parts):
    """Send until done or cut off."""
    with contextlib.suppress(ConnectionError):
        for part in parts:
            writer.write(part)
            await writer.drain()


async def answer(reader):
    """Return status and body of one answer, or nothing where the connection ends without."""
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except (asyncio.IncompleteReadError, ConnectionError):
        return None
    length = next(
        int(x.split(b":")[1]) for x in head.split(b"\r\n") if x.lower().startswith(b"content-length")
    )
    return int(head[9:12]), await reader.readexactly(length)


@pytest.mark.parametrize(
    ("first", "more", "status"),
    [
        (b"GET / HTTP/1.1\r\n", b"X: a\r\n" * 1000, 431),
        (b"GET / HTTP/1.1\r\nX: ", b"a" * 10_000, 431),
        (b"GET / HTTP/1.1\r\n", b"X" * 10_000, 431),
        (b"GET /", b"a" * 10_000, 431),
        (b"", b"\r\n" * 5000, 431),
        (POST, b"X: a\r\n" * 1000, 431),
        (GET[:-2], b"X: b\r\n", 431),
        (b"\x16\x03\x01", b"\x00" * 100, 400),
    ],
)
def test_heads_without_end_are_refused_early_and_cheaply(first, more, status):
    async def check(connect):
        reader, writer = await connect()
        begun = time.process_time()
        sending = asyncio.ensure_future(send(writer, first, *[more] * 5000))
        assert (await answer(reader))[0] == status
        await sending
        assert time.process_time() - begun < 1.0  # this side included

    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    serve(check)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 20_000  # kB


def test_a_head_in_the_middle_of_other_bytes_is_bounded_too():
    async def check(connect):
        body = b"Content-Length: 3\r\n\r\nabc"
        reader, writer = await connect()
        sending = asyncio.ensure_future(
            send(writer, POST + body + b"GET / HTTP/1.1\r\nX: ", *[b"a" * 9999] * 500)
        )
        while (found := await answer(reader)) is not None:
            assert found in ((200, b"3 2"), (431, found[1]))
        await sending

    serve(check)


def test_ordinary_requests_are_served_in_any_pieces():
    async def check(connect):
        head = GET[:-2] + b"".join(b"X-%d: %s\r\n" % (n, b"v" * 200) for n in range(90)) + b"\r\n"
        body = b"".join(b"1000\r\n" + b"a" * 4096 + b"\r\n" for _ in range(100))
        trailers = b"0\r\nX-Api-Key: late\r\n\r\n"
        chunked = POST + b"Transfer-Encoding: chunked\r\n\r\n" + body + trailers
        long = POST + b"Content-Length: 1000000\r\n\r\n" + b"a" * 1_000_000
        for size in (777, 1 << 20):
            reader, writer = await connect()
            whole = head + chunked + long + GET
            sending = asyncio.ensure_future(
                send(writer, *(whole[i : i + size] for i in range(0, len(whole), size)))
            )
            said = [(await answer(reader))[1] for _ in range(4)]
            assert said == [b"0 91", b"409600 2", b"1000000 2", b"0 1"], "trailers do not become headers"
            await sending

    serve(check)


@pytest.mark.parametrize(
    "more",
    [
        b"1\r\na\r\n" * 20_000,  # pieces of one byte
        b"5;" + b"x" * 100_000,  # a chunk extension without end
        b"0\r\nX: " + b"a" * 100_000,  # a trailer without end
        b"0\r\n" + b"X: a\r\n" * 20_000,
    ],
)
def test_bodies_that_are_all_framing_are_cut_off(more):
    async def check(connect):
        reader, writer = await connect()
        head = POST + b"Transfer-Encoding: chunked\r\n\r\n"
        sending = asyncio.ensure_future(send(writer, head, *[more] * 20))
        assert await asyncio.wait_for(answer(reader), 20) is None
        await sending

    serve(check)


def test_requests_that_do_not_wait_for_answers_are_cut_off():
    async def check(connect):
        reader, writer = await connect()
        sending = asyncio.ensure_future(send(writer, *[GET.replace(b"/ ", b"/slow ") * 5000] * 20))
        assert await answer(reader) is None
        await sending
        reader, writer = await connect()  # a few are fine
        await send(writer, GET * 5)
        assert [await answer(reader) for _ in range(5)] == [(200, b"0 1")] * 5

    serve(check)


def test_the_body_of_a_refused_request_is_thrown_away_up_to_a_limit(monkeypatch):
    monkeypatch.setattr(connection, "DRAINED_BYTES", 1 << 20)

    async def check(connect):
        refused = b"POST /refused HTTP/1.1\r\nHost: a\r\n"
        reader, writer = await connect()
        await send(writer, refused + b"Content-Length: 900000\r\n\r\n", b"a" * 900_000, GET)
        assert [(await answer(reader))[0], (await answer(reader))[1]] == [200, b"0 1"]
        chunk = b"10000\r\n" + b"a" * 65536 + b"\r\n"
        sending = asyncio.ensure_future(
            send(writer, refused + b"Transfer-Encoding: chunked\r\n\r\n", *[chunk] * 5000)
        )
        assert (await answer(reader))[0] == 200
        assert await asyncio.wait_for(answer(reader), 20) is None
        await sending

    serve(check)


def test_heads_that_do_not_come_are_given_up(monkeypatch):
    monkeypatch.setattr(connection, "HEAD_S", 0.2)

    async def check(connect):
        for first in (b"", GET[:-4], GET + GET[:-4], GET + b"\r\n", b"\r\n"):
            reader, writer = await connect()
            await send(writer, first)
            if first.startswith(GET):
                assert (await answer(reader))[0] == 200
            begun = time.monotonic()
            for _ in range(40):  # a byte now and then does not help
                await send(writer, b"\r\n" if first.endswith(b"\r\n\r\n\r\n") or first == b"\r\n" else b"")
                await asyncio.sleep(0.01)
            assert await asyncio.wait_for(answer(reader), 5) is None
            assert time.monotonic() - begun < 3

    serve(check)


def test_when_all_places_are_taken_who_has_most_gives_one_up():
    async def check(connect):
        many = [await connect("127.0.0.2") for _ in range(5)]
        for reader, writer in many:
            await send(writer, GET)
            assert (await answer(reader))[0] == 200
        reader, writer = await connect("127.0.0.2")
        assert (await answer(reader))[0] == 503
        reader, writer = await connect("127.0.0.3")
        await send(writer, GET)
        assert (await answer(reader))[0] == 200
        assert await answer(many[0][0]) is None, "the oldest made room"
        await send(many[1][1], GET)
        assert (await answer(many[1][0]))[0] == 200

    serve(check, most=5)


def test_heads_may_be_as_long_as_is_said():
    async def check(connect):
        line = b"X: " + b"a" * (HEAD_BYTES - len(GET) - 10) + b"\r\n\r\n"
        reader, writer = await connect()
        await send(writer, GET[:-2] + line)
        assert (await answer(reader))[0] == 200

    serve(check)


LONG = GET.replace(b"/ ", b"/long ")
UPGRADE = b"Connection: Upgrade\r\nUpgrade: websocket\r\n"


async def cut_off(reader, writer, after_s):
    """Take nothing for so long, then all: less came than was promised."""
    writer.transport.pause_reading()
    await asyncio.sleep(after_s)
    writer.transport.resume_reading()
    with contextlib.suppress(ConnectionError):
        return len(await asyncio.wait_for(reader.read(), 10)) < 65_000_000
    return True


def test_who_does_not_take_an_answer_is_cut_off(monkeypatch):
    monkeypatch.setattr(connection, "STALLED_S", 0.3)

    async def check(connect):
        reader, writer = await connect()
        await send(writer, LONG)
        assert await cut_off(reader, writer, 1.0)
        reader, writer = await connect()  # who takes it slowly gets it
        await send(writer, LONG)
        count = 0
        while count < 65_000_000:
            count += len(await asyncio.wait_for(reader.read(1 << 20), 5))
            await asyncio.sleep(0.01)

    serve(check)


def test_whose_answer_is_not_taken_makes_room_when_all_places_are_taken():
    async def check(connect):
        many = [await connect("127.0.0.2") for _ in range(3)]
        for _, writer in many:
            writer.transport.pause_reading()
            await send(writer, LONG)
        await asyncio.sleep(0.3)
        reader, writer = await connect("127.0.0.3")
        await send(writer, GET)
        assert (await asyncio.wait_for(answer(reader), 5))[0] == 200

    serve(check, most=3)


@pytest.mark.parametrize("name", [b"Upgrade", b"upgrade ", b"UPGRADE"])
def test_who_asks_for_another_protocol_is_served_by_this_one(name):
    async def check(connect):
        reader, writer = await connect()
        head = POST + UPGRADE.replace(b"Upgrade:", name.strip() + b":")
        await send(writer, head + b"Content-Length: 5\r\n\r\n", b"hello", GET)
        assert await asyncio.wait_for(answer(reader), 5) == (200, b"5 4")
        assert await asyncio.wait_for(answer(reader), 5) == (200, b"0 1")

    serve(check)


def test_a_body_never_becomes_a_request():
    async def check(connect):
        for cut in range(0, len(UPGRADE), 4):
            reader, writer = await connect()
            head = POST + UPGRADE
            at = len(POST) + cut
            await send(writer, head[:at])
            await asyncio.sleep(0.002)
            await send(writer, head[at:] + b"Content-Length: %d\r\n\r\n" % len(GET))
            await asyncio.sleep(0.002)
            await send(writer, GET)
            with contextlib.suppress(TimeoutError):
                said = await asyncio.wait_for(answer(reader), 0.2)
                assert said is None or said[1].startswith(str(len(GET)).encode())
                assert await asyncio.wait_for(answer(reader), 0.02) is None

    serve(check)


def test_what_a_head_decides_is_answered_at_once_and_in_order():
    def at_once(scope):
        no = b"HTTP/1.1 503 Service Unavailable\r\ncontent-length: 2\r\n\r\nno"
        return no if scope["path"] == "/no" else None

    async def check(connect):
        no = POST.replace(b"/ ", b"/no ") + b"Content-Length: 100000\r\n\r\n" + b"a" * 100_000
        reader, writer = await connect()
        await send(writer, GET + no + GET.replace(b"/ ", b"/slow ") + no + no + GET)
        said = [await asyncio.wait_for(answer(reader), 5) for _ in range(6)]
        assert [body for _, body in said] == [b"0 1", b"no", b"0 1", b"no", b"no", b"0 1"]
        await send(writer, no[:-50_000])
        assert (await asyncio.wait_for(answer(reader), 5))[1] == b"no"
        await send(writer, no[-50_000:] + GET)
        assert (await asyncio.wait_for(answer(reader), 5))[1] == b"0 1"

    serve(check, at_once=at_once)


def test_who_sends_no_proper_head_waits_for_being_told_so(monkeypatch):
    monkeypatch.setattr(connection, "REFUSED_S", 0.4)

    async def check(connect):
        reader, writer = await connect()
        begun = time.monotonic()
        await send(writer, b"nonsense\r\n\r\n", b"a" * 100_000)
        assert (await answer(reader))[0] == 400
        assert time.monotonic() - begun > 0.3

    serve(check)
