"""URL or local path: which of the two a place is, also where ``pathlib`` has eaten a slash."""

from __future__ import annotations

import os
import re
from typing import Final
from urllib.parse import unquote, urlsplit

_ADDRESS: Final = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+):/")
"""How addresses begin, also as a path, where one of two slashes is lost; a Windows drive has one letter."""


def address_of(place: object) -> str | None:
    """Return a place's address, ``scheme://...``; None for a local path, and for anything that is no path at all.

    A local folder that is really called ``s3:`` is named by its whole path, which begins with a slash.

    Example:
        >>> from pathlib import Path
        >>> address_of(Path("s3://bucket/folder") / "a.jpg"), address_of("C:/a.jpg"), address_of("file:///a.jpg")
        ('s3://bucket/folder/a.jpg', None, None)
    """
    if not isinstance(place, str | os.PathLike):
        return None
    text = os.fsdecode(place)
    found = _ADDRESS.match(text)
    if found is None or found[1].lower() == "file":
        return None
    return f"{found[1]}://{text[found.end() :].lstrip('/')}"


def storage_address(place: object) -> str | None:
    """Return the address of a place in object storage; None for local paths and for the web.

    Example:
        >>> storage_address("s3://bucket/a.jpg"), storage_address("https://host/a.jpg")
        ('s3://bucket/a.jpg', None)
    """
    address = address_of(place)
    return None if address is None or address.lower().startswith(("http://", "https://")) else address


def local_path(place: str | os.PathLike[str]) -> str:
    """Return the path of a local place, also of one written ``file:///folder/a.jpg``."""
    text = os.fsdecode(place)
    return unquote(re.sub("^file:/+", "/", text)) if text.startswith("file:/") else text


def shown(place: str | os.PathLike[str]) -> str:
    """Return how messages name a place: an address with both slashes, without a password or what follows ``?``.

    Example:
        >>> shown("https://me:secret@host/a.json?signature=1"), shown("s3:/key:secret@bucket/a@b")
        ('https://host/a.json', 's3://bucket/a@b')
    """
    address = address_of(place)
    if address is None:
        return os.fsdecode(place)
    scheme, _, rest = address.partition("://")
    if scheme.lower() not in ("http", "https"):
        root, slash, key = rest.partition("/")
        return f"{scheme}://{root.rpartition('@')[2]}{slash}{key}"
    try:
        parts = urlsplit(address)
        return f"{scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"
    except ValueError:
        return f"{scheme}://{rest.partition('?')[0].rpartition('@')[2]}"
