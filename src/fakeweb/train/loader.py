"""Batches: half real, half fake, fakes beside their own reals, every sample reproducible."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch.utils.data import Dataset, default_collate

from fakeweb.errors import DatasetError, FakeWebError
from fakeweb.faces import align
from fakeweb.media import read_image
from fakeweb.train.augment import augmented_crop
from fakeweb.train.prepare import FaceSample, centre_inside
from fakeweb.train.recipe import Recipe
from fakeweb.types import KINDS, Face

NO_KIND = -100


@dataclass(frozen=True)
class Pick:
    """One face of a batch: which sample, and the seed of its augmentation (None: as it is)."""

    index: int
    seed: tuple[int, ...] | None


class FaceDataset(Dataset):
    """Turns picks into (uint8 (S, S, 3), label, kind) tensors, or returns the error; see :func:`collate`."""

    def __init__(self, faces: Sequence[FaceSample], recipe: Recipe) -> None:
        self.faces = faces
        self.recipe = recipe

    def __len__(self) -> int:
        return len(self.faces)

    def __getitem__(self, pick: Pick) -> tuple[torch.Tensor, int, int] | DatasetError:
        sample, box = self.faces[pick.index].sample, self.faces[pick.index].box
        data = self.recipe.data
        try:
            image = read_image(sample.path).image
        except FakeWebError as error:
            return _changed(error.message)
        if not centre_inside(box, image):
            return _changed(f"{sample.path} is smaller than it was")
        if pick.seed is None:
            pixels = align(image, Face(box), data.side_px, margin=data.margin).pixels.copy()
        else:
            rng = np.random.default_rng(pick.seed)
            pixels = augmented_crop(image, box, data.side_px, data.margin, self.recipe.augment, rng)
        kind = KINDS.index(sample.kind) if sample.kind in KINDS else NO_KIND
        return torch.from_numpy(pixels), int(sample.label or 0), kind


def _changed(why: str) -> DatasetError:
    return DatasetError(
        f"a picture changed since its face was found: {why}",
        hint="restore it, or delete faces-*.csv in the output folder and begin anew",
    )


def collate(items: list[Any]) -> Any:
    """Stack the items of a batch; an error takes the batch's place, whole, also out of a worker process."""
    error = next((item for item in items if isinstance(item, FakeWebError)), None)
    return default_collate(items) if error is None else error


class _Decks:
    """Endless shuffled decks, one per source: draw i is a function of (seed, source, i) alone."""

    def __init__(self, indices: dict[str, list[int]], seed: int, salt: int) -> None:
        self.indices, self.seed, self.salt = indices, seed, salt

    def draw(self, source: str, start: int, count: int) -> list[int]:
        deck = self.indices[source]
        place = sorted(self.indices).index(source)
        out: list[int] = []
        for turn in range(start // len(deck), (start + count - 1) // len(deck) + 1 if count else 0):
            order = np.random.default_rng((self.seed, self.salt, place, turn)).permutation(len(deck))
            first, last = max(start - turn * len(deck), 0), min(start + count - turn * len(deck), len(deck))
            out += [deck[i] for i in order[first:last]]
        return out


class EpochPlan:
    """Decides which faces stand in which batch of an epoch.

    Half of every batch is fake. A source's share follows the power ``source_power`` of its size, separately for
    fakes and reals. A fake whose group holds one real face brings it along into the batch.

    Args:
        faces: The training faces.
        recipe: The recipe.
    """

    def __init__(self, faces: Sequence[FaceSample], recipe: Recipe) -> None:
        self.recipe = recipe
        self.sources = [face.sample.source for face in faces]
        by_label: dict[int, dict[str, list[int]]] = {0: defaultdict(list), 1: defaultdict(list)}
        reals: dict[tuple[str, str], list[int]] = defaultdict(list)
        for i, face in enumerate(faces):
            by_label[face.sample.label or 0][face.sample.source].append(i)
            if face.sample.label == 0:
                reals[face.sample.source, face.sample.group].append(i)
        self.partner = {
            i: own[0]
            for i, face in enumerate(faces)
            if face.sample.label == 1
            and len(own := reals.get((face.sample.source, face.sample.group), [])) == 1
        }
        self.decks = {label: _Decks(dict(by_label[label]), recipe.seed, label) for label in (0, 1)}

    @property
    def steps(self) -> int:
        """Batches per epoch."""
        return self.recipe.optim.faces_per_epoch // self.recipe.optim.batch

    def _quota(self, label: int, total: int) -> dict[str, int]:
        sizes = {
            s: len(deck) ** self.recipe.optim.source_power for s, deck in self.decks[label].indices.items()
        }
        exact = {s: total * v / sum(sizes.values()) for s, v in sizes.items()}
        quota = {s: int(v) for s, v in exact.items()}
        for source in sorted(exact, key=lambda s: quota[s] - exact[s])[: total - sum(quota.values())]:
            quota[source] += 1
        return quota

    def batches(self, epoch: int) -> list[list[Pick]]:
        """Return the epoch's batches; the same for the same recipe and epoch."""
        half = self.recipe.optim.batch // 2
        total = self.steps * half
        fakes: list[int] = []
        for source, count in sorted(self._quota(1, total).items()):
            fakes += self.decks[1].draw(source, epoch * count, count)
        rng = np.random.default_rng((self.recipe.seed, 77, epoch))
        fakes = [fakes[i] for i in rng.permutation(len(fakes))]
        singles = self._single_reals(epoch, total, sum(i in self.partner for i in fakes), rng)
        picks = []
        for start in range(0, total, half):
            batch = fakes[start : start + half]
            batch = batch + [self.partner[i] if i in self.partner else next(singles) for i in batch]
            seeds = ((self.recipe.seed, epoch, 2 * start + j) for j in range(len(batch)))
            picks.append([Pick(i, seed) for i, seed in zip(batch, seeds, strict=True)])
        return picks

    def _single_reals(self, epoch: int, total: int, paired: int, rng: np.random.Generator) -> Iterator[int]:
        """Draw the reals that stand beside fakes without a real of their own."""
        quota = self._quota(0, total)
        with_pairs = {self.sources[i] for i in self.partner.values()}
        open_quota = {s: n for s, n in quota.items() if s not in with_pairs}
        if not any(open_quota.values()):
            open_quota = quota
        scale = (total - paired) / max(1, sum(open_quota.values()))
        singles: list[int] = []
        for source, count in sorted(open_quota.items()):
            wanted = int(np.ceil(count * scale))
            singles += self.decks[0].draw(source, epoch * wanted, wanted)
        return iter([singles[i] for i in rng.permutation(len(singles))])
