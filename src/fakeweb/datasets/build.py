"""Building a data set from manifests and clones: all classes read, cut and encoded by one rule, nothing in it twice.

Each source has a journal in ``DATA/.build``: a picture is written, then noted, so that a kill costs one picture at
most, and the same command goes on. The order of files, the choice among them and the dice of their encoding depend on
names and bytes alone; two runs give the same ``index.csv``.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Final

import cv2
import numpy as np

from fakeweb.datasets.clones import Store, open_clone, open_wheel
from fakeweb.datasets.csvfile import to_csv
from fakeweb.datasets.encoding import Encoding
from fakeweb.datasets.journal import Journal
from fakeweb.datasets.likeness import Seen, difference_hash, thumbnail
from fakeweb.datasets.manifest import Manifest, Origin, Take
from fakeweb.errors import DatasetError, MediaError
from fakeweb.media import Choice, open_clip, read_image, write_atomically
from fakeweb.types import Image, UInt8Array

COLUMNS: Final = (
    "path", "source", "label", "kind", "split", "group", "width", "height", "resampled", "picture", "original",
    "sha256",
)  # fmt: skip
_LEAST_SPREAD: Final = 3.0
_MISSING: Final = "missing in the clone"
_RULES: Final = 1
"""Raised when the same files come out otherwise; journals of other rules are begun anew."""

OnProgress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Made:
    """What became of one file.

    Attributes:
        origin: Repository or package.
        original: Path in it.
        blob: git's name of the bytes; of a frame, a name of clip, place and region.
        label, kind, group: As the manifest says.
        why: Why it was left out; empty where it was taken.
        path: Of the picture, relative to the data set.
        width, height: As written.
        pixels: Of the original, width times height.
        sha256: Of the written file.
        code, thumb: See :mod:`.likeness`.
    """

    origin: str
    original: str
    blob: str
    label: str
    kind: str
    group: str
    why: str = ""
    path: str = ""
    width: int = 0
    height: int = 0
    pixels: int = 0
    sha256: str = ""
    code: str = ""
    thumb: str = ""


@dataclass(frozen=True)
class _Wanted:
    """A picture that a source asks for.

    Attributes:
        item: It, before it is made.
        file: Path of the file it is read from.
        blob: git's name of that file.
        take: By which rule.
        frame: Which of the rule's frames; of a picture 0.
    """

    item: Made
    file: str
    blob: str
    take: Take
    frame: int = 0


@dataclass(frozen=True)
class Built:
    """A data set that was built.

    Attributes:
        made: By source: all its files.
        dropped: Pictures that look like another source's: (source, picture, path of the one that stays).
        disputed: Pictures that look like one of another label: (source, picture, that path). They stay.
        differences: Where the outcome is not the manifest's, a line each.
        index_sha256: Of ``index.csv``.
    """

    made: dict[str, list[Made]]
    dropped: list[tuple[str, Made, str]]
    disputed: list[tuple[str, Made, str]]
    differences: list[str]
    index_sha256: str


def build(
    manifests: Sequence[Manifest],
    clones: Path,
    out: Path,
    encoding: Encoding,
    *,
    accept: bool = False,
    on_progress: OnProgress = lambda _source, _done, _total: None,
) -> Built:
    """Write a data set: pictures, ``index.csv`` and ``left_out.csv``.

    Args:
        manifests: A source each.
        clones: Folder of clones and wheels.
        out: Folder of the data set; what an interrupted run left there is used.
        encoding: How pictures are written.
        accept: Whether an outcome that is not the manifest's is kept.
        on_progress: Called with (source, files done, files).

    Raises:
        DatasetError: A clone is missing, a source is named twice, or the outcome is not the manifest's.
    """
    names = Counter(m.source for m in manifests)
    twice = [name for name, count in names.items() if count > 1]
    if twice or not manifests:
        what = f"two manifests are called {twice[0]}" if twice else "no manifest"
        raise DatasetError(what, hint="name each manifest once, such as manifests/*.toml")
    ordered = sorted(manifests, key=lambda m: m.source)
    stores = {m.source: _open_all(m, clones) for m in ordered}
    made = {m.source: list(_build_source(m, stores[m.source], out, encoding, on_progress)) for m in ordered}
    differences = [line for m in ordered for line in _differences(m, made[m.source])]
    write_atomically(out / "left_out.csv", _left_out(made).encode("utf-8", "surrogateescape"))
    if differences and not accept:
        raise DatasetError(
            f"not what the manifest says: {differences[0]}"
            + (f" (and {len(differences) - 1} more)" if len(differences) > 1 else ""),
            hint=f"{out / 'left_out.csv'} says what is missing; --accept keeps it all the same",
        )
    kept, dropped, disputed = _settle(made)
    index = _index(ordered, kept, encoding).encode("utf-8", "surrogateescape")
    write_atomically(out / "index.csv", index)
    return Built(made, dropped, disputed, differences, hashlib.sha256(index).hexdigest())


def outcome(manifest: Manifest, made: Iterable[Made]) -> str:
    """Return the SHA-256 of a source's outcome: which files were taken, with which label, kind, split and group.

    It depends on originals and rules, not on the JPEG library that wrote the pictures.
    """
    lines = sorted(
        f"{m.blob} {m.label} {m.kind} {manifest.split_of(m.group)} {m.group}\n" for m in made if not m.why
    )
    return hashlib.sha256("".join(lines).encode("utf-8", "surrogateescape")).hexdigest()


def _open_all(manifest: Manifest, clones: Path) -> list[Store]:
    return [
        open_clone(clones, origin.repository, origin.commit)
        if origin.repository
        else open_wheel(clones, origin.package, origin.version, origin.sha256)
        for origin in manifest.origin
    ]


def _differences(manifest: Manifest, made: Sequence[Made]) -> list[str]:
    found = Counter(m.label for m in made if not m.why)
    lines = [
        f"{manifest.source} has {found[label]} {label} pictures, not {count}"
        for label, count in manifest.expected.items()
        if found[label] != count
    ]
    digest = outcome(manifest, made)
    if manifest.sha256 and digest != manifest.sha256:
        lines.append(f"the outcome of {manifest.source} has the SHA-256 {digest}, not {manifest.sha256}")
    return lines


def _build_source(
    manifest: Manifest, stores: Sequence[Store], out: Path, encoding: Encoding, on_progress: OnProgress
) -> Iterator[Made]:
    """Yield what becomes of a source's files, in an order that hashes decide; what is in the journal is done."""
    todo = [
        (wanted, reader)
        for store, origin in zip(stores, manifest.origin, strict=True)
        for reader in [_Reader(store)]
        for wanted in _listed(manifest, origin, store)
    ]
    todo.sort(key=lambda pair: _rank(pair[0]))
    journal = _journal(out, manifest, encoding)
    known = {(r["origin"], r["original"]): Made(**r) for r in journal.records[1:]}
    choice = _Choice(manifest)
    for done, (wanted, reader) in enumerate(todo, 1):
        item = wanted.item
        refused = choice.refuses(item)
        result = replace(item, why=refused) if refused else known.get((item.origin, item.original))
        if result is None or (result.path and not (out / result.path).is_file()):
            result = _make(item, reader.read(wanted), manifest, out, encoding)
            journal.add(asdict(result))
        yield choice.settled(result, frame=bool(wanted.take.frames))
        on_progress(manifest.source, done, len(todo))
    for store in stores:
        store.close()


def _listed(manifest: Manifest, origin: Origin, store: Store) -> Iterator[_Wanted]:
    """Yield the pictures and frames that an origin gives to a source, by their names alone.

    Raises:
        DatasetError: No file is what the manifest takes.
    """
    unmet = set(origin.take)
    for path, blob in store.files().items():
        for take in origin.takes_of(path):
            unmet.discard(take)
            if not manifest.kept(path, clip=take.frames > 0):
                continue
            item = Made(origin.name, path, blob, take.label, take.kind, manifest.group_of(path, take))
            if not take.frames:
                yield _Wanted(item, path, blob, take)
            for frame in range(take.frames):
                where = f"{path}#{frame + 1}/{take.frames}"
                where += "" if take.region == (0, 0, 1, 1) else f",{','.join(f'{x:g}' for x in take.region)}"
                named = hashlib.sha1(
                    f"{blob}{where[len(path) :]}".encode(), usedforsecurity=False
                ).hexdigest()
                yield _Wanted(replace(item, original=where, blob=named), path, blob, take, frame)
    for missed in unmet:
        raise DatasetError(
            f"{manifest.path}: no file of {origin.name} fits {', '.join(missed.files[:3])}",
            hint="globs are of whole paths inside the repository",
        )


def _rank(wanted: _Wanted) -> tuple[str, str, str, str, int]:
    """Return where a picture stands in its source's order: anywhere, but always there; frames of a clip together."""
    code = hashlib.sha256(f"order/{wanted.blob}".encode()).hexdigest()
    item = wanted.item
    return (
        code,
        item.origin,
        wanted.file,
        "" if not wanted.take.frames else item.original.partition(",")[2],
        wanted.frame,
    )


class _Reader:
    """Reads pictures, and frames of clips, of which it keeps the last one's."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._clip: tuple[str, int] = ("", 0)
        self._frames: list[Image] | str = []

    def read(self, wanted: _Wanted) -> Image | str:
        """Return a picture, or why there is none."""
        take = wanted.take
        if not take.frames:
            data = self._store.read(wanted.file, wanted.blob)
            if data is None:
                return _MISSING
            try:
                return read_image(data, name=PurePosixPath(wanted.file).name).image
            except MediaError as error:
                return f"broken: {error.message}"
        if self._clip != (wanted.blob, take.frames):
            self._clip = (wanted.blob, take.frames)
            self._frames = _frames(self._store.read(wanted.file, wanted.blob), wanted)
        if isinstance(self._frames, str):
            return self._frames
        if wanted.frame >= len(self._frames):
            return "the clip has fewer frames"
        return _cut(self._frames[wanted.frame], take.region)


def _frames(data: bytes | None, wanted: _Wanted) -> list[Image] | str:
    """Return the frames that a rule takes of a clip, at the middles of equal stretches, or why there are none."""
    if data is None:
        return _MISSING
    try:
        with open_clip(data, name=PurePosixPath(wanted.file).name, threads=1) as clip:
            middles = (np.arange(wanted.take.frames) + 0.5) / wanted.take.frames
            places = np.unique((middles * len(clip.times_s)).astype(np.int64))
            return [frame.image for frame in clip.read(Choice(places))]
    except MediaError as error:
        return f"broken: {error.message}"


def _cut(image: Image, region: tuple[float, float, float, float]) -> Image:
    left, top, right, bottom = (
        round(share * side) for share, side in zip(region, (image.width, image.height) * 2, strict=True)
    )
    return Image(np.ascontiguousarray(image.pixels[top:bottom, left:right]))


def _journal(out: Path, manifest: Manifest, encoding: Encoding) -> Journal:
    """Return a source's journal, begun anew where the rules by which pictures are written are other ones."""
    path = out / ".build" / f"{manifest.source}.jsonl"
    rules = {
        "rules": _RULES,
        "encoding": {name: value for name, value in asdict(encoding).items() if name != "resample" or value},
        "min_px": manifest.min_px,
        "colour": manifest.colour,
        "take": [[o.name, o.commit, [_told(t) for t in o.take]] for o in manifest.origin],
        "group": manifest.group,
    }
    if manifest.min_colour:
        rules["min_colour"] = manifest.min_colour
    rules = json.loads(json.dumps(rules))
    journal = Journal(path)
    if journal.records and journal.records[0] != rules:
        path.unlink()
        journal = Journal(path)
    if not journal.records:
        journal.add(rules)
    return journal


def _told(take: Take) -> dict[str, object]:
    """Return a rule as journals hold it; what is said of clips only where it takes frames."""
    return {k: v for k, v in asdict(take).items() if take.frames or k not in ("frames", "region")}


class _Choice:
    """Chooses among a source's files as they come: each once, so many per label and group, none like an earlier one."""

    def __init__(self, manifest: Manifest) -> None:
        self._manifest = manifest
        self._blobs: dict[str, str] = {}
        self._labels: Counter[str] = Counter()
        self._groups: Counter[tuple[str, str]] = Counter()
        self._seen: dict[str, Seen] = {}

    def refuses(self, item: Made) -> str:
        """Say why a file is left out before it is read, or nothing."""
        label = self._blobs.setdefault(item.blob, item.label)
        if label != item.label:
            raise DatasetError(
                f"{self._manifest.path}: {item.original} is both {label} and {item.label}",
                hint="exclude one of the two files of the same bytes",
            )
        if self._blobs.get(f"read {item.blob}"):
            return "the same bytes as another file"
        if self._manifest.limit and self._labels[item.label] >= self._manifest.limit:
            return "beyond the limit"
        if self._manifest.per_group and self._groups[item.label, item.group] >= self._manifest.per_group:
            return "beyond the limit per group"
        return ""

    def settled(self, item: Made, *, frame: bool = False) -> Made:
        """Return a file with the reason why it is left out after all, or none; frames of clips may look alike."""
        self._blobs[f"read {item.blob}"] = item.label
        if item.why:
            return item
        seen = self._seen.setdefault(item.label, Seen())
        if not frame and seen.like(item.code, item.thumb) is not None:
            return replace(item, why="looks like another one")
        seen.add(item.code, item.thumb, item.path)
        self._labels[item.label] += 1
        self._groups[item.label, item.group] += 1
        return item


def _make(item: Made, read: Image | str, manifest: Manifest, out: Path, encoding: Encoding) -> Made:
    """Write one picture, unless there is none, or it is small or grey."""
    if isinstance(read, str):
        return replace(item, why=read)
    image = read
    if min(image.width, image.height) < manifest.min_px:
        return replace(item, why=f"smaller than {manifest.min_px} px")
    if manifest.colour and _spread(image.pixels) < _LEAST_SPREAD:
        return replace(item, why="grey")
    if manifest.min_colour and _colours(image.pixels) < manifest.min_colour:
        return replace(item, why="toned in one colour")
    jpeg, pixels = encoding.encoded(image, item.blob, resampled=manifest.resampled)
    path = PurePosixPath(manifest.source, item.label, f"{item.blob[:16]}.jpg")
    write_atomically(out / path, jpeg)
    grey = np.asarray(cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY), np.uint8)
    return replace(
        item,
        path=str(path),
        width=pixels.shape[1],
        height=pixels.shape[0],
        pixels=image.width * image.height,
        sha256=hashlib.sha256(jpeg).hexdigest(),
        code=difference_hash(grey),
        thumb=thumbnail(grey),
    )


def _spread(pixels: UInt8Array) -> float:
    """Return how far the channels lie apart, 0 for a grey picture."""
    small = cv2.resize(pixels, (64, 64), interpolation=cv2.INTER_AREA).astype(np.int16)
    return float(np.ptp(small, axis=2).mean())


def _colours(pixels: UInt8Array) -> float:
    """Return how far a picture's colours lie apart: standard deviations of a and b in Lab, added."""
    lab = cv2.cvtColor(cv2.resize(pixels, (64, 64), interpolation=cv2.INTER_AREA), cv2.COLOR_RGB2LAB)
    return float(lab[:, :, 1].std() + lab[:, :, 2].std())


_Kept = list[tuple[str, Made]]
_Twins = list[tuple[str, Made, str]]


def _settle(made: dict[str, list[Made]]) -> tuple[_Kept, _Twins, _Twins]:
    """Keep each picture once across sources: the largest original; of equal ones, the first source by name."""
    order = [(source, m) for source, own in made.items() for m in own if not m.why]
    order.sort(key=lambda pair: (-pair[1].pixels, pair[0], pair[1].blob))
    seen: dict[str, Seen] = {label: Seen() for label in sorted({m.label for _, m in order})}
    kept: _Kept = []
    dropped: _Twins = []
    disputed: _Twins = []
    for source, m in order:
        twin = seen[m.label].like(m.code, m.thumb)
        if twin is not None and not twin.startswith(f"{source}/"):
            dropped.append((source, m, twin))
            continue
        others = (seen[label].like(m.code, m.thumb) for label in seen if label != m.label)
        other = next((o for o in others if o is not None and not o.startswith(f"{source}/")), None)
        if other is not None:
            disputed.append((source, m, other))
        seen[m.label].add(m.code, m.thumb, m.path)
        kept.append((source, m))
    return kept, dropped, disputed


def _index(manifests: Sequence[Manifest], kept: _Kept, encoding: Encoding) -> str:
    about = {m.source: m for m in manifests}
    rows: list[Sequence[object]] = [COLUMNS]
    for source, m in sorted(kept, key=lambda pair: pair[1].path):
        of = about[source]
        original = f"{m.origin}:{m.original}"
        rows.append(
            [m.path, source, m.label, m.kind, of.split_of(m.group), m.group, m.width, m.height,
             int(of.resampled or encoding.resample),
             of.picture, original, m.sha256]
        )  # fmt: skip
    return to_csv(rows)


def _left_out(made: dict[str, list[Made]]) -> str:
    rows: list[Sequence[object]] = [("source", "origin", "original", "why")]
    rows += [(source, m.origin, m.original, m.why) for source, own in made.items() for m in own if m.why]
    return to_csv(rows)
