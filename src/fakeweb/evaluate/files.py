"""Facts of picture files, before and after decoding, for ``fakeweb data inspect``."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np
import numpy.typing as npt

from fakeweb.datasets.likeness import difference_hash
from fakeweb.errors import FakeWebError
from fakeweb.evaluate.exact import Aspect
from fakeweb.evaluate.resampling import TRACES, traces
from fakeweb.media import Limits, read_image
from fakeweb.media.limits import Reading
from fakeweb.media.sniff import sniff
from fakeweb.types import UInt8Array


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
        slope, fine, rhythm, grid, grid_phase: Traces of resampling, see :func:`fakeweb.evaluate.resampling.traces`.
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
    slope: float = 0.0
    fine: float = 0.0
    rhythm: float = 0.0
    grid: float = 1.0
    grid_phase: str = "none"

    @property
    def side_px(self) -> int:
        """The shorter side."""
        return min(self.width, self.height)


def read_facts(path: Path, name: str) -> FileFacts:
    """Read one file's facts; a file that cannot be read is an answer.

    Args:
        path: The file.
        name: What the table calls it.
    """
    try:
        data = path.read_bytes()
        media = read_image(data, limits=Limits(), name=name)
    except OSError as error:
        return FileFacts(name, error=error.strerror or type(error).__name__)
    except FakeWebError as error:
        return FileFacts(name, error=error.message, bytes=len(data))
    kind = sniff(data, Reading(name, Limits())).lower()
    grey = np.asarray(cv2.cvtColor(media.image.pixels, cv2.COLOR_RGB2GRAY), np.uint8)
    small = cv2.resize(grey, (256, 256), interpolation=cv2.INTER_AREA)
    return FileFacts(
        path=name,
        bytes=len(data),
        format=kind,
        width=media.image.width,
        height=media.image.height,
        brightness=round(float(grey.mean()), 3),
        sharpness=round(math.log(float(cv2.Laplacian(small, cv2.CV_64F).var()) + 1e-3), 4),
        sha256=media.sha256,
        dhash=difference_hash(grey),
        **_traces(grey),
        **(_jpeg(data) if kind == "jpeg" else {}),
    )


def _traces(grey: UInt8Array) -> dict[str, Any]:
    return dict(zip(TRACES, traces(grey), strict=True))


def _jpeg(data: bytes) -> dict[str, Any]:
    """Return what a JPEG's encoder left in the headers (ITU T.81, annex B)."""
    out: dict[str, Any] = {}
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


FORMAT_FEATURES: Final = (
    "width", "height", "aspect", "format", "quantiser", "sampling", "progressive", "segments",
)  # fmt: skip


def format_features(facts: Sequence[FileFacts]) -> npt.NDArray[np.float64]:
    """Return what the containers say, float64 (N, K) in the order of :data:`FORMAT_FEATURES`; words become numbers."""
    columns: list[list[float]] = []
    for name in FORMAT_FEATURES:
        if name == "aspect":
            columns.append([f.width / max(1, f.height) for f in facts])
            continue
        found = [getattr(f, name) for f in facts]
        if isinstance(found[0], str):
            place = {word: i for i, word in enumerate(sorted(set(found)))}
            found = [place[word] for word in found]
        columns.append(found)
    return np.array(columns, np.float64).T


def container_aspects(facts: Sequence[FileFacts]) -> list[Aspect]:
    """Return what the containers say, an aspect each."""
    aspects = [
        Aspect(name, [getattr(f, name) for f in facts]) for name in FORMAT_FEATURES if name != "aspect"
    ]
    return [*aspects, Aspect("aspect", [f.width / max(1, f.height) for f in facts])]


_TRACE_WORDS: Final = {
    "slope": "spectral slope", "fine": "fine detail", "rhythm": "periodicity", "grid": "strength of the JPEG grid",
    "grid_phase": "phase of the JPEG grid",
}  # fmt: skip


def resampling_aspects(facts: Sequence[FileFacts]) -> list[Aspect]:
    """Return the traces of resampling, an aspect each."""
    return [Aspect(word, [getattr(f, name) for f in facts]) for name, word in _TRACE_WORDS.items()]
