"""WildDeepfake: archives of face pictures, extracted: ``fake_train/7/fake/131/942.png``."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from fakeweb.datasets.files import files_below, is_picture
from fakeweb.datasets.layout import LeftOut, TolerantLayout
from fakeweb.datasets.samples import Sample
from fakeweb.datasets.splits import split_of_group

_LABELS = {"real": 0, "fake": 1}
_SET = re.compile(r"(real|fake)_(train|test)", re.IGNORECASE)


@dataclass(frozen=True)
class _Place:
    """Where a picture lies: folder of the archives, ``train`` or ``test`` or unknown, archive, label."""

    folder: str
    part: str | None
    number: str
    label: int


class WildDeepfakeLayout(TolerantLayout):
    """``{real,fake}_{train,test}/N/...`` as the archives ``N.tar.gz`` unpack, or bare ``N/fake/131/942.png``.

    The group is the archive ``N``, qualified by its split: it holds what was cut out of one video from the web, so
    its sequences (``131``) belong together, and a real and a fake archive of the same number too. ``train`` is split
    further by group; archives outside a ``..._train`` or ``..._test`` folder are split by group as well.
    """

    name = "wilddeepfake"
    looked_for: ClassVar[str] = "pictures like fake_train/7/fake/131/942.png or 7/fake/131/942.png"
    hint: ClassVar[str] = (
        "name the folder that holds real_train, fake_train ..., and unpack the archives in them"
    )

    def _samples(self, root: Path, left_out: LeftOut) -> Iterator[Sample]:
        own = root.resolve().name
        unpacked: set[tuple[str, str]] = set()
        archives: list[Path] = []
        for path in files_below(root, left_out):
            above = (own, *path.relative_to(root).parts[:-1])
            if path.name.lower().endswith((".tar.gz", ".tgz", ".tar")):
                archives.append(path)
            elif is_picture(path):
                place = _place(above)
                if isinstance(place, str):
                    left_out.add(place, path)
                    continue
                unpacked.add((place.folder, place.number))
                yield self._sample(path, place)
        for path in archives:
            folder = path.parent.name if path.parent != root else own
            if (folder, path.name.split(".")[0]) not in unpacked:
                left_out.add("archives that are not unpacked", path)

    def _sample(self, path: Path, place: _Place) -> Sample:
        group = f"{place.part or 'unsorted'}/{place.number}"
        split = "test" if place.part == "test" else split_of_group(self.name, group)
        return Sample(path, place.label, "swap" if place.label else None, split, group, self.name)


def _place(above: tuple[str, ...]) -> _Place | str:
    """Read the folders above a picture, the root's own name first; return what is wrong if they say nothing."""
    at = next((i for i, name in enumerate(above) if _SET.fullmatch(name)), 0)
    found = _SET.fullmatch(above[at])
    below = above[at + 1 :]
    labels = {name.lower() for name in below if name.lower() in _LABELS}
    if found:
        labels.add(found[1].lower())
    number = next((name for name in below if name.isdecimal()), None)
    if not labels or number is None:
        return "in no numbered folder below real or fake"
    if len(labels) > 1:
        return "in a folder real and in a folder fake"
    return _Place(above[at], found[2].lower() if found else None, number, _LABELS[labels.pop()])
