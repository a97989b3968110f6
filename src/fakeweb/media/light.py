"""HDR tone mapping and gamuts: coded samples that are not sRGB -> 8-bit sRGB, PNG's gamma included.

HDR is tone-mapped the same way in pictures and clips: what is as bright as paper stays, highlights are compressed.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any, Final, Literal

import numpy as np
import numpy.typing as npt

from fakeweb.types import FloatArray, UInt8Array

Transfer = Literal["srgb", "pq", "hlg", "power"]

# numbers of ITU-T H.273
_TRANSFERS: Final[dict[int, tuple[Transfer, float]]] = {
    4: ("power", 2.2),
    5: ("power", 2.8),
    8: ("power", 1.0),
    16: ("pq", 1.0),
    18: ("hlg", 1.0),
}
_D65: Final = (0.3127, 0.3290)
_SRGB_PRIMARIES: Final = (0.640, 0.330, 0.300, 0.600, 0.150, 0.060, *_D65)
_PRIMARIES: Final = {
    9: (0.708, 0.292, 0.170, 0.797, 0.131, 0.046, *_D65),
    11: (0.680, 0.320, 0.265, 0.690, 0.150, 0.060, 0.314, 0.351),
    12: (0.680, 0.320, 0.265, 0.690, 0.150, 0.060, *_D65),
}
_WHITE_NITS: Final = 203.0  # reference white, ITU-R BT.2408
_PEAK: Final = 1000 / _WHITE_NITS
_LUMINANCE: Final = np.array([0.2126, 0.7152, 0.0722], np.float32)
_BRADFORD: Final = np.array([[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]])
_STRIP_PIXELS: Final = 1 << 20
_SAME_GAMMA: Final = 0.05
_SAME_PLACE: Final = 0.005


@dataclass(frozen=True)
class Light:
    """What samples stand for, where they are not sRGB.

    Attributes:
        transfer: ``srgb``, ``pq`` (SMPTE ST 2084), ``hlg`` (ARIB STD-B67), or ``power``.
        exponent: Of ``power``: light is the sample to this power.
        primaries: x and y of red, green, blue and white (CIE 1931).
    """

    transfer: Transfer = "srgb"
    exponent: float = 1.0
    primaries: tuple[float, ...] = _SRGB_PRIMARIES

    @property
    def is_hdr(self) -> bool:
        """Whether light beyond paper white can be meant."""
        return self.transfer in ("pq", "hlg")

    @property
    def warnings(self) -> tuple[str, ...]:
        """What a reader of the report should know."""
        return (f"it is HDR ({self.transfer.upper()}) and was tone-mapped",) if self.is_hdr else ()


def from_code_points(primaries: int, transfer: int) -> Light | None:
    """Return the light of two code points of ITU-T H.273; None where that is sRGB or as good as."""
    curve, exponent = _TRANSFERS.get(transfer, ("srgb", 1.0))
    places = _PRIMARIES.get(primaries, _SRGB_PRIMARIES)
    return None if curve == "srgb" and places == _SRGB_PRIMARIES else Light(curve, exponent, places)


def from_gamma(gamma: float, places: tuple[float, ...] | None) -> Light | None:
    """Return the light of a PNG's gAMA and cHRM; None where that is sRGB or as good as, or says nonsense.

    Args:
        gamma: Exponent the samples were made with: 0.45455 is usual.
        places: x and y of white, red, green and blue; or None.
    """
    primaries = _SRGB_PRIMARIES if places is None else (*places[2:], *places[:2])
    usual = all(abs(a - b) < _SAME_PLACE for a, b in zip(primaries, _SRGB_PRIMARIES, strict=True))
    plain = abs(gamma * 2.2 - 1) < _SAME_GAMMA
    if not 0.1 < gamma < 10 or (usual and plain) or not _sensible(primaries):
        return None
    curve: Transfer = "srgb" if plain else "power"
    return Light(curve, 1.0 if plain else 1 / gamma, _SRGB_PRIMARIES if usual else primaries)


def from_profile(profile: bytes) -> Light | None:
    """Return the light of an ICC profile that says by code points (its tag ``cicp``) that it is HDR, else None."""
    count = int.from_bytes(profile[128:132], "big")
    for at in range(132, min(132 + 12 * count, len(profile) - 11), 12):
        if profile[at : at + 4] == b"cicp":
            body = int.from_bytes(profile[at + 4 : at + 8], "big")
            points = profile[body + 8 : body + 10]
            light = from_code_points(*points) if len(points) == 2 else None
            return light if light is not None and light.is_hdr else None
    return None


def to_srgb(coded: npt.NDArray[Any], light: Light) -> UInt8Array:
    """Bring coded samples to sRGB, in strips, so that memory grows with the result alone.

    Args:
        coded: uint8 or uint16 (H, W, 3), over the whole range of their type.
        light: What they stand for.

    Returns:
        uint8 (H, W, 3). HDR goes through Reinhard's extended curve (Reinhard et al., Photographic tone
        reproduction for digital images, 2002) on luminance, so that hues stay.
    """
    table = _linear_table(light.transfer, light.exponent)
    if coded.dtype == np.uint8:
        table = table[:: 0xFFFF // 0xFF]
    matrix = _to_srgb_matrix(light.primaries)
    result = np.empty(coded.shape, np.uint8)
    rows = max(1, _STRIP_PIXELS // coded.shape[1])
    for top in range(0, len(coded), rows):
        linear = table[coded[top : top + rows]]
        if light.primaries != _SRGB_PRIMARIES:
            linear = linear @ matrix.T
        np.clip(linear, 0, None, out=linear)
        if light.is_hdr:
            _tone_map(linear)
        result[top : top + rows] = _srgb_table()[(linear.clip(0, 1) * 65535).astype(np.uint16)]
    return result


def _tone_map(linear: npt.NDArray[np.float32]) -> None:
    """Compress, in place, light relative to reference white."""
    light = linear @ _LUMINANCE
    bright = np.maximum(light - 0.5, 0) * 2
    mapped = np.where(light > 0.5, 0.5 + 0.5 * _shoulder(bright, (_PEAK - 0.5) * 2), light)
    linear *= (mapped / np.maximum(light, 1e-6))[..., None]


def _shoulder(light: npt.NDArray[np.float32], peak: float) -> npt.NDArray[np.float32]:
    return np.asarray((light * (1 + light / peak**2) / (1 + light)).clip(0, 1), np.float32)


@lru_cache(maxsize=8)
def _linear_table(transfer: Transfer, exponent: float) -> npt.NDArray[np.float32]:
    """Return light relative to reference white for each 16-bit code; HLG is shown at 1,000 nits."""
    code = np.linspace(0, 1, 65536)
    if transfer == "pq":
        m1, m2, c1, c2, c3 = 0.1593017578125, 78.84375, 0.8359375, 18.8515625, 18.6875
        root = code ** (1 / m2)
        nits = 10_000 * (np.maximum(root - c1, 0) / (c2 - c3 * root)) ** (1 / m1)
        light = nits / _WHITE_NITS
    elif transfer == "hlg":
        a, b, c = 0.17883277, 0.28466892, 0.55991073
        scene = np.where(code <= 0.5, code**2 / 3, (np.exp((code - c) / a) + b) / 12)
        light = 1000 * scene**1.2 / _WHITE_NITS
    elif transfer == "power":
        light = code**exponent
    else:
        light = np.where(code <= 0.04045, code / 12.92, ((code + 0.055) / 1.055) ** 2.4)
    return light.astype(np.float32)


@cache
def _srgb_table() -> UInt8Array:
    light = np.linspace(0, 1, 65536)
    coded = np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)
    return np.round(255 * coded).astype(np.uint8)


@lru_cache(maxsize=8)
def _to_srgb_matrix(primaries: tuple[float, ...]) -> npt.NDArray[np.float32]:
    """Return what brings linear light of these primaries to sRGB's, float32 (3, 3), white to white."""
    whites = [_BRADFORD @ _xyz(*places[6:]) for places in (primaries, _SRGB_PRIMARIES)]
    adapted = np.linalg.inv(_BRADFORD) @ np.diag(whites[1] / whites[0]) @ _BRADFORD
    return np.asarray(np.linalg.inv(_to_xyz(_SRGB_PRIMARIES)) @ adapted @ _to_xyz(primaries), np.float32)


def _to_xyz(primaries: tuple[float, ...]) -> FloatArray:
    columns = np.stack([_xyz(*primaries[i : i + 2]) for i in (0, 2, 4)], axis=1)
    return columns * np.linalg.solve(columns, _xyz(*primaries[6:]))


def _xyz(x: float, y: float) -> FloatArray:
    return np.array([x / y, 1.0, (1 - x - y) / y])


def _sensible(primaries: tuple[float, ...]) -> bool:
    """Tell whether primaries span a triangle with the white inside; others come from damaged or careless files."""
    if not all(0 <= x <= 1 for x in primaries) or not all(y > 0.001 for y in primaries[1::2]):
        return False
    columns = np.stack([_xyz(*primaries[i : i + 2]) for i in (0, 2, 4)], axis=1)
    if abs(np.linalg.det(columns)) < 1e-3:
        return False
    return bool((np.linalg.solve(columns, _xyz(*primaries[6:])) > 0).all())
