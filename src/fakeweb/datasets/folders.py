"""Plain folders named ``real`` and ``fake``, at any depth, of pictures, videos or both."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

from fakeweb.datasets.files import files_below
from fakeweb.datasets.layout import LeftOut, TolerantLayout
from fakeweb.datasets.samples import Sample
from fakeweb.datasets.splits import SPLIT_NAMES, split_of_group
from fakeweb.media.glance import glance, kind_by_name
from fakeweb.types import KINDS, Kind

_LABELS: dict[str, int] = {
    "real": 0,
    "0_real": 0,
    "original": 0,
    "fake": 1,
    "1_fake": 1,
    "manipulated": 1,
    "training_real": 0,  # Kaggle's "Real and Fake Face Detection"
    "training_fake": 1,
    "nature": 0,  # GenImage (Zhu et al. 2023): <generator>/{train,val}/{ai,nature}
    "ai": 1,
    **dict.fromkeys(map(str, KINDS), 1),
}
_KINDS: dict[str, Kind] = {"training_fake": "retouch", "ai": "generated", **{k: k for k in KINDS}}


class FolderLayout(TolerantLayout):
    """Pictures and videos below folders named ``real`` and ``fake`` (or a manipulation kind), nested as you like.

    What a file without a telling suffix is, its first bytes say.
    The nearest such folder above a file decides its label. A folder named ``train``, ``val`` or ``test``
    above it decides the split; without one, whole groups are split by hash. The group is the file's own
    folder below the label, or the file's stem where it lies right in it; a split's name goes before it.
    """

    name = "folders"
    looked_for: ClassVar[str] = "pictures and videos in folders named real or fake"
    hint: ClassVar[str] = f"folder names that give a label: {', '.join(_LABELS)}"

    def _nothing(self, root: Path) -> str:
        return f"no picture or video in {root} lies in a folder named real or fake"

    def _samples(self, root: Path, left_out: LeftOut) -> Iterator[Sample]:
        for path in files_below(root, left_out):
            sample = self._sample(root, path)
            if not (kind_by_name(path) or glance(str(path)).kind):
                if sample is not None:
                    left_out.add("no picture or video", path)
            elif sample is not None:
                yield sample
            else:
                left_out.add("in no folder named real or fake", path)

    @staticmethod
    def _sample(root: Path, path: Path) -> Sample | None:
        parts = path.relative_to(root).parts[:-1]
        at = next((i for i in range(len(parts) - 1, -1, -1) if parts[i].lower() in _LABELS), None)
        if at is None:
            return None
        name = parts[at].lower()
        source = "/".join(p for p in parts[:at] if p.lower() not in SPLIT_NAMES) or root.resolve().name
        group = "/".join(parts[at + 1 :]) or path.stem
        split = next((SPLIT_NAMES[p.lower()] for p in parts if p.lower() in SPLIT_NAMES), None)
        if split is not None:
            group = f"{split}/{group}"  # 0001.jpg in train and 0001.jpg in test are two groups
        kind = _KINDS.get(name)
        return Sample(path, _LABELS[name], kind, split or split_of_group(source, group), group, source)
