"""The faces of a training: found, kept, and sorted into what is learned from, what selects and what is measured."""

from __future__ import annotations

import hashlib
import inspect
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fakeweb import registry
from fakeweb.datasets import Sample, half_of_group, read_people, read_samples, regroup, settle_conflicts
from fakeweb.datasets.csvfile import write_csv
from fakeweb.errors import DatasetError, UsageError
from fakeweb.train.calibrate import MIN_LOGITS
from fakeweb.train.classifier.meshes import LabelledMeshes, MeasuredMeshes, Meshes
from fakeweb.train.classifier.prepare import UNTOUCHED, FaceSample, Prepared, prepare
from fakeweb.train.classifier.regions import Regions, drop_untouched, keep_regions
from fakeweb.train.progress import Progress, Tell
from fakeweb.train.recipe import Recipe
from fakeweb.types import FaceFinder


@dataclass(frozen=True)
class Corpus:
    """All faces of a training.

    Attributes:
        split: ``train``; validation groups ``A`` and ``B``; ``held_out``: validation faces of sources that are
            only measured.
        prepared: All usable faces, and what was left out.
        regions: Their kept regions, in the order of ``prepared.faces`` and what was dropped from them; or None.
        places: Number of each face's region.
    """

    split: dict[str, list[FaceSample]]
    prepared: Prepared
    regions: Regions | None
    places: dict[FaceSample, int]

    def places_of(self, faces: Sequence[FaceSample]) -> list[int] | None:
        """Return where the regions of these faces are; None without regions."""
        return None if self.regions is None else [self.places[face] for face in faces]

    def forgeable(self, recipe: Recipe) -> list[int]:
        """Return the numbers, within ``train``, of real faces that may be forged: those with a mesh, if asked for."""
        if self.regions is None or not recipe.forge.share:
            return []
        return [
            i
            for i, face in enumerate(self.split["train"])
            if face.sample.label == 0
            and (not recipe.forge.mesher or self.regions[self.places[face]].mesh is not None)
        ]


def fingerprint(faces: Iterable[FaceSample]) -> str:
    """Return a digest of which faces there are; it does not depend on where the data set lies."""
    digest = hashlib.sha256()
    for sample in (face.sample for face in faces):
        row = (sample.source, sample.group, sample.label, sample.kind, sample.split, sample.path.name)
        digest.update(repr(row).encode())
    return digest.hexdigest()


def gather(
    recipe: Recipe, data: Path, out: Path, cache: Path, finder_model: Path | None, mesher_model: Path | None,
    tell: Tell, *, first: bool,
) -> Corpus:  # fmt: skip
    """Read the data sets, find the faces, keep their regions, split.

    Args:
        recipe: The recipe.
        data: The first data set; ``data.extra_roots`` are relative to it.
        out: ``left_out.csv`` goes there.
        cache: Where found faces and kept regions are, for this training and others.
        finder_model: File of the finder's model, if it needs one.
        mesher_model: File of the mesher's model, or the mesh labels.
        tell: Called with progress.
        first: Whether this process writes tables and reports.

    Raises:
        DatasetError: No face, too few of either label in a split, or a picture that is labelled as both.
        UnknownName, UsageError: A plug-in's name or model file does not fit.
    """
    samples, names = _samples(recipe, data, tell)
    finder: FaceFinder = _plug_in("finder", recipe.data.finder, finder_model, "--finder-model")
    mesher = _plug_in("mesh", recipe.data.mesher, None, "") if recipe.data.mesher else None
    prepared = prepare(
        samples, finder, cache, lambda done, total: tell(Progress("faces", done, total)), mesher
    )
    regions = None
    places = {face: i for i, face in enumerate(prepared.faces)}
    if recipe.data.cache_px:
        meshes = _meshes(recipe, data, mesher_model)
        regions = keep_regions(
            prepared.faces,
            recipe,
            meshes,
            cache,
            lambda done, total: tell(Progress("regions", done, total)),
            names,
        )
        if recipe.data.drop_untouched:
            kept, dropped = drop_untouched(prepared.faces, regions, recipe.data.masks)
            gone = tuple((prepared.faces[i].sample, UNTOUCHED) for i in dropped)
            prepared = Prepared(tuple(prepared.faces[i] for i in kept), prepared.left_out + gone)
    if first:
        _list_left_out(prepared, len(samples), out / "left_out.csv", tell)
    return Corpus(_split(prepared, recipe), prepared, regions, places)


def _samples(recipe: Recipe, data: Path, tell: Tell) -> tuple[list[Sample], dict[Path, str]]:
    """Read the indices of all roots; a picture that two of them list counts once.

    Returns:
        The samples, and the names their groups had before they were regrouped by person.
    """
    wanted = recipe.data
    samples: dict[tuple[Path, int], Sample] = {}
    names: dict[Path, str] = {}
    for root in (data, *(data / extra for extra in wanted.extra_roots)):
        indexed, problems, _ = read_samples(root, wanted.layout, wanted.options)
        names |= {sample.path: sample.group for sample in indexed}
        for entry in wanted.people:
            indexed = regroup(indexed, read_people(entry))
        for sample in indexed:
            if (
                sample.label is not None
                and sample.source not in wanted.skip_sources
                and sample.split != "test"
            ):
                samples.setdefault((sample.path, sample.label), sample)
        for problem in problems:
            tell(Progress("faces", 0, len(samples), note=problem))
    return settle_conflicts(list(samples.values()), data, allowed=wanted.allow_conflicts), names


def _meshes(recipe: Recipe, data: Path, model: Path | None) -> Meshes | None:
    """Return who knows the meshes: ``labels`` reads a file, any other name is a mesher's."""
    name = recipe.forge.mesher
    if not name:
        return None
    if name != "labels":
        return MeasuredMeshes(_plug_in("mesh", name, model, "--mesher-model"))
    if model is None:
        raise UsageError("forge.mesher = 'labels' needs a file", hint="give it by --mesher-model")
    return LabelledMeshes(model, [data, *(data / extra for extra in recipe.data.extra_roots)])


def _plug_in(kind: str, name: str, model: Path | None, option: str) -> Any:
    make = registry.load(kind, name)
    if model is not None and "model" not in inspect.signature(make).parameters:
        raise UsageError(f"the {kind} '{name}' takes no model file", hint=f"leave out {option}")
    return make() if model is None else make(model)


def _list_left_out(prepared: Prepared, total: int, table: Path, tell: Tell) -> None:
    write_csv(table, [("path", "reason"), *((s.path, why) for s, why in prepared.left_out)])
    if prepared.left_out:
        reasons = ", ".join(f"{n} x {why}" for why, n in prepared.reasons().items())
        note = f"{len(prepared.left_out)} of {total} pictures left out ({reasons}), see {table}"
        tell(Progress("faces", total, total, note=note))


def _split(prepared: Prepared, recipe: Recipe) -> dict[str, list[FaceSample]]:
    """Sort the faces into train and the validation halves A and B, and see whether they suffice."""
    split: dict[str, list[FaceSample]] = {"train": [], "A": [], "B": [], "held_out": []}
    apart = set(recipe.data.held_out)
    for face in prepared.faces:
        sample = face.sample
        if apart & {sample.source, f"{sample.source}/{'fake' if sample.label else 'real'}"}:
            if sample.split == "val":
                split["held_out"].append(face)
            continue
        half = "train" if sample.split == "train" else half_of_group(sample.source, sample.group)
        split[half].append(face)
    forged = recipe.forge.share > 0
    for part, name, needed in (("train", "train", 1), ("A", "val (groups A)", -(-MIN_LOGITS // 2))):
        labels = [f.sample.label for f in split[part]]
        real, fake = labels.count(0), labels.count(1)
        if real < needed or (fake < needed and not (forged and part == "train")):
            raise DatasetError(
                f"the split {name} holds {real} real and {fake} fake faces, and needs {needed} of each",
                hint="half of the validation groups are groups A; see docs/guide/train.md",
            )
    return split
