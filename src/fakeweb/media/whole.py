"""Atomic replacement of local files: the old content or the whole new one, never a part."""

from __future__ import annotations

import contextlib
import os
import secrets
import stat
from pathlib import Path
from typing import Final

from fakeweb.errors import UsageError
from fakeweb.media.address import local_path
from fakeweb.media.limits import one_line

TEMPORARY: Final = ".fakeweb-"
"""How names of half-written files begin; one that lies about was left by a kill."""


def replace_whole(path: str | os.PathLike[str], data: bytes) -> None:
    """Write a local file; see :func:`fakeweb.media.write_atomically`.

    Raises:
        UsageError: The place cannot be written to, or is a folder or a device.
    """
    path = local_path(path)
    try:
        target = Path(os.path.realpath(path))
        mode = _mode_of(target)
        target.parent.mkdir(parents=True, exist_ok=True)
        _write_and_replace(target, data, mode)
    except (OSError, ValueError) as error:
        reason = (error.strerror if isinstance(error, OSError) else None) or error
        raise UsageError(
            f"{one_line(os.fspath(path))} cannot be written: {reason}",
            hint="choose another place, or check the rights and the free space of the folder",
        ) from error


def _mode_of(target: Path) -> int | None:
    """Return the mode of an existing file, None where there is none."""
    try:
        status = target.stat()
    except FileNotFoundError:
        return None
    if not stat.S_ISREG(status.st_mode):
        what = "a folder" if stat.S_ISDIR(status.st_mode) else "not a regular file"
        raise UsageError(f"{target} is {what} and cannot be written", hint="give the path of a file")
    return stat.S_IMODE(status.st_mode)


def _write_and_replace(target: Path, data: bytes, mode: int | None) -> None:
    temporary = target.parent / f"{TEMPORARY}{secrets.token_hex(8)}.tmp"
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
    try:
        # os.open applies the umask itself; asking for it would change it for every thread.
        with open(os.open(temporary, flags, 0o666), "wb") as file:  # noqa: PTH123
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        if mode is not None:
            temporary.chmod(mode)
        temporary.replace(target)
    except BaseException:  # also an interrupt
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise
    _sync_folder(target.parent)


def _sync_folder(folder: Path) -> None:
    """Make the new name last too, where the system can."""
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
