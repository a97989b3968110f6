"""Bounded reading: a source -> its bytes, without reading past the limit or waiting on a pipe."""

from __future__ import annotations

import io
import os
import shutil
import stat
import tempfile
from collections.abc import Callable
from typing import Any, BinaryIO, cast

from fakeweb.errors import BadArgument, Refused, Unreadable
from fakeweb.media.address import address_of, local_path
from fakeweb.media.limits import Reading
from fakeweb.media.storage import Storage

_CHUNK_BYTES = 1 << 20
_IN_MEMORY_BYTES = 32 << 20


def load(source: Any, reading: Reading) -> bytes:
    """Return the bytes of a path, bytes-like object or binary file object.

    A file object is read from where it stands, at most one byte past the limit, and is not closed.

    Raises:
        BadArgument: The source is of another type, or a file object in text mode.
        Refused: The source is a web address.
        Unreadable: Missing, empty, not a regular file, or the system refuses to read it.
        TooLarge: More than ``max_bytes``.
    """
    if isinstance(source, bytes | bytearray | memoryview):
        count = source.nbytes if isinstance(source, memoryview) else len(source)
        reading.check_bytes(count)
        data = bytes(source)
    elif isinstance(source, str | os.PathLike):
        data = _load_path(source, reading)
    elif callable(getattr(source, "read", None)):
        data = _read_up_to(source.read, reading)
    else:
        raise BadArgument(
            f"a picture must be a path, bytes, a binary file object, an array or a picture of Pillow, "
            f"got {type(source).__name__}",
            hint="of a tensor give x.numpy(), with its channels last",
        )
    if not data:
        raise Unreadable(f"{reading.name} is empty", hint="copy or download the file again")
    return data


def _load_path(source: str | os.PathLike[str], reading: Reading) -> bytes:
    path = os.fspath(source)
    if isinstance(path, str) and path.lower().startswith(("http://", "https://")):
        raise Refused(
            f"{reading.name} is a web address, and nothing is downloaded unasked",
            hint="pass --allow-url, or call fakeweb.media.fetch_url and read what it returns",
        )
    with open_regular(path, reading.name, reading.check_bytes) as file:
        return _read_up_to(file.read, reading)


def open_regular(
    path: str | os.PathLike[str], name: str, check_bytes: Callable[[int], None] = lambda _: None
) -> BinaryIO:
    """Open a regular file for reading, unbuffered, or one in object storage; never waits on a pipe.

    Args:
        path: The file, or its address.
        name: What messages call it.
        check_bytes: Is given the file's size before it is opened, and may raise.

    Raises:
        Unreadable: Missing, a folder, a pipe, or the system refuses.
    """
    if address_of(path) is not None:
        return _open_stored(path, name, check_bytes)
    path = local_path(path)
    try:
        check_bytes(_regular_size(os.stat(path), name))  # noqa: PTH116
        # Not blocking, because the path may have become a pipe in the meantime; it is looked at once more.
        flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
        file = open(os.open(path, flags | getattr(os, "O_CLOEXEC", 0)), "rb", buffering=0)  # noqa: PTH123, SIM115
        try:
            check_bytes(_regular_size(os.fstat(file.fileno()), name))
        except BaseException:
            file.close()
            raise
        return cast(BinaryIO, file)
    except FileNotFoundError:
        raise Unreadable(f"{name} does not exist", hint="check the path and its spelling") from None
    except PermissionError:
        raise Unreadable(
            f"{name} may not be read: permission denied", hint="check the rights of the file"
        ) from None
    except (OSError, ValueError) as error:  # ValueError: a NUL or a lone surrogate in the path
        reason = error.strerror if isinstance(error, OSError) else error
        raise Unreadable(f"{name} cannot be read: {reason}", hint="check the path") from error


def _open_stored(path: str | os.PathLike[str], name: str, check_bytes: Callable[[int], None]) -> BinaryIO:
    """Fetch a file from object storage, one that is large into a temporary file without a name."""
    storage, key = Storage.of_file(path)
    stamp = storage.stamp(key)
    if stamp is None:
        raise Unreadable(f"{name} does not exist", hint="check the address and its spelling")
    check_bytes(stamp.size_bytes)
    if stamp.size_bytes <= _IN_MEMORY_BYTES:
        return io.BytesIO(storage.read(key))
    copy = cast(BinaryIO, tempfile.TemporaryFile())  # noqa: SIM115
    with storage.open(key) as file:
        shutil.copyfileobj(file, copy, _CHUNK_BYTES)
    copy.seek(0)
    return copy


def _regular_size(status: os.stat_result, name: str) -> int:
    if stat.S_ISDIR(status.st_mode):
        raise Unreadable(
            f"{name} is a folder, not a picture",
            hint="give a file, or list the folder with fakeweb.media.expand_inputs",
        )
    if not stat.S_ISREG(status.st_mode):
        raise Unreadable(
            f"{name} is not a regular file (a pipe, socket or device)",
            hint="give a file; to read a pipe pass the open file object",
        )
    return status.st_size


def _read_up_to(read: Callable[[int], Any], reading: Reading) -> bytes:
    """Read one byte past the limit at most: raw files and sockets may return less than was asked for."""
    parts: list[bytes] = []
    left = reading.limits.max_bytes + 1
    while left > 0:
        try:
            part = read(min(left, _CHUNK_BYTES))
        except OSError as error:
            raise Unreadable(
                f"{reading.name} cannot be read: {error.strerror or error}",
                hint="copy the file and try again",
            ) from error
        check_part(part, reading.name)
        if not part:
            break
        parts.append(bytes(part))
        left -= len(parts[-1])
    data = b"".join(parts)
    reading.check_bytes(len(data))
    return data


def check_part(part: Any, name: str) -> None:
    """Raise where what a file object's ``read`` gave is no bytes, or nothing because it does not wait for its data."""
    if part is None:
        raise Unreadable(f"{name} has no data ready", hint="give a file object that waits for its data")
    if not isinstance(part, bytes | bytearray | memoryview):
        raise BadArgument(
            f"a file object must be opened in binary mode, read() gave {type(part).__name__}",
            hint='open it with "rb"',
        )
