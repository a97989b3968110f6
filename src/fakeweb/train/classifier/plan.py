"""Which faces stand in which batch: half real, half fake, fakes beside their own reals. Needs no torch."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from fakeweb.train.classifier.prepare import FaceSample
from fakeweb.train.recipe import Recipe

_PARTS = ("real", "fake", "forged")


@dataclass(frozen=True)
class Pick:
    """One face of a batch.

    Attributes:
        index: Which of the faces.
        seed: Of its augmentation, and of its forging; None: the face as it is.
        method: Name of the forge method that makes a fake of it, or None.
        taught: P(fake) by the teacher, or None.
    """

    index: int
    seed: tuple[int, ...] | None
    method: str | None = None
    taught: float | None = None


def part_of(batch: list[Pick], part: int, parts: int) -> list[Pick]:
    """Return one of equal parts of a batch, again half fake and half real, fakes beside their reals."""
    half = len(batch) // 2
    size = half // parts
    one = slice(part * size, (part + 1) * size)
    return batch[:half][one] + batch[half:][one]


class _Decks:
    """Endless shuffled decks, one per source: draw i is a function of (seed, source, i) alone."""

    def __init__(self, part: str, indices: dict[str, list[int]], seed: int) -> None:
        self.part, self.indices, self.seed = part, indices, seed
        self.salt = _PARTS.index(part)

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

    Half of every batch is fake, a share ``forge.share`` of it forged. A source's share follows the power
    ``source_power`` of its size, times its ``data.weights``, separately for fakes, forged and reals. A fake whose group
    holds one real face brings it along into the batch, a forged one the face it is made of.

    Args:
        faces: The training faces.
        recipe: The recipe.
        forgeable: Numbers of the real faces that may be forged; None: all.
    """

    def __init__(
        self, faces: Sequence[FaceSample], recipe: Recipe, forgeable: Sequence[int] | None = None
    ) -> None:
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
        self.decks = {label: _Decks(_PARTS[label], dict(by_label[label]), recipe.seed) for label in (0, 1)}
        allowed = None if forgeable is None else set(forgeable)
        makings = {
            source: kept
            for source, deck in by_label[0].items()
            if (kept := [i for i in deck if allowed is None or i in allowed])
        }
        self.makings = _Decks("forged", makings, recipe.seed)

    @property
    def steps(self) -> int:
        """Batches per epoch."""
        return self.recipe.optim.faces_per_epoch // self.recipe.optim.batch

    @property
    def forged(self) -> int:
        """Forged faces in each batch."""
        half = self.recipe.optim.batch // 2
        if not self.makings.indices:
            return 0
        return half if not self.decks[1].indices else round(self.recipe.forge.share * half)

    def _quota(self, decks: _Decks, total: int) -> dict[str, int]:
        weights = self.recipe.data.weights
        sizes = {
            s: len(deck) ** self.recipe.optim.source_power
            * weights.get(s, 1.0)
            * weights.get(f"{s}/{decks.part}", 1.0)
            for s, deck in decks.indices.items()
        }
        if not sum(sizes.values()):
            sizes = dict.fromkeys(sizes, 1.0)
        exact = {s: total * v / sum(sizes.values()) for s, v in sizes.items()}
        quota = {s: int(v) for s, v in exact.items()}
        for source in sorted(exact, key=lambda s: quota[s] - exact[s])[: total - sum(quota.values())]:
            quota[source] += 1
        return quota

    def _drawn(self, decks: _Decks, epoch: int, total: int, rng: np.random.Generator) -> list[int]:
        out: list[int] = []
        for source, count in sorted(self._quota(decks, total).items()) if total else ():
            out += decks.draw(source, epoch * count, count)
        return [out[i] for i in rng.permutation(len(out))]

    def batches(self, epoch: int) -> list[list[Pick]]:
        """Return the epoch's batches; the same for the same recipe and epoch."""
        half, forged = self.recipe.optim.batch // 2, self.forged
        total = self.steps * (half - forged)
        rng = np.random.default_rng((self.recipe.seed, 77, epoch))
        fakes = self._drawn(self.decks[1], epoch, total, rng)
        singles = self._single_reals(epoch, total, sum(i in self.partner for i in fakes), rng)
        makings = self._drawn(self.makings, epoch, self.steps * forged, rng)
        methods = self._methods(len(makings), rng)
        picks = []
        for step in range(self.steps):
            known = fakes[step * (half - forged) : (step + 1) * (half - forged)]
            made = slice(step * forged, (step + 1) * forged)
            fake = known + makings[made]
            real = [self.partner[i] if i in self.partner else next(singles) for i in known] + makings[made]
            names = [None] * len(known) + methods[made] + [None] * half
            start = 2 * step * half
            seeds = ((self.recipe.seed, epoch, start + j) for j in range(2 * half))
            if self.recipe.data.balance == "natural":
                fake, real = self._natural(fake, real, step, epoch)
            batch = [Pick(i, seed, name) for i, seed, name in zip(fake + real, seeds, names, strict=True)]
            picks.append(self._spread(self._alike(batch), half, forged))
        return picks

    def _natural(
        self, fake: list[int], real: list[int], step: int, epoch: int
    ) -> tuple[list[int], list[int]]:
        """Put faces of the larger class in place of some of the smaller one: a batch is as the faces are."""
        sizes = [sum(map(len, self.decks[label].indices.values())) for label in (0, 1)]
        larger = int(sizes[1] > sizes[0])
        kept = 2 * min(sizes) / sum(sizes)
        rng = np.random.default_rng((self.recipe.seed, 78, epoch, step))
        others = [i for deck in self.decks[larger].indices.values() for i in deck]
        drawn = rng.choice(others, len(fake))
        few = [
            i if rng.random() < kept else int(other)
            for i, other in zip(real if larger else fake, drawn, strict=True)
        ]
        return (fake, few) if larger else (few, real)

    def forged_by(self, method: str) -> set[int]:
        """Return the faces that a method forges in any epoch."""
        epochs = range(self.recipe.optim.epochs)
        return {
            p.index for epoch in epochs for batch in self.batches(epoch) for p in batch if p.method == method
        }

    def _alike(self, batch: list[Pick]) -> list[Pick]:
        """Let each fake and the real it was made of go through the same, where the recipe wants it."""
        if not self.recipe.augment.paired:
            return batch
        half = len(batch) // 2
        return batch[:half] + [
            replace(real, seed=fake.seed)
            if fake.method is not None or self.partner.get(fake.index) == real.index
            else real
            for fake, real in zip(batch[:half], batch[half:], strict=True)
        ]

    def _spread(self, batch: list[Pick], half: int, forged: int) -> list[Pick]:
        """Spread the forged evenly, so that every part of a batch has its share."""
        if not forged or forged == half:
            return batch
        order = np.argsort(
            [(j + 0.5) / (half - forged) for j in range(half - forged)]
            + [(j + 0.5) / forged for j in range(forged)],
            kind="stable",
        )
        return [batch[i] for i in order] + [batch[half + i] for i in order]

    def _methods(self, total: int, rng: np.random.Generator) -> list[str | None]:
        shares = {name: v for name, v in sorted(self.recipe.forge.methods.items()) if v}
        if not total:
            return []
        p = np.array(list(shares.values())) / sum(shares.values())
        return [list(shares)[i] for i in rng.choice(len(shares), total, p=p)]

    def _single_reals(self, epoch: int, total: int, paired: int, rng: np.random.Generator) -> Iterator[int]:
        """Draw the reals that stand beside fakes without a real of their own."""
        quota = self._quota(self.decks[0], total)
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
