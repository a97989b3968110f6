"""Clips -> face tracks in shards, once. A run that was killed goes on where it stood; a finished one does nothing.

A shard holds a hundred clips of one part, in the order of their names. While it is being made each clip lies in
``pending/SHARD/CLIP.tar`` beside its record, written in one step; when all are there they become one shard and its
sidecar, and the pieces go. So a kill at any moment costs the clips that were being looked at and nothing else, and
nothing is ever in two shards.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any, Final

import numpy as np

from fakeweb.batch import ordered_map
from fakeweb.datasets.shards import TrackSample, pack, read_sidecars, unpack, write_shard
from fakeweb.errors import FakeWebError, UsageError
from fakeweb.faces import align
from fakeweb.faces.track import Tracker
from fakeweb.media import Limits, Pace, encode_jpeg, encode_png, open_clip
from fakeweb.media.storage import Storage
from fakeweb.media.whole import TEMPORARY
from fakeweb.scanner import DEFAULT_FINDER, make_finder
from fakeweb.scanner.frame_finder import FrameFinder
from fakeweb.tracks.clips import ClipRef, Part, PartReader
from fakeweb.types import Face, FaceFinder, Frame, Image

_SETTINGS: Final = "extraction.json"
_LONGEST_KEY: Final = 80


@dataclass(frozen=True)
class ExtractOptions:
    """How to extract; every shard of one output is made with the same.

    Attributes:
        finder, finder_model: The face finder.
        frames: Frames to look at in each clip, spread evenly.
        side_px: Side of the crops.
        margin: Side of the crop over the face's length: more than a classifier wants, so that training can jitter.
        min_face_px: Narrower faces are left out.
        min_frames: Tracks seen in fewer frames are left out.
        quality: Of the JPEG crops.
        clips_per_shard: Clips in one shard.
    """

    finder: str = DEFAULT_FINDER
    finder_model: str | None = None
    frames: int = 10
    side_px: int = 224
    margin: float = 1.5
    min_face_px: float = 32.0
    min_frames: int = 2
    quality: int = 95
    clips_per_shard: int = 100


@dataclass(frozen=True)
class ExtractProgress:
    """Where an extraction stands: clips done (also in earlier runs), of how many, and how many could not be read."""

    done: int
    total: int
    failed: int


@dataclass(frozen=True)
class _Task:
    shard: str
    place: Part
    clip: ClipRef


def extract(
    parts: Sequence[Part],
    out: str,
    options: ExtractOptions | None = None,
    *,
    workers: int = 1,
    on_progress: Callable[[ExtractProgress], None] | None = None,
) -> ExtractProgress:
    """Extract everything that is not extracted yet.

    Args:
        parts: From :func:`fakeweb.tracks.clips.parts_of`, or of DFDC from :func:`fakeweb.dfdc.parts.find_parts`.
        out: Folder or address; gets ``shards/``, and ``pending/`` while unfinished.
        options: How.
        workers: Processes.
        on_progress: Called after each clip.

    Raises:
        UsageError: ``out`` holds shards made with other options, or of other clips.
        UnknownName, ModelError: The finder cannot be used.
    """
    options = options or ExtractOptions()
    store = _opened(out, options)
    shards = dict(_shards(parts, options.clips_per_shard))
    finished = _finished(store, shards)
    total = sum(len(clips) for _, clips in shards.values())
    records = [c for s in finished.values() for c in s["clips"]]
    done, failed = len(records), sum(bool(c["error"]) for c in records)
    todo = {name: shard for name, shard in shards.items() if f"shards/{name}" not in finished}
    for name, (part, clips) in todo.items():
        ready = _pending(store, name)
        done, failed = done + len(ready), failed + sum(ready.values())
        tasks = [_Task(name, part, clip) for clip in clips if clip.name not in ready]
        for _, error in ordered_map(partial(_Extractor, out, options), tasks, workers=workers):
            done, failed = done + 1, failed + bool(error)
            if on_progress is not None:
                on_progress(ExtractProgress(done, total, failed))
        _finish(store, name, part, clips, options)
    _sweep(store)
    return ExtractProgress(done, total, failed)


def _shards(parts: Sequence[Part], size: int) -> Iterator[tuple[str, tuple[Part, tuple[ClipRef, ...]]]]:
    for part in parts:
        for start in range(0, len(part.clips), size):
            yield f"{part.name}-{start // size:04}", (part, part.clips[start : start + size])


def _opened(out: str, options: ExtractOptions) -> Storage:
    """Return the place, where nothing has been extracted with other options."""
    make_finder(options.finder, options.finder_model)  # wrong names are found before anything else is done
    store = Storage(out)
    text = json.dumps(asdict(options), sort_keys=True)
    if store.exists(_SETTINGS):
        if json.loads(store.read(_SETTINGS)) != json.loads(text):
            raise UsageError(
                f"{store.place} was extracted with other options",
                hint="use the same options, or another --out",
            )
    else:
        store.write(_SETTINGS, text.encode())
    return store


def _finished(store: Storage, shards: Mapping[str, tuple[Part, tuple[ClipRef, ...]]]) -> dict[str, Any]:
    """Return the sidecars of finished shards, whose pieces go where a kill left some.

    An input that has changed under them is refused, since clips would then be missing or twice there.
    """
    finished = read_sidecars(store)
    leftover = {n.split("/")[1] for n in store.names() if n.startswith("pending/")}
    for name, (_, clips) in shards.items():
        sidecar = finished.get(f"shards/{name}")
        if sidecar is None:
            continue
        if [c["clip"] for c in sidecar["clips"]] != [c.name for c in clips]:
            raise UsageError(
                f"{store.place} holds the shard {name} of other clips",
                hint="the input has changed: use another --out",
            )
        if name in leftover:
            _clear_pieces(store, name)
    return finished


def _pending(store: Storage, shard: str) -> dict[str, bool]:
    """Return the clips of a shard that are done, and whether they could not be read.

    Done are those whose record is there, which is written last.
    """
    prefix = f"pending/{shard}/"
    records = [n for n in store.names(".json") if n.startswith(prefix)]
    return {
        n.removeprefix(prefix).removesuffix(".json"): bool(json.loads(store.read(n))["error"])
        for n in records
    }


def _finish(store: Storage, name: str, part: Part, clips: Sequence[ClipRef], options: ExtractOptions) -> None:
    """Make one shard of its pieces; then the pieces go."""
    samples: list[TrackSample] = []
    records = []
    for clip in clips:
        records.append(json.loads(store.read(f"pending/{name}/{clip.name}.json")))
        tar = f"pending/{name}/{clip.name}.tar"
        data = store.read(tar)
        if hashlib.sha256(data).hexdigest() != records[-1]["tar_sha256"]:
            raise UsageError(
                f"{store.path_of(tar)} was damaged", hint="remove the pending folder and extract again"
            )
        samples += unpack(data, store.path_of(tar))
    about = {"part": part.name, "options": asdict(options)}
    write_shard(store, f"shards/{name}", pack(samples), records, about)
    _clear_pieces(store, name)


def _clear_pieces(store: Storage, shard: str) -> None:
    """Remove the pieces of a finished shard, also those that a kill left between its sidecar and here."""
    for piece in store.names():
        if piece.startswith(f"pending/{shard}/"):
            store.remove(piece)


def _sweep(store: Storage) -> None:
    """Remove what else kills left behind in a local folder: half-written files, and folders of pieces."""
    if store.local is None:
        return
    pending = store.local / "pending"
    for folder in (store.local, store.local / "shards", pending, *pending.glob("*")):
        for half in folder.glob(f"{TEMPORARY}*"):
            half.unlink(missing_ok=True)
    for folder in [*sorted(pending.rglob("*"), reverse=True), pending]:
        if folder.is_dir() and not any(folder.iterdir()):
            folder.rmdir()


class _Extractor:
    """Works through clips in one process; keeps the last part open."""

    def __init__(self, out: str, options: ExtractOptions) -> None:
        self._store, self._options = Storage(out), options
        self._finder = make_finder(options.finder, options.finder_model)
        self._part: Part | None = None
        self._reader: PartReader
        self._open = ExitStack()

    def __call__(self, task: _Task) -> str | None:
        """Extract one clip and write its piece; return what was wrong with the clip, or None."""
        clip = task.clip
        base = f"pending/{task.shard}/{clip.name}"
        samples: list[TrackSample] = []
        try:
            mask = self._bytes(task, clip.mask) if clip.mask else None
            record, samples = look_at(self._bytes(task), clip, self._finder, self._options, mask)
        except FakeWebError as error:
            record = {"error": error.message, "tracks": []}
        data = pack(samples)
        record = {**clip.told(), **record, "tar_sha256": hashlib.sha256(data).hexdigest()}
        self._store.write(f"{base}.tar", data)
        self._store.write(f"{base}.json", json.dumps(record, sort_keys=True).encode())
        return None if record["error"] is None else str(record["error"])

    def _bytes(self, task: _Task, member: str = "") -> bytes:
        if self._part != task.place:
            self._open.close()
            self._part, self._reader = task.place, self._open.enter_context(task.place.reader())
        return self._reader.read(task.clip, member)


def look_at(
    content: bytes | Path,
    clip: ClipRef,
    finder: FaceFinder,
    options: ExtractOptions,
    mask: bytes | None = None,
) -> tuple[dict[str, Any], list[TrackSample]]:
    """Find and follow the faces of one clip.

    Args:
        content: The clip.
        clip: What is known of it.
        finder: Finds faces.
        options: How.
        mask: A clip of its manipulated region, frame by frame; cut as the faces are. Without the frame of a crop
            the track has none.

    Returns:
        What is known of the clip, and one sample per track kept.

    Raises:
        MediaError: The clip cannot be read.
    """
    tracker = Tracker()
    frame_finder = FrameFinder(finder, None, options.min_face_px)
    seen: dict[int, list[tuple[Frame, Face]]] = {}
    crops: dict[int, list[bytes]] = {}
    brightness = []
    with open_clip(content, limits=Limits(), name=f"{clip.part}/{clip.name}", threads=1) as opened:
        for frame in opened.read(opened.choose(Pace(frames=options.frames))):
            brightness.append(float(frame.image.pixels[::8, ::8].mean()))
            faces = frame_finder.find(frame, cut=tracker.watch(frame))
            for face, number in zip(faces, tracker.link(frame, faces), strict=True):
                if face.width_px >= options.min_face_px:
                    crop = align(frame.image, face, options.side_px, margin=options.margin)
                    crops.setdefault(number, []).append(encode_jpeg(Image(crop.pixels), options.quality))
                    seen.setdefault(number, []).append((Frame(_DOT, frame.index, frame.time_s), face))
        info, damaged = opened.info, opened.damaged
    kept = [n for n in sorted(seen) if len(seen[n]) >= min(options.min_frames, len(brightness))]
    shown = {} if mask is None else _masks(mask, clip, options)
    samples = [
        _sample(clip, place, seen[n], crops[n], _cut(shown, seen[n], options), options)
        for place, n in enumerate(kept, 1)
    ]
    record = {
        "error": None,
        "sha256": info.sha256, "width": info.width, "height": info.height, "fps": round(info.fps, 3),
        "duration_s": round(info.duration_s, 3), "frames": info.frames, "codec": info.codec,
        "has_sound": info.has_sound, "damaged_frames": damaged, "warnings": list(info.warnings),
        "brightness": round(float(np.mean(brightness)), 2) if brightness else None,
        "tracks": [dict(s.meta) for s in samples],
        "tracks_left_out": len(seen) - len(kept),
    }  # fmt: skip
    return record, samples


def _masks(content: bytes, clip: ClipRef, options: ExtractOptions) -> dict[int, Image]:
    """Return the frames of a mask's clip that are those looked at."""
    name = f"{clip.part}/{clip.name}, its mask"
    with open_clip(content, limits=Limits(), name=name, threads=1) as opened:
        return {f.index: f.image for f in opened.read(opened.choose(Pace(frames=options.frames)))}


def _cut(
    masks: Mapping[int, Image], seen: Sequence[tuple[Frame, Face]], options: ExtractOptions
) -> tuple[bytes, ...]:
    """Cut the masks of a track as its crops were cut; nothing where one of them lacks."""
    if not masks or any(frame.index not in masks for frame, _ in seen):
        return ()
    cut = (align(masks[f.index], face, options.side_px, margin=options.margin) for f, face in seen)
    return tuple(encode_png(Image(crop.pixels)) for crop in cut)


_DOT: Final = Image(np.zeros((1, 1, 3), np.uint8))


def _sample(
    clip: ClipRef,
    place: int,
    seen: Sequence[tuple[Frame, Face]],
    crops: Sequence[bytes],
    masks: tuple[bytes, ...],
    options: ExtractOptions,
) -> TrackSample:
    """Describe one track; its face boxes are given in the crops' own pixels."""
    own = options.side_px / options.margin  # a crop is margin times the face's length wide
    middle = options.side_px / 2
    meta = {
        **clip.told(), "track": place,
        "frames": [f.index for f, _ in seen],
        "time_s": [round(f.time_s, 3) for f, _ in seen],
        "width_px": [round(face.width_px, 1) for _, face in seen],
        "box": [[round(v, 1) for v in face.box] for _, face in seen],
        "in_crop": [round(middle - own / 2, 2), round(middle - own / 2, 2),
                    round(middle + own / 2, 2), round(middle + own / 2, 2)],
    }  # fmt: skip
    key = f"{clip.part}_{PurePosixPath(clip.name).stem}".replace(".", "-")
    if len(key.encode()) > _LONGEST_KEY:  # a tar file takes names of 100 bytes
        key = hashlib.sha256(key.encode()).hexdigest()[:32]
    return TrackSample(f"{key}_{place}", meta, tuple(crops), masks)
