"""A decoded frame -> upright sRGB, whatever its bit depth, matrix, range, transfer or pixel shape."""

from __future__ import annotations

from functools import cache
from typing import Any, Final

import cv2
import numpy as np
import numpy.typing as npt

from fakeweb.media.decode import upright
from fakeweb.types import Image, UInt8Array

# numbers of ITU-T H.273
_PQ, _HLG = 16, 18
_BT2020_PRIMARIES: Final = 9
_MATRICES: Final = {
    1: "ITU709",
    4: "FCC",
    5: "ITU601",
    6: "ITU601",
    7: "SMPTE240M",
    9: "BT2020",
    10: "BT2020",
}
_UNSPECIFIED_MATRICES: Final = (0, 2, 3)
_HD_HEIGHT: Final = 720
_FULL_RANGE: Final = 2

_ORIENTATIONS: Final = {  # EXIF's number -> (a, b, c, d) of a display matrix
    1: (1, 0, 0, 1),
    2: (-1, 0, 0, 1),
    3: (-1, 0, 0, -1),
    4: (1, 0, 0, -1),
    5: (0, 1, 1, 0),
    6: (0, 1, -1, 0),
    7: (0, -1, -1, 0),
    8: (0, -1, 1, 0),
}

_WHITE_NITS: Final = 203.0  # reference white, ITU-R BT.2408
_FROM_2020: Final = np.array(  # linear BT.2020 -> BT.709, ITU-R BT.2087
    [[1.6605, -0.5876, -0.0728], [-0.1246, 1.1329, -0.0083], [-0.0182, -0.1006, 1.1187]], np.float32
)


def orientation_of(frame: Any) -> int:
    """Return the EXIF orientation, 1 to 8, that stands for the display matrix of a frame; 1 where it has none.

    The matrix maps stored (x, y) to shown (a x + c y, b x + d y); of the eight ways to turn and mirror by right angles
    the nearest is taken.
    """
    try:
        data = frame.side_data.get("DISPLAYMATRIX")
    except ValueError:  # beside it stands something that PyAV has no name for
        return {1: 8, 2: 3, 3: 6}.get(round(frame.rotation / 90) % 4, 1)
    if data is None:
        return 1
    a, b, _, c, d = np.frombuffer(bytes(data), np.int32)[:5].tolist()
    fits = {way: a * x[0] + b * x[1] + c * x[2] + d * x[3] for way, x in _ORIENTATIONS.items()}
    return max(fits, key=lambda way: fits[way])


def to_image(frame: Any, orientation: int, aspect: float) -> Image:
    """Convert a frame of PyAV.

    Args:
        frame: ``av.VideoFrame`` of any pixel format.
        orientation: 1 to 8, as EXIF counts.
        aspect: Width over height of one stored pixel.

    Returns:
        uint8 sRGB. HDR (PQ, HLG) is tone-mapped: what is as bright as paper stays, highlights are compressed.
    """
    trc = int(frame.color_trc)
    if trc in (_PQ, _HLG):
        pixels = _from_hdr(_rgb(frame, "rgb48le"), trc, wide=int(frame.color_primaries) == _BT2020_PRIMARIES)
    else:
        pixels = _rgb(frame, "rgb24")
    return Image(_squared(upright(pixels, orientation), aspect if orientation < 5 else 1 / aspect))


def upright_size(width: int, height: int, orientation: int, aspect: float) -> tuple[int, int]:
    """Return width and height of what :func:`to_image` gives."""
    if aspect > 1:
        width = round(width * aspect)
    elif aspect < 1:
        height = round(height / aspect)
    return (width, height) if orientation < 5 else (height, width)


def _squared(pixels: UInt8Array, aspect: float) -> UInt8Array:
    """Stretch so that pixels are square; never shrinks."""
    height, width = pixels.shape[:2]
    size = upright_size(width, height, 1, aspect)
    return pixels if size == (width, height) else np.asarray(cv2.resize(pixels, size), np.uint8)


def _rgb(frame: Any, layout: str) -> npt.NDArray[Any]:
    matrix = int(frame.colorspace)
    if matrix in _UNSPECIFIED_MATRICES:  # what players assume
        name = "ITU709" if max(frame.width, frame.height) > _HD_HEIGHT else "ITU601"
    else:
        name = _MATRICES.get(matrix, "ITU709")
    if frame.format.name.startswith(("rgb", "bgr", "gbr", "argb", "abgr", "pal", "gray", "mono")):
        return np.asarray(frame.reformat(format=layout, threads=1).to_ndarray())
    full = int(frame.color_range) == _FULL_RANGE or frame.format.name.startswith("yuvj")
    changed = frame.reformat(
        format=layout, src_colorspace=name, src_color_range="JPEG" if full else "MPEG", threads=1
    )
    return np.asarray(changed.to_ndarray())


def _from_hdr(coded: npt.NDArray[np.uint16], trc: int, *, wide: bool) -> UInt8Array:
    """Bring 16-bit PQ or HLG to sRGB.

    Light relative to reference white goes through Reinhard's extended curve (Reinhard et al., Photographic tone
    reproduction for digital images, 2002) on luminance, so that hues stay.
    """
    linear = _linear_table(trc)[coded]
    if wide:
        linear = np.asarray(cv2.transform(linear, _FROM_2020), np.float32)
    linear = linear.clip(0, None)
    light = linear @ np.array([0.2126, 0.7152, 0.0722], np.float32)
    peak = 1000 / _WHITE_NITS
    mapped = np.where(light > 0.5, 0.5 + 0.5 * _shoulder((light - 0.5) * 2, (peak - 0.5) * 2), light)
    linear *= (mapped / np.maximum(light, 1e-6))[..., None]
    return _srgb_table()[(linear.clip(0, 1) * 65535).astype(np.uint16)]


def _shoulder(light: npt.NDArray[np.float32], peak: float) -> npt.NDArray[np.float32]:
    return np.asarray((light * (1 + light / peak**2) / (1 + light)).clip(0, 1), np.float32)


@cache
def _linear_table(trc: int) -> npt.NDArray[np.float32]:
    """Return light relative to reference white for each 16-bit code: SMPTE ST 2084, or ARIB STD-B67 at 1,000 nits."""
    code = np.linspace(0, 1, 65536)
    if trc == _PQ:
        m1, m2, c1, c2, c3 = 0.1593017578125, 78.84375, 0.8359375, 18.8515625, 18.6875
        root = code ** (1 / m2)
        nits = 10_000 * (np.maximum(root - c1, 0) / (c2 - c3 * root)) ** (1 / m1)
        return (nits / _WHITE_NITS).astype(np.float32)
    a, b, c = 0.17883277, 0.28466892, 0.55991073
    scene = np.where(code <= 0.5, code**2 / 3, (np.exp((code - c) / a) + b) / 12)
    return np.asarray(1000 * scene**1.2 / _WHITE_NITS, np.float32)


@cache
def _srgb_table() -> UInt8Array:
    light = np.linspace(0, 1, 65536)
    coded = np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)
    return np.round(255 * coded).astype(np.uint8)
