"""A decoded Pillow picture of any mode -> 8-bit sRGB on white: bit depth, transparency, ICC, HDR.

16-bit samples keep their upper byte, as libpng and the browsers do: 0 stays 0, 65535 becomes 255, and a
picture that was 8 bits before it was written as 16 comes back unchanged.
"""

from __future__ import annotations

import io
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt

from fakeweb.media import light
from fakeweb.media.light import Light

if TYPE_CHECKING:
    from PIL.Image import Image

_PROFILE_MODES: Final = {"GRAY": "L", "RGB": "RGB", "CMYK": "CMYK"}
_SAME_WITHIN = 2
"""A profile that moves no colour by more is sRGB under another name, and the pixels are left as they are."""


def to_rgb(
    picture: Image,
    profile: bytes | None,
    *,
    meant: Light | None = None,
    deep: npt.NDArray[Any] | None = None,
    white_is_zero: bool = False,
) -> tuple[Image, tuple[str, ...]]:
    """Return the picture in mode RGB, and warnings.

    Args:
        picture: Loaded, in the mode the decoder chose.
        profile: ICC profile that says what its colours mean, or None.
        meant: What its samples stand for, where code points or a gamma say so; rules the profile out.
        deep: The same colours in uint16 (H, W, 3), where they were to be had; used with ``meant``.
        white_is_zero: 16-bit grey is stored inverted.

    Raises:
        ValueError: A mode that cannot be brought to RGB.
    """
    from PIL import Image

    picture, alpha = _split(_to_eight_bits(picture, white_is_zero))
    meant = meant or (light.from_profile(profile) if profile else None)
    if meant is not None:
        coded = np.asarray(_as_rgb(picture)) if deep is None else deep
        picture, warnings = Image.fromarray(light.to_srgb(coded, meant)), meant.warnings
    else:
        picture, warnings = _apply_profile(picture, profile)
    if alpha is not None and alpha.getextrema() != (255, 255):
        canvas = Image.new("RGB", picture.size, "white")
        canvas.paste(picture, mask=alpha)
        picture, warnings = canvas, (*warnings, "its transparent parts were placed on white")
    return picture, warnings


def _as_rgb(picture: Image) -> Image:
    """Return the picture in mode RGB, without the copy that ``convert`` makes of one that is."""
    return picture if picture.mode == "RGB" else picture.convert("RGB")


def _to_eight_bits(picture: Image, white_is_zero: bool) -> Image:
    from PIL import Image

    if picture.mode == "1":
        grey = picture.convert("L")
        grey.info = picture.info
        return grey
    if picture.mode not in ("I", "I;16", "I;16B", "I;16L", "I;16N"):
        return picture
    samples = np.asarray(picture)
    if samples.size and (int(samples.min()) < 0 or int(samples.max()) > 0xFFFF):
        raise ValueError("grey samples of more than 16 bits are not supported")
    upper = (samples >> 8).astype(np.uint8)
    grey = Image.fromarray(255 - upper if white_is_zero else upper)
    clear = picture.info.get("transparency")
    if isinstance(clear, int):
        alpha = Image.fromarray(np.where(samples == clear, 0, 255).astype(np.uint8))
        return Image.merge("LA", (grey, alpha))
    return grey


def _split(picture: Image) -> tuple[Image, Image | None]:
    """Return colours (L, RGB, CMYK or YCbCr) and alpha (L) or None."""
    if picture.mode in ("RGBa", "La"):
        picture = picture.convert({"RGBa": "RGBA", "La": "LA"}[picture.mode])
    if "transparency" in picture.info and picture.mode in ("L", "RGB", "P"):
        clear = picture.convert("RGBA")
        if picture.mode == "P":
            return clear.convert("RGB"), clear.getchannel("A")
        picture = picture.copy()
        del picture.info["transparency"]
        return picture, clear.getchannel("A")
    if picture.mode == "PA":
        picture = picture.convert("RGBA")
    if picture.mode in ("RGBA", "LA"):
        return picture.convert(picture.mode[:-1]), picture.getchannel("A")
    if picture.mode not in ("L", "RGB", "P", "CMYK", "YCbCr", "RGBX"):
        raise ValueError(f"the colour mode {picture.mode} is not supported")
    return (picture, None) if picture.mode in ("L", "CMYK") else (_as_rgb(picture), None)


def _apply_profile(picture: Image, profile: bytes | None) -> tuple[Image, tuple[str, ...]]:
    """Bring the picture to sRGB; without its profile and with a warning where that is not possible."""
    if profile is None:
        return _as_rgb(picture), ()
    from PIL import ImageCms

    # Pillow documents PyCMSError and lets OSError, ValueError and TypeError of damaged profiles through.
    try:
        mode, transform = _transform(profile)
        # Grey is often saved with the profile of its colour original.
        if mode == "RGB" and picture.mode == "L":
            picture = picture.convert("RGB")
        if picture.mode != mode:
            return _as_rgb(picture), (f"its colour profile is for {mode}, not for its pixels; ignored",)
        if transform is None:
            return _as_rgb(picture), ()
        converted = ImageCms.applyTransform(picture, transform)
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
        return _as_rgb(picture), ("its colour profile is damaged and was ignored",)
    return (converted if converted is not None else _as_rgb(picture)), ()


@lru_cache(maxsize=8)
def _transform(profile: bytes) -> tuple[str, Any]:
    """Return the mode a profile is for, and its transform to sRGB, or None where it is sRGB itself.

    Transforms are read-only once built, and safe to share between threads.
    """
    from PIL import ImageCms

    opened = ImageCms.ImageCmsProfile(io.BytesIO(profile))
    space = str(opened.profile.xcolor_space).strip()
    if space not in _PROFILE_MODES:
        raise ValueError(f"a profile for {space}")
    mode = _PROFILE_MODES[space]
    transform = ImageCms.buildTransform(
        opened,
        ImageCms.createProfile("sRGB"),
        mode,
        "RGB",
        renderingIntent=ImageCms.Intent.RELATIVE_COLORIMETRIC,
        flags=ImageCms.Flags.BLACKPOINTCOMPENSATION,
    )
    return mode, None if mode != "CMYK" and _is_identity(transform, mode) else transform


def _is_identity(transform: Any, mode: str) -> bool:
    from PIL import Image, ImageCms

    levels = np.arange(0, 256, 15 if mode == "RGB" else 1, dtype=np.uint8)
    if mode == "L":
        chart = np.repeat(levels[None, :, None], 3, axis=2)
        given = Image.fromarray(chart[:, :, 0])
    else:
        chart = np.stack(np.meshgrid(levels, levels, levels, indexing="ij"), axis=-1).reshape(1, -1, 3)
        given = Image.fromarray(chart)
    moved = np.asarray(ImageCms.applyTransform(given, transform)).astype(np.int16) - chart
    return int(np.abs(moved).max()) <= _SAME_WITHIN
