"""Bodies of requests: read within limits and time, taken apart without trusting them.

A body is the picture itself (whatever content type it claims but multipart), or multipart/form-data with files and
options.
"""

from __future__ import annotations

import asyncio
import hashlib
import re
import unicodedata
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, Protocol

from starlette.requests import Request

from fakeweb.errors import BadRequest, TooLarge, TooSlow, Unreadable, readable
from fakeweb.media import NO_COST, Cost, decoding_cost
from fakeweb.server.forms import FormParser, Part, parse_options

FILE_FIELDS = ("file", "files", "image", "images", "video")
_MAX_FIELD_BYTES = 8192
_MAX_FIELDS = 32
_INLINE_BYTES = 1 << 18
"""A body of so many bytes is taken apart where it arrives; a larger one in threads, so many bytes at a time."""
_CREDIT_S = 5.0
_LATE_S = 0.25


@dataclass(frozen=True)
class Upload:
    """One file that came in.

    Attributes:
        name: Safe to show and to store.
        data: Its bytes; empty where they went to a file.
        sha256: Hex digest.
        size_bytes: Length.
        decoding: What decoding it takes; nothing for a video.
    """

    name: str
    data: bytes
    sha256: str
    size_bytes: int
    decoding: Cost = NO_COST


class Sink(Protocol):
    """Where the bytes of a file go; for a large file in another thread, one call after the other."""

    def write(self, data: bytes) -> None:
        """Take bytes."""
        ...

    def finish(self, name: str) -> Upload:
        """Return what came."""
        ...


class MemorySink:
    """Keeps a picture in memory, and reckons what it costs.

    Args:
        max_pixels: How many one may have.
    """

    def __init__(self, max_pixels: int) -> None:
        self._parts: list[bytes] = []
        self._max_pixels = max_pixels

    def write(self, data: bytes) -> None:
        """Take bytes."""
        self._parts.append(data)

    def finish(self, name: str) -> Upload:
        """Return the picture."""
        data = self._parts[0] if len(self._parts) == 1 else b"".join(self._parts)
        self._parts.clear()
        cost = decoding_cost(data, self._max_pixels)
        return Upload(name, data, hashlib.sha256(data).hexdigest(), len(data), cost)


class FileSink:
    """Writes a video to a file."""

    def __init__(self, path: Path) -> None:
        self._file: BinaryIO = path.open("xb")
        self._hash = hashlib.sha256()
        self._size = 0

    def write(self, data: bytes) -> None:
        """Take bytes."""
        self._hash.update(data)
        self._file.write(data)
        self._size += len(data)

    def finish(self, name: str) -> Upload:
        """Close the file."""
        self._file.close()
        return Upload(name, b"", self._hash.hexdigest(), self._size)

    def close(self) -> None:
        """Close the file, whatever has come."""
        self._file.close()


@dataclass(frozen=True)
class Form:
    """What a request brought: options as text, and files in their order."""

    fields: dict[str, str]
    uploads: list[Upload]


@dataclass(frozen=True)
class Reader:
    """How a body may be.

    Attributes:
        max_bytes: Of one file.
        max_files: In one request.
        idle_s: An upload that brings nothing for so long is given up.
        least_bytes_per_s: One that brings less than this on average is given up within seconds.
    """

    max_bytes: int
    max_files: int
    idle_s: float
    least_bytes_per_s: int

    async def read(self, request: Request, sinks: Iterable[Sink]) -> Form:
        """Read a request's body into sinks, one per file.

        Raises:
            TooLarge: Over ``max_bytes``, or more files than allowed.
            TooSlow: It does not arrive in time.
            BadRequest: A form that is cut off or makes no sense.
            Unreadable: No file, or an empty one.
        """
        limit = self.max_bytes * self.max_files + (1 << 16)
        kind, options = parse_options(request.headers.get("content-type", "").encode("latin-1", "replace"))
        body: _Body
        if kind == b"multipart/form-data":
            body = _FormBody(options.get("boundary", b""), self, iter(sinks))
        else:
            limit = self.max_bytes
            body = _PlainBody(request.query_params.get("name", ""), next(iter(sinks)))
        form = await self._pass_on(self._chunks(request, limit), body)
        if not form.uploads:
            raise Unreadable("the request brings no file", hint=f"name its form field {FILE_FIELDS[0]!r}")
        return form

    async def _pass_on(self, chunks: AsyncIterator[bytes], body: _Body) -> Form:
        """Have a body taken apart: a small one at once, a large one in threads while it arrives."""
        held: list[bytes] = []
        count, large = 0, False
        async for chunk in chunks:
            held.append(chunk)
            count += len(chunk)
            if count > _INLINE_BYTES:
                await asyncio.to_thread(_feed, body, held)
                held, count, large = [], 0, True
        if large:
            return await asyncio.to_thread(lambda: _feed(body, held).end())
        return _feed(body, held).end()

    async def _chunks(self, request: Request, limit: int) -> AsyncIterator[bytes]:
        length = request.headers.get("content-length", "")
        self.check_length(int(length) if length.isdigit() else None, limit)
        pace, count, more = Pace(self.idle_s, self.least_bytes_per_s), 0, True
        while more:
            message = await pace.wait(request.receive)
            if message["type"] == "http.disconnect":
                raise BadRequest("the connection was closed before the upload was complete")
            chunk: bytes = message.get("body", b"")
            more = message.get("more_body", False)
            count += len(chunk)
            self.check_length(count, limit)
            pace.came(len(chunk))
            if chunk:
                yield chunk

    def check_length(self, count: int | None, limit: int) -> None:
        """Raise TooLarge for more bytes than allowed."""
        if count is not None and count > limit:
            raise TooLarge(
                f"the request has more than {limit:,} bytes", hint=f"a file may have {self.max_bytes:,} bytes"
            )


@dataclass
class Pace:
    """Whether an upload moves: only the time counts in which we wait for it.

    Args:
        idle_s: It may pause for so long.
        least_bytes_per_s: What it has to bring on average, over some seconds.
    """

    idle_s: float
    least_bytes_per_s: int
    _credit_s: float = field(default=_CREDIT_S, init=False)

    async def wait(self, receive: Callable[[], Any]) -> Any:
        """Return the next message.

        Raises:
            TooSlow: There is none in time.
        """
        loop = asyncio.get_running_loop()
        while True:
            asked, left_s = loop.time(), min(self.idle_s, self._credit_s)
            try:
                async with asyncio.timeout(left_s):
                    message = await receive()
                self._credit_s -= loop.time() - asked
                return message
            except TimeoutError:
                if loop.time() - asked < left_s + _LATE_S:
                    raise TooSlow("the upload does not arrive in time", hint="send it faster") from None
                # it was this process that stood still, so the bytes may lie there

    def came(self, count: int) -> None:
        """Count bytes that came."""
        self._credit_s = min(_CREDIT_S, self._credit_s + count / self.least_bytes_per_s)


class _Body(Protocol):
    def feed(self, data: bytes) -> None: ...

    def end(self) -> Form: ...


def _feed(body: _Body, chunks: list[bytes]) -> _Body:
    for chunk in chunks:
        body.feed(chunk)
    return body


class _PlainBody:
    """A body that is the file."""

    def __init__(self, name: str, sink: Sink) -> None:
        self._name = safe_name(name or "upload")
        self._sink = sink

    def feed(self, data: bytes) -> None:
        self._sink.write(data)

    def end(self) -> Form:
        return Form({}, [self._sink.finish(self._name)])


class _FormBody:
    """A multipart form: files go to the sinks, the rest are options."""

    def __init__(self, boundary: bytes, limits: Reader, sinks: Iterator[Sink]) -> None:
        self._limits = limits
        self._sinks = sinks
        self._fields: dict[str, str] = {}
        self._uploads: list[Upload] = []
        self._end: Callable[[], None] = lambda: None
        most = limits.max_files + 1 + _MAX_FIELDS  # one more, so that too many files are called that
        self._parser = FormParser(boundary, most, self._begin, lambda: self._end())
        self.feed = self._parser.feed

    def end(self) -> Form:
        if not self._parser.finished:
            raise BadRequest("the form is incomplete", hint="send it again")
        return Form(self._fields, self._uploads)

    def _begin(self, part: Part) -> Callable[[bytes], None]:
        if part.filename is not None or part.field in FILE_FIELDS:
            return self._begin_file(safe_name(part.filename or "upload"))
        return self._begin_field(part.field)

    def _begin_file(self, name: str) -> Callable[[bytes], None]:
        sink = next(self._sinks, None)
        if sink is None or len(self._uploads) >= self._limits.max_files:
            most = self._limits.max_files
            raise TooLarge(f"the form has more than {most} files", hint="send them in several requests")
        self._end = lambda: self._uploads.append(sink.finish(name))
        count = 0

        def write(data: bytes) -> None:
            nonlocal count
            count += len(data)
            self._limits.check_length(count, self._limits.max_bytes)
            sink.write(data)

        return write

    def _begin_field(self, name: str) -> Callable[[bytes], None]:
        text = bytearray()

        def write(data: bytes) -> None:
            if len(text) + len(data) > _MAX_FIELD_BYTES:
                raise BadRequest("a field of the form is too long", hint="name the picture's field 'file'")
            text.extend(data)

        def end() -> None:
            if name:
                self._fields[name] = text.decode("utf-8", "replace")

        self._end = end
        return write


def safe_name(name: str) -> str:
    r"""Return a file name without folders, control and formatting characters, at most 120 characters.

    Bytes that are no UTF-8, given as lone surrogates, come out as ``\xff``, as everywhere in FakeWeb.

    Example:
        >>> safe_name("../../etc/pass\nwd.jpg")
        'pass_wd.jpg'
    """
    last = readable(re.split(r"[/\\]", name)[-1])
    kept = "".join("_" if unicodedata.category(c)[0] == "C" or c in '"<>|:*?' else c for c in last)
    kept = kept.strip(" .")
    if len(kept) > 120:
        stem, dot, suffix = kept.rpartition(".")
        keep = f".{suffix}" if dot and len(suffix) <= 8 else ""
        kept = (stem if keep else kept)[: 120 - len(keep)] + keep
    return kept or "upload"
