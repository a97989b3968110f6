"""Pictures that are in memory already: arrays, whose layout is never guessed, and pictures of Pillow."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeGuard

import numpy as np
import numpy.typing as npt

from fakeweb.errors import BadArgument
from fakeweb.media import colour
from fakeweb.media.decode import upright
from fakeweb.media.limits import Reading
from fakeweb.types import UInt8Array

if TYPE_CHECKING:
    from PIL.Image import Image

_WANT = "an array must be RGB of shape (H, W, 3)"


def from_array(array: npt.NDArray[Any], white: float | None, reading: Reading) -> UInt8Array:
    """Return a copy of an array as uint8 RGB.

    Args:
        array: (H, W, 3); uint8, or of any real type where ``white`` is given.
        white: The value that stands for white; 0 is black.
        reading: Name and limits.

    Raises:
        BadArgument: Another layout, a type whose range is not stated, or values that are no numbers.
        TooLarge: Over a limit.
    """
    _check_layout(array)
    reading.check_size(array.shape[1], array.shape[0])
    if white is None and array.dtype == np.uint8:
        return np.array(array, order="C", copy=True, subok=False)
    if array.dtype.kind not in "uif":
        raise BadArgument(
            f"{_WANT}, got {array.dtype}", hint="give uint8, or numbers and what stands for white"
        )
    if white is None:
        raise BadArgument(
            f"{_WANT} and uint8, got {array.dtype} {array.shape}", hint=_range_hint(array.dtype)
        )
    if isinstance(white, bool) or not isinstance(white, int | float) or not white > 0:
        raise BadArgument(
            f"white must be a number above 0, got {white!r}", hint="255, 65535 and 1.0 are usual"
        )
    pixels = np.empty(array.shape, np.uint8)
    for target, row in zip(pixels, array, strict=True):
        scaled = row.astype(np.float64) * (255 / white)
        if not np.isfinite(scaled).all():
            raise BadArgument(f"{reading.name} holds values that are no numbers", hint="see np.nan_to_num")
        target[:] = scaled.round().clip(0, 255)
    return pixels


def from_pillow(picture: Image, reading: Reading) -> tuple[UInt8Array, tuple[str, ...]]:
    """Return a picture of Pillow as upright uint8 sRGB, and warnings: as if its file had been read.

    Raises:
        Unsupported: A mode that cannot be brought to RGB.
        Unreadable: Its file cannot be decoded.
        TooLarge: Over a limit.
    """
    reading.check_size(*picture.size)
    orientation = picture.getexif().get(0x0112, 1)
    try:
        whole = picture.copy()
        rgb, warnings = colour.to_rgb(whole, picture.info.get("icc_profile"))
    except ValueError as error:
        raise reading.unsupported(
            f"a picture of mode {picture.mode}", hint="convert it: .convert('RGB')"
        ) from error
    except OSError as error:
        raise reading.broken(f"it cannot be decoded ({error})") from error
    return upright(np.asarray(rgb), orientation if orientation in range(1, 9) else 1), warnings


def is_pillow(source: object) -> TypeGuard[Image]:
    """Tell a picture of Pillow, without importing Pillow where nobody has."""
    return any(kind.__module__ == "PIL.Image" and kind.__name__ == "Image" for kind in type(source).__mro__)


def _check_layout(array: npt.NDArray[Any]) -> None:
    """Refuse every array that is not (H, W, 3), saying how to convert it: layouts are never guessed."""
    shape = array.shape
    hint = "give rows, columns, and red, green and blue"
    if array.ndim == 2:
        hint = "make grey RGB with np.repeat(x[:, :, None], 3, axis=2)"
    elif array.ndim == 4:
        hint = "give one picture at a time: x[0]"
    elif array.ndim == 3 and shape[2] == 4:
        hint = "drop the alpha channel with x[:, :, :3]"
    elif array.ndim == 3 and shape[0] == 3 and shape[2] != 3:
        hint = "put the channels last with x.transpose(1, 2, 0)"
    if array.ndim != 3 or shape[2] != 3 or 0 in shape:
        raise BadArgument(f"{_WANT}, got {array.dtype} {shape}", hint=hint)


def _range_hint(dtype: np.dtype[Any]) -> str:
    if dtype.kind == "f":
        return "say what stands for white: white=1.0 where values lie in 0..1, white=255 where they lie in 0..255"
    most = np.iinfo(dtype).max
    return f"say what stands for white: white={most} where the whole type is used, white=255 where values are 0..255"
