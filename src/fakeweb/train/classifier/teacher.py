"""Another model's P(fake) of each training face before it is degraded, asked once and kept."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import overload

import numpy as np
import numpy.typing as npt

from fakeweb.classifiers import OnnxClassifier
from fakeweb.errors import ModelIncompatible
from fakeweb.runtime import features_of
from fakeweb.train.classifier.loader import FaceDataset
from fakeweb.train.classifier.plan import EpochPlan, Pick
from fakeweb.types import Crop, Face

_HERE = np.eye(2, 3, dtype=np.float32)


class Teacher:
    """A classifier whose P(fake) a network learns from.

    Args:
        model: Name of an installed model, or path of a card.
        margin: Of the training's crops.
        threads: Threads inside one call.

    Attributes:
        size, digest: As of :class:`fakeweb.runtime.Encoder`: one number per crop, and what tells the teacher apart.

    Raises:
        UnknownName, ModelMissing, ModelCorrupt: As their names say.
        ModelIncompatible: It wants crops of another margin.
    """

    size = 1

    def __init__(self, model: str, margin: float, threads: int = 1) -> None:
        self._model = OnnxClassifier(model, threads=threads)
        if abs(self._model.margin - margin) > 1e-6:
            raise ModelIncompatible(
                f"the teacher {self._model.reference} wants crops of margin {self._model.margin:g},"
                f" the recipe cuts {margin:g}",
                hint="set data.margin to the teacher's",
            )
        self.side_px = self._model.side_px
        card = self._model.card
        told = (card.sha256, card.calibration, card.second_look, card.composed)
        self.digest = hashlib.sha256(repr(told).encode()).hexdigest()

    def __call__(self, crop: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
        """Return P(fake), float32 (1,), of a crop, uint8 RGB (S, S, 3)."""
        face = Face((0, 0, self.side_px, self.side_px))
        return np.array([score.p_fake for score in self._model.score([Crop(crop, face, _HERE)])], np.float32)


def asked(pick: Pick) -> Pick:
    """Return what the teacher is asked about: a forged face has a seed, a plain one is the same in every pick."""
    return Pick(pick.index, pick.seed if pick.method else None, pick.method)


def teach(
    teacher: Teacher,
    dataset: FaceDataset,
    plan: EpochPlan,
    cache: Path,
    corpus: str,
    on_progress: Callable[[int, int], None],
) -> dict[Pick, float]:
    """Ask the teacher about all that a training shows, each face once, forged ones as they are forged.

    Args:
        teacher: Who is asked.
        dataset: Makes the crops.
        plan: What is shown when.
        cache: Folder in which answers are kept; a run that is stopped goes on where it was.
        corpus: What tells the training's faces from others, which lend parts to forged ones.
        on_progress: Called with (done, total).

    Returns:
        P(fake) by what :func:`asked` gives.
    """
    epochs = range(plan.recipe.optim.epochs)
    every = (asked(pick) for epoch in epochs for batch in plan.batches(epoch) for pick in batch)
    picks = list(dict.fromkeys(every))
    keys = [_key(dataset, pick, corpus) for pick in picks]
    crops = _Plain(dataset, picks, teacher.side_px)
    rows = features_of(teacher, crops, cache, keys=keys, on_progress=on_progress)
    return dict(zip(picks, rows[:, 0].tolist(), strict=True))


def _key(dataset: FaceDataset, pick: Pick, corpus: str) -> str:
    """Return what tells a crop apart: the file as it is now, the place in it, and how it is forged."""
    face, data = dataset.faces[pick.index], dataset.recipe.data
    status = face.sample.path.stat()
    cut = (data.margin, data.cache_px, data.finder, data.mesher)
    forged = (pick.method, pick.seed, dataset.recipe.forge, corpus) if pick.method else None
    return repr((str(face.sample.path), status.st_size, status.st_mtime_ns, face.box, cut, forged))


class _Plain(Sequence[npt.NDArray[np.uint8]]):
    """Crops that are cut when they are asked for."""

    def __init__(self, dataset: FaceDataset, picks: list[Pick], side_px: int) -> None:
        self.dataset, self.picks, self.side_px = dataset, picks, side_px

    def __len__(self) -> int:
        return len(self.picks)

    @overload
    def __getitem__(self, number: int) -> npt.NDArray[np.uint8]: ...
    @overload
    def __getitem__(self, number: slice) -> Sequence[npt.NDArray[np.uint8]]: ...
    def __getitem__(self, number: int | slice) -> npt.NDArray[np.uint8] | Sequence[npt.NDArray[np.uint8]]:
        if isinstance(number, slice):
            return _Plain(self.dataset, self.picks[number], self.side_px)
        return self.dataset.plain(self.picks[number], self.side_px)
