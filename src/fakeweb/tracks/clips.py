"""Clips to extract, and the parts they lie in: DFDC's folders and zip files, or whatever a layout lists."""

from __future__ import annotations

import hashlib
import os
import zipfile
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, Final

from fakeweb.datasets import Sample
from fakeweb.datasets.files import shows_video
from fakeweb.errors import DatasetError, LayoutMismatch, Unreadable
from fakeweb.media.storage import Storage

_LONGEST_NAME: Final = 200
"""Bytes: file systems take names of 255."""


@dataclass(frozen=True)
class ClipRef:
    """One clip of a part.

    Attributes:
        part: Name of the part.
        name: The clip's file name, unique within the part.
        member: Where it lies: relative to the store, or inside the zip file.
        label: 0 real, 1 fake, None unknown.
        original: File name of the clip a fake was made of, or None.
        kind: Of manipulation, where a layout says it.
        split, group, source: As of a sample, where a layout says it; else they follow from the original.
        mask: Clip of the manipulated region (white), where one is there.
    """

    part: str
    name: str
    member: str
    label: int | None
    original: str | None
    kind: str | None = None
    split: str | None = None
    group: str | None = None
    source: str | None = None
    mask: str | None = None

    def told(self) -> dict[str, Any]:
        """Return what a shard says of the clip; what only layouts know stands there where they were asked."""
        always = {"clip": self.name, "part": self.part, "label": self.label, "original": self.original}
        more = {"kind": self.kind, "split": self.split, "group": self.group, "source": self.source}
        return always | {name: value for name, value in more.items() if value is not None}


@dataclass(frozen=True)
class Part:
    """Clips that lie together: a folder, or a zip file read in place.

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
        with store.open(self.archive) as file, opened_zip(file, store.path_of(self.archive)) as archive:
            yield PartReader(store, archive)


@dataclass(frozen=True)
class PartReader:
    """An open part."""

    store: Storage
    archive: zipfile.ZipFile | None

    def read(self, clip: ClipRef, member: str = "") -> bytes:
        """Return a clip's bytes, or those of another member that belongs to it.

        Raises:
            Unreadable: It is gone, or damaged inside its zip file.
        """
        if self.archive is None:
            return self.store.read(member or clip.member)
        try:
            return self.archive.read(member or clip.member)
        except (zipfile.BadZipFile, KeyError, OSError, EOFError, NotImplementedError, RuntimeError) as error:
            raise Unreadable(
                f"{clip.part}/{clip.name} cannot be unpacked: {error}", hint="download the part again"
            ) from error


@contextmanager
def opened_zip(file: Any, name: str) -> Iterator[zipfile.ZipFile]:
    """Open a zip file.

    Raises:
        DatasetError: It is broken.
    """
    try:
        archive = zipfile.ZipFile(file)
    except (zipfile.BadZipFile, OSError, ValueError) as error:
        raise DatasetError(f"{name} is not a whole zip file: {error}", hint="download it again") from error
    with archive:
        yield archive


def parts_of(samples: Sequence[Sample], root: Path) -> tuple[list[Part], int]:
    """Sort the videos of a data set into parts, one per source and split.

    Args:
        samples: From a layout. What is said of a sample is kept in its shard.
        root: The data set; a file (a table) stands for its folder.

    Returns:
        The parts by name, and how many samples are pictures and so left out.

    Raises:
        LayoutMismatch: No sample is a video.
    """
    root = root.parent if root.is_file() else root
    videos = [s for s in samples if shows_video(s.path)]
    if not videos:
        raise LayoutMismatch(
            f"no videos in {root}", hint="pictures need no extraction: train on them as they are"
        )
    below = {s.path: _below(s.path, root) for s in videos}
    stems = Counter(_flat(path.with_suffix("")) for path in below.values())
    found: dict[str, list[ClipRef]] = defaultdict(list)
    for sample in videos:
        path = below[sample.path]
        stem = _flat(path.with_suffix(""))
        name = (stem if stems[stem] == 1 else _flat(path).replace(".", "-")) + path.suffix
        if path.parts[0] == ".." or len(name.encode()) > _LONGEST_NAME:
            name = hashlib.sha256(str(path).encode()).hexdigest()[:32] + path.suffix
        part = _flat(PurePosixPath(f"{sample.source}-{sample.split}"))
        mask = str(_below(sample.mask, root)) if sample.mask is not None else None
        about = (sample.kind, sample.split, sample.group, sample.source, mask)
        found[part].append(ClipRef(part, name, str(path), sample.label, None, *about))
    return [
        Part(str(root), part, None, tuple(sorted(clips, key=lambda c: c.name)))
        for part, clips in sorted(found.items())
    ], len(samples) - len(videos)


def _below(path: Path, root: Path) -> PurePosixPath:
    """Return a path as seen from the root; a table may also name files elsewhere."""
    return PurePosixPath(Path(os.path.relpath(path, root)).as_posix())


def _flat(path: PurePosixPath) -> str:
    return str(path).replace("/", "__")
