"""Forged data sets (``fakeweb forge``): find faces, plan pairs of a real and a forged crop, make them, list them.

Everything about a pair follows from the seed, its number and the faces; neither the number of processes nor what was
made before matters. Both pictures of a pair are the same crop, resized once and written by the same encoder.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from fakeweb import registry
from fakeweb.datasets import Split, split_of_group
from fakeweb.errors import FakeWebError, Unforgeable
from fakeweb.forge import DonorPool, Method, Strength, keep_freed_memory
from fakeweb.forge.forgery import Forgery
from fakeweb.media import encode_jpeg, encode_png, read_image, write_atomically
from fakeweb.types import KINDS, Face, FaceMesher, FloatArray, Image, UInt8Array

SOURCE = "forge"
MARGIN = 1.7
"""Side of a crop over the longer side of the mesh."""
_TRIES = 4
_LEAST_CHANGE = 0.4
"""Mean change under the mask, in grey levels, under which a forgery is made again: nobody could tell it."""


@dataclass(frozen=True)
class FoundFace:
    """A face in one of the user's pictures.

    Attributes:
        path: The picture.
        group: The picture's name in the data set: whatever comes from it stays in one split.
        box: As the finder says.
        mesh: (468, 3) in pixels of the picture, as nested lists would be, float32.
    """

    path: str
    group: str
    box: tuple[float, float, float, float]
    mesh: FloatArray

    @property
    def split(self) -> Split:
        """The split all of the picture belongs to."""
        return split_of_group(SOURCE, self.group)

    def to_json(self) -> dict[str, Any]:
        """Return plain values."""
        mesh = np.round(self.mesh.astype(np.float64), 2).ravel().tolist()
        return {"box": list(self.box), "mesh": mesh}

    @classmethod
    def from_json(cls, path: str, group: str, data: dict[str, Any]) -> FoundFace:
        """Read what :meth:`to_json` gave."""
        x0, y0, x1, y1 = data["box"]
        return cls(path, group, (x0, y0, x1, y1), np.array(data["mesh"], np.float32).reshape(468, 3))


@dataclass(frozen=True)
class Look:
    """Finds the faces of a picture and measures their meshes; made once per process.

    Attributes:
        finder, finder_model, mesh, mesh_model: Names and files, as on the command line.
        min_face_px: Narrower faces are passed over.
    """

    finder: str
    finder_model: Path | None
    mesh: str
    mesh_model: Path | None
    min_face_px: float

    def make(self) -> Looker:
        """Build finder and mesh model."""
        find = registry.load("finder", self.finder)
        finder = find(self.finder_model) if self.finder_model else find()
        return Looker(finder, self.make_mesher(), self.min_face_px)

    def make_mesher(self) -> FaceMesher:
        """Build the mesh model alone."""
        mesh = registry.load("mesh", self.mesh)
        made: FaceMesher = mesh(self.mesh_model) if self.mesh_model else mesh()
        return made


@dataclass(frozen=True)
class Looker:
    """See :class:`Look`."""

    finder: Any
    mesher: Any
    min_face_px: float

    def __call__(self, path: str) -> tuple[list[dict[str, Any]], str]:
        """Return the usable faces of a picture as plain values, and why there is none."""
        try:
            image = read_image(path).image
        except FakeWebError as error:
            return [], error.message
        found = [f for f in self.finder.find(image) if f.width_px >= self.min_face_px][:4]
        if not found:
            return [], f"no face of at least {self.min_face_px:.0f} px"
        meshed = [f for f in self.mesher.mesh(image, found) if f.mesh is not None and _whole(f, image)]
        faces = [FoundFace(path, "", f.box, np.asarray(f.mesh)).to_json() for f in meshed]
        return faces, "" if faces else "no face whose mesh lies in the picture"


def _whole(face: Face, image: Image) -> bool:
    """Tell whether nearly all of a face is in the picture, and is sure to be one."""
    assert face.mesh is not None  # noqa: S101 - the caller has seen to it
    x, y = face.mesh[:, 0], face.mesh[:, 1]
    inside = (x >= 0) & (y >= 0) & (x < image.width) & (y < image.height)
    return float(inside.mean()) > 0.9 and (face.presence is None or face.presence >= 0.5)


@dataclass(frozen=True)
class Job:
    """One forgery: its number and that of the original crop it is made of, the face, the method, stems of the files."""

    number: int
    original: int
    face: int
    method: str
    real: str
    fake: str


@dataclass(frozen=True)
class Plan:
    """What is to be made.

    Attributes:
        out: Folder of the data set.
        faces: All faces.
        methods: Names of methods, by kind.
        seed: All randomness follows from it.
        strength: Range of the strength.
        side_px: Longer side of the crops, at most.
        quality: Of the JPEG files of both classes.
        look: Measures what comes out of a swap, as it measured the faces; None: nobody looks.
        together: Whether each original crop is forged once by every kind.
    """

    out: Path
    faces: tuple[FoundFace, ...]
    methods: dict[str, tuple[str, ...]] = field(default_factory=dict)
    seed: int = 0
    strength: Strength = (0.1, 1.0)
    side_px: int = 320
    quality: int = 92
    look: Look | None = None
    together: bool = False

    @property
    def per_original(self) -> int:
        """How many forgeries are made of each original crop."""
        return len(self.methods) if self.together else 1

    def job(self, number: int) -> Job:
        """Return the forgery of this number: faces in turn, kinds drawn or in turn, then methods of a kind drawn."""
        original, of_kind = divmod(number, self.per_original)
        turn, place = divmod(original, len(self.faces))
        order = np.random.default_rng((self.seed, 1, turn)).permutation(len(self.faces))
        kinds = list(self.methods)
        if not self.together:
            of_kind = int(np.random.default_rng((self.seed, 2, number)).integers(len(kinds)))
        names = self.methods[kinds[of_kind]]
        method = names[int(np.random.default_rng((self.seed, 3, number)).integers(len(names)))]
        real = f"{original:06d}"
        fake = f"{real}-{kinds[of_kind]}" if self.together else real
        return Job(number, original, int(order[place]), method, real, fake)

    def make(self) -> Maker:
        """Build what makes pairs; once per process."""
        cv2.setNumThreads(1)
        keep_freed_memory()
        return Maker(self)


def methods_of(wanted: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """Sort names of kinds and methods into methods by kind; a kind means all of its methods that need nothing else.

    Raises:
        UnknownName: Neither a kind nor a method.
        ModelMissing, MissingExtra: A method that is named needs weights or a package that are not here.
    """
    chosen: dict[str, tuple[str, ...]] = {}
    everything = {name: registry.load("forge", name) for name in registry.names("forge")}
    for word in wanted:
        found = [
            n for n, make in everything.items() if make.kind == word and not getattr(make, "optional", False)
        ]
        for name in found or [word]:
            make = registry.load("forge", name)  # says which names there are, where it is none
            if getattr(make, "optional", False):
                make.check_ready()
            kind = make.kind
            chosen[kind] = tuple(dict.fromkeys((*chosen.get(kind, ()), name)))
    return {kind: chosen[kind] for kind in KINDS if kind in chosen}


class Maker:
    """Makes pairs of a plan."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.pools: dict[Split, DonorPool | None] = {}
        self.read_donor = lru_cache(maxsize=64)(self._read_donor)
        self.methods: dict[tuple[str, Split], Method] = {}

    @cached_property
    def mesher(self) -> FaceMesher | None:
        """What measures the outcome of a swap."""
        return self.plan.look.make_mesher() if self.plan.look else None

    def __call__(self, job: Job) -> dict[str, Any] | str:
        """Make one pair and write its files; return its record, or why there is none."""
        made = self.pair(job)
        if isinstance(made, str):
            return made
        self._write(job, *made)
        return self._record(job, self.plan.faces[job.face], *made)

    def pair(self, job: Job) -> tuple[Image, Forgery] | str:
        """Make one pair, the original crop and its forgery, or say why there is none."""
        face = self.plan.faces[job.face]
        try:
            real, here = self.crop(job.face, np.random.default_rng((self.plan.seed, 4, job.original)))
            method = self.method(job.method, face.split)
            if method is None:
                return f"no donor for {job.method} in the split {face.split}"
            why = f"{job.method} changes nothing on this face"
            for attempt in range(_TRIES):
                rng = np.random.default_rng((self.plan.seed, 5, job.number, attempt))
                try:
                    forged = method(real, here, rng)
                except Unforgeable as error:  # others are drawn next
                    why = error.message
                    continue
                if _visible(real, forged):
                    return real, forged
        except FakeWebError as error:
            return error.message
        return why

    def method(self, name: str, split: Split) -> Method | None:
        """Return a method; its donors are people of the same split."""
        if (name, split) not in self.methods:
            make = registry.load("forge", name)
            extra: dict[str, Any] = {}
            if make.needs_donors:
                pool = self._pool(split)
                if pool is None:
                    return None
                extra["donors"] = pool
                extra["mesher"] = self.mesher
            self.methods[name, split] = make(strength=self.plan.strength, **extra)
        return self.methods[name, split]

    def _pool(self, split: Split) -> DonorPool | None:
        if split not in self.pools:
            mine = [i for i, face in enumerate(self.plan.faces) if face.split == split]
            pictures = {self.plan.faces[i].group for i in mine}
            faces = [self._placed(i, np.random.default_rng(0))[1] for i in mine]
            pool = DonorPool(faces, lambda i: self.read_donor(mine[i])) if len(pictures) > 1 else None
            self.pools[split] = pool
        return self.pools[split]

    def _read_donor(self, number: int) -> Image:
        return self.crop(number, np.random.default_rng(0))[0]

    def crop(self, number: int, rng: np.random.Generator) -> tuple[Image, Face]:
        """Cut out the neighbourhood of a face, resize it once; return it and the face in it."""
        window, face = self._placed(number, rng)
        image = read_image(self.plan.faces[number].path).image
        x0, y0, x1, y1 = window
        x1, y1 = min(x1, image.width), min(y1, image.height)
        cut = image.pixels[y0:y1, x0:x1]
        scale = self._scale(window)
        size = (max(1, round((x1 - x0) * scale)), max(1, round((y1 - y0) * scale)))
        # always resampled, so that the grid of an earlier JPEG does not lie on the pixels' own
        return Image(np.asarray(cv2.resize(cut, size, interpolation=cv2.INTER_AREA), np.uint8)), face

    def _scale(self, window: tuple[int, int, int, int]) -> float:
        longest = max(window[2] - window[0], window[3] - window[1])
        return float(min(self.plan.side_px / longest, 0.9))

    def _placed(self, number: int, rng: np.random.Generator) -> tuple[tuple[int, int, int, int], Face]:
        """Return the window of a crop in the picture, and the face in coordinates of the crop."""
        found = self.plan.faces[number]
        low, high = found.mesh[:, :2].min(0), found.mesh[:, :2].max(0)
        side = float((high - low).max()) * MARGIN * rng.uniform(0.9, 1.2)
        middle = (low + high) / 2 + rng.uniform(-0.08, 0.08, 2) * side
        x0, y0 = (max(0, int(v)) for v in np.floor(middle - side / 2))
        x1, y1 = (int(v) for v in np.ceil(middle + side / 2))
        window = (x0, y0, x1, y1)
        scale = self._scale(window)
        mesh = found.mesh.copy()
        mesh[:, :2] = (mesh[:, :2] + 0.5 - (x0, y0)) * scale - 0.5
        mesh[:, 2] *= scale
        box = (np.array(found.box) - (x0, y0, x0, y0)) * scale
        return window, Face((box[0], box[1], box[2], box[3]), mesh=mesh)

    def _write(self, job: Job, real: Image, forged: Forgery) -> None:
        out, quality = self.plan.out, self.plan.quality
        write_atomically(out / "real" / f"{job.real}.jpg", encode_jpeg(real, quality))
        write_atomically(out / "fake" / f"{job.fake}.jpg", encode_jpeg(forged.image, quality))
        write_atomically(out / "mask" / f"{job.fake}.png", encode_png(Image(shown_mask(forged))))

    def _record(self, job: Job, face: FoundFace, real: Image, forged: Forgery) -> dict[str, Any]:
        return {
            "job": job.number,
            "pair": job.original,
            "real": job.real,
            "fake": job.fake,
            "kind": forged.kind,
            "method": job.method,
            "split": face.split,
            "group": face.group,
            "width": real.width,
            "height": real.height,
            "touched": round(float(forged.mask.mean()), 4),
        }


def shown_mask(forged: Forgery) -> UInt8Array:
    """Return a forgery's mask as a grey picture, uint8 (h, w, 3)."""
    return np.repeat(np.rint(forged.mask * 255).astype(np.uint8)[..., None], 3, 2)


def _visible(real: Image, forged: Forgery) -> bool:
    """Tell whether a forgery changed enough to be one."""
    touched = forged.mask > 0.1
    if not touched.any():
        return False
    apart = np.abs(real.pixels[touched].astype(np.int16) - forged.image.pixels[touched])
    return float(apart.mean()) >= _LEAST_CHANGE


COLUMNS = (
    "path", "source", "label", "kind", "split", "group", "mask", "method", "pair", "width", "height", "touched",
)  # fmt: skip


def files_of(record: dict[str, Any]) -> tuple[str, str, str]:
    """Return where real, fake and mask of a record lie."""
    name = f"{record['pair']:06d}"  # all that records of 0.9.0 and before say
    real, fake = record.get("real", name), record.get("fake", name)
    return f"real/{real}.jpg", f"fake/{fake}.jpg", f"mask/{fake}.png"


def rows_of(records: Sequence[dict[str, Any]]) -> list[list[object]]:
    """Return the rows in ``index.csv`` of all that was made of one original: the real one, then its fakes."""
    rows: list[list[object]] = []
    for record in records:
        real, fake, mask = files_of(record)
        shared = [record["pair"], record["width"], record["height"]]
        where = [record["split"], record["group"]]
        if not rows:
            rows.append([real, SOURCE, "real", "", *where, "", "", *shared, 0.0])
        rows.append(
            [fake, SOURCE, "fake", record["kind"], *where, mask, record["method"], *shared, record["touched"]]
        )
    return rows
