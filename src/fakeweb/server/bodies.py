"""Bodies of requests: read within limits and time, taken apart without trusting them.

A body is the picture itself (whatever content type it claims but multipart), or multipart/form-data with files and
options.
"""

from __future__ import annotations

import asyncio
import hashlib
import re
import unicodedata
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Protocol

from python_multipart.exceptions import MultipartParseError
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.requests import ClientDisconnect, Request

from fakeweb.errors import BadRequest, TooLarge, TooSlow, Unreadable

FILE_FIELDS = ("file", "files", "image", "images", "video")
_SLOWEST_BYTES_PER_S = 100_000
_MAX_FIELD_BYTES = 8192
_MAX_FIELDS = 32
_INLINE_BYTES = 1 << 18
_FLUSH_BYTES = 1 << 20


@dataclass(frozen=True)
class Upload:
    """One file that came in.

    Attributes:
        name: Safe to show, to store and to put into a header.
        data: Its bytes; empty where they went to a file.
        sha256: Hex digest.
        size_bytes: Length.
    """

    name: str
    data: bytes
    sha256: str
    size_bytes: int


class Sink(Protocol):
    """Where the bytes of a file go."""

    async def write(self, data: bytes) -> None:
        """Take bytes."""
        ...

    async def finish(self, name: str) -> Upload:
        """Return what came."""
        ...


class MemorySink:
    """Keeps a picture in memory."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []

    async def write(self, data: bytes) -> None:
        """Take bytes."""
        self._parts.append(data)

    async def finish(self, name: str) -> Upload:
        """Return the picture; a large one is hashed in a thread."""
        data = b"".join(self._parts)
        self._parts.clear()
        if len(data) <= _INLINE_BYTES:  # a fifth of a millisecond, less than a thread costs
            return Upload(name, data, hashlib.sha256(data).hexdigest(), len(data))
        digest = await asyncio.to_thread(lambda: hashlib.sha256(data).hexdigest())
        return Upload(name, data, digest, len(data))


class FileSink:
    """Writes a video to a file, a megabyte at a time, in a thread."""

    def __init__(self, path: Path) -> None:
        self._file: BinaryIO = path.open("xb")
        self._hash = hashlib.sha256()
        self._parts: list[bytes] = []
        self._held = 0
        self._size = 0

    async def write(self, data: bytes) -> None:
        """Take bytes."""
        self._parts.append(data)
        self._held += len(data)
        if self._held >= _FLUSH_BYTES:
            await asyncio.to_thread(self._flush)

    async def finish(self, name: str) -> Upload:
        """Close the file."""
        await asyncio.to_thread(self._flush)
        self._file.close()
        return Upload(name, b"", self._hash.hexdigest(), self._size)

    def _flush(self) -> None:
        data = b"".join(self._parts)
        self._parts.clear()
        self._held = 0
        self._hash.update(data)
        self._file.write(data)
        self._file.flush()
        self._size += len(data)

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
        timeout_s: For the body to begin and to end; more for large ones, see ``_SLOWEST_BYTES_PER_S``.
    """

    max_bytes: int
    max_files: int
    timeout_s: float

    async def read(self, request: Request, sinks: Iterable[Sink]) -> Form:
        """Read a request's body into sinks, one per file.

        Raises:
            TooLarge: Over ``max_bytes``, or more files than allowed.
            TooSlow: It does not arrive in time.
            BadRequest: A form that is cut off or makes no sense.
            Unreadable: No file, or an empty one.
        """
        limit = self.max_bytes * self.max_files + (1 << 16)
        kind, options = parse_options_header(request.headers.get("content-type", ""))
        chunks = self._chunks(request, limit if kind == b"multipart/form-data" else self.max_bytes)
        if kind == b"multipart/form-data":
            form = await _FormReader(options, self, iter(sinks)).read(chunks)
        else:
            sink = next(iter(sinks))
            async for chunk in chunks:
                await sink.write(chunk)
            name = safe_name(request.query_params.get("name", "") or "upload")
            form = Form({}, [await sink.finish(name)])
        if not form.uploads:
            raise Unreadable("the request brings no file", hint=f"name its form field {FILE_FIELDS[0]!r}")
        return form

    async def _chunks(self, request: Request, limit: int) -> AsyncIterator[bytes]:
        length = request.headers.get("content-length", "")
        self.check_length(int(length) if length.isdigit() else None, limit)
        loop = asyncio.get_running_loop()
        started, count = loop.time(), 0
        stream = request.stream().__aiter__()
        while True:
            left_s = started + self.timeout_s + count / _SLOWEST_BYTES_PER_S - loop.time()
            try:
                chunk = await asyncio.wait_for(stream.__anext__(), max(0.0, left_s))
            except StopAsyncIteration:
                return
            except TimeoutError:
                raise TooSlow("the upload does not arrive in time", hint="send it faster") from None
            except ClientDisconnect:
                raise BadRequest("the connection was closed before the upload was complete") from None
            count += len(chunk)
            self.check_length(count, limit)
            yield chunk

    def check_length(self, count: int | None, limit: int) -> None:
        """Raise TooLarge for more bytes than allowed."""
        if count is not None and count > limit:
            raise TooLarge(
                f"the request has more than {limit:,} bytes", hint=f"a file may have {self.max_bytes:,} bytes"
            )


class _FormReader:
    """Takes a multipart form apart while it arrives."""

    def __init__(self, options: dict[bytes, bytes], limits: Reader, sinks: Any) -> None:
        boundary = options.get(b"boundary", b"")
        if not 1 <= len(boundary) <= 200:
            raise BadRequest("the form has no boundary", hint="let your HTTP library write the Content-Type")
        self._limits = limits
        self._sinks = sinks
        self._events: list[tuple[str, bytes]] = []
        self._parser = MultipartParser(
            boundary,
            {
                "on_part_begin": lambda: self._events.append(("begin", b"")),
                "on_part_data": lambda data, start, end: self._events.append(("data", data[start:end])),
                "on_part_end": lambda: self._events.append(("end", b"")),
                "on_header_field": lambda data, start, end: self._events.append(("name", data[start:end])),
                "on_header_value": lambda data, start, end: self._events.append(("value", data[start:end])),
                "on_header_end": lambda: self._events.append(("header", b"")),
                "on_headers_finished": lambda: self._events.append(("headers", b"")),
                "on_end": lambda: self._events.append(("finish", b"")),
            },
        )
        self._fields: dict[str, str] = {}
        self._uploads: list[Upload] = []
        self._finished = False
        self._reset()

    def _reset(self) -> None:
        self._name = self._value = b""
        self._headers: dict[bytes, bytes] = {}
        self._sink: Sink | None = None
        self._field = self._filename = ""
        self._text = bytearray()
        self._count = 0

    async def read(self, chunks: AsyncIterator[bytes]) -> Form:
        try:
            async for chunk in chunks:
                self._parser.write(chunk)
                for kind, data in self._events:
                    await self._take(kind, data)
                self._events.clear()
        except MultipartParseError as error:
            raise BadRequest(f"the form is damaged: {str(error)[:200]}", hint="send it again") from None
        if not self._finished:
            raise BadRequest("the form is incomplete", hint="send it again")
        return Form(self._fields, self._uploads)

    async def _take(self, kind: str, data: bytes) -> None:
        if kind == "begin":
            self._reset()
        elif kind == "name":
            self._name += data
        elif kind == "value":
            self._value += data
        elif kind == "header":
            self._headers[self._name.lower()] = self._value
            self._name = self._value = b""
        elif kind == "headers":
            self._open_part()
        elif kind == "data":
            await self._part_data(data)
        elif kind == "end":
            await self._close_part()
        else:
            self._finished = True

    def _open_part(self) -> None:
        _, options = parse_options_header(self._headers.get(b"content-disposition", b""))
        self._field = options.get(b"name", b"").decode("utf-8", "replace")
        if b"filename" in options or self._field in FILE_FIELDS:
            self._filename = safe_name(options.get(b"filename", b"").decode("utf-8", "replace") or "upload")
            self._sink = next(self._sinks, None)
            if self._sink is None or len(self._uploads) >= self._limits.max_files:
                raise TooLarge(
                    f"the form has more than {self._limits.max_files} files",
                    hint="send them in several requests",
                )
        elif len(self._fields) >= _MAX_FIELDS:
            raise BadRequest(f"the form has more than {_MAX_FIELDS} fields", hint="send fewer")

    async def _part_data(self, data: bytes) -> None:
        self._count += len(data)
        if self._sink is not None:
            self._limits.check_length(self._count, self._limits.max_bytes)
            await self._sink.write(data)
        elif self._count > _MAX_FIELD_BYTES:
            raise BadRequest("a field of the form is too long", hint="name the picture's field 'file'")
        else:
            self._text += data

    async def _close_part(self) -> None:
        if self._sink is not None:
            self._uploads.append(await self._sink.finish(self._filename))
        elif self._field:
            self._fields[self._field] = self._text.decode("utf-8", "replace")


def safe_name(name: str) -> str:
    r"""Return a file name without folders, control and formatting characters, at most 120 characters.

    Example:
        >>> safe_name("../../etc/pass\nwd.jpg")
        'pass_wd.jpg'
    """
    last = re.split(r"[/\\]", name)[-1]
    kept = "".join("_" if unicodedata.category(c)[0] == "C" or c in '"<>|:*?' else c for c in last)
    kept = kept.strip(" .")
    if len(kept) > 120:
        stem, dot, suffix = kept.rpartition(".")
        keep = f".{suffix}" if dot and len(suffix) <= 8 else ""
        kept = (stem if keep else kept)[: 120 - len(keep)] + keep
    return kept or "upload"
