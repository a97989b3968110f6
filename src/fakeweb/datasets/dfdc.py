"""DFDC, the Deepfake Detection Challenge: numbered parts with a ``metadata.json``, a test set with ``labels.csv``."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from fakeweb.datasets.clips import ClipLayout
from fakeweb.datasets.csv_index import LABELS
from fakeweb.datasets.files import Form, clip_names, listed_path
from fakeweb.datasets.layout import LeftOut
from fakeweb.datasets.samples import Sample, Split
from fakeweb.datasets.splits import SPLIT_NAMES, split_of_group
from fakeweb.datasets.tables import read_records, read_rows
from fakeweb.errors import LayoutMismatch

_PART = re.compile(r"dfdc_train_part_(\d+)", re.IGNORECASE)


@dataclass(frozen=True)
class _Entry:
    """What a list says about a video; ``split`` is None where the hash decides."""

    label: int
    original: str
    split: Split | None


_Clip = tuple[Path, str]
"""Folder of the list, relative to the root, and stem of the video."""
_Lists = dict[Path, dict[str, _Entry]]
"""What the lists of each folder, relative to the root, say of videos by stem."""


class DfdcLayout(ClipLayout[_Lists, _Clip]):
    """``dfdc_train_part_N/metadata.json`` beside videos or frames, at any depth; ``labels.csv`` for the test set.

    The group is the original video: a fake shares its original's, even where the original is not on disk. The
    metadata call every video of the parts ``train``, so whole groups are split by hash; videos that ``labels.csv``
    names are ``test``. A test list says nothing of originals, so there each video is a group.

    Args:
        parts: Numbers of the parts to use; None: everything, the test set too.
        form: ``auto``, ``frames`` or ``videos``.
    """

    name = "dfdc"
    looked_for: ClassVar[str] = (
        "folders with a metadata.json or labels.csv and the videos or frames they name"
    )
    hint: ClassVar[str] = "name the folder that holds dfdc_train_part_0, dfdc_train_part_1 ..."

    def __init__(self, *, parts: Collection[int] | None = None, form: Form = "auto") -> None:
        super().__init__(form=form)
        self.parts = None if parts is None else frozenset(parts)

    def _read(self, root: Path, files: Iterable[Path], left_out: LeftOut) -> tuple[_Lists, Iterable[Path]]:
        wanted = self._wanted(root, list(files), left_out)
        folders = sorted({f.parent for f in wanted if f.name in ("metadata.json", "labels.csv")})
        return {folder.relative_to(root): _entries(folder, left_out) for folder in folders}, wanted

    def _wanted(self, root: Path, files: list[Path], left_out: LeftOut) -> list[Path]:
        """Return the files of the parts asked for."""
        if self.parts is None:
            return files
        own = root.resolve().name
        part = {f: _part((own, *f.relative_to(root).parts[:-1])) for f in files}
        for number in sorted(self.parts - set(part.values())):
            left_out.add("parts asked for, but not there", str(number))
        return [f for f in files if part[f] in self.parts]

    def _clip(self, relative: Path, lists: _Lists) -> _Clip | str:
        """Return folder and stem of the video that a file shows, in the nearest list above it."""
        folder = next((p for p in relative.parents if p in lists), None)
        if folder is None:
            return "no metadata.json or labels.csv above"
        for names in clip_names(relative.relative_to(folder)):
            if names[-1] in lists[folder]:
                return folder, names[-1]
        return "not named in its metadata.json or labels.csv"

    def _tell(self, lists: _Lists, there: set[_Clip], left_out: LeftOut) -> None:
        for folder, named in lists.items():
            for stem in named:
                if (folder, stem) not in there:
                    left_out.add("named in a list, but not on disk", folder / stem)

    def _sample(self, path: Path, clip: _Clip, lists: _Lists) -> Sample:
        entry = lists[clip[0]][clip[1]]
        group = entry.original if entry.split is None else f"{entry.split}/{entry.original}"
        split = entry.split or split_of_group(self.name, group)
        return Sample(path, entry.label, "swap" if entry.label else None, split, group, self.name)


def _entries(folder: Path, left_out: LeftOut) -> dict[str, _Entry]:
    """Read the lists of one folder: stem of a video -> what is known; ``labels.csv`` has the last word."""
    entries: dict[str, _Entry] = {}
    table = folder / "metadata.json"
    if table.is_file():
        for name, record in read_records(table).items():
            label = LABELS.get(str(record.get("label")).lower())
            if label is None:
                left_out.add("metadata without a label REAL or FAKE", folder / name)
                continue
            original = listed_path(str(record.get("original") or name)).name
            split = SPLIT_NAMES.get(str(record.get("split")).lower(), "train")
            entries[listed_path(name).stem] = _Entry(label, original, None if split == "train" else split)
    table = folder / "labels.csv"
    if table.is_file():
        for number, row in read_rows(table, ("filename", "label")):
            label = LABELS.get(row["label"].strip().lower())
            if label is None:
                raise LayoutMismatch(
                    f"{table}:{number}: label '{row['label']}' is neither 0 nor 1",
                    hint="labels.csv of DFDC says 0 = real, 1 = fake",
                )
            path = listed_path(row["filename"])
            known = entries.get(path.stem)
            entries[path.stem] = _Entry(label, known.original if known else path.name, "test")
    return entries


def _part(folders: tuple[str, ...]) -> int:
    """Return the number of the part that files in these folders belong to, the innermost one; -1: to none."""
    numbers = [int(match[1]) for match in map(_PART.fullmatch, folders) if match]
    return numbers[-1] if numbers else -1
