"""Model download: a card and its weights from object storage or an HTTPS mirror, verified and kept."""

from __future__ import annotations

import hashlib
import json
import os
from http.client import HTTPException
from pathlib import Path
from typing import Final, TypeVar
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

from fakeweb.errors import FakeWebError, ModelCorrupt, ModelMissing, Refused
from fakeweb.media import write_atomically
from fakeweb.media.address import address_of, shown
from fakeweb.media.limits import one_line
from fakeweb.media.storage import Storage
from fakeweb.runtime import read_card, verify

_MOST_BYTES: Final = 4 << 30
_CARD_BYTES: Final = 4 << 20
_TIMEOUT_S: Final = 60


Model = TypeVar("Model")


def local_model(model: Model) -> Model | Path:
    """Return a model as it is named, one at an address as the path of its card; see :func:`fetch_model`."""
    address = address_of(model)
    return model if address is None else fetch_model(address)


def fetch_model(address: str, *, again: bool = False) -> Path:
    """Return the local path of a card that lies at an address, its weights beside it.

    What was fetched before is used as it is, without asking the network.

    Args:
        address: Of the card: ``s3://...json``, whatever else fsspec speaks, or ``https://...json`` (``http://`` only on
            this machine). Its weights lie beside it, under the name the card gives.
        again: Whether to fetch it in any case.

    Raises:
        ModelMissing: Nothing there, or not to be had.
        ModelCorrupt: No card, or weights whose SHA-256 is another than the card's.
        Refused: Plain HTTP to another machine.
        MissingExtra: The package for this kind of storage is not installed.
    """
    folder = _store() / hashlib.sha256(address.encode()).hexdigest()[:16]
    card = folder / address.partition("?")[0].rpartition("/")[2]
    if card.is_file() and not again:
        try:
            verify(read_card(card))
        except FakeWebError:
            card.unlink(missing_ok=True)
        else:
            return card
    text = _get(address, _CARD_BYTES)
    try:
        told = json.loads(text)
        name, wanted = Path(told["file"]).name, told["sha256"]
    except (ValueError, KeyError, TypeError) as error:
        raise ModelCorrupt(
            f"{shown(address)} is not a model card", hint="give the address of a card.json"
        ) from error
    beside, mark, query = address.partition("?")
    weights = _get(f"{beside.rpartition('/')[0]}/{name}{mark}{query}", _MOST_BYTES)
    found = hashlib.sha256(weights).hexdigest()
    if found != wanted:
        raise ModelCorrupt(
            f"{name} beside {shown(address)} is not the file its card describes"
            f" (SHA-256 {found[:12]}..., not {str(wanted)[:12]}...)",
            hint="upload the card and its weights again",
        )
    write_atomically(folder / name, weights)
    write_atomically(card, text)  # last, so that a card always has its weights
    return card


def _store() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "fakeweb" / "models"


def _get(address: str, most: int) -> bytes:
    """Return what lies at an address, refused beyond ``most`` bytes."""
    if address.lower().startswith(("http://", "https://")):
        data = _get_web(address, most)
    else:
        storage, name = Storage.of_file(address_of(address) or address)
        stamp = storage.stamp(name)
        if stamp is None:
            raise ModelMissing(f"there is no {one_line(shown(address))}", hint="check the address")
        data = storage.read(name) if stamp.size_bytes <= most else b"\0" * (most + 1)
    if len(data) > most:
        raise ModelCorrupt(f"{one_line(shown(address))} is too large for a model", hint="check the address")
    return data


def _get_web(address: str, most: int) -> bytes:
    parts = urlsplit(address)
    if parts.scheme.lower() == "http" and parts.hostname not in ("localhost", "127.0.0.1", "::1"):
        raise Refused(
            f"{one_line(shown(address))} would be fetched without encryption, and a card says which weights are right",
            hint="use https://",
        )
    try:
        request = Request(address, headers={"User-Agent": "fakeweb"})  # noqa: S310 - http and https only
        with urlopen(request, timeout=_TIMEOUT_S) as answer:  # noqa: S310
            return bytes(answer.read(most + 1))
    except (OSError, URLError, HTTPException, ValueError) as error:
        if isinstance(error, HTTPError):
            error.close()  # it holds the connection
        reason = getattr(error, "reason", None) or error
        raise ModelMissing(
            f"{one_line(shown(address))} cannot be fetched: {one_line(str(reason))}",
            hint="check the address and the network",
        ) from error
