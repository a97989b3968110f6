"""Pictures -> an H.264 clip that browsers play; a clip -> the same clip with other pictures, sound kept."""

from __future__ import annotations

import contextlib
import os
import secrets
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np
import numpy.typing as npt

from fakeweb.errors import UsageError
from fakeweb.media.address import address_of, local_path
from fakeweb.media.limits import DEFAULT_LIMITS, Limits, Reading, one_line
from fakeweb.media.mark import MARK
from fakeweb.media.read import source_name
from fakeweb.media.video.animation import Animation
from fakeweb.media.video.container import VideoFile
from fakeweb.media.video.kind import animated_format, demuxer_of
from fakeweb.media.video.material import open_material
from fakeweb.media.video.pixels import orientation_of, to_image
from fakeweb.media.write import write_atomically
from fakeweb.types import Frame, Image

_LONGEST_SIDE_PX: Final = 4096  # what H.264 decoders in browsers promise
_UNIT: Final = Fraction(1, 90_000)
_BT709: Final = 1
_LIMITED: Final = 1
_FRAME_DURATION: Final = 1 << 8  # AV_CODEC_FLAG_FRAME_DURATION: packets last as long as their pictures

Change = Callable[[Frame], Image]


def encode_clip(
    path: str | os.PathLike[str],
    frames: Iterable[tuple[Image, float]],
    *,
    fps: float,
    crf: float = 20,
    preset: str = "veryfast",
    gop: int = 250,
    threads: int = 0,
) -> None:
    """Write pictures as an MP4 with H.264 (yuv420p), whole or not at all.

    Args:
        path: The file.
        frames: Pictures of one size with their times in seconds, ascending; odd sizes are padded by a pixel.
        fps: Usual rate, for players.
        crf: x264's quality: 18 looks lossless, 28 is coarse.
        preset: x264's preset.
        gop: Most frames from one keyframe to the next.
        threads: Threads that encode; 0 leaves it to x264.

    Raises:
        UsageError: The place cannot be written to.
        ValueError: No picture.
    """
    with _output(path) as container:
        pictures: _Pictures | None = None
        for image, time_s in frames:
            if pictures is None:
                pictures = _Pictures(container, image, fps, {"crf": str(crf), "preset": preset}, gop, threads)
            pictures.add(image, round(time_s / _UNIT), _UNIT)
        if pictures is None:
            raise ValueError("a clip needs at least one picture")
        pictures.end()


def rewrite_clip(
    source: Any,
    path: str | os.PathLike[str],
    change: Change,
    *,
    limits: Limits = DEFAULT_LIMITS,
    name: str | None = None,
    on_frame: Callable[[Frame], None] | None = None,
    should_stop: Callable[[], bool] | None = None,
    crf: float = 20,
    drawn: bool = False,
) -> bool:
    """Write a clip again with every picture changed: same times, same sound, H.264 and AAC in an MP4.

    The pictures are upright and of square pixels; sides beyond 4,096 px are scaled down. Sound that is AAC already
    is copied, other sound is encoded anew. Memory holds a few frames.

    Args:
        source: What :func:`fakeweb.media.open_clip` takes.
        path: The file to write, whole or not at all.
        change: Upright frame -> picture of the same size.
        limits: How much the clip may cost.
        name: Name for messages.
        on_frame: Called after each frame.
        should_stop: Asked after each frame; True ends the clip there, and what was written is kept.
        crf: x264's quality.
        drawn: Whether FakeWeb draws on it: it gets the mark by which scans of folders leave such files out.

    Returns:
        Whether it went to the end.

    Raises:
        MediaError: The clip cannot be read.
        UsageError: The place cannot be written to.
    """
    reading = Reading(one_line(name if name is not None else source_name(source), limit=4096), limits)
    with open_material(source, reading.name, limits) as material:
        animated = animated_format(material.head)
        demuxer = demuxer_of(material.head)
        if animated is None and demuxer is None:
            raise reading.unsupported("no video that we know", hint="convert it to H.264 in an MP4 file")
        with _output(path) as container:
            if drawn:
                container.metadata["comment"] = MARK
            if animated is not None:
                steps: _Steps = _animated(Animation(material.file, animated, reading), container, change, crf)
            else:
                steps = _filmed(
                    VideoFile(material.file, str(demuxer), reading), container, change, crf, reading
                )
            for frame in steps:
                if on_frame is not None:
                    on_frame(frame)
                if should_stop is not None and should_stop():
                    steps.close()
                    return False
    return True


_Steps = Any  # Generator[Frame, None, None]


class _Pictures:
    """The picture stream of an output."""

    def __init__(
        self,
        container: Any,
        first: Image,
        fps: float,
        options: dict[str, str],
        gop: int = 250,
        threads: int = 0,
    ) -> None:
        self._container = container
        self._size = _even_size(first.width, first.height)
        rate = Fraction(fps).limit_denominator(1001) if fps > 0 else Fraction(25)
        self._stream = container.add_stream("libx264", rate=max(rate, Fraction(1, 1000)))
        self._stream.width, self._stream.height = self._size
        self._stream.pix_fmt = "yuv420p"
        self._stream.options = options
        context = self._stream.codec_context
        context.gop_size, context.thread_count = gop, threads
        context.flags |= _FRAME_DURATION
        context.color_range, context.colorspace = _LIMITED, _BT709
        context.color_primaries = context.color_trc = _BT709
        self._last: int | None = None

    def add(self, image: Image, pts: int, unit: Fraction, shown_s: float = 0.0) -> None:
        """Add a picture; one that is not later than the one before is left out.

        ``shown_s`` is how long it is shown, which is asked for where it is the last; 0 as long as others.
        """
        import av

        if self._last is None:
            self._stream.codec_context.time_base = unit
        elif pts <= self._last:
            return
        self._last = pts
        frame = av.VideoFrame.from_ndarray(_fitted(image.pixels, self._size), format="rgb24")
        frame = frame.reformat(format="yuv420p", dst_colorspace="ITU709", dst_color_range="MPEG", threads=1)
        frame.pts, frame.time_base, frame.duration = pts, unit, round(Fraction(shown_s) / unit)
        self._container.mux(self._stream.encode(frame))

    def end(self) -> None:
        """Write what the encoder still holds."""
        self._container.mux(self._stream.encode(None))


def _animated(animation: Animation, container: Any, change: Change, crf: float) -> Iterator[Frame]:
    times_s = animation.times_s
    fps = len(times_s) / animation.duration_s
    pictures: _Pictures | None = None
    try:
        for place, image in animation.images(np.arange(len(times_s))):
            frame = Frame(image, place, float(times_s[place]), float(animation.durations_s[place]))
            changed = change(frame)
            if pictures is None:
                pictures = _Pictures(container, changed, fps, _options(crf))
            pictures.add(changed, round(frame.time_s / _UNIT), _UNIT, frame.duration_s)
            yield frame
    finally:
        if pictures is not None:
            pictures.end()


def _filmed(
    video: VideoFile, container: Any, change: Change, crf: float, reading: Reading
) -> Iterator[Frame]:
    """Decode, change and encode pictures, and carry the sound across, in the order of the file."""
    sound = None if video.sound is None else _Sound(container, video.sound)
    pictures: _Pictures | None = None
    early: list[
        Any
    ] = []  # sound before the first picture: both streams must be known before anything is written
    first_pts, index = 0, 0
    try:
        for shown, packet in video.everything():
            if packet is not None:
                early.append(packet)
            else:
                if pictures is None:
                    first_pts = shown.pts
                image = to_image(shown, orientation_of(shown), video.aspect)
                time_s, shown_s = (shown.pts - first_pts) * video.unit_s, (shown.duration or 0) * video.unit_s
                frame = Frame(image, index, max(0.0, time_s), max(0.0, shown_s))
                index += 1
                changed = change(frame)
                if pictures is None:
                    pictures = _Pictures(container, changed, video.fps, _options(crf))
                pictures.add(changed, shown.pts, video.unit, frame.duration_s)
                yield frame
            if pictures is not None and sound is not None:
                for waiting in early:
                    sound.add(waiting)
                early.clear()
        if pictures is None:
            raise reading.broken("none of its frames can be decoded")
    finally:
        if pictures is not None:
            pictures.end()
            if sound is not None:
                sound.end()
        video.close()


class _Sound:
    """The sound stream of an output: copied where it is AAC, else encoded as AAC."""

    def __init__(self, container: Any, source: Any) -> None:
        self._container = container
        self._copy = (
            source.codec_context is not None
            and source.codec_context.name == "aac"
            and bool(source.codec_context.extradata)
        )
        if self._copy:
            self._stream = container.add_stream_from_template(source)
        else:
            rate = source.codec_context.sample_rate
            self._stream = container.add_stream("aac", rate=rate if rate in _AAC_RATES else 48_000)
            self._stream.layout = "stereo" if source.codec_context.channels > 1 else "mono"

    def add(self, packet: Any) -> None:
        """Add a packet of the source; damaged sound is left out."""
        import av

        if self._copy:
            if packet.dts is not None:
                packet.stream = self._stream
                self._container.mux(packet)
            return
        try:
            frames = packet.decode()
        except av.FFmpegError:
            return
        for frame in frames:
            self._container.mux(self._stream.encode(frame))

    def end(self) -> None:
        """Write what the encoder still holds."""
        if not self._copy:
            self._container.mux(self._stream.encode(None))


_AAC_RATES: Final = (8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000)


def _options(crf: float) -> dict[str, str]:
    return {"crf": str(crf), "preset": "veryfast"}


def _even_size(width: int, height: int) -> tuple[int, int]:
    """Return the size to encode: even, and within what browsers decode."""
    scale = min(1.0, _LONGEST_SIDE_PX / max(width, height))
    if scale < 1:
        width, height = round(width * scale), round(height * scale)
    return width + width % 2, height + height % 2


def _fitted(pixels: npt.NDArray[np.uint8], size: tuple[int, int]) -> npt.NDArray[np.uint8]:
    """Bring a picture to the size to encode: one pixel is repeated, more are scaled."""
    height, width = pixels.shape[:2]
    if (width, height) == size:
        return np.ascontiguousarray(pixels)
    if 0 <= size[0] - width <= 1 and 0 <= size[1] - height <= 1:
        return np.pad(pixels, ((0, size[1] - height), (0, size[0] - width), (0, 0)), mode="edge")
    return np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), np.uint8)


@contextmanager
def _output(path: str | os.PathLike[str]) -> Iterator[Any]:
    """Open a temporary MP4 beside the target, which takes its place when all went well, and is gone otherwise."""
    import av

    if address_of(path) is not None:
        with tempfile.TemporaryDirectory(prefix="fakeweb-clip-") as folder:
            with _output(local := Path(folder, "clip.mp4")) as container:
                yield container
            write_atomically(path, local.read_bytes())
        return
    target = Path(os.path.realpath(local_path(path)))
    temporary = target.parent / f".fakeweb-{secrets.token_hex(8)}.tmp"
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        if target.exists() and not target.is_file():
            raise UsageError(f"{target} is not a file and cannot be written", hint="give the path of a file")
        temporary.touch(exist_ok=False)
        with av.open(
            f"file:{temporary}", "w", format="mp4", container_options={"movflags": "+faststart"}
        ) as container:
            yield container
        temporary.replace(target)
    except OSError as error:
        if isinstance(error, av.FFmpegError) and not isinstance(error, PermissionError | FileNotFoundError):
            raise
        raise UsageError(
            f"{one_line(os.fspath(path))} cannot be written: {error.strerror or error}",
            hint="choose another place, or check the rights and the free space of the folder",
        ) from error
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink()
