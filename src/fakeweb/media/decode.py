"""A header and its clean stream -> upright RGB pixels: the border to Pillow.

The plug-ins are called by name. ``PIL.Image.open`` would try every plug-in that feels addressed (EPS runs
Ghostscript), and would check sizes by raising or warning according to process-wide settings; here the format
is known, and the size has been checked. Nothing of Pillow's is changed: no registration, no setting, no
filter for warnings.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

import cv2
import numpy as np
import numpy.typing as npt

from fakeweb.errors import FakeWebError, TooLarge, missing_extra
from fakeweb.media import colour
from fakeweb.media.cost import decoding_cost
from fakeweb.media.formats import Header
from fakeweb.media.formats.header import exif_orientation, frames_warning
from fakeweb.media.limits import Reading, reduced
from fakeweb.types import UInt8Array

if TYPE_CHECKING:
    from PIL.Image import Image
    from PIL.ImageFile import ImageFile

_NOISE: Final = bytes(range(240, 16, -1))
"""What no JPEG decodes to an even picture."""
_STRIP_BYTES: Final = 1 << 17
_PILLOWS_OWN_CEILING: Final = 1024 * 1024 * 1024 // 4 // 3
_CV_TO_RGB: Final = {(): cv2.COLOR_GRAY2RGB, (3,): cv2.COLOR_BGR2RGB, (4,): cv2.COLOR_BGRA2RGB}
_UNSUPPORTED_WORDS: Final = ("unsupported", "not supported", "unknown pixel mode", "not implemented")


def decode(header: Header, reading: Reading) -> tuple[UInt8Array, tuple[str, ...]]:
    """Decode the picture and bring it to upright sRGB.

    Returns:
        uint8 RGB (H, W, 3), C-contiguous, and warnings.

    Raises:
        Unreadable: The data cannot be decoded to the end.
        Unsupported: A variant that Pillow does not read.
        TooLarge: Over a limit or out of memory.
        MissingExtra: HEIF without pillow-heif.
    """
    reading.check_time(decoding_cost(header.stream, header.width * header.height).seconds)
    with _translate(reading), _open(header, reading) as picture:
        _check_opened(picture, header, reading)
        picture.load()
        if header.format == "JPEG" and _ends_early(picture, header, reading):
            raise reading.cut("JPEG")
        orientation, profile = header.orientation, header.profile
        frames: tuple[str, ...] = ()
        if header.format in ("AVIF", "HEIF", "JPEG XL"):
            profile = picture.info.get("icc_profile") or None
            frames = frames_warning(getattr(picture, "n_frames", 1))
            if picture.info.get("animated"):
                frames = ("it is animated; only the first frame was read",)
        if header.format == "AVIF":  # turned by irot and imir, which Pillow reports as EXIF
            orientation = exif_orientation(picture.info.get("exif", b""))
        if header.opaque:
            picture.putalpha(255)
        image, warnings = colour.to_rgb(
            picture, profile, meant=header.light, deep=_deep(header), white_is_zero=header.white_is_zero
        )
        pixels = _array(image)
    return upright(pixels, orientation), frames + warnings


def _array(picture: Image) -> UInt8Array:
    """Return the pixels of an RGB picture, uint8 (H, W, 3).

    Strip by strip: as a whole, Pillow would lay out two more copies of it, which takes as long as decoding.
    """
    pixels = np.empty((picture.height, picture.width, 3), np.uint8)
    rows = max(1, _STRIP_BYTES // (3 * picture.width))
    for top in range(0, picture.height, rows):
        below = min(top + rows, picture.height)
        pixels[top:below] = np.asarray(picture.crop((0, top, picture.width, below)))
    return pixels


def _deep(header: Header) -> npt.NDArray[np.uint16] | None:
    """Return colours in 16 bits, uint16 (H, W, 3), where they are to be converted and the file holds more than 8.

    Pillow gives 8 bits for colour. In the dark that is too few where samples are light itself or code HDR.
    """
    if header.light is None:
        return None
    if header.format == "PNG" and header.stream[24] == 16:
        decoded = cv2.imdecode(np.frombuffer(header.stream, np.uint8), cv2.IMREAD_UNCHANGED)
        if decoded is None or decoded.dtype != np.uint16:
            return None
        return np.asarray(cv2.cvtColor(decoded, _CV_TO_RGB[decoded.shape[2:]]), np.uint16)
    if header.format == "HEIF":
        from pillow_heif import open_heif

        decoded = np.asarray(open_heif(io.BytesIO(header.stream), convert_hdr_to_8bit=False))
        return (
            np.asarray(decoded[..., :3], np.uint16)
            if decoded.dtype == np.uint16 and decoded.ndim == 3
            else None
        )
    return None


def upright(pixels: UInt8Array, orientation: int) -> UInt8Array:
    """Apply an EXIF orientation.

    Args:
        pixels: uint8 (H, W, 3).
        orientation: 1 to 8, as EXIF counts.

    Returns:
        uint8 (H, W, 3), or (W, H, 3) for 5 to 8; C-contiguous.
    """
    if orientation in (5, 6, 7, 8):
        pixels = pixels.transpose(1, 0, 2)
    if orientation in (3, 4, 7, 8):
        pixels = pixels[::-1]
    if orientation in (2, 3, 6, 7):
        pixels = pixels[:, ::-1]
    return np.ascontiguousarray(pixels)


@contextmanager
def _translate(reading: Reading) -> Iterator[None]:
    """Turn whatever the decoders raise into errors of ours.

    Pillow raises OSError, ValueError, SyntaxError, EOFError, struct.error, zlib.error, IndexError, KeyError,
    OverflowError and more for damaged data, and documents none of them: all of them mean the same here.
    """
    from PIL.Image import DecompressionBombError, DecompressionBombWarning

    try:
        yield
    except FakeWebError:
        raise
    except (DecompressionBombError, DecompressionBombWarning, MemoryError) as error:
        raise TooLarge(f"{reading.name} needs too much memory", hint="scale the picture down") from error
    except Exception as error:
        text = str(error).lower()
        if any(words in text for words in _UNSUPPORTED_WORDS):
            raise reading.unsupported(f"a variant of its format ({error})") from error
        raise reading.broken(f"it cannot be decoded ({error})") from error


def _check_opened(picture: ImageFile, header: Header, reading: Reading) -> None:
    """Hold what the decoder sees against the limits and against what our reader saw."""
    from PIL import Image

    reading.check_size(*picture.size)
    expected = reduced(header.width, header.reduction), reduced(header.height, header.reduction)
    if header.width and picture.size != expected:
        raise reading.broken("its headers disagree about its size")
    # Respects an application that set Pillow's ceiling.
    ceiling = Image.MAX_IMAGE_PIXELS
    if ceiling not in (None, _PILLOWS_OWN_CEILING) and picture.width * picture.height > ceiling:
        raise TooLarge(
            f"{reading.name} has {picture.width * picture.height:,} pixels; Pillow's ceiling is {ceiling:,}",
            hint="scale the picture down, or raise PIL.Image.MAX_IMAGE_PIXELS",
        )


def _ends_early(picture: ImageFile, header: Header, reading: Reading) -> bool:
    """Tell whether a JPEG lacks a part of its picture, with an end marker, as some "repair" tools leave it, or without.

    libjpeg paints what is missing in one even colour and says nothing. So where the last corner is even or the end
    open, the picture is decoded once more with noise before the end marker: a complete one does not get to see it.
    """
    width, height = picture.size
    # The last block of 8 x 8, less the edge into which colours of its neighbours are blended.
    block = 8 // header.reduction
    left, top = (min(side - 1, (side - 1) // block * block + 1) for side in (width, height))
    corner = picture.crop((left, top, width, height))
    extrema = corner.getextrema()
    bands = extrema if isinstance(extrema[0], tuple) else (extrema,)
    if not header.open_end and any(low != high for low, high in bands):
        return False
    noise = _NOISE + _next_restart(header.stream) + _NOISE
    noisy = header.stream[:-2] + noise + header.stream[-2:]
    with _open(replace(header, stream=noisy), reading) as second:
        second.load()
        strips = [(0, top, width, min(top + 256, height)) for top in range(0, height, 256)]
        return any(picture.crop(box).tobytes() != second.crop(box).tobytes() for box in strips)


def _next_restart(stream: bytes) -> bytes:
    """Return the restart marker that a JPEG may be waiting for where its last scan ends."""
    scan = stream.rfind(b"\xff\xda")
    places = [stream.rfind(bytes((0xFF, 0xD0 + i)), scan) for i in range(8)]
    last = places.index(max(places)) if max(places) >= 0 else 7
    return bytes((0xFF, 0xD0 + (last + 1) % 8))


def _open(header: Header, reading: Reading) -> ImageFile:
    picture = _openers()[header.format](header.stream, reading)
    if header.reduction > 1:
        picture.draft(None, (header.width // header.reduction, header.height // header.reduction))
    return picture


def _openers() -> dict[str, Callable[[bytes, Reading], ImageFile]]:
    return {
        "JPEG": _plugin("JpegImagePlugin", "JpegImageFile"),
        "PNG": _plugin("PngImagePlugin", "PngImageFile"),
        "WebP": _plugin("WebPImagePlugin", "WebPImageFile"),
        "AVIF": _plugin("AvifImagePlugin", "AvifImageFile"),
        "GIF": _plugin("GifImagePlugin", "GifImageFile"),
        "TIFF": _plugin("TiffImagePlugin", "TiffImageFile"),
        "BMP": _plugin("BmpImagePlugin", "BmpImageFile"),
        "HEIF": _open_heif,
        "JPEG 2000": _plugin("Jpeg2KImagePlugin", "Jpeg2KImageFile"),
        "JPEG XL": _open_jxl,
        "ICO": _plugin("IcoImagePlugin", "IcoImageFile"),
        "PNM": _plugin("PpmImagePlugin", "PpmImageFile"),
        "TGA": _plugin("TgaImagePlugin", "TgaImageFile"),
        "QOI": _plugin("QoiImagePlugin", "QoiImageFile"),
        "PCX": _plugin("PcxImagePlugin", "PcxImageFile"),
        "SGI": _plugin("SgiImagePlugin", "SgiImageFile"),
    }


class _Timed(io.BytesIO):
    """A stream that a decoder reads piece by piece, until its time is over."""

    def __init__(self, data: bytes, reading: Reading) -> None:
        super().__init__(data)
        self._reading = reading

    def read(self, size: int | None = -1) -> bytes:
        self._reading.check_time()
        return super().read(size)


def _plugin(module: str, attribute: str) -> Callable[[bytes, Reading], ImageFile]:
    def open_stream(stream: bytes, reading: Reading) -> ImageFile:
        from importlib import import_module

        factory: Any = getattr(import_module(f"PIL.{module}"), attribute)
        opened: ImageFile = factory(_Timed(stream, reading))
        return opened

    return open_stream


def _open_heif(stream: bytes, reading: Reading) -> ImageFile:
    try:
        from pillow_heif import HeifImageFile
    except ImportError as error:
        raise missing_extra("heic", f"reading the HEIC picture {reading.name}") from error
    opened: ImageFile = HeifImageFile(io.BytesIO(stream))
    return opened


def _open_jxl(stream: bytes, reading: Reading) -> Any:
    """Decode a JPEG XL, upright; it is no file of Pillow's, but a picture with the profile beside it."""
    try:
        import pylibjxl
    except ImportError as error:
        raise missing_extra("jxl", f"reading the JPEG XL picture {reading.name}") from error
    from PIL import Image

    known = pylibjxl.probe(stream)
    reading.check_size(known["width"], known["height"])
    pixels, beside = pylibjxl.decode(stream, metadata=True)
    picture = Image.fromarray(pixels)
    picture.info["icc_profile"] = beside.get("icc")
    picture.info["animated"] = known["have_animation"]
    return picture
