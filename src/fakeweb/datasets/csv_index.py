"""A plain CSV file that names pictures and labels: the least one has to write for data of one's own."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from fakeweb.datasets.files import listed_path
from fakeweb.datasets.layout import LeftOut, TolerantLayout
from fakeweb.datasets.samples import Sample, Split
from fakeweb.datasets.splits import SPLIT_NAMES, split_of_group
from fakeweb.datasets.tables import read_rows
from fakeweb.errors import LayoutMismatch
from fakeweb.types import KINDS

_SUFFIXES = (".csv", ".tsv")
LABELS = {"0": 0, "real": 0, "1": 1, "fake": 1}
"""What the labels are called, in lower case."""


@dataclass(frozen=True)
class _Row:
    where: str
    path: Path
    label: int
    kind: str | None
    split: Split | None
    group: str
    source: str
    mask: Path | None


class CsvLayout(TolerantLayout):
    """Columns ``path`` and ``label``, and as you like ``kind``, ``split``, ``group``, ``source`` and ``mask``.

    Fields are parted by commas, semicolons or tabs; names of columns may be capitalised.
    Paths are relative to the CSV file. ``label`` is ``real``, ``fake``, ``0`` or ``1``. Where ``group`` is empty, each
    picture is a group: for frames of videos, say which. Where ``split`` is empty, the group's other rows decide, else
    the hash of the group. Where ``source`` is empty, it is the name of the folder. Rows whose file does not exist are
    left out. The order is the file's.
    """

    name = "csv"
    looked_for: ClassVar[str] = "a CSV file with the columns path and label, and the files it names"
    hint: ClassVar[str] = "name the CSV file, or a folder that holds exactly one"

    def _samples(self, root: Path, left_out: LeftOut) -> Iterator[Sample]:
        table = self._table(root)
        if table is None:
            return
        rows = list(self._rows(table, left_out))
        splits: dict[tuple[str, str], Split] = {}
        for row in rows:
            key = (row.source, row.group)
            if row.split and splits.setdefault(key, row.split) != row.split:
                raise LayoutMismatch(
                    f"{row.where}: group '{row.group}' of {row.source} stands in two splits",
                    hint="a person or source video belongs to one split only",
                )
        for row in rows:
            if not row.path.is_file():
                left_out.add("named in the CSV file, but not on disk", row.path)
                continue
            split = splits.get((row.source, row.group)) or split_of_group(row.source, row.group)
            yield Sample(row.path, row.label, row.kind, split, row.group, row.source, row.mask)

    @staticmethod
    def _table(root: Path) -> Path | None:
        if not root.is_dir():
            return root if root.is_file() and root.suffix.lower() in (*_SUFFIXES, ".txt") else None
        tables = sorted(
            p
            for p in root.iterdir()
            if p.suffix.lower() in _SUFFIXES and not p.name.startswith(".") and p.is_file()
        )
        if len(tables) > 1:
            raise LayoutMismatch(
                f"{root} holds {len(tables)} CSV files: {', '.join(p.name for p in tables[:4])}",
                hint="name one of them instead of the folder",
            )
        return tables[0] if tables else None

    @staticmethod
    def _rows(table: Path, left_out: LeftOut) -> Iterator[_Row]:
        folder = table.parent
        for number, row in read_rows(table, ("path", "label")):
            cells = {k: row.get(k, "").strip() for k in ("label", "kind", "split", "group", "source", "mask")}
            where = f"{table}:{number}"
            label = LABELS.get(cells["label"].lower())
            if label is None:
                raise _refused(where, "label", cells["label"], "real, fake, 0, 1")
            kind = cells["kind"].lower() or None
            if kind and (kind not in KINDS or not label):
                raise _refused(where, "kind", cells["kind"], f"{', '.join(KINDS)}, and only on fakes")
            split = SPLIT_NAMES.get(cells["split"].lower())
            if split is None and cells["split"]:
                raise _refused(where, "split", cells["split"], "train, val, test")
            if not listed_path(row["path"]).name:
                raise _refused(where, "path", row["path"], "files, relative to the CSV file")
            path = _located(folder, row["path"])
            mask = _located(folder, cells["mask"]) if cells["mask"] else None
            if mask is not None and not mask.is_file():
                left_out.add("masks that are not on disk", mask)
                mask = None
            group = cells["group"] or listed_path(row["path"]).with_suffix("").as_posix()
            source = cells["source"] or folder.resolve().name
            yield _Row(where, path, label, kind, split, group, source, mask)


def _located(folder: Path, name: str) -> Path:
    """Return the file a row means: as it is written, else read as Windows writes it."""
    path = folder / name
    return path if path.is_file() else folder / listed_path(name)


def _refused(where: str, column: str, value: str, known: str) -> LayoutMismatch:
    return LayoutMismatch(f"{where}: unknown {column} '{value}'", hint=f"known: {known}")
