"""Encoding and atomic writing: image -> bytes -> a file that is either whole or not there."""

from __future__ import annotations

import os

import cv2
import numpy as np

from fakeweb.errors import UsageError
from fakeweb.media.address import address_of, shown
from fakeweb.media.limits import one_line
from fakeweb.media.mark import mark_jpeg, mark_png
from fakeweb.media.storage import Storage
from fakeweb.media.whole import replace_whole
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


def refuse_address(path: str | os.PathLike[str]) -> None:
    """See that a place to write to is no address, for what only a local folder can hold, such as a journal.

    Raises:
        UsageError: It is one.
    """
    if address_of(path) is not None:
        raise UsageError(
            f"{one_line(shown(path))} is an address, and this is written to local folders only",
            hint="name a folder, and copy it to the storage afterwards",
        )


def write_atomically(path: str | os.PathLike[str], data: bytes) -> None:
    """Write a file so that readers see the old one or the whole new one, never a part.

    The data go to a temporary file in the same folder, are flushed to the disk, and take the place of the
    target in one step. Missing folders are created. An existing file keeps its mode, a new one gets the usual
    one (0o666 without the umask); a symbolic link is followed and stays. In object storage the file is one put.

    Args:
        path: The file to write, or its address such as ``s3://bucket/report.html``.
        data: Its new content.

    Raises:
        UsageError: The place cannot be written to, or is a folder or a device.
        MissingExtra: An address, and the package for this kind of storage is not installed.
    """
    if address_of(path) is not None:
        storage, name = Storage.of_file(path)
        storage.write(name, data)
        return
    replace_whole(path, data)
