"""A source -> a seekable file with its SHA-256, whatever it was; memory does not grow with it."""

from __future__ import annotations

import hashlib
import io
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, BinaryIO, cast

from fakeweb.errors import BadArgument, Refused, TooLarge, Unreadable
from fakeweb.media.limits import Limits, one_line
from fakeweb.media.source import check_part, open_regular
from fakeweb.media.video.kind import HEAD_BYTES

_CHUNK_BYTES = 1 << 20
_IN_MEMORY_BYTES = 32 << 20


@dataclass(frozen=True)
class Material:
    """A clip's bytes.

    Attributes:
        file: Open at its start, seekable, binary.
        sha256: Hex digest of all bytes.
        size_bytes: Their number.
        head: The first :data:`HEAD_BYTES`.
    """

    file: BinaryIO
    sha256: str
    size_bytes: int
    head: bytes


@contextmanager
def open_material(source: Any, name: str, limits: Limits) -> Iterator[Material]:
    """Open a path, bytes or a binary file object for reading and seeking.

    A path is read in place. A file object is read from where it stands to its end, and kept in memory or, beyond
    32 MiB, in a temporary file without a name, so that nothing can be left behind.

    Raises:
        Unreadable: Missing, empty, not a regular file, or the system refuses.
        TooLarge: More than ``limits.max_clip_bytes``.
        Refused: A web address.
        BadArgument: Another type, or a file object in text mode.
    """
    if isinstance(source, bytes | bytearray | memoryview):
        file: BinaryIO = io.BytesIO(source)
    elif isinstance(source, str | os.PathLike):
        if os.fspath(source).lower().startswith(("http://", "https://")):
            raise Refused(
                f"{name} is a web address, and nothing is downloaded unasked",
                hint="pass --allow-url, or download the clip first",
            )
        file = open_regular(source, name)
    elif callable(getattr(source, "read", None)):
        file = _copy(source, name, limits)
    else:
        raise BadArgument(
            f"a clip must be a path, bytes or a binary file object, got {type(source).__name__}",
            hint="write frames to a file first, with fakeweb.media.encode_clip",
        )
    with file:
        yield _measured(file, name, limits)


def _copy(source: Any, name: str, limits: Limits) -> BinaryIO:
    """Read a file object to its end or one byte past the limit; the copy is seekable."""
    copy: BinaryIO = io.BytesIO()
    left, in_memory = limits.max_clip_bytes + 1, True
    while left > 0:
        part = source.read(min(left, _CHUNK_BYTES))
        check_part(part, name)
        if not part:
            break
        copy.write(part)
        left -= len(part)
        if in_memory and copy.tell() > _IN_MEMORY_BYTES:
            # PyAV cannot read a SpooledTemporaryFile, so it is done by hand
            spilled = cast(BinaryIO, tempfile.TemporaryFile())  # noqa: SIM115
            spilled.write(cast(io.BytesIO, copy).getbuffer())
            copy, in_memory = spilled, False
    return copy


def _measured(file: BinaryIO, name: str, limits: Limits) -> Material:
    size = file.seek(0, os.SEEK_END)
    if not size:
        raise Unreadable(f"{name} is empty", hint="copy or download the file again")
    if size > limits.max_clip_bytes:
        raise TooLarge(
            f"{name} is larger than the limit of {limits.max_clip_bytes:,} bytes for clips",
            hint="cut the clip into parts and scan these",
        )
    file.seek(0)
    digest, head = hashlib.sha256(), b""
    try:
        while part := file.read(_CHUNK_BYTES):
            head = head or part[:HEAD_BYTES]
            digest.update(part)
    except OSError as error:
        raise Unreadable(
            f"{one_line(name)} cannot be read: {error.strerror or error}", hint="copy the file and try again"
        ) from error
    file.seek(0)
    return Material(file, digest.hexdigest(), size, head)
