"""DFDC, the Deepfake Detection Challenge: numbered parts with a ``metadata.json``, a test set with ``labels.csv``."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from fakeweb.datasets.files import (
    Form,
    check_form,
    clip_names,
    files_below,
    in_one_form,
    is_picture,
    is_video,
    listed_path,
)
from fakeweb.datasets.layout import LeftOut, TolerantLayout
from fakeweb.datasets.samples import Sample, Split
from fakeweb.datasets.splits import SPLIT_NAMES, split_of_group
from fakeweb.datasets.tables import read_records, read_rows
from fakeweb.errors import LayoutMismatch

_LABELS = {"0": 0, "real": 0, "1": 1, "fake": 1}
_PART = re.compile(r"dfdc_train_part_(\d+)", re.IGNORECASE)


@dataclass(frozen=True)
class _Entry:
    """What a list says about a video; ``split`` is None where the hash decides."""

    label: int
    original: str
    split: Split | None


class DfdcLayout(TolerantLayout):
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
        super().__init__()
        self.parts = None if parts is None else frozenset(parts)
        self.form = check_form(form)

    def _samples(self, root: Path, left_out: LeftOut) -> Iterator[Sample]:
        files = self._wanted(root, left_out)
        lists = {f.parent for f in files if f.name in ("metadata.json", "labels.csv")}
        entries = {folder: self._entries(folder, left_out) for folder in sorted(lists)}
        found: list[tuple[Path, tuple[Path, str]]] = []
        for path in files:
            if is_picture(path) or is_video(path):
                key = self._find(path, entries, left_out)
                if key is not None:
                    found.append((path, key))
        on_disk = {key for _, key in found}
        for folder, named in entries.items():
            for stem in named:
                if (folder, stem) not in on_disk:
                    left_out.add("named in a list, but not on disk", folder / stem)
        for path, (folder, stem) in in_one_form(found, self.form, left_out):
            yield self._sample(path, entries[folder][stem])

    def _wanted(self, root: Path, left_out: LeftOut) -> list[Path]:
        """Return the files of the parts asked for."""
        files = list(files_below(root, left_out))
        if self.parts is None:
            return files
        own = root.resolve().name
        part = {f: _part((own, *f.relative_to(root).parts[:-1])) for f in files}
        for number in sorted(self.parts - set(part.values())):
            left_out.add("parts asked for, but not there", str(number))
        return [f for f in files if part[f] in self.parts]

    @staticmethod
    def _entries(folder: Path, left_out: LeftOut) -> dict[str, _Entry]:
        """Read the lists of one folder: stem of a video -> what is known; ``labels.csv`` has the last word."""
        entries: dict[str, _Entry] = {}
        table = folder / "metadata.json"
        if table.is_file():
            for name, record in read_records(table).items():
                label = _LABELS.get(str(record.get("label")).lower())
                if label is None:
                    left_out.add("metadata without a label REAL or FAKE", folder / name)
                    continue
                original = listed_path(str(record.get("original") or name)).name
                split = SPLIT_NAMES.get(str(record.get("split")).lower(), "train")
                entries[listed_path(name).stem] = _Entry(label, original, None if split == "train" else split)
        table = folder / "labels.csv"
        if table.is_file():
            for number, row in read_rows(table, ("filename", "label")):
                label = _LABELS.get(row["label"].strip().lower())
                if label is None:
                    raise LayoutMismatch(
                        f"{table}:{number}: label '{row['label']}' is neither 0 nor 1",
                        hint="labels.csv of DFDC says 0 = real, 1 = fake",
                    )
                path = listed_path(row["filename"])
                known = entries.get(path.stem)
                entries[path.stem] = _Entry(label, known.original if known else path.name, "test")
        return entries

    @staticmethod
    def _find(
        path: Path, entries: dict[Path, dict[str, _Entry]], left_out: LeftOut
    ) -> tuple[Path, str] | None:
        """Return folder and stem of the video that a file shows, in the nearest list above it."""
        folder = next((p for p in path.parents if p in entries), None)
        if folder is None:
            left_out.add("no metadata.json or labels.csv above", path)
            return None
        for names in clip_names(path.relative_to(folder)):
            if names[-1] in entries[folder]:
                return folder, names[-1]
        left_out.add("not named in its metadata.json or labels.csv", path)
        return None

    def _sample(self, path: Path, entry: _Entry) -> Sample:
        group = entry.original if entry.split is None else f"{entry.split}/{entry.original}"
        split = entry.split or split_of_group(self.name, group)
        return Sample(path, entry.label, "swap" if entry.label else None, split, group, self.name)


def _part(folders: tuple[str, ...]) -> int:
    """Return the number of the part that files in these folders belong to, the innermost one; -1: to none."""
    numbers = [int(match[1]) for match in map(_PART.fullmatch, folders) if match]
    return numbers[-1] if numbers else -1
