"""Duplicates in a data set: listed again, or lying there under another name, perhaps as the opposite."""

from __future__ import annotations

import hashlib
import os
from collections import defaultdict
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from fakeweb.datasets.layout import LeftOut
from fakeweb.datasets.samples import Sample
from fakeweb.errors import DatasetError

_PEEK_BYTES = 4096
_CONFLICT = "labelled both real and fake"


@dataclass(frozen=True)
class Doubles:
    """What is there twice; each pair names the sample that came first, first.

    Attributes:
        listed: The same file, with the same label.
        copies: Another file of the same bytes, with the same label.
        conflicts: The same file or the same bytes, once real and once fake.
    """

    listed: tuple[tuple[Sample, Sample], ...]
    copies: tuple[tuple[Sample, Sample], ...]
    conflicts: tuple[tuple[Sample, Sample], ...]


def find_doubles(samples: Sequence[Sample]) -> Doubles:
    """Find samples of one file, and of files of the same bytes; links are followed.

    Only files of the same size are opened, and of most of them only the two ends are read.
    """
    files: dict[Hashable, list[Sample]] = defaultdict(list)
    sizes: dict[int, list[Sample]] = defaultdict(list)
    for sample in samples:
        try:
            status = os.stat(sample.path)  # noqa: PTH116
        except OSError:
            continue  # whoever reads it says why
        same = files[status.st_dev, status.st_ino]
        if not same:
            sizes[status.st_size].append(sample)
        same.append(sample)
    again = [(group[0], other) for group in files.values() for other in group[1:]]
    copies = [
        (group[0], other)
        for size, equal in sizes.items()
        if size and len(equal) > 1
        for group in _of_same_bytes(equal, size)
        for other in group[1:]
    ]
    return Doubles(
        tuple(pair for pair in again if not _conflict(pair)),
        tuple(pair for pair in copies if not _conflict(pair)),
        tuple(filter(_conflict, again + copies)),
    )


def tell_doubles(samples: Sequence[Sample], root: Path) -> tuple[list[Sample], list[str]]:
    """Count every file once, and say what stands in a data set twice.

    Args:
        samples: Of the data set.
        root: Files are named relative to it.

    Returns:
        The samples without those that list a file again under the same label, and one line per reason.
    """
    found = find_doubles(samples)
    told = LeftOut(root)
    for why, pairs in (
        ("listed more than once, counted once", found.listed),
        ("copies of other pictures", found.copies),
        (_CONFLICT, found.conflicts),
    ):
        for pair in pairs:
            told.add(why, _names(pair, root))
    gone = {id(other) for _, other in found.listed}
    return [s for s in samples if id(s) not in gone], told.lines()


def settle_conflicts(samples: Sequence[Sample], root: Path, *, allowed: bool) -> list[Sample]:
    """Count every file once, and refuse pictures that are labelled both real and fake, under one name or as copies.

    Args:
        samples: What is to be used, of one data set or of several.
        root: Files are named relative to it.
        allowed: Whether to go on with them: of a file that is listed as both the first label counts, copies stay.

    Raises:
        DatasetError: There is one, and it is not allowed.
    """
    found = find_doubles(samples)
    if found.conflicts and not allowed:
        told = LeftOut(root)
        for pair in found.conflicts:
            told.add(_CONFLICT, _names(pair, root))
        raise DatasetError(
            f"{root} contradicts itself: {told.lines()[0]}",
            hint="mend the labels (`fakeweb data inspect` lists the pictures), or go on all the same with"
            " `fakeweb evaluate --allow-conflicts` or data.allow_conflicts = true in the recipe",
        )
    gone = {id(other) for one, other in (*found.listed, *found.conflicts) if one.path.samefile(other.path)}
    return [s for s in samples if id(s) not in gone]


def _names(pair: tuple[Sample, Sample], root: Path) -> str:
    folder = root if root.is_dir() else root.parent
    first, name = (Path(os.path.relpath(sample.path, folder)).as_posix() for sample in pair)
    return name if name == first else f"{name} = {first}"


def _conflict(pair: tuple[Sample, Sample]) -> bool:
    return {sample.label for sample in pair} == {0, 1}


def _of_same_bytes(samples: Iterable[Sample], size: int) -> list[list[Sample]]:
    """Part files of one size into those of the same bytes."""
    ends: dict[bytes | None, list[Sample]] = defaultdict(list)
    for sample in samples:
        ends[_digest(sample.path, size, whole=False)].append(sample)
    ends.pop(None, None)
    if size <= 2 * _PEEK_BYTES:
        return list(ends.values())
    groups: dict[bytes | None, list[Sample]] = defaultdict(list)
    for alike in ends.values():
        for sample in alike if len(alike) > 1 else ():
            groups[_digest(sample.path, size, whole=True)].append(sample)
    groups.pop(None, None)
    return list(groups.values())


def _digest(path: Path, size: int, *, whole: bool) -> bytes | None:
    """Return a hash of a file, or of its two ends; None where it cannot be read."""
    try:
        with path.open("rb") as file:
            if whole:
                return hashlib.file_digest(file, "sha256").digest()
            digest = hashlib.sha256(file.read(_PEEK_BYTES))
            file.seek(max(_PEEK_BYTES, size - _PEEK_BYTES))
            digest.update(file.read(_PEEK_BYTES))
            return digest.digest()
    except OSError:
        return None
