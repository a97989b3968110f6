"""What is judged, and by which rules: decided before the first score is seen."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np

from fakeweb.datasets import AUTO, Sample, half_of_group, read_samples, settle_conflicts
from fakeweb.datasets.files import shows_video
from fakeweb.errors import DatasetError, UsageError
from fakeweb.evaluate.figures import two_class_sources
from fakeweb.types import Classifier

Part = Literal["val", "val-A", "val-B", "test", "train", "all"]
PARTS: tuple[Part, ...] = get_args(Part)
Level = Literal["crop", "scan", "video"]
LEVELS: tuple[Level, ...] = get_args(Level)


@dataclass(frozen=True)
class Protocol:
    """One evaluation.

    Attributes:
        data: Root of the data set.
        models: Names of models or paths of cards.
        layout: Name of a layout, or ``auto``.
        options: Options of the layout.
        people: Lists of persons to regroup by.
        part: Which samples: ``val``, its halves ``val-A`` (selected and calibrated on) and ``val-B`` (to be looked at
            once), ``test``, ``train`` or ``all``.
        level: ``crop`` judges the main face's crop; ``scan`` the whole picture or video file, as ``fakeweb scan``
            does; ``video`` is another word for ``scan``.
        frames: Of each video file; 0 for 16 at the level ``crop`` and as ``fakeweb scan`` does at the others.
        finder, finder_model: Finds the faces.
        mesher: Confirms and measures them when whole pictures are scanned; None takes the finder's word.
        baselines: Other classifiers to measure beside, on undamaged pictures; they must be picklable.
        matched_handling: Whether each picture is judged once more, all brought to one frame, size and encoder.
        robustness: Pictures to degrade, drawn evenly from the sources and classes of two-class sources; 0 for none.
        only, skip: Sources to keep (all if empty) and to leave out.
        allow_conflicts: Whether a picture may be labelled both real and fake.
        limit: At most so many pictures, drawn evenly from sources and classes; 0 for all.
        seed: Decides what is drawn.
    """

    data: Path
    models: tuple[str, ...]
    layout: str = AUTO
    options: dict[str, Any] = field(default_factory=dict)
    people: tuple[str, ...] = ()
    part: Part = "val"
    level: Level = "crop"
    finder: str = "fakeweb"
    mesher: str | None = "fakeweb"
    finder_model: Path | None = None
    baselines: tuple[Classifier, ...] = ()
    matched_handling: bool = False
    robustness: int = 0
    frames: int = 0
    only: tuple[str, ...] = ()
    skip: tuple[str, ...] = ()
    allow_conflicts: bool = False
    limit: int = 0
    seed: int = 0

    def __post_init__(self) -> None:
        if self.part not in PARTS:
            raise UsageError(f"no split is called '{self.part}'", hint=f"known: {', '.join(PARTS)}")
        if self.level not in LEVELS:
            raise UsageError(f"no level is called '{self.level}'", hint=f"known: {', '.join(LEVELS)}")
        if min(self.robustness, self.frames, self.limit) < 0:
            raise UsageError("a number of pictures or frames must be at least 0", hint="0 is the usual")


@dataclass(frozen=True)
class Chosen:
    """What a protocol chose: the samples, those that are degraded too, and what the layout left out."""

    samples: tuple[Sample, ...]
    degraded: frozenset[Path]
    problems: tuple[str, ...]
    layout: str


def choose(protocol: Protocol) -> Chosen:
    """Index the data set and choose what is judged.

    Raises:
        DatasetError: Nothing is left, or a picture is labelled both real and fake and may not.
        LayoutMismatch, UnknownName, UsageError: As their names say.
    """
    found, problems, layout = read_samples(protocol.data, protocol.layout, protocol.options, protocol.people)
    there = {s.source for s in found if s.label is not None}
    for name in (*protocol.only, *protocol.skip):
        if name not in there:
            raise UsageError(f"no source is called '{name}'", hint=f"known: {', '.join(sorted(there))}")
    samples = [
        s
        for s in found
        if s.label is not None
        and in_part(s, protocol.part)
        and (not protocol.only or s.source in protocol.only)
        and s.source not in protocol.skip
    ]
    samples = settle_conflicts(samples, protocol.data, allowed=protocol.allow_conflicts)
    if protocol.limit:
        samples = draw_evenly(samples, protocol.limit, protocol.seed)
    if not samples:
        raise DatasetError(
            f"no labelled picture of the split '{protocol.part}' in {protocol.data} ({layout})",
            hint="choose another --split, or 'all' for data sets without one",
        )
    pictures = [s for s in samples if not shows_video(s.path)]
    both = set(two_class_sources(pictures, 1))  # all, where there is no such source
    paired = [s for s in pictures if s.source in both] or pictures
    degraded = draw_evenly(paired, protocol.robustness, protocol.seed)
    return Chosen(tuple(samples), frozenset(s.path for s in degraded), tuple(problems), layout)


def in_part(sample: Sample, part: Part) -> bool:
    """Tell whether a sample belongs to a part."""
    if part == "all":
        return True
    split, _, half = part.partition("-")
    return sample.split == split and (not half or half_of_group(sample.source, sample.group) == half)


def draw_evenly(samples: Sequence[Sample], count: int, seed: int) -> list[Sample]:
    """Draw samples so that every source and class gives as nearly as many as the others as it can.

    Args:
        samples: To draw from.
        count: How many, at most.
        seed: The same seed draws the same.

    Returns:
        The drawn ones, in their old order.
    """
    decks: dict[tuple[str, int | None], list[int]] = defaultdict(list)
    for i, sample in enumerate(samples):
        decks[sample.source, sample.label].append(i)
    rng = np.random.default_rng(seed)
    shuffled = [[deck[j] for j in rng.permutation(len(deck))] for _, deck in sorted(decks.items(), key=str)]
    drawn: list[int] = []
    for turn in range(max(map(len, shuffled), default=0)):
        for deck in shuffled:
            if turn < len(deck) and len(drawn) < count:
                drawn.append(deck[turn])
    return [samples[i] for i in sorted(drawn)]


def clips(samples: Sequence[Sample]) -> dict[Path, str]:
    """Say which samples are frames of one clip: those in a folder all of whose pictures are of one group and label.

    A video file, and a picture in a folder of many groups, is a clip of its own.
    """
    inside: dict[Path, set[tuple[str, str, int | None]]] = defaultdict(set)
    for sample in samples:
        inside[sample.path.parent].add((sample.source, sample.group, sample.label))
    return {
        s.path: str(s.path.parent if len(inside[s.path.parent]) == 1 and not shows_video(s.path) else s.path)
        for s in samples
    }
