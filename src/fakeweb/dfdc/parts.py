"""Where the clips of DFDC lie: folders and zip files with a ``metadata.json``, local or in object storage."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any, Final

from fakeweb.errors import DatasetError, LayoutMismatch, Unreadable
from fakeweb.media import VIDEO_SUFFIXES
from fakeweb.media.storage import Storage
from fakeweb.media.walk import Obstacle

_METADATA: Final = "metadata.json"


@dataclass(frozen=True)
class ClipRef:
    """One clip of a part.

    Attributes:
        part: Name of the part.
        name: The clip's file name, unique within the part.
        member: Where it lies: relative to the store, or inside the zip file.
        label: 0 real, 1 fake, None unknown.
        original: File name of the clip a fake was made of, or None.
    """

    part: str
    name: str
    member: str
    label: int | None
    original: str | None


@dataclass(frozen=True)
class Part:
    """One part: a folder, or a zip file read in place.

    Attributes:
        place: The store it lies in.
        name: ``dfdc_train_part_07``; unique.
        archive: The zip file's name in the store, or None for a folder.
        clips: Sorted by name.
    """

    place: str
    name: str
    archive: str | None
    clips: tuple[ClipRef, ...]

    @contextmanager
    def reader(self) -> Iterator[PartReader]:
        """Open the part for reading clips."""
        store = Storage(self.place)
        if self.archive is None:
            yield PartReader(store, None)
            return
        with store.open(self.archive) as file, _zip(file, store.path_of(self.archive)) as archive:
            yield PartReader(store, archive)


@dataclass(frozen=True)
class PartReader:
    """An open part."""

    store: Storage
    archive: zipfile.ZipFile | None

    def read(self, clip: ClipRef) -> bytes:
        """Return a clip's bytes.

        Raises:
            Unreadable: It is gone, or damaged inside its zip file.
        """
        if self.archive is None:
            return self.store.read(clip.member)
        try:
            return self.archive.read(clip.member)
        except (zipfile.BadZipFile, KeyError, OSError, EOFError, NotImplementedError, RuntimeError) as error:
            raise Unreadable(
                f"{clip.part}/{clip.name} cannot be unpacked: {error}", hint="download the part again"
            ) from error


def find_parts(places: Sequence[str], *, on_obstacle: Callable[[Obstacle], None] | None = None) -> list[Part]:
    """Find all parts below some places.

    A part is a folder with clips, or a zip file with clips; ``metadata.json`` beside the clips gives labels and
    originals, and without one they are unknown.

    Args:
        places: Folders, zip files, or addresses of either.
        on_obstacle: Told of what lies in folders and cannot be looked at.

    Raises:
        LayoutMismatch: No clip anywhere, or two parts of one name.
        DatasetError: A metadata.json or a zip file is broken.
    """
    parts: list[Part] = []
    for place in places:
        if place.lower().endswith(".zip"):
            folder, _, name = place.rstrip("/").rpartition("/")
            root = folder or ("/" if place.startswith("/") else ".")
            parts.append(_zip_part(Storage(root), name))
        else:
            parts += _below(Storage(place), on_obstacle)
    parts = [p for p in parts if p.clips]
    if not parts:
        raise LayoutMismatch(
            f"no clips in {', '.join(places)}",
            hint="name folders or zip files that hold .mp4 files and metadata.json",
        )
    names = [p.name for p in parts]
    for name in names:
        if names.count(name) > 1:
            raise LayoutMismatch(f"two parts are called {name}", hint="rename one of them")
    return sorted(parts, key=lambda p: p.name)


def _below(store: Storage, on_obstacle: Callable[[Obstacle], None] | None) -> list[Part]:
    names = store.names(on_obstacle=on_obstacle)
    folders: dict[str, list[str]] = {}
    for name in names:
        path = PurePosixPath(name)
        if path.suffix.lower() in VIDEO_SUFFIXES:
            folders.setdefault(str(path.parent), []).append(name)
    parts = [_zip_part(store, n) for n in names if n.lower().endswith(".zip")]
    for folder, members in folders.items():
        metadata = _METADATA if folder == "." else f"{folder}/{_METADATA}"
        known = _parse(store.read(metadata), store.path_of(metadata)) if metadata in names else {}
        name = PurePosixPath(store.place.rstrip("/")).name if folder == "." else folder.replace("/", "_")
        parts.append(Part(store.place, name, None, _clips(name, members, known)))
    return parts


def _zip_part(store: Storage, name: str) -> Part:
    part = PurePosixPath(name).stem
    with store.open(name) as file, _zip(file, store.path_of(name)) as archive:
        members = [m for m in archive.namelist() if PurePosixPath(m).suffix.lower() in VIDEO_SUFFIXES]
        members = [m for m in members if not m.startswith("__MACOSX")]
        tables = sorted((m for m in archive.namelist() if PurePosixPath(m).name == _METADATA), key=len)
        known = _parse(archive.read(tables[0]), f"{store.path_of(name)}:{tables[0]}") if tables else {}
    return Part(store.place, part, name, _clips(part, members, known))


@contextmanager
def _zip(file: Any, name: str) -> Iterator[zipfile.ZipFile]:
    try:
        archive = zipfile.ZipFile(file)
    except (zipfile.BadZipFile, OSError, ValueError) as error:
        raise DatasetError(f"{name} is not a whole zip file: {error}", hint="download it again") from error
    with archive:
        yield archive


def _parse(data: bytes, name: str) -> Mapping[str, Mapping[str, Any]]:
    try:
        table = json.loads(data)
    except ValueError as error:
        raise DatasetError(f"{name} is not JSON: {error}", hint="download it again") from error
    if not isinstance(table, dict) or not all(isinstance(v, dict) for v in table.values()):
        raise DatasetError(
            f"{name} is not a table of clips", hint="DFDC's maps file names to label and original"
        )
    return table


def _clips(part: str, members: Sequence[str], known: Mapping[str, Mapping[str, Any]]) -> tuple[ClipRef, ...]:
    labels = {"REAL": 0, "FAKE": 1}
    clips = []
    for member in sorted(members, key=lambda m: (PurePosixPath(m).name, m)):
        name = PurePosixPath(member).name
        entry = known.get(name, {})
        original = entry.get("original")
        label = labels.get(str(entry.get("label", "")).upper())
        clips.append(ClipRef(part, name, member, label, str(original) if original else None))
    return tuple(clips)
