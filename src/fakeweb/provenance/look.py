"""The way in: a file's bytes, or an open clip -> :class:`Provenance`."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import BinaryIO, Final

import numpy as np

from fakeweb.errors import UsageError
from fakeweb.provenance.blocks import MAX_BLOCK_BYTES, Blocks, read_blocks
from fakeweb.provenance.clips import clip_blocks
from fakeweb.provenance.compression import describe, earlier_save
from fakeweb.provenance.conclude import Found, conclude
from fakeweb.provenance.credentials import check_trust, read_credentials
from fakeweb.provenance.exif import read_exif
from fakeweb.provenance.iptc import read_iptc
from fakeweb.provenance.texts import aigc_label, read_generation
from fakeweb.provenance.thumbnail import compare
from fakeweb.provenance.values import Credentials, Provenance
from fakeweb.provenance.xmp import Xmp, read_xmp
from fakeweb.types import Image, UInt8Array

_LOSSLESS: Final = frozenset({"PNG", "BMP", "TIFF"})
_MAX_TRUST_BYTES: Final = 8 << 20
_MOST_CUTS: Final = 8


def look_at(data: bytes, image: Image | None = None, *, trust: str | None = None) -> Provenance:
    """Say what a picture's file tells of its origin. Damaged or hostile metadata are no error: they are not read.

    Args:
        data: The whole file.
        image: What it decodes to, upright; None leaves out what needs pixels.
        trust: Certificates of those the user trusts, PEM, from :func:`read_trust`.

    Example:
        >>> look_at(b"P6 1 1 255 abc").summary[:45]
        'Nothing in the file says where it comes from.'
    """
    blocks = read_blocks(data)
    found = _found(blocks, data, trust)
    if image is not None:
        found.width, found.height = image.width, image.height
        orientation = found.exif.orientation if found.exif is not None else 1
        if found.exif is not None and found.exif.thumbnail and blocks.format != "TIFF":
            found.thumbnail = compare(found.exif.thumbnail, image, orientation)
        found.compression = describe(blocks)
        luma = blocks.quantisers.get(blocks.components[0][2]) if blocks.components else None
        if luma is not None or blocks.format in _LOSSLESS:
            found.earlier_save = earlier_save(_stored(image.pixels, orientation), luma)
    return conclude(found)


def look_at_clip(file: BinaryIO, tags: Mapping[str, str], *, trust: str | None = None) -> Provenance:
    """Say what a clip's file tells of its origin.

    Args:
        file: The clip, seekable; put back where it stood.
        tags: Of its container and streams, from :class:`fakeweb.media.ClipInfo`.
        trust: As :func:`look_at` takes it.
    """
    position = file.tell()
    try:
        blocks = clip_blocks(file)
        found = _found(blocks, file, trust)
    finally:
        file.seek(position)
    found.tags = {k.lower(): v for k, v in tags.items()}
    found.aigc = found.aigc or aigc_label(tags.items())
    return conclude(found)


def read_trust(path: str | os.PathLike[str] | None) -> str | None:
    """Read a trust list: certificates in PEM, of those whose signatures count as trusted.

    Raises:
        UsageError: It cannot be read, or holds no certificate.
    """
    if path is None:
        return None
    try:
        with Path(path).open("rb") as file:
            data = file.read(_MAX_TRUST_BYTES + 1)
    except OSError as error:
        raise UsageError(
            f"the trust list {path} cannot be read: {error.strerror}",
            hint="give a file of certificates in PEM",
        ) from error
    text = data.decode("ascii", "replace")
    why = "it holds no certificate" if b"-----BEGIN CERTIFICATE-----" not in data else check_trust(text)
    if len(data) > _MAX_TRUST_BYTES:
        why = f"it is larger than {_MAX_TRUST_BYTES >> 20} MiB"
    if why:
        raise UsageError(
            f"the trust list {path} cannot be used: {why}", hint="give a file of certificates in PEM"
        )
    return text


def _found(blocks: Blocks, source: bytes | BinaryIO, trust: str | None) -> Found:
    exif = read_exif(blocks.exif) if blocks.exif else None
    xmp = read_xmp(blocks.xmp[: 2 * MAX_BLOCK_BYTES]) if blocks.xmp else None
    texts = [*blocks.texts]
    if exif is not None:
        texts += [
            ("UserComment", exif.comment),
            ("ImageDescription", exif.description),
            ("Artist", exif.artist),
        ]
        texts += [("Make", exif.make), ("Model", exif.model), ("Software", exif.software)]
    if xmp is not None:
        texts += [("Description", xmp.get("dc:description")), ("AIGC", xmp.get("TC260:AIGC"))]
    return Found(
        exif=exif,
        xmp=xmp,
        iptc=read_iptc(blocks.iptc, blocks.irb),
        texts=tuple(blocks.texts),
        generation=read_generation(texts),
        aigc=aigc_label(texts),
        credentials=_credentials(blocks, source, xmp, trust),
        cut=_few([*blocks.cut, *(["its XMP is damaged"] if xmp is not None and not xmp.whole else [])]),
    )


def _few(cut: list[str]) -> tuple[str, ...]:
    """Keep some of what was left out, and count the rest: a hostile file can have thousands of damaged blocks."""
    told = list(dict.fromkeys(cut))
    more = len(told) - _MOST_CUTS
    return (*told[:_MOST_CUTS], f"{more} more blocks") if more > 0 else tuple(told)


def _credentials(
    blocks: Blocks, source: bytes | BinaryIO, xmp: Xmp | None, trust: str | None
) -> Credentials | None:
    if blocks.credentials_bytes:
        return read_credentials(source, blocks.credentials_bytes, trust)
    address = xmp.get("dcterms:provenance") if xmp is not None else ""
    return (
        Credentials("remote", remote_url=address[:500])
        if address.startswith(("http://", "https://"))
        else None
    )


def _stored(pixels: UInt8Array, orientation: int) -> UInt8Array:
    """Undo an orientation: a view of the picture as it lies in the file."""
    if orientation in (2, 3, 6, 7):
        pixels = pixels[:, ::-1]
    if orientation in (3, 4, 7, 8):
        pixels = pixels[::-1]
    return np.asarray(pixels.transpose(1, 0, 2) if orientation >= 5 else pixels)
