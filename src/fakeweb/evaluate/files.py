"""What a picture's file says before and after decoding, for ``fakeweb data inspect``."""

from __future__ import annotations

import csv
import dataclasses
import hashlib
import io
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np
import numpy.typing as npt

from fakeweb.errors import FakeWebError
from fakeweb.media import Limits, read_image, write_atomically
from fakeweb.types import UInt8Array

_HASH_PX = 9


@dataclass(frozen=True)
class FileFacts:
    """One file.

    Attributes:
        path: As in the table.
        error: Why it cannot be read; empty where it can, and then all else is known.
        bytes: Its size.
        format: ``jpeg``, ``png`` ... by its first bytes.
        width, height: Upright, in pixels.
        quantiser: Mean of the JPEG luma quantiser; 0 for other formats.
        sampling: JPEG chroma sampling such as ``2x2``, empty for other formats.
        progressive: JPEG only.
        segments: Kinds of application segments of a JPEG, such as ``e0e1``.
        brightness: Mean luma, 0 to 255.
        sharpness: Log variance of the Laplacian at 256 px.
        sha256: Of the bytes.
        dhash: 64-bit difference hash, hex: alike for pictures that look alike.
    """

    path: str
    error: str = ""
    bytes: int = 0
    format: str = ""
    width: int = 0
    height: int = 0
    quantiser: float = 0.0
    sampling: str = ""
    progressive: int = 0
    segments: str = ""
    brightness: float = math.nan
    sharpness: float = math.nan
    sha256: str = ""
    dhash: str = ""


FIELDS: Final = [f.name for f in dataclasses.fields(FileFacts)]
_TYPES: Final = {f.name: f.type for f in dataclasses.fields(FileFacts)}


def read_facts(path: Path, name: str) -> FileFacts:
    """Read one file's facts; a file that cannot be read is an answer.

    Args:
        path: The file.
        name: What the table calls it.
    """
    try:
        data = path.read_bytes()
        pixels = np.asarray(read_image(data, limits=Limits(), name=name).image.pixels)
    except OSError as error:
        return FileFacts(name, error=error.strerror or type(error).__name__)
    except FakeWebError as error:
        return FileFacts(name, error=error.message, bytes=len(data))
    grey = np.asarray(cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY), np.uint8)
    small = cv2.resize(grey, (256, 256), interpolation=cv2.INTER_AREA)
    return FileFacts(
        path=name,
        bytes=len(data),
        width=pixels.shape[1],
        height=pixels.shape[0],
        brightness=round(float(grey.mean()), 3),
        sharpness=round(math.log(float(cv2.Laplacian(small, cv2.CV_64F).var()) + 1e-3), 4),
        sha256=hashlib.sha256(data).hexdigest(),
        dhash=difference_hash(grey),
        **_container(data),
    )


def difference_hash(grey: UInt8Array) -> str:
    """Return which of 8 x 8 places are brighter than their right neighbour, as 16 hex digits.

    Args:
        grey: uint8 (H, W).
    """
    small = cv2.resize(grey, (_HASH_PX, 8), interpolation=cv2.INTER_AREA).astype(np.int16)
    bits = (small[:, 1:] < small[:, :-1]).ravel()
    return np.packbits(bits).tobytes().hex()


def _container(data: bytes) -> dict[str, Any]:
    """Return format and, of a JPEG, what its encoder left in the headers (ITU T.81, annex B)."""
    for name, marks in _MAGIC.items():
        if any(data[at : at + len(mark)] == mark for at, mark in marks):
            return _jpeg(data) if name == "jpeg" else {"format": name}
    return {"format": "other"}


_MAGIC: Final[dict[str, tuple[tuple[int, bytes], ...]]] = {
    "jpeg": ((0, b"\xff\xd8"),),
    "png": ((0, b"\x89PNG"),),
    "webp": ((8, b"WEBP"),),
    "gif": ((0, b"GIF8"),),
    "bmp": ((0, b"BM"),),
    "tiff": ((0, b"II*\0"), (0, b"MM\0*")),
    "avif": ((8, b"avif"), (8, b"avis")),
    "heic": ((8, b"heic"), (8, b"heix"), (8, b"mif1")),
}


def _jpeg(data: bytes) -> dict[str, Any]:
    out: dict[str, Any] = {"format": "jpeg"}
    at, applications = 2, ""
    while at + 4 <= len(data) and data[at] == 0xFF:
        code, length = data[at + 1], int.from_bytes(data[at + 2 : at + 4], "big")
        body = data[at + 4 : at + 2 + length]
        if code == 0xFF:
            at += 1
            continue
        if code == 0xDA:
            break
        if code == 0xDB and body and body[0] & 15 == 0:
            wide = body[0] >> 4
            table = np.frombuffer(body[1 : 1 + 64 * (1 + wide)], ">u2" if wide else "u1")
            out["quantiser"] = round(float(table.mean()), 4) if len(table) == 64 else 0.0
        elif 0xC0 <= code <= 0xCF and code not in (0xC4, 0xC8, 0xCC) and len(body) >= 8:
            out["progressive"] = int(code == 0xC2)
            out["sampling"] = f"{body[7] >> 4}x{body[7] & 15}"
        elif 0xE0 <= code <= 0xEF:
            applications += f"{code:x}"
        at += 2 + length
    return out | {"segments": applications}


def near_duplicates(hashes: Sequence[str], most: int) -> list[tuple[int, int, int]]:
    """Return the pairs of hashes that differ in at most ``most`` bits: (place, place, bits), exact ones too.

    Args:
        hashes: 16 hex digits each; an empty one is like no other.
        most: Bits; 0 finds equal hashes only.
    """
    places = [i for i, h in enumerate(hashes) if h]
    codes = np.array([int(hashes[i], 16) for i in places], np.uint64)
    out: list[tuple[int, int, int]] = []
    for row in range(len(codes) - 1):
        bits = np.bitwise_count(codes[row + 1 :] ^ codes[row])
        near = np.flatnonzero(bits <= most)
        out += [(places[row], places[row + 1 + int(at)], int(bits[at])) for at in near]
    return out


FORMAT_FEATURES: Final = (
    "width",
    "height",
    "aspect",
    "format",
    "quantiser",
    "sampling",
    "progressive",
    "segments",
)


def format_features(facts: Sequence[FileFacts]) -> npt.NDArray[np.float64]:
    """Return what the containers say, float64 (N, K) in the order of :data:`FORMAT_FEATURES`; words become numbers."""
    words = {name: sorted({getattr(f, name) for f in facts}) for name in ("format", "sampling", "segments")}
    place = {name: {w: i for i, w in enumerate(known)} for name, known in words.items()}
    return np.array(
        [
            [
                f.width,
                f.height,
                f.width / max(1, f.height),
                place["format"][f.format],
                f.quantiser,
                place["sampling"][f.sampling],
                f.progressive,
                place["segments"][f.segments],
            ]
            for f in facts
        ],
        np.float64,
    )


def write_facts(path: Path, facts: Sequence[FileFacts]) -> None:
    """Write facts as CSV, whole or not at all."""
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(FIELDS)
    table.writerows(dataclasses.astuple(f) for f in facts)
    write_atomically(path, text.getvalue().encode("utf-8", "surrogateescape"))


def read_facts_file(path: Path) -> dict[str, FileFacts]:
    """Read them back by path; nothing where the file is not there or is none of ours."""
    out: dict[str, FileFacts] = {}
    if not path.is_file():
        return out
    casts = {"int": int, "float": float, "str": str}
    with path.open(newline="", encoding="utf-8", errors="surrogateescape") as stream:
        table = csv.reader(stream)
        if next(table, None) != FIELDS:
            return out
        for cells in table:
            try:
                values: dict[str, Any] = {
                    k: casts[str(_TYPES[k])](v) for k, v in zip(FIELDS, cells, strict=True)
                }
            except ValueError:
                continue
            out[values["path"]] = FileFacts(**values)
    return out
