"""Cached features: pictures -> shards of what a frozen encoder and a shipped model say of their main face."""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np
import numpy.typing as npt

from fakeweb.classifiers import OnnxClassifier
from fakeweb.classifiers.features import CropEncoder
from fakeweb.datasets import Sample, half_of_group
from fakeweb.errors import DatasetError, FakeWebError
from fakeweb.evaluate.degrade import scaled_face
from fakeweb.faces import align, main_face, measure
from fakeweb.forge.degrade import jpeg, resize
from fakeweb.media import read_image, write_atomically
from fakeweb.runtime import Composition
from fakeweb.scanner import Scanner
from fakeweb.types import Crop, Face, Image

SHARD: Final = 100
"""Pictures to a shard."""
VIEWS: Final = ("plain", "degraded", "small")
"""A crop as it is, after shrinking and JPEG, and shrunk to 64 px and enlarged again, which leaves nothing but its look;
``small`` of validation pictures alone, since nothing is learned from it."""
SMALL_PX: Final = 64
_LEAST_PX: Final = 40.0
_SHRUNK_PX: Final = 72.0


@dataclass(frozen=True)
class Seen:
    """Which crop a row of features is of.

    Attributes:
        path, source, label, kind, split, group: As its sample's; ``path`` relative to the data set.
        half: ``A`` or ``B`` of validation groups, else empty.
        view: Out of :data:`VIEWS`.
        face_px: Width of the face in the picture.
    """

    path: str
    source: str
    label: int
    kind: str
    split: str
    group: str
    half: str
    view: str
    face_px: float


@dataclass(frozen=True, eq=False)
class Features:
    """Cached features of N crops.

    Attributes:
        rows: What each is of.
        values: float16 (N, size): class tokens of all blocks, then the means of their patch tokens.
        logits: float64 (N,), of the shipped model, with its second looks.
    """

    rows: tuple[Seen, ...]
    values: npt.NDArray[np.float16]
    logits: npt.NDArray[np.float64]

    def column(self, name: str) -> npt.NDArray[Any]:
        """Return one field of all rows, (N,)."""
        return np.array([getattr(row, name) for row in self.rows])


def cache_features(
    samples: Sequence[Sample],
    root: Path,
    composed: Composition,
    out: Path,
    *,
    on_progress: Callable[[int, int], None] = lambda _done, _total: None,
) -> int:
    """Write the features of the main faces of some pictures; what is there already stays.

    Every crop is cut as the shipped model's are, in the :data:`VIEWS`; strengths of what degrades it follow from its
    group, so that a fake and its real fare alike.

    Args:
        samples: Labelled samples; the same ones in the same order go on where a killed run stopped.
        root: Of the data set.
        composed: The encoder and the shipped model.
        out: Folder for the shards.
        on_progress: Called with (done, total) pictures.

    Returns:
        How many pictures were left out: unreadable, or without a face of 40 px.

    Raises:
        DatasetError: The folder holds features of something else.
        ModelError: The encoder was not fetched, or a model cannot be used.
    """
    watcher = _Watcher(composed, root)
    told = json.dumps(composed.to_dict(), sort_keys=True)
    about = out / "about.json"
    if about.is_file() and about.read_text(encoding="utf-8") != told:
        raise DatasetError(f"{out} holds features of other models", hint="give another --out")
    write_atomically(about, told.encode())
    left = 0
    for start in range(0, len(samples), SHARD):
        part = samples[start : start + SHARD]
        shard = out / f"{_name_of(part)}.npz"
        if not shard.is_file():
            left += watcher.write(part, shard)
        on_progress(min(start + SHARD, len(samples)), len(samples))
    return left


def read_features(folders: Sequence[Path]) -> Features:
    """Read all shards of some folders.

    Raises:
        DatasetError: There is none, one is broken, or they are of different models.
    """
    rows: list[Seen] = []
    values, logits, about = [], [], set()
    for folder in folders:
        shards = sorted(folder.glob("*.npz"))
        if not shards:
            raise DatasetError(f"no features in {folder}", hint="`fakeweb data probe cache` writes them")
        about.add((folder / "about.json").read_text(encoding="utf-8"))
        for shard in shards:
            try:
                with np.load(shard) as held:
                    rows += [Seen(**row) for row in json.loads(str(held["rows"]))]
                    values.append(held["values"])
                    logits.append(held["logits"])
            except (OSError, ValueError, KeyError, TypeError, zipfile.BadZipFile) as error:
                raise DatasetError(f"{shard} is broken", hint="delete it and cache again") from error
    if len(about) > 1:
        raise DatasetError("the folders hold features of different models", hint="cache them anew")
    return Features(tuple(rows), np.concatenate(values), np.concatenate(logits))


class _Watcher:
    """Finds, cuts and encodes the main face of a picture."""

    def __init__(self, composed: Composition, root: Path) -> None:
        self.scanner, self.encoder, self.root = Scanner(), CropEncoder(composed), root
        self.model = OnnxClassifier(composed.base)

    def write(self, samples: Sequence[Sample], shard: Path) -> int:
        """Write a shard; return how many pictures were left out."""
        rows: list[Seen] = []
        values, logits, left = [], [], 0
        for sample in samples:
            try:
                image = read_image(sample.path).image
            except FakeWebError:
                left += 1
                continue
            faces = measure(image, self.scanner.finder.find(image), self.scanner.mesher)
            face, _ = main_face(faces, image)
            if face is None or face.width_px < _LEAST_PX:
                left += 1
                continue
            for view, crop in self._views(sample, image, face):
                values.append(self.encoder(np.asarray(crop.pixels)))
                logits.append(self.model.score([crop])[0].logit)
                rows.append(self._row(sample, view, face))
        if rows:
            content = io.BytesIO()
            told = json.dumps([asdict(row) for row in rows])
            np.savez(content, values=np.asarray(values, np.float16), logits=np.asarray(logits), rows=told)
            write_atomically(shard, content.getvalue())
        return left

    def _views(self, sample: Sample, image: Image, face: Face) -> Iterator[tuple[str, Crop]]:
        """Yield the crops of a face by their views."""
        key = f"{sample.source}/{sample.group}"
        for view in VIEWS[:2]:
            seen, where = (image, face) if view == "plain" else degraded(image, face, key)
            crop = align(seen, where, self.model.side_px, margin=self.model.margin)
            yield view, crop
            if view == "plain" and sample.split == "val":
                small = resize(np.asarray(crop.pixels), SMALL_PX, SMALL_PX)
                side = self.model.side_px
                yield "small", replace(crop, pixels=resize(small, side, side, cv2.INTER_CUBIC))

    def _row(self, sample: Sample, view: str, face: Face) -> Seen:
        path = sample.path
        name = path.relative_to(self.root).as_posix() if path.is_relative_to(self.root) else path.name
        half = half_of_group(sample.source, sample.group) if sample.split == "val" else ""
        return Seen(
            name, sample.source, int(sample.label or 0), sample.kind or "", sample.split, sample.group, half, view,
            round(float(face.width_px), 1),
        )  # fmt: skip


def degraded(image: Image, face: Face, key: str) -> tuple[Image, Face]:
    """Return a picture as it may arrive, shrunk and sent as JPEG, and where its face lies then.

    Seven in ten are shrunk, to a third at most and never below a face of 72 px; quality 40 to 90.

    Args:
        image: RGB.
        face: In it.
        key: Decides the strengths.
    """
    seed = int.from_bytes(hashlib.sha256(f"view/{key}".encode(errors="surrogatepass")).digest()[:8], "big")
    rng = np.random.default_rng(seed)
    least = max(min(1.0, _SHRUNK_PX / face.width_px), 1 / 3)
    scale = float(np.exp(rng.uniform(np.log(least), 0))) if rng.random() < 0.7 else 1.0
    pixels = np.asarray(image.pixels)
    if scale < 1:
        pixels = resize(pixels, max(8, round(image.width * scale)), max(8, round(image.height * scale)))
    after = Image(np.ascontiguousarray(jpeg(pixels, int(rng.integers(40, 91)))))
    return after, scaled_face(face, image, after)


def _name_of(samples: Sequence[Sample]) -> str:
    told = "\n".join(str(s.path) for s in samples)
    return hashlib.sha256(told.encode(errors="surrogatepass")).hexdigest()[:16]
