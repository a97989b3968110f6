"""DFDC preview: one ``dataset.json`` for ``original_videos``, ``method_A`` and ``method_B``."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from fakeweb.datasets.clips import ClipLayout
from fakeweb.datasets.files import clip_names, listed_path
from fakeweb.datasets.layout import LeftOut
from fakeweb.datasets.samples import Sample, Split
from fakeweb.datasets.splits import SPLIT_NAMES
from fakeweb.datasets.tables import read_records
from fakeweb.errors import LayoutMismatch

_Clip = tuple[str, ...]


@dataclass(frozen=True)
class _Entry:
    """What the list says about a video; the first of ``people`` is the one who was filmed."""

    label: int
    people: tuple[str, ...]
    split: Split


@dataclass(frozen=True)
class _Listed:
    """The list: by whole path, and the paths that share method and name."""

    entries: dict[_Clip, _Entry]
    by_name: dict[_Clip, list[_Clip]]


class DfdcpLayout(ClipLayout[_Listed, _Clip]):
    """``dataset.json`` with ``{"method_A/1/1_2/x.mp4": {"label": "fake", "set": "train"}}`` and the files it names.

    The group is the person filmed. Test is the list's ``set``; the rest is split by person, and a fake made of
    two people on both sides of that cut is left out. Files may lie where the list says, or below
    ``<method>/videos`` or ``<method>/frames``, even without the folders in between.

    Args:
        form: ``auto``, ``frames`` or ``videos``.
    """

    name = "dfdcp"
    looked_for: ClassVar[str] = "dataset.json and the videos or frames it names"
    hint: ClassVar[str] = "name the folder that holds dataset.json, original_videos, method_A and method_B"

    def _read(
        self, root: Path, files: Iterable[Path], left_out: LeftOut
    ) -> tuple[_Listed, Iterable[Path]] | None:
        table = root / "dataset.json"
        if not table.is_file():
            return None
        entries = _entries(table, left_out)
        by_name: dict[_Clip, list[_Clip]] = defaultdict(list)
        for clip in entries:
            by_name[clip[0], clip[-1]].append(clip)
        return _Listed(entries, by_name), files

    def _clip(self, relative: Path, lists: _Listed) -> _Clip | str:
        """Return the entry that a file shows: by its whole path, else by method and name if only one has those."""
        for names in clip_names(relative):
            if names in lists.entries:
                return names
            like = lists.by_name.get((names[0], names[-1]), [])
            if len(like) == 1:
                return like[0]
        return "not named in dataset.json"

    def _tell(self, lists: _Listed, there: set[_Clip], left_out: LeftOut) -> None:
        for clip in lists.entries:
            if clip not in there:
                left_out.add("named in dataset.json, but not on disk", "/".join(clip))

    def _sample(self, path: Path, clip: _Clip, lists: _Listed) -> Sample | str:
        entry = lists.entries[clip]
        return self._swap(path, entry.label, entry.people, None if entry.split == "train" else entry.split)


def _entries(table: Path, left_out: LeftOut) -> dict[_Clip, _Entry]:
    entries: dict[_Clip, _Entry] = {}
    for name, record in read_records(table).items():
        path = listed_path(name)
        label = {"real": 0, "fake": 1}.get(str(record.get("label")).lower())
        split = SPLIT_NAMES.get(str(record.get("set")).lower())
        if label is None or split is None or not path.name:
            raise LayoutMismatch(
                f"{table}: the entry '{name}' says label {record.get('label')!r} and set {record.get('set')!r}",
                hint="label is real or fake, set is train or test",
            )
        clip = (*path.parts[:-1], path.stem)
        people = _people(clip, record)
        if not people:
            left_out.add("entries of dataset.json that do not say who is filmed", name)
            people = ("/".join(clip),)
        entries[clip] = _Entry(label, people, split)
    return entries


def _people(clip: _Clip, record: dict[str, Any]) -> tuple[str, ...]:
    """Return who was filmed and whose face it got: from the entry, else from the numbers that begin the name."""
    said = tuple(str(record[k]) for k in ("target_id", "swap_id") if record.get(k) not in (None, ""))
    if len(said) == 2 or (said and clip[0] == "original_videos"):
        return said
    numbers = re.match(r"(\d+)(?:_(\d+))?", clip[-1])
    return tuple(n for n in numbers.groups() if n) if numbers else said
