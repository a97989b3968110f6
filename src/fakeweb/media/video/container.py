"""The border to PyAV: open a container, list its packets, decode some of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, BinaryIO, Final

import numpy as np
import numpy.typing as npt

from fakeweb.errors import FakeWebError, TooLarge, Unreadable
from fakeweb.media.limits import Reading, one_line
from fakeweb.media.video import index
from fakeweb.media.video.pixels import orientation_of, to_image
from fakeweb.types import Image

_MAX_PACKETS: Final = 6_000_000
_MAX_TAGS: Final = 64
_PEEK_PACKETS: Final = 64
_TIMELESS: Final = ("h264", "hevc")  # bare streams: pictures without a time
_PROBE: Final = {"probesize": "20000000", "analyzeduration": "10000000"}


@contextmanager
def translated(reading: Reading, fault: Callable[[], str | None] = lambda: None) -> Iterator[None]:
    """Turn what FFmpeg raises into errors of ours; ``fault`` may know better than FFmpeg what is wrong."""
    import av

    try:
        yield
    except FakeWebError:
        raise
    except MemoryError as error:
        raise TooLarge(f"{reading.name} needs too much memory", hint="scale the clip down") from error
    except (av.FFmpegError, OSError, ValueError, IndexError, OverflowError) as error:
        reason = getattr(error, "strerror", None) or error
        if isinstance(error, av.FFmpegError) and (known := fault()):
            raise _damaged_index(reading, known) from error
        raise reading.broken(f"it cannot be decoded ({one_line(reason)})") from error


def _damaged_index(reading: Reading, fault: str) -> Unreadable:
    hint = "copy it from the camera again; programs that repair recordings rebuild the index from a whole one"
    return Unreadable(f"{reading.name} is damaged: {fault}", hint=hint)


@dataclass(frozen=True, eq=False)
class PacketList:
    """What the packets of the picture stream say, without a frame being decoded.

    Attributes:
        pts: (P,) presentation time of each packet in the stream's unit, in decoding order.
        keys: (P,) which can be decoded alone.
        shown: (P,) which are meant to be shown.
        complete: False where the data end or break before the container's own end.
        last_step: How long the last of them is shown, in the stream's unit; 0 where the container does not say.
        orientation: How the pictures are to be turned and mirrored, 1 to 8, as EXIF counts.
    """

    pts: npt.NDArray[np.int64]
    keys: npt.NDArray[np.bool_]
    shown: npt.NDArray[np.bool_]
    complete: bool
    last_step: int = 0
    orientation: int = 1


class VideoFile:
    """A clip opened with PyAV; ``close`` it.

    Args:
        file: Seekable, anywhere.
        demuxer: FFmpeg's name of the container.
        reading: Name and limits.
        threads: Threads that decode; 0 leaves it to FFmpeg.

    Raises:
        Unreadable: FFmpeg cannot open it.
        Unsupported: No pictures in it, or a codec that cannot be decoded.
        TooLarge: Over a limit.
    """

    def __init__(self, file: BinaryIO, demuxer: str, reading: Reading, threads: int = 0) -> None:
        import av

        self._reading = reading
        self._file, self._demuxer = file, demuxer
        file.seek(0)
        with translated(reading, self._index_fault):
            self._container: Any = av.open(
                file, format=demuxer, container_options=_PROBE, metadata_errors="replace"
            )
            self._stream = self._picture_stream()
            context = self._stream.codec_context
            reading.check_size(context.width, context.height)
            context.thread_count = threads
            context.thread_type = "AUTO"
        self.unit = self._stream.time_base
        self.unit_s = float(self.unit)
        self.stored_size = (context.width, context.height)
        whole = self._container.duration
        self.promised_s = whole / av.time_base if whole else None  # by the header, which may be wrong
        self.aspect = _aspect(self._stream)
        self.codec = str(self._stream.codec_context.name)
        self.damaged = 0
        self.sound: Any = next(iter(self._container.streams.audio), None)
        self.has_sound = self.sound is not None
        self.tags = _tags(self._container.metadata, self._stream.metadata)
        self.has_times = demuxer not in _TIMELESS
        rates = self._stream.average_rate, self._stream.guessed_rate
        self.fps = float(next(filter(None, rates if self.has_times else rates[::-1]), 25))

    def _picture_stream(self) -> Any:
        streams = [s for s in self._container.streams.video if not _is_cover(s)]
        unknown = [stream for stream in streams if stream.codec_context is None]
        if len(unknown) == len(streams) and (fault := self._index_fault(listed=bool(unknown))):
            raise _damaged_index(self._reading, fault)
        if not streams and not self._container.streams.audio:
            raise self._reading.broken("no pictures and no sound can be found in it")
        if not streams:
            raise self._reading.unsupported(
                "a sound without pictures", hint="give a clip that shows something"
            )
        stream = max(streams, key=lambda s: _pixels(s.codec_context))
        if stream.codec_context is None:
            raise self._reading.unsupported(
                "a clip of an unknown codec", hint="convert it to H.264 in an MP4 file"
            )
        return stream

    def _index_fault(self, *, listed: bool = False) -> str | None:
        return index.fault(self._file, listed=listed) if self._demuxer == "mov" else None

    def close(self) -> None:
        """Close the container."""
        self._container.close()

    def list_packets(self) -> PacketList:
        """Read all packets once.

        Raises:
            TooLarge: Longer than allowed.
        """
        import av

        pts: list[int] = []
        flags = bytearray()
        complete, first = True, None
        latest = last_step = 0
        longest = self._reading.limits.max_duration_s / self.unit_s
        try:
            for packet in self._container.demux(self._stream):
                if not packet.size:
                    continue
                time = packet.pts if packet.pts is not None else packet.dts
                if time is None:
                    time = self._counted(len(pts))
                if pts and abs(time - pts[0]) > longest:
                    raise TooLarge(
                        f"{self._reading.name} is longer than {self._reading.limits.max_duration_s:,} s",
                        hint="cut the clip into parts and scan these",
                    )
                if not pts or (time > latest and not packet.is_discard):
                    latest, last_step = time, max(0, packet.duration or 0)
                pts.append(time)
                flags.append(packet.is_keyframe | (not packet.is_discard) << 1)
                if first is None and len(pts) <= _PEEK_PACKETS:  # only a frame knows which way is up
                    first = next(iter(_decoded(packet)), None)
                if len(pts) > _MAX_PACKETS:
                    complete = False
                    break
        except (av.FFmpegError, OSError, ValueError):
            complete = False
        bits = np.frombuffer(bytes(flags), np.uint8)
        orientation = 1 if first is None else orientation_of(first)
        return PacketList(
            np.array(pts, np.int64), (bits & 1) > 0, (bits & 2) > 0, complete, last_step, orientation
        )

    def _counted(self, number: int) -> int:
        """Return when a picture is shown that carries no time, in the stream's unit."""
        return round(number / (self.fps * self.unit_s))

    def images(self, packets: PacketList, wanted: npt.NDArray[np.int64]) -> Iterator[tuple[int, Image]]:
        """Decode what is needed of a freshly opened file and yield (pts, upright picture) of the wanted frames.

        Packets are only sent to the decoder from a keyframe up to the last frame wanted before the next one; of
        these, frames that no other refers to are skipped unless they are wanted. Neither changes a pixel of the
        frames that are wanted.

        After damage, frames are dropped up to the next keyframe: what a decoder makes up to conceal an error
        must not be judged as if a camera had seen it. A frame that was wanted and dropped is replaced by the
        next good one.

        Args:
            packets: From :meth:`list_packets` of the same file.
            wanted: Packet numbers, in decoding order, of the frames to yield.
        """
        import av

        if not self.has_times:
            yield from self._images_by_number(packets, wanted)
            return
        send, is_wanted = _plan(packets, wanted)
        due = _Due(packets.pts[np.sort(wanted)])
        context = self._stream.codec_context
        last, number = -1, -1
        try:
            for packet in self._container.demux(self._stream):
                if packet.size:
                    number += 1
                if number >= len(send) or not packet.size or not send[number]:
                    continue
                if last >= 0 and number > last + 1:
                    yield from self._good(context.decode(None), due, packets)
                    context.flush_buffers()
                    due.whole_again()
                last = number
                context.skip_frame = "DEFAULT" if is_wanted[number] else "NONREF"
                try:
                    frames = packet.decode()
                except av.FFmpegError:
                    due.damaged_from(packets.pts[number])
                    continue
                yield from self._good(frames, due, packets)
            yield from self._good(_decoded_rest(context), due, packets)
        except (av.FFmpegError, OSError):
            due.damaged_from(0)
        self.damaged = due.damaged

    def _images_by_number(
        self, packets: PacketList, wanted: npt.NDArray[np.int64]
    ) -> Iterator[tuple[int, Image]]:
        """Do what :meth:`images` does where only the order of the decoded frames tells when they are shown."""
        due = _Due(packets.pts[np.sort(wanted)])
        last = packets.pts[wanted.max()]
        for frame, _ in self._all_frames([self._stream], due):
            if due.takes(frame):
                yield frame.pts, to_image(frame, packets.orientation, self.aspect)
            if frame.pts >= last:
                break
        self.damaged = due.damaged

    def everything(self) -> Iterator[tuple[Any, Any]]:
        """Decode a freshly opened file whole and yield (frame of PyAV, None) and (None, packet of the sound).

        Frames concealed after damage are dropped as :meth:`images` does.
        """
        due = _Due(np.empty(0, np.int64), all_of_them=True)
        streams = [self._stream] if self.sound is None else [self._stream, self.sound]
        for frame, packet in self._all_frames(streams, due):
            if packet is not None or due.takes(frame):
                yield frame, packet
        self.damaged = due.damaged

    def _all_frames(self, streams: list[Any], due: _Due) -> Iterator[tuple[Any, Any]]:
        """Decode from the start; frames without a time are given one by their number."""
        import av

        number = 0
        try:
            for packet in self._container.demux(streams):
                if packet.stream.type == "audio":
                    if packet.size:
                        yield None, packet
                    continue
                try:
                    frames = packet.decode() if packet.size else _decoded_rest(self._stream.codec_context)
                except av.FFmpegError:
                    due.damaged_from((packet.pts or 0) if self.has_times else self._counted(number))
                    continue
                for frame in frames:
                    if not self.has_times:
                        frame.pts, frame.duration = self._counted(number), self._counted(1)
                    number += 1
                    yield frame, None
        except (av.FFmpegError, OSError):
            due.damaged_from(0)

    def _good(self, frames: Any, due: _Due, packets: PacketList) -> Iterator[tuple[int, Image]]:
        for frame in frames:
            if due.takes(frame):
                if frame.width * frame.height > self._reading.limits.max_pixels:
                    self._reading.check_size(frame.width, frame.height)
                yield frame.pts, to_image(frame, packets.orientation, self.aspect)


def _is_cover(stream: Any) -> bool:
    """Tell the cover of an album or a thumbnail from a clip."""
    return "attached_pic" in str(stream.disposition).lower()


def _pixels(context: Any) -> int:
    return 0 if context is None else context.width * context.height


def _tags(*found: Mapping[str, str]) -> dict[str, str]:
    """Return what container and stream say of themselves, in bounds."""
    tags: dict[str, str] = {}
    for key, value in (pair for tags_of in found for pair in tags_of.items()):
        if len(tags) < _MAX_TAGS:
            tags.setdefault(one_line(key, 64).lower(), one_line(value, 2000))
    return tags


def _aspect(stream: Any) -> float:
    """Return width over height of a stored pixel; 1 where the file says nothing sensible."""
    ratio = stream.sample_aspect_ratio
    aspect = float(ratio) if ratio else 1.0
    return aspect if 0.2 < aspect < 5 else 1.0


class _Due:
    """The frames still waited for, and whether what comes can be trusted."""

    def __init__(self, pts: npt.NDArray[np.int64], *, all_of_them: bool = False) -> None:
        self._waiting = np.sort(pts)
        self._all = all_of_them
        self._next = 0
        self._damaged_from: int | None = None
        self.damaged = 0

    def damaged_from(self, pts: int) -> None:
        """Note that a packet of about this time is broken."""
        self.damaged += 1
        if self._damaged_from is None or pts < self._damaged_from:
            self._damaged_from = pts

    def whole_again(self) -> None:
        """Note that the decoder begins anew at a keyframe."""
        self._damaged_from = None

    def takes(self, frame: Any) -> bool:
        """Tell whether a decoded frame is one to use, and tick it off."""
        if frame.pts is None:
            return False
        if frame.is_corrupt:
            self.damaged_from(frame.pts)
            return False
        if self._damaged_from is not None:
            if not (frame.key_frame and frame.pts > self._damaged_from):
                return False
            self.whole_again()
        if self._all:
            return True
        if self._next >= len(self._waiting) or frame.pts < self._waiting[self._next]:
            return False
        self._next = int(np.searchsorted(self._waiting, frame.pts, side="right"))
        return True


def _plan(
    packets: PacketList, wanted: npt.NDArray[np.int64]
) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
    """Return which packets the decoder must see, and which of them are wanted."""
    count = len(packets.pts)
    send, is_wanted = np.zeros(count, np.bool_), np.zeros(count, np.bool_)
    is_wanted[wanted] = True
    starts = np.flatnonzero(packets.keys)
    for number in wanted.tolist():
        group = int(np.searchsorted(starts, number, side="right")) - 1
        if group >= 0 and packets.pts[number] < packets.pts[starts[group]]:
            group -= 1  # a picture shown before its keyframe also needs the group before
        first = int(starts[group]) if group >= 0 else 0
        send[first : number + 1] = True
    return send, is_wanted


def _decoded(packet: Any) -> list[Any]:
    import av

    try:
        return list(packet.decode())
    except av.FFmpegError:
        return []


def _decoded_rest(context: Any) -> list[Any]:
    import av

    try:
        return list(context.decode(None))
    except (av.FFmpegError, EOFError):  # already drained
        return []
