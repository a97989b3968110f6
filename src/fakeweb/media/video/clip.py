"""A clip: what is known before a frame is decoded, and the frames one asks for."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt

from fakeweb.errors import Unreadable
from fakeweb.media.limits import DEFAULT_LIMITS, Limits, Reading, one_line
from fakeweb.media.read import source_name
from fakeweb.media.video.animation import Animation
from fakeweb.media.video.container import PacketList, VideoFile
from fakeweb.media.video.kind import animated_format, demuxer_of
from fakeweb.media.video.material import Material, open_material
from fakeweb.media.video.pace import Choice, Pace, choose
from fakeweb.media.video.pixels import upright_size
from fakeweb.types import Frame


@dataclass(frozen=True)
class ClipInfo:
    """What is known of a clip.

    Attributes:
        source: Name for the report.
        sha256: Hex digest of its bytes.
        width, height: Size of the upright pictures, in square pixels.
        duration_s: From the first frame's beginning to the last one's end, by the timestamps.
        frames: How many there are.
        fps: Frames a second on average.
        codec: FFmpeg's name, or ``AVIF``, ``GIF``, ``PNG``, ``WebP``.
        has_sound: Whether there is a sound track.
        warnings: What a reader of the report should know.
    """

    source: str
    sha256: str
    width: int
    height: int
    duration_s: float
    frames: int
    fps: float
    codec: str
    has_sound: bool
    warnings: tuple[str, ...] = ()


@dataclass(eq=False)
class Clip:
    """An open clip, from :func:`open_clip`.

    Attributes:
        info: What is known of it.
        times_s: (N,) presentation times of all frames from the first one's, ascending.
        keys: (N,) which frames are keyframes.
        durations_s: (N,) how long each is shown.
        file: Its bytes, seekable.
        tags: What its container says, by keyword: encoder, camera, times ...; none for animated pictures.
        damaged: Broken frames met while reading.
    """

    info: ClipInfo
    times_s: npt.NDArray[np.float64]
    keys: npt.NDArray[np.bool_]
    durations_s: npt.NDArray[np.float64]
    file: BinaryIO = field(repr=False)
    _read: Any = field(repr=False)
    tags: Mapping[str, str] = field(default_factory=dict)
    damaged: int = 0

    def choose(self, pace: Pace | None = None) -> Choice:
        """Choose frames by their timestamps and by how long they are shown."""
        return choose(self.times_s, self.durations_s, self.keys, pace or Pace())

    def read(self, choice: Choice) -> Iterator[Frame]:
        """Decode once, forward, and yield the chosen frames in order; memory holds one at a time.

        Where a chosen frame is broken the next good one comes in its place; ``damaged`` counts what was broken.
        """
        yield from self._read(self, choice)


@contextmanager
def open_clip(
    source: Any, *, limits: Limits = DEFAULT_LIMITS, name: str | None = None, threads: int = 0
) -> Iterator[Clip]:
    """Open a clip and read its timestamps: a video of any usual container, or an animated GIF, WebP, APNG or AVIF.

    The content decides what it is, not the name. Nothing but the first frame is decoded. Data that end early are
    no error as long as something is there: ``info.warnings`` says so.

    Args:
        source: A path, bytes, or a binary file object (read from where it stands, not closed).
        limits: How much the clip may cost.
        name: Name for messages and the report, instead of the path.
        threads: Threads that decode; 0 leaves it to FFmpeg.

    Raises:
        Unreadable: Missing, empty, or damaged so that no frame can be had.
        Unsupported: No clip, or one without pictures.
        TooLarge: Over a limit.
        Refused: A web address.
    """
    raw = name if name is not None else source_name(source)
    reading = Reading(one_line(raw, limit=4096), limits)
    with open_material(source, reading.name, limits) as material:
        animated = animated_format(material.head)
        clip = (
            _open_animation(material, animated, reading)
            if animated
            else _open_video(material, reading, threads)
        )
        clip.info = replace(clip.info, source=raw)
        yield clip


def read_frames(
    source: Any, *, pace: Pace | None = None, limits: Limits = DEFAULT_LIMITS, name: str | None = None
) -> Iterator[Frame]:
    """Yield frames of a clip, chosen by their timestamps, upright sRGB, in one forward pass.

    Args:
        source: As :func:`open_clip` takes it.
        pace: How densely; by default two a second up to a minute, at least 32, bursts in longer clips.
        limits: How much the clip may cost.
        name: Name for messages.

    Raises:
        MediaError: As :func:`open_clip` says.

    Example:
        >>> next(read_frames(b""))
        Traceback (most recent call last):
        fakeweb.errors.Unreadable: <bytes> is empty
    """
    with open_clip(source, limits=limits, name=name) as clip:
        yield from clip.read(clip.choose(pace))


def _open_animation(material: Material, format_name: str, reading: Reading) -> Clip:
    animation = Animation(material.file, format_name, reading)
    count = len(animation.times_s)
    warnings = ("the file ends early; what is there was read",) if animation.cut else ()

    def read(clip: Clip, choice: Choice) -> Iterator[Frame]:
        for place, image in animation.images(choice.places):
            yield Frame(image, place, float(clip.times_s[place]), float(clip.durations_s[place]))

    info = ClipInfo(
        reading.name, material.sha256, animation.width, animation.height, animation.duration_s, count,
        count / animation.duration_s, format_name, has_sound=False, warnings=warnings,
    )  # fmt: skip
    return Clip(
        info, animation.times_s, np.zeros(count, np.bool_), animation.durations_s, material.file, read
    )


def _open_video(material: Material, reading: Reading, threads: int) -> Clip:
    demuxer = demuxer_of(material.head)
    if demuxer is None:
        raise reading.unsupported("no video that we know", hint="convert it to H.264 in an MP4 file")
    first = VideoFile(material.file, demuxer, reading, threads=1)
    try:
        packets = first.list_packets()
    finally:
        first.close()
    if not packets.shown.any():
        raise reading.broken("it holds no frame")
    order = _presentation_order(packets)
    pts = packets.pts[order]
    times_s = (pts - pts[0]) * first.unit_s
    durations_s = np.diff(times_s, append=times_s[-1] + _last_step_s(first, packets, times_s))
    info = _describe(first, packets, float(times_s[-1] + durations_s[-1]), len(times_s), material, reading)

    def read(clip: Clip, choice: Choice) -> Iterator[Frame]:
        video = VideoFile(material.file, demuxer, reading, threads)
        seen = 0
        try:
            for shown, image in video.images(packets, order[choice.places]):
                place = min(int(np.searchsorted(pts, shown)), len(pts) - 1)
                seen += 1
                yield Frame(image, place, float(times_s[place]), float(durations_s[place]))
        finally:
            clip.damaged += video.damaged
            video.close()
        if not seen:
            raise Unreadable(
                f"{reading.name} is damaged: none of its frames can be decoded",
                hint="open it in a player and save it anew",
            )

    return Clip(info, times_s, packets.keys[order], durations_s, material.file, read, first.tags)


def _presentation_order(packets: PacketList) -> npt.NDArray[np.int64]:
    """Return packet numbers by presentation time; frames with the time of another are passed over."""
    shown = np.flatnonzero(packets.shown)
    _, first = np.unique(packets.pts[shown], return_index=True)
    return np.asarray(shown[first], np.int64)


def _last_step_s(video: VideoFile, packets: PacketList, times_s: npt.NDArray[np.float64]) -> float:
    """Return how long the last frame is shown: by the container, or as long as others are."""
    if packets.last_step:
        return packets.last_step * video.unit_s
    return float(np.median(np.diff(times_s))) if len(times_s) > 1 else 1 / video.fps


def _describe(
    video: VideoFile, packets: PacketList, duration_s: float, count: int, material: Material, reading: Reading
) -> ClipInfo:
    warnings = []
    if not video.has_times:
        warnings.append(f"its pictures carry no times; they are taken to be {video.fps:g} a second")
    if not packets.complete:
        warnings.append(f"the data end or break after {duration_s:.1f} s; what is there was read")
    promised_s = video.promised_s
    if promised_s is not None and math.isfinite(promised_s) and abs(promised_s - duration_s) > max(
        1.0, 0.1 * duration_s
    ):  # fmt: skip
        warnings.append(f"its header says {promised_s:.1f} s, its frames last {duration_s:.1f} s")
    width, height = upright_size(*video.stored_size, packets.orientation, video.aspect)
    return ClipInfo(
        reading.name, material.sha256, width, height, duration_s, count,
        count / duration_s if duration_s > 0 else 0.0, video.codec, video.has_sound, tuple(warnings),
    )  # fmt: skip
