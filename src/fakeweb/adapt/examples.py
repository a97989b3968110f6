"""A user's examples: which files they are, what each says of itself, and what gives them away."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np

from fakeweb.datasets import Sample
from fakeweb.datasets.csv_index import CsvLayout
from fakeweb.datasets.folders import FolderLayout
from fakeweb.datasets.likeness import near_duplicates
from fakeweb.datasets.splits import Families
from fakeweb.errors import DatasetError
from fakeweb.evaluate.exact import SURE, Aspect, most_telling
from fakeweb.evaluate.files import FileFacts, container_aspects, read_facts, resampling_aspects
from fakeweb.evaluate.leaks import ALLOWED, RESAMPLED
from fakeweb.media import kind_of
from fakeweb.provenance.blocks import read_blocks
from fakeweb.provenance.exif import read_exif

LEAST: Final = 5
"""So many pictures of either class, and of so many persons or sources each no fewer than :data:`LEAST_GROUPS`."""
LEAST_GROUPS: Final = 3
MOST: Final = 2000
_NEAR_BITS: Final = 2
_STATES: Final = {"accepted": 1, "rejected": 0}
_HINT: Final = (
    "a folder with real/ and fake/, a CSV with path and label, or what a queue's export holds (.json)"
)


@dataclass(frozen=True)
class Example:
    """One labelled picture.

    Attributes:
        path: The file.
        label: 0 real, 1 fake.
        group: Person or source; what looks alike is of one group too.
        facts: Of the file.
        camera: Maker and model as its EXIF says, or empty.
    """

    path: Path
    label: int
    group: str
    facts: FileFacts
    camera: str = ""


def read_examples(
    places: Sequence[Path], on_progress: Callable[[int, int], None] = lambda _done, _all: None
) -> tuple[list[Example], list[str]]:
    """Read what is labelled in some places: each file once, in the order of their names; and say what was left out.

    Pictures that look alike are of one group, so that a picture and its copy are never learned from and asked together.

    Args:
        places: Folders with ``real`` and ``fake`` in them, CSV files, or exports of the review queue.
        on_progress: Called with (done, all) files.

    Raises:
        DatasetError: A place holds no examples, too few of a class, a picture of both classes, or one that cannot be
            read.
    """
    left_out: list[str] = []
    listed = [sample for place in places for sample in _listed(place, left_out) if sample.label is not None]
    clips = [kind_of(str(sample.path)) == "clip" for sample in listed]
    left_out += [f"a clip: {s.path}" for s, clip in zip(listed, clips, strict=True) if clip]
    samples = [s for s, clip in zip(listed, clips, strict=True) if not clip]
    _check_count([int(s.label or 0) for s in samples], "pictures")
    if len(samples) > MOST:
        raise DatasetError(
            f"{len(samples)} examples; at most {MOST} are learned from", hint="fakeweb train learns from more"
        )
    found: dict[str, Example] = {}
    for done, sample in enumerate(samples, 1):
        example = _read(sample)
        known = found.setdefault(example.facts.sha256, example)
        if known.label != example.label:
            raise DatasetError(
                f"{known.path} and {example.path} are the same picture, once real and once fake",
                hint="one of the labels is wrong",
            )
        on_progress(done, len(samples))
    examples = list(found.values())
    _check_count([e.label for e in examples], "different pictures")
    return _grouped(examples), left_out


def leaks(examples: Sequence[Example]) -> list[str]:
    """Name what parts the classes and is no manipulation: formats, sizes, quantisers, cameras.

    Each aspect by an exact test (:mod:`fakeweb.evaluate.exact`); in sets too small for it, an aspect that parts the
    classes wholly.
    """
    labels = np.array([e.label for e in examples])
    aspects = [
        *container_aspects([e.facts for e in examples]),
        Aspect("camera", [e.camera for e in examples]),
    ]
    told = most_telling(aspects, labels, [e.group for e in examples])
    if told is None:
        return [words for aspect in aspects if (words := _parted(aspect, labels))]
    return [f"{told.aspect}: {told.words}"] if told.p <= SURE and told.auc > 0.5 + ALLOWED else []


def doubts(examples: Sequence[Example]) -> list[str]:
    """Name traces of resizing and of JPEG that part the classes: of handling, or of the manipulation itself."""
    labels = np.array([e.label for e in examples])
    aspects = resampling_aspects([e.facts for e in examples])
    told = most_telling(aspects, labels, [e.group for e in examples])
    if told is None or told.p > SURE or told.auc <= 0.5 + RESAMPLED:
        return []
    return [f"{told.aspect}: {told.words}"]


def _parted(aspect: Aspect, labels: np.ndarray) -> str:
    """Say that every real has one value of an aspect and every fake another, or nothing."""
    own = [{str(value) for value, of in zip(aspect.values, labels, strict=True) if of == c} for c in (0, 1)]
    if any(len(values) > 1 for values in own) or own[0] == own[1]:
        return ""
    real, fake = (values.pop() or "none" for values in own)
    return f"{aspect.name}: {real} of all reals, {fake} of all fakes"


def _listed(place: Path, left_out: list[str]) -> Iterator[Sample]:
    if place.is_dir():
        layout: Any = FolderLayout()
    elif place.suffix.lower() in (".csv", ".tsv", ".txt"):
        layout = CsvLayout()
    elif place.suffix.lower() == ".json":
        yield from _decisions(place)
        return
    else:
        raise DatasetError(f"{place} holds no examples that can be read", hint=_HINT)
    yield from layout.index(place)
    if layout.problems and not place.is_dir():
        raise DatasetError(f"{place}: {layout.problems[0]}", hint="mend the table")
    left_out += layout.problems


def _decisions(place: Path) -> Iterator[Sample]:
    """Yield what was decided in the review queue: accepted posts are fake, rejected ones real."""
    try:
        told = json.loads(place.read_text(encoding="utf-8"))
        items = [item for page in (told if isinstance(told, list) else [told]) for item in page["items"]]
        chosen = [(_STATES[i["state"]], str(i["reference"] or "")) for i in items if i["state"] in _STATES]
    except OSError as error:
        raise DatasetError(f"{place} cannot be read: {error.strerror}", hint=_HINT) from error
    except (ValueError, KeyError, TypeError) as error:
        raise DatasetError(
            f"{place} is no export of the review queue",
            hint="save the answers of GET /v1/queue?state=accepted",
        ) from error
    for label, reference in chosen:
        path = place.parent / reference
        if not reference or not path.is_file():
            raise DatasetError(
                f"{place}: no file is called '{reference[:200]}', relative to it",
                hint="the service keeps no pictures: their references must be the names of your files",
            )
        yield Sample(path, label, None, "train", path.stem, place.stem)


def _read(sample: Sample) -> Example:
    facts = read_facts(sample.path, str(sample.path))
    if facts.error:
        raise DatasetError(f"{sample.path} cannot be used: {facts.error}", hint="mend or remove it")
    blocks = read_blocks(sample.path.read_bytes())
    exif = read_exif(blocks.exif) if blocks.exif else None
    camera = "" if exif is None else f"{exif.make} {exif.model}".strip()
    return Example(sample.path, int(sample.label or 0), f"{sample.source}/{sample.group}", facts, camera)


def _grouped(examples: Sequence[Example]) -> list[Example]:
    families = Families()
    for one, other, _ in near_duplicates([e.facts.dhash for e in examples], _NEAR_BITS):
        families.join(examples[one].group, examples[other].group)
    joined = [replace(e, group=families.name_of(e.group)) for e in examples]
    for label, word in ((0, "real"), (1, "fake")):
        groups = {e.group for e in joined if e.label == label}
        if len(groups) < LEAST_GROUPS:
            raise DatasetError(
                f"all {word} examples are of {len(groups)} person or source, and {LEAST_GROUPS} are needed",
                hint="figures are measured on persons that were not learned from; a folder per person, or none",
            )
    return joined


def _check_count(labels: Sequence[int], of: str) -> None:
    count = Counter(labels)
    for label, word in ((0, "real"), (1, "fake")):
        if count[label] < LEAST:
            raise DatasetError(
                f"{count[label]} {word} {of}, and {LEAST} of either class are needed", hint=_HINT
            )
