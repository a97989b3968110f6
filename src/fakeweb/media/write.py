"""Encoding and atomic writing: image -> bytes -> a file that is either whole or not there."""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import stat
from pathlib import Path
from typing import Final

import cv2
import numpy as np

from fakeweb.errors import UsageError
from fakeweb.media.limits import one_line
from fakeweb.media.mark import mark_jpeg, mark_png
from fakeweb.types import Image


def encode_png(image: Image, *, drawn: bool = False) -> bytes:
    r"""Encode a picture as PNG, without loss: 8-bit RGB.

    Args:
        image: The picture.
        drawn: Whether FakeWeb drew it: it gets the mark by which scans of folders leave such files out.

    Example:
        >>> encode_png(Image(np.zeros((2, 2, 3), np.uint8)))[:4]
        b'\x89PNG'
    """
    data = _encode(".png", image, [])
    return mark_png(data) if drawn else data


def encode_jpeg(image: Image, quality: int = 95, *, drawn: bool = False) -> bytes:
    r"""Encode a picture as JPEG, with full colour resolution (4:4:4), so that thin coloured lines stay sharp.

    Args:
        image: The picture.
        quality: 1 to 100.
        drawn: As for :func:`encode_png`.

    Raises:
        ValueError: ``quality`` is out of range.

    Example:
        >>> encode_jpeg(Image(np.zeros((2, 2, 3), np.uint8)))[:2]
        b'\xff\xd8'
    """
    if not 1 <= quality <= 100:
        raise ValueError(f"quality must lie in [1, 100], got {quality!r}")
    sampling = int(cv2.IMWRITE_JPEG_SAMPLING_FACTOR), int(cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444)
    data = _encode(".jpg", image, [int(cv2.IMWRITE_JPEG_QUALITY), int(quality), *sampling])
    return mark_jpeg(data) if drawn else data


def _encode(suffix: str, image: Image, options: list[int]) -> bytes:
    done, data = cv2.imencode(suffix, cv2.cvtColor(np.asarray(image.pixels), cv2.COLOR_RGB2BGR), options)
    if not done:  # pragma: no cover
        raise ValueError(f"OpenCV cannot encode a picture of shape {image.pixels.shape} as {suffix}")
    return bytes(data)


_ADDRESS: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:/")
"""How addresses begin, also as a path, where one of two slashes is lost; a Windows drive has one letter."""
TEMPORARY: Final = ".fakeweb-"
"""How names of half-written files begin; one that lies about was left by a kill."""


def refuse_address(path: str | os.PathLike[str]) -> None:
    """See that a place to write to is no address, for which a local folder such as ``s3:`` would be made.

    Raises:
        UsageError: It is one.
    """
    if _ADDRESS.match(os.fspath(path)):
        raise UsageError(
            f"{one_line(os.fspath(path))} is an address, and this is written to local folders only",
            hint="name a folder, and copy it to the storage afterwards",
        )


def write_atomically(path: str | os.PathLike[str], data: bytes) -> None:
    """Write a file so that readers see the old one or the whole new one, never a part.

    The data go to a temporary file in the same folder, are flushed to the disk, and take the place of the
    target in one step. Missing folders are created. An existing file keeps its mode, a new one gets the usual
    one (0o666 without the umask); a symbolic link is followed and stays.

    Args:
        path: The file to write.
        data: Its new content.

    Raises:
        UsageError: The place cannot be written to, or is a folder, a device or an address.
    """
    refuse_address(path)
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
