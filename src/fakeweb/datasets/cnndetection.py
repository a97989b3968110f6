"""CNNDetection (Wang et al. 2020) and the sets laid out like it: ``<generator>/[class/]{0_real,1_fake}/``."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

from fakeweb.datasets.files import files_below, is_picture
from fakeweb.datasets.layout import LeftOut, TolerantLayout
from fakeweb.datasets.samples import Sample
from fakeweb.datasets.splits import SPLIT_NAMES, split_of_group
from fakeweb.types import Kind

_LABELS = {"0_real": 0, "1_fake": 1}
_OTHER_KINDS: dict[str, Kind] = {"deepfake": "swap"}  # its fakes are frames of FaceForensics++
_PROGAN = {
    "airplane", "bicycle", "bird", "boat", "bottle", "bus", "car",
    "cat", "chair", "cow", "diningtable", "dog", "horse", "motorbike",
    "person", "pottedplant", "sheep", "sofa", "train", "tvmonitor",
}  # fmt: skip
"""Classes of the training set, all by ProGAN, whose archive leaves the generator's folder out."""


class CnnDetectionLayout(TolerantLayout):
    """``progan/airplane/0_real/00001.png``, alone or below ``train``, ``val`` and ``test``.

    The source is ``cnndetection/<generator>``; a class of the training set right above the label,
    ``train/airplane/0_real``, is ProGAN's. A real and a fake picture of the same name in the same class are one
    group, for some generators made the one from the other. The split is that of the folder, else goes by group.
    Fakes are ``generated``, except those of the generator ``deepfake``, which are swaps.
    """

    name = "cnndetection"
    looked_for: ClassVar[str] = "pictures like progan/airplane/0_real/00001.png or stylegan/1_fake/1.png"
    hint: ClassVar[str] = (
        "name the folder above the generators; for folders real and fake use the layout 'folders'"
    )

    def _samples(self, root: Path, left_out: LeftOut) -> Iterator[Sample]:
        for path in files_below(root, left_out):
            if is_picture(path):
                sample = self._sample(root, path)
                if sample is None:
                    left_out.add("in no folder 0_real or 1_fake", path)
                else:
                    yield sample

    def _sample(self, root: Path, path: Path) -> Sample | None:
        above = path.relative_to(root).parts[:-1]
        at = next((i for i in range(len(above) - 1, -1, -1) if above[i].lower() in _LABELS), None)
        if at is None:
            return None
        label = _LABELS[above[at].lower()]
        # only in front: ProGAN has a class of pictures of trains, progan/train/0_real
        split = SPLIT_NAMES.get(above[0].lower()) if at else None
        generator, *classes = above[1 if split else 0 : at] or [root.resolve().name]
        if generator.lower() in _PROGAN and not classes:
            generator, classes = "progan", [generator]
        source = f"{self.name}/{generator}"
        group = "/".join((*([split] if split else []), *classes, *above[at + 1 :], path.stem))
        kind = _OTHER_KINDS.get(generator.lower(), "generated") if label else None
        return Sample(path, label, kind, split or split_of_group(source, group), group, source)
