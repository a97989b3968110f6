"""DFDC preview: one ``dataset.json`` for ``original_videos``, ``method_A`` and ``method_B``."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

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
from fakeweb.datasets.splits import SPLIT_NAMES, split_of_people
from fakeweb.datasets.tables import read_records
from fakeweb.errors import LayoutMismatch

_Clip = tuple[str, ...]


@dataclass(frozen=True)
class _Entry:
    """What the list says about a video; the first of ``people`` is the one who was filmed."""

    label: int
    people: tuple[str, ...]
    split: Split


class DfdcpLayout(TolerantLayout):
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

    def __init__(self, *, form: Form = "auto") -> None:
        super().__init__()
        self.form = check_form(form)

    def _samples(self, root: Path, left_out: LeftOut) -> Iterator[Sample]:
        if not (root / "dataset.json").is_file():
            return
        entries = self._entries(root / "dataset.json", left_out)
        by_name: dict[_Clip, list[_Clip]] = defaultdict(list)
        for clip in entries:
            by_name[clip[0], clip[-1]].append(clip)
        found: list[tuple[Path, _Clip]] = []
        for path in files_below(root, left_out):
            if is_picture(path) or is_video(path):
                key = self._find(path.relative_to(root), entries, by_name)
                if key is None:
                    left_out.add("not named in dataset.json", path)
                else:
                    found.append((path, key))
        on_disk = {key for _, key in found}
        for clip in entries:
            if clip not in on_disk:
                left_out.add("named in dataset.json, but not on disk", "/".join(clip))
        for path, key in in_one_form(found, self.form, left_out):
            sample = self._sample(path, entries[key])
            if sample is None:
                left_out.add("fakes of two people on both sides of the split", path)
            else:
                yield sample

    @staticmethod
    def _find(
        relative: Path, entries: dict[_Clip, _Entry], by_name: dict[_Clip, list[_Clip]]
    ) -> _Clip | None:
        """Return the entry that a file shows: by its whole path, else by method and name if only one has those."""
        for names in clip_names(relative):
            if names in entries:
                return names
            like = by_name.get((names[0], names[-1]), [])
            if len(like) == 1:
                return like[0]
        return None

    @staticmethod
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

    def _sample(self, path: Path, entry: _Entry) -> Sample | None:
        """Build the sample; None where its people lie on both sides of the split."""
        person = entry.people[0]
        if entry.split == "train":
            split, group = split_of_people(self.name, entry.people), person
        else:
            split, group = entry.split, f"{entry.split}/{person}"
        if split is None:
            return None
        return Sample(path, entry.label, "swap" if entry.label else None, split, group, self.name)


def _people(clip: _Clip, record: dict[str, Any]) -> tuple[str, ...]:
    """Return who was filmed and whose face it got: from the entry, else from the numbers that begin the name."""
    said = tuple(str(record[k]) for k in ("target_id", "swap_id") if record.get(k) not in (None, ""))
    if len(said) == 2 or (said and clip[0] == "original_videos"):
        return said
    numbers = re.match(r"(\d+)(?:_(\d+))?", clip[-1])
    return tuple(n for n in numbers.groups() if n) if numbers else said
