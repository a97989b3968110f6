"""Face tracks packed into tar files (WebDataset's form) with a sidecar that says what is in them and their SHA-256.

A sample of a shard is one face track: ``KEY.json``, its crops ``KEY.00.jpg``, ``KEY.01.jpg`` ... and, where the data
set has masks, ``KEY.00.mask.png`` ... Sidecars (``SHARD.json``) hold one record per clip, so that statistics never
open a tar. The same samples give the same bytes.
"""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np

from fakeweb.errors import DatasetError
from fakeweb.media.storage import Storage
from fakeweb.types import Image

FORM = 1
MASK = ".mask.png"


@dataclass(frozen=True)
class TrackSample:
    """One face track.

    Attributes:
        key: Unique name without dots.
        meta: What is known of it; must have a JSON form.
        crops: Its crops as JPEG, in order of time.
        masks: Manipulated regions of the crops as PNG (white), one each; or none.
    """

    key: str
    meta: Mapping[str, Any]
    crops: tuple[bytes, ...]
    masks: tuple[bytes, ...] = ()


def pack(samples: Iterable[TrackSample]) -> bytes:
    """Return a tar of the samples; the same samples give the same bytes."""
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for sample in samples:
            _add(tar, f"{sample.key}.json", json.dumps(dict(sample.meta), sort_keys=True).encode())
            for number, crop in enumerate(sample.crops):
                _add(tar, f"{sample.key}.{number:02}.jpg", crop)
            for number, mask in enumerate(sample.masks):
                _add(tar, f"{sample.key}.{number:02}.mask.png", mask)
    return file.getvalue()


def _add(tar: tarfile.TarFile, name: str, data: bytes) -> None:
    info = tarfile.TarInfo(name)
    info.size = len(data)
    tar.addfile(info, io.BytesIO(data))


def unpack(data: bytes, name: str) -> Iterator[TrackSample]:
    """Yield the samples of a tar.

    Raises:
        DatasetError: It is not a tar of this form.
    """
    hint = "extract it again"
    try:
        with tarfile.open(fileobj=io.BytesIO(data), mode="r:") as tar:
            key = ""
            meta: dict[str, Any] = {}
            crops: list[bytes] = []
            masks: list[bytes] = []
            for member in tar:
                stem, _, rest = member.name.partition(".")
                file = tar.extractfile(member)
                content = b"" if file is None else file.read()
                if rest == "json":
                    if key:
                        yield TrackSample(key, meta, tuple(crops), tuple(masks))
                    key, meta, crops, masks = stem, json.loads(content), [], []
                elif stem == key:
                    (masks if rest.endswith(MASK) else crops).append(content)
                else:
                    raise DatasetError(f"{name} has crops without a description", hint=hint)
            if key:
                yield TrackSample(key, meta, tuple(crops), tuple(masks))
    except (tarfile.TarError, ValueError, EOFError) as error:
        raise DatasetError(f"{name} is not a shard: {error}", hint=hint) from error


def write_shard(
    store: Storage, name: str, data: bytes, records: list[Mapping[str, Any]], about: Mapping[str, Any]
) -> None:
    """Write a shard and then its sidecar; a shard counts only once its sidecar is there.

    Args:
        store: Where to.
        name: Without suffix.
        data: From :func:`pack`.
        records: One per clip.
        about: What all clips of the shard share.
    """
    store.write(f"{name}.tar", data)
    sidecar = {
        "form": FORM,
        "sha256": hashlib.sha256(data).hexdigest(),
        "bytes": len(data),
        "about": dict(about),
        "clips": [dict(r) for r in records],
    }
    store.write(f"{name}.json", json.dumps(sidecar, sort_keys=True, indent=1).encode())


def read_sidecars(store: Storage, folder: str = "shards") -> dict[str, dict[str, Any]]:
    """Return every finished shard's sidecar by the shard's name.

    Raises:
        DatasetError: A sidecar is broken or of another version.
    """
    found = {}
    for name in store.names(".json"):
        if name.startswith(f"{folder}/"):
            try:
                sidecar = json.loads(store.read(name))
                if sidecar["form"] != FORM:
                    raise ValueError(f"form {sidecar['form']}, not {FORM}")
                found[name.removesuffix(".json")] = sidecar
            except (ValueError, KeyError, TypeError) as error:
                raise DatasetError(
                    f"{store.path_of(name)} is broken: {error}", hint="extract it again"
                ) from error
    return found


def read_shard(store: Storage, name: str, sidecar: Mapping[str, Any]) -> Iterator[TrackSample]:
    """Yield the samples of a shard after its checksum was verified.

    Raises:
        DatasetError: The shard is not the one its sidecar describes.
    """
    data = store.read(f"{name}.tar")
    if hashlib.sha256(data).hexdigest() != sidecar["sha256"]:
        raise DatasetError(
            f"{store.path_of(name)}.tar is not the file its sidecar describes",
            hint="remove both and extract again",
        )
    yield from unpack(data, store.path_of(name))


def decode_crop(data: bytes) -> Image:
    """Decode a crop of a shard, whose checksum has been verified.

    Raises:
        DatasetError: It is no JPEG.
    """
    pixels = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR_RGB)
    if pixels is None:
        raise DatasetError("a shard holds a crop that is no JPEG", hint="extract it again")
    return Image(np.asarray(pixels, np.uint8))
