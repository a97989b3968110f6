"""A folder with an ``index.csv``: path, source, label, kind, split, group."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from fakeweb.datasets.csv_index import LABELS
from fakeweb.datasets.samples import Sample
from fakeweb.datasets.splits import SPLIT_NAMES
from fakeweb.datasets.tables import read_rows
from fakeweb.errors import LayoutMismatch
from fakeweb.types import KINDS

_COLUMNS = ("path", "source", "label", "kind", "split", "group")


class IndexLayout:
    """``index.csv`` beside the pictures, one row each.

    ``label`` is ``real``, ``fake``, ``0``, ``1`` or the content class of a picture without a face; ``path`` is
    relative to the folder; further columns are ignored.
    """

    name = "index"

    def index(self, root: Path) -> Iterator[Sample]:
        """Yield the rows as samples, in the file's order.

        Raises:
            LayoutMismatch: No ``index.csv``, a missing column, an unknown value, a group in two splits.
        """
        table = root / "index.csv"
        if not table.is_file():
            raise LayoutMismatch(f"no index.csv in {root}", hint="name the folder that holds index.csv")
        seen: dict[tuple[str, str], str] = {}
        hint = "for a list of paths and labels alone use the layout csv (--layout csv)"
        for number, row in read_rows(table, _COLUMNS, hint=hint):
            sample = self._sample(root, row, f"{table}:{number}")
            key = (sample.source, sample.group)
            if seen.setdefault(key, sample.split) != sample.split:
                raise LayoutMismatch(
                    f"{table}:{number}: group '{sample.group}' of {sample.source} stands in two splits",
                    hint="a person or source video belongs to one split only",
                )
            yield sample

    @staticmethod
    def _sample(root: Path, row: dict[str, str], where: str) -> Sample:
        label = LABELS.get(row["label"].strip().lower())
        kind = row["kind"].strip().lower() or None if label == 1 else None
        if kind is not None and kind not in KINDS:
            raise LayoutMismatch(f"{where}: unknown kind '{kind}'", hint=f"known: {', '.join(KINDS)}")
        split = SPLIT_NAMES.get(row["split"].strip().lower())
        if split is None:
            raise LayoutMismatch(f"{where}: unknown split '{row['split']}'", hint="known: train, val, test")
        return Sample(root / row["path"], label, kind, split, row["group"], row["source"])
