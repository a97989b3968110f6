"""The "140k real and fake faces": ``{train,valid,test}/{real,fake}/*.jpg`` with a CSV file for each."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar, Final

from fakeweb.datasets.files import files_below, is_picture, listed_path
from fakeweb.datasets.layout import LeftOut, TolerantLayout
from fakeweb.datasets.samples import Sample, Split
from fakeweb.datasets.tables import read_rows
from fakeweb.errors import LayoutMismatch

_LABELS: Final = {"real": 0, "fake": 1}
_NUMBERS: Final = {
    "1": "real",
    "0": "fake",
}  # as in the CSV files, and the other way round than everywhere here
_SPLITS: Final[dict[str, Split]] = {"train": "train", "valid": "val", "test": "test"}


class Folders140kLayout(TolerantLayout):
    """70,000 faces of FFHQ and 70,000 of StyleGAN, cut to 256 px.

    ``train.csv``, ``valid.csv`` and ``test.csv`` (columns ``path`` and ``label_str``; beside the folders or up to two
    folders above) say what belongs; a split without its file is taken as the folder has it. Beware: their number
    1 means *real*; a row whose word, number and folder disagree is refused. Each picture is a group.
    """

    name = "folders140k"
    looked_for: ClassVar[str] = "pictures like train/real/31355.jpg, valid/fake/... and test/..."
    hint: ClassVar[str] = "name the folder that holds train.csv, or train, valid and test"

    def _samples(self, root: Path, left_out: LeftOut) -> Iterator[Sample]:
        listed: dict[Path, set[Path] | None] = {}
        there: set[Path] = set()
        for path in filter(is_picture, files_below(root, left_out)):
            folder, label = path.parent.parent, path.parent.name
            deep = len(path.relative_to(root).parts) > 2
            if not deep or folder.name not in _SPLITS or label not in _LABELS:
                left_out.add("in no folder like train/real", path)
                continue
            if folder not in listed:
                listed[folder] = self._listed(root, folder)
            names = listed[folder]
            there.add(path)
            if names is not None and path not in names:
                left_out.add("not named in the CSV file of its split", path)
                continue
            group = path.relative_to(folder.parent).with_suffix("").as_posix()
            fake = _LABELS[label]
            yield Sample(path, fake, "generated" if fake else None, _SPLITS[folder.name], group, self.name)
        for folder in sorted({f.parent / split for f in listed for split in _SPLITS}):
            if folder not in listed:
                left_out.add("splits without a picture", folder)
        for names in listed.values():
            for path in sorted((names or set()) - there):
                left_out.add("named in a CSV file, but not on disk", path)

    @staticmethod
    def _listed(root: Path, folder: Path) -> set[Path] | None:
        """Return what the CSV file of a split names; None where there is no such file."""
        base = folder.parent
        places = [p for p in (base, *base.parents[:2]) if p == root or root in p.parents]
        table = next((t for t in (p / f"{folder.name}.csv" for p in places) if t.is_file()), None)
        if table is None:
            return None
        names: set[Path] = set()
        for number, row in read_rows(table, ("path",)):
            path = listed_path(row["path"])
            word, digit = row.get("label_str", "").strip().lower(), row.get("label", "").strip()
            said = ({word} if word else set()) | ({_NUMBERS.get(digit, digit)} if digit else set())
            if len(path.parts) < 3 or path.parts[-3] != folder.name or said - {path.parts[-2]}:
                raise LayoutMismatch(
                    f"{table}:{number}: path '{row['path']}', label '{digit}' and label_str '{word}' disagree",
                    hint="in these CSV files label_str is real or fake, and label 1 = real, 0 = fake",
                )
            names.add(base.joinpath(*path.parts[-3:]))
        return names
