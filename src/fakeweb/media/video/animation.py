"""Animated GIF, WebP, APNG and AVIF, by Pillow: the same few questions that a video answers."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from typing import Any, BinaryIO, Final

import numpy as np
import numpy.typing as npt

from fakeweb.errors import FakeWebError, Unreadable
from fakeweb.media import colour
from fakeweb.media.decode import upright
from fakeweb.media.formats import read_header
from fakeweb.media.formats.header import exif_orientation
from fakeweb.media.light import Light
from fakeweb.media.limits import Reading
from fakeweb.types import Image, UInt8Array

_PLUGINS: Final = {
    "AVIF": ("AvifImagePlugin", "AvifImageFile"),
    "GIF": ("GifImagePlugin", "GifImageFile"),
    "PNG": ("PngImagePlugin", "PngImageFile"),
    "WebP": ("WebPImagePlugin", "WebPImageFile"),
}
_USUAL_STEP_S: Final = 0.1
_MAX_FRAMES: Final = 20_000


class Animation:
    """An open animated picture.

    Args:
        file: Seekable, at its start.
        format_name: ``AVIF``, ``GIF``, ``PNG`` or ``WebP``.
        reading: Name and limits.

    Raises:
        Unreadable: Not even the first frame can be read.
        TooLarge: Over a limit.
    """

    def __init__(self, file: BinaryIO, format_name: str, reading: Reading) -> None:
        self._file, self._format, self._reading = file, format_name, reading
        self.cut = False
        self._light = self._meant()
        self.width, self.height = 0, 0
        self.durations_s = self._walk()
        ends_s = np.cumsum(self.durations_s)
        self.times_s, self.duration_s = np.append(0.0, ends_s[:-1]), float(ends_s[-1])

    def _walk(self) -> npt.NDArray[np.float64]:
        """Step through the frames, noting how long each is shown."""
        steps: list[float] = []
        left_s = float(self._reading.limits.max_duration_s)
        for picture in self._pictures():
            if not steps:
                turned = _orientation(picture) > 4
                self.width, self.height = picture.size[::-1] if turned else picture.size
            steps.append(_shown_s(picture))
            left_s -= steps[-1]
            if len(steps) >= _MAX_FRAMES or left_s < 0:
                self.cut = True
                break
        if not steps:
            raise self._reading.broken("its first frame cannot be decoded")
        return np.array(steps)

    def images(self, places: npt.NDArray[np.int64]) -> Iterator[tuple[int, Image]]:
        """Yield (place, picture) for ascending places: upright sRGB on white, as of a picture that stands still."""
        wanted = set(places.tolist())
        last = max(wanted, default=-1)
        for place, picture in enumerate(self._pictures()):
            if place in wanted:
                yield place, Image(upright(self._flat(picture), _orientation(picture)))
            if place >= last:
                return

    def _meant(self) -> Light | None:
        """Return what the samples stand for where the container says so, as of a picture that stands still."""
        if self._format not in ("AVIF", "PNG"):
            return None
        try:
            return read_header(self._format, self._file.read(), self._reading).light
        except Unreadable:  # it ends early, which is no hindrance here
            return None

    def _flat(self, picture: Any) -> UInt8Array:
        whole = picture if picture.mode.startswith("I") else picture.convert("RGBA")
        rgb, _ = colour.to_rgb(whole, picture.info.get("icc_profile"), meant=self._light)
        return np.asarray(rgb)

    def _pictures(self) -> Iterator[Any]:
        """Yield Pillow's picture at each frame; ends early, and notes it, where the data do."""
        module, attribute = _PLUGINS[self._format]
        factory = getattr(import_module(f"PIL.{module}"), attribute)
        self._file.seek(0)
        place = 0
        try:
            picture = factory(_Unclosed(self._file))
            self._reading.check_size(*picture.size)
            while True:
                picture.load()
                if place or not picture.info.get(
                    "default_image"
                ):  # of an APNG: for programs that know no animation
                    yield picture
                place += 1
                if place >= getattr(picture, "n_frames", 1):
                    return
                picture.seek(place)
        except FakeWebError:
            raise
        except EOFError:
            self.cut = place > 0
        except Exception as error:  # Pillow documents none of what it raises for damaged data
            if place == 0:
                raise self._reading.broken(f"it cannot be decoded ({error})") from error
            self.cut = True


class _Unclosed:
    """A file that Pillow cannot close."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)

    def close(self) -> None:
        """Leave it open."""


def _shown_s(picture: Any) -> float:
    """Return how long browsers show a frame: 0.1 s where the file says 10 ms or less."""
    duration_ms = float(picture.info.get("duration") or 0)
    return duration_ms / 1000 if duration_ms > 10 else _USUAL_STEP_S


def _orientation(picture: Any) -> int:
    return exif_orientation(picture.info.get("exif") or b"")
