"""What the service and its processes say to each other: a JSON header and raw bytes, over a socket pair.

One frame is 4 bytes (length of the header), 8 bytes (length of the body), big endian, header, body.
"""

from __future__ import annotations

import asyncio
import os
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import orjson

_LENGTHS = struct.Struct(">IQ")
_THREADS = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MALLOC_ARENA_MAX": "2"}


def send(channel: socket.socket, header: Mapping[str, Any], body: bytes = b"") -> None:
    """Send one frame; for processes without an event loop."""
    text = orjson.dumps(header)
    channel.sendall(_LENGTHS.pack(len(text), len(body)) + text)
    if body:
        channel.sendall(body)


def receive(channel: socket.socket) -> tuple[dict[str, Any], bytes] | None:
    """Receive one frame, or None at the end."""
    head = _exactly(channel, _LENGTHS.size)
    if head is None:
        return None
    header_length, body_length = _LENGTHS.unpack(head)
    header, body = _exactly(channel, header_length), _exactly(channel, body_length)
    return None if header is None or body is None else (orjson.loads(header), bytes(body))


def _exactly(channel: socket.socket, count: int) -> bytearray | None:
    data = bytearray(count)
    view, at = memoryview(data), 0
    while at < count:
        got = channel.recv_into(view[at:])
        if not got:
            return None
        at += got
    return data


class Child:
    """A process of ours and the way to it; it ends when this process does.

    Args:
        module: Run with ``python -m``; it is given the number of its end of the socket pair.
    """

    def __init__(self, module: str) -> None:
        ours, theirs = socket.socketpair()
        with theirs:
            self.process = subprocess.Popen(  # noqa: S603  # our own interpreter, our own module
                [sys.executable, "-m", module, str(theirs.fileno())],
                pass_fds=(theirs.fileno(),),
                stdin=subprocess.PIPE,  # a lifeline: it ends when we do
                stdout=subprocess.DEVNULL,
                env={**os.environ, **_THREADS},
                start_new_session=True,  # Ctrl-C in a terminal is our business, not theirs
            )
        self._socket = ours
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None

    @property
    def pid(self) -> int:
        """Process id."""
        return self.process.pid

    async def open(self) -> None:
        """Attach the socket to the running event loop."""
        self._reader, self._writer = await asyncio.open_connection(sock=self._socket)

    async def send(self, header: Mapping[str, Any], body: bytes = b"") -> None:
        """Send one frame."""
        assert self._writer is not None  # noqa: S101
        text = orjson.dumps(header)
        self._writer.write(_LENGTHS.pack(len(text), len(body)) + text)
        if body:
            self._writer.write(body)
        await self._writer.drain()

    async def receive(self) -> tuple[dict[str, Any], bytes]:
        """Receive one frame.

        Raises:
            ConnectionError, asyncio.IncompleteReadError: The process has ended.
        """
        assert self._reader is not None  # noqa: S101
        head = await self._reader.readexactly(_LENGTHS.size)
        header_length, body_length = _LENGTHS.unpack(head)
        header = await self._reader.readexactly(header_length)
        body = await self._reader.readexactly(body_length) if body_length else b""
        return orjson.loads(header), body

    async def end(self, *, kill: bool = True) -> int:
        """End the process, at once or by closing its socket; return its exit status."""
        if kill and self.process.poll() is None:
            self.process.kill()
        if self._writer is not None:
            self._writer.close()
        else:
            self._socket.close()
        if self.process.stdin is not None:
            self.process.stdin.close()
        try:
            return await asyncio.wait_for(asyncio.to_thread(self.process.wait), 10)
        except TimeoutError:
            self.process.kill()
            return await asyncio.to_thread(self.process.wait)

    def cpu_s(self) -> float:
        """Return the CPU time it has taken so far, or 0 where the system does not say."""
        if sys.platform != "linux":
            return 0.0
        try:
            return time.clock_gettime(~self.pid << 3 | 2)  # the clock that clock_getcpuclockid(3) names
        except OSError:
            return 0.0

    def resident_bytes(self) -> int:
        """Return the memory it holds, or 0 where the system does not say."""
        try:
            pages = int(Path(f"/proc/{self.pid}/statm").read_text().split()[1])
        except (OSError, ValueError, IndexError):
            return 0
        return pages * os.sysconf("SC_PAGE_SIZE")
