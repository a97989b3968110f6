"""Callers, honest and hostile: ``python deploy/load/callers.py KIND PORT SECONDS [KEY,KEY]`` prints what they saw.

``honest``: twenty users, each sends a new picture, waits a second or two, and sends another. ``steady``: one request a
second. ``hostile``: two hundred connections without a key that keep heads, bodies and parts coming. ``greedy``: one
key that sends all it can, pictures, silent uploads, batches and videos.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import os
import random
import sys
import time
from collections.abc import Awaitable, Callable

from pictures import portrait, with_comment

Send = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
HOST = "127.0.0.1"
RUN = os.urandom(4).hex()


class Callers:
    """All callers of one kind.

    Args:
        port: Of the service.
        seconds: How long they go on.
        keys: API keys with commas between, which requests take in turn; or none.
    """

    def __init__(self, port: int, seconds: float, keys: str) -> None:
        self.port = port
        self.until = time.monotonic() + seconds
        self._keys = itertools.cycle([f"X-API-Key: {key}\r\n" if key else "" for key in keys.split(",")])
        self.took_s: list[float] = []
        self.statuses: dict[str, int] = {}
        self._number = 0
        self._picture = portrait()

    def head(self, path: str, length: int, kind: str = "image/jpeg") -> bytes:
        """Return the head of a request."""
        first = f"POST {path} HTTP/1.1\r\nHost: localhost\r\n{next(self._keys)}"
        return f"{first}Content-Type: {kind}\r\nContent-Length: {length}\r\n\r\n".encode()

    def picture(self) -> bytes:
        """Return a picture that nobody has sent yet."""
        self._number += 1
        return with_comment(self._picture, f"{RUN}-{self._number:08d}")

    async def ask(self) -> None:
        """Send a picture on a connection of its own, and take the time."""
        begun = time.perf_counter()
        try:
            reader, writer = await asyncio.open_connection(HOST, self.port)
            with contextlib.closing(writer):
                body = self.picture()
                head = self.head("/v1/predict", len(body))[:-2] + b"Connection: close\r\n\r\n"
                writer.write(head + body)
                answer = await asyncio.wait_for(reader.read(), 60)
            status = answer[9:12].decode() or "cut"
        except (OSError, TimeoutError):
            status = "lost"
        self.statuses[status] = self.statuses.get(status, 0) + 1
        if status == "200":
            self.took_s.append(time.perf_counter() - begun)

    async def again(self, work: Callable[[], Awaitable[None]], pause: Callable[[], float]) -> None:
        """Do something until the time is over."""
        while time.monotonic() < self.until:
            await work()
            await asyncio.sleep(pause())

    async def connect(self, send: Send) -> None:
        """Open a connection, let somebody spoil it, and count how it ended."""
        with contextlib.suppress(OSError, TimeoutError, asyncio.IncompleteReadError):
            reader, writer = await asyncio.open_connection(HOST, self.port)
            with contextlib.closing(writer):
                left_s = max(0.1, self.until - time.monotonic())
                await asyncio.wait_for(send(reader, writer), min(30.0, left_s))


def flood(head: bytes, piece: bytes, pause_s: float = 0.0) -> Send:
    """Return what sends a head and then the same piece for ever."""

    async def send(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(head)
        while True:
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(pause_s)

    return send


def silence(head: bytes) -> Send:
    """Return what sends a head and then waits."""

    async def send(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(head)
        while await reader.read(65536):
            pass

    return send


def hostile(callers: Callers) -> list[Awaitable[None]]:
    """Two hundred connections of strangers, in seven ways."""
    form = "multipart/form-data; boundary=b"
    ways = [
        flood(b"GET /livez HTTP/1.1\r\nHost: localhost\r\n", b"X: a\r\n" * 1000),
        flood(b"GET /livez HTTP/1.1\r\nHost: localhost\r\nX: ", b"a" * 65536),
        flood(callers.head("/v1/predict", 20 << 20, form), b"--b\r\na:\r\n\r\n\r\n" * 1000),
        flood(callers.head("/v1/predict", 20 << 20), b"a", 0.5),
        silence(callers.head("/v1/predict", 20 << 20)),
        silence(b"GET /livez HTTP/1.1\r\nHo"),
        silence(b""),
    ]
    each = itertools.islice(itertools.cycle(ways), 200)
    return [callers.again(lambda w=way: callers.connect(w), lambda: 0.1) for way in each]


def greedy(callers: Callers) -> list[Awaitable[None]]:
    """One key: pictures without a pause, silent uploads, batches that never come, videos, small jobs."""
    form = "multipart/form-data; boundary=b"
    job = callers.head("/v1/videos", len(callers.picture()))

    async def send_job(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(job + callers.picture())
        await asyncio.wait_for(reader.readline(), 20)

    silent = [
        (silence(callers.head("/v1/predict/batch", 320 << 20, form)), 2),
        (silence(callers.head("/v1/predict", 20 << 20)), 20),
        (silence(callers.head("/v1/videos", 200 << 20)), 8),
        (flood(callers.head("/v1/videos", 200 << 20), b"a" * 40_000, 0.4), 8),
        (send_job, 2),
    ]
    tasks = [callers.again(callers.ask, lambda: 0.0) for _ in range(24)]
    for way, count in silent:
        tasks += [callers.again(lambda w=way: callers.connect(w), lambda: 0.1) for _ in range(count)]
    return tasks


def honest(callers: Callers) -> list[Awaitable[None]]:
    """Twenty users."""
    return [callers.again(callers.ask, lambda: random.uniform(1, 3)) for _ in range(20)]


def steady(callers: Callers) -> list[Awaitable[None]]:
    """One request a second."""
    return [callers.again(callers.ask, lambda: 1.0)]


KINDS = {"honest": honest, "steady": steady, "hostile": hostile, "greedy": greedy}


async def main() -> None:
    """Call, and print what was seen."""
    kind, port, seconds, *key = sys.argv[1:]
    callers = Callers(int(port), float(seconds), *(key or [""]))
    tasks = [asyncio.ensure_future(t) for t in KINDS[kind](callers)]
    await asyncio.wait(tasks, timeout=float(seconds) + 45)
    for task in tasks:
        task.cancel()
    sys.stdout.write(json.dumps({"took_s": callers.took_s, "statuses": callers.statuses}))


if __name__ == "__main__":
    asyncio.run(main())
