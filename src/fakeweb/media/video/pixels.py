"""A decoded frame -> upright sRGB, whatever its bit depth, matrix, range, transfer or pixel shape."""

from __future__ import annotations

from typing import Any, Final

import cv2
import numpy as np
import numpy.typing as npt

from fakeweb.media import light
from fakeweb.media.decode import upright
from fakeweb.types import Image, UInt8Array

# numbers of ITU-T H.273
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
    meant = light.from_code_points(int(frame.color_primaries), int(frame.color_trc))
    if meant is not None and meant.is_hdr:
        pixels = light.to_srgb(_rgb(frame, "rgb48le"), meant)
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
