"""Where the clips of DFDC lie: folders and zip files with a ``metadata.json``, local or in object storage."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any, Final

from fakeweb.errors import DatasetError, LayoutMismatch
from fakeweb.media import VIDEO_SUFFIXES
from fakeweb.media.storage import Storage
from fakeweb.media.walk import Obstacle
from fakeweb.tracks.clips import ClipRef, Part, opened_zip

_METADATA: Final = "metadata.json"


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
    with store.open(name) as file, opened_zip(file, store.path_of(name)) as archive:
        members = [m for m in archive.namelist() if PurePosixPath(m).suffix.lower() in VIDEO_SUFFIXES]
        members = [m for m in members if not m.startswith("__MACOSX")]
        tables = sorted((m for m in archive.namelist() if PurePosixPath(m).name == _METADATA), key=len)
        known = _parse(archive.read(tables[0]), f"{store.path_of(name)}:{tables[0]}") if tables else {}
    return Part(store.place, part, name, _clips(part, members, known))


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
