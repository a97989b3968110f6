"""Manifests: which files of which public repositories make a source of a data set (TOML)."""

from __future__ import annotations

import hashlib
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath
from typing import Any, Final

from fakeweb.datasets.files import is_picture, is_video
from fakeweb.datasets.samples import Split
from fakeweb.datasets.splits import split_of_group
from fakeweb.errors import DatasetError
from fakeweb.types import KINDS

PICTURES: Final = ("studio", "profile", "broadcast", "phone", "old web")
"""What a source's pictures are like."""

_KINDS: Final = {
    "real": ("real",), "fake": KINDS, "animal": ("",), "vehicle": ("",), "other": ("",),
}  # fmt: skip
"""The kinds of each label; the last three are of pictures without a face."""
_TYPES: Final[dict[str, type | tuple[type, ...]]] = {
    "source": str, "about": str, "licence": str, "picture": str, "caveat": str, "resampled": bool, "keep": int,
    "limit": int, "per_group": int, "min_px": int, "colour": bool, "min_colour": (int, float), "val": (int, float),
    "group": str, "exclude": list, "origin": list, "expected": dict, "sha256": str,
}  # fmt: skip
_ORIGIN: Final = {"repository", "commit", "package", "version", "sha256", "take"}
_TAKE: Final = {"files", "label", "kind", "group", "frames", "region"}
_WHOLE: Final = (0.0, 0.0, 1.0, 1.0)
_MOST_FRAMES: Final = 100


@dataclass(frozen=True)
class Take:
    """Files of one label.

    Attributes:
        files: Globs of paths inside the repository; ``*`` crosses folders.
        label: ``real``, ``fake``, or the class of a picture without a face.
        kind: How fakes were made; ``real`` for reals.
        group: Regular expression whose groups name person or video; empty for the manifest's.
        frames: The files are clips, of each so many frames at equal distances; 0: they are pictures.
        region: Left, top, right and bottom of what is taken of each frame, as shares of its sides.
    """

    files: tuple[str, ...]
    label: str
    kind: str
    group: str = ""
    frames: int = 0
    region: tuple[float, float, float, float] = _WHOLE

    def fits(self, path: str) -> bool:
        """Tell whether a path is one of these files."""
        return any(fnmatchcase(path, glob) for glob in self.files)


@dataclass(frozen=True)
class Origin:
    """A repository at a commit, or a wheel, and what is taken from it.

    Attributes:
        repository: ``owner/name`` on GitHub; empty for a wheel.
        commit: 40 hex digits.
        package: Name of a Python package; empty for a repository.
        version: Of the package.
        sha256: Of the wheel.
        take: The first that fits a file names its label; of clips, each whose region no earlier one has.
    """

    take: tuple[Take, ...]
    repository: str = ""
    commit: str = ""
    package: str = ""
    version: str = ""
    sha256: str = ""

    @property
    def name(self) -> str:
        """Repository or package."""
        return self.repository or f"{self.package} {self.version}"

    def takes_of(self, path: str) -> list[Take]:
        """Return by which rules a file is taken."""
        found: dict[tuple[float, ...], Take] = {}
        for take in self.take:
            if take.fits(path):
                found.setdefault(take.region, take)
        return list(found.values())


@dataclass(frozen=True)
class Manifest:
    """One source of a data set.

    Attributes:
        path: The file.
        source: Name of the source.
        about: What it is, in a line.
        licence: As far as known.
        picture: One of :data:`PICTURES`.
        origin: Where its files come from.
        caveat: What is doubtful about it.
        resampled: Whether its makers shrank or enlarged the pictures.
        keep: Per cent of the files kept, by the SHA-1 of their names; the rest is left for tests.
        limit: Most pictures per label, chosen by hash; 0 for all.
        per_group: Most pictures per group and label; 0 for all.
        min_px: Least shorter side.
        colour: Whether grey pictures are left out.
        min_colour: Least spread of the colours (standard deviations of Lab's a and b, added): leaves out what is
            toned in one colour; 0 for all.
        val: Share of the groups in val, by the hash of their names.
        group: Regular expression whose groups name person or video; empty: each file is a group.
        exclude: Regular expressions of paths left out.
        expected: Pictures per label.
        sha256: Of the outcome, see :func:`fakeweb.datasets.build.outcome`.
    """

    path: Path
    source: str
    about: str
    licence: str
    picture: str
    origin: tuple[Origin, ...]
    caveat: str = ""
    resampled: bool = False
    keep: int = 100
    limit: int = 0
    per_group: int = 0
    min_px: int = 96
    colour: bool = True
    min_colour: float = 0.0
    val: float = 0.15
    group: str = ""
    exclude: tuple[str, ...] = ()
    expected: Mapping[str, int] = field(default_factory=dict)
    sha256: str = ""

    def kept(self, path: str, *, clip: bool = False) -> bool:
        """Tell whether a picture, or clip, belongs to the source, by its path alone."""
        name = PurePosixPath(path).name
        code = int(
            hashlib.sha1(name.encode("utf-8", "surrogateescape"), usedforsecurity=False).hexdigest(), 16
        )
        return (
            (is_video if clip else is_picture)(PurePosixPath(path))
            and code % 100 < self.keep
            and not any(re.search(pattern, path) for pattern in self.exclude)
        )

    def group_of(self, path: str, take: Take) -> str:
        """Return the person or video of a file; the file's name where the rule says nothing of it."""
        rule = take.group or self.group
        found = re.search(rule, path) if rule else None
        return "_".join(filter(None, found.groups())) if found else PurePosixPath(path).name

    def split_of(self, group: str) -> Split:
        """Return the split of a group."""
        return split_of_group(self.source, group, val=self.val)


def read_manifest(path: Path) -> Manifest:
    """Read a manifest.

    Raises:
        DatasetError: It cannot be read, has an unknown key, or an impossible value.
    """
    try:
        values = tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise DatasetError(f"{path} cannot be read: {error.strerror}", hint="name manifest files") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise DatasetError(f"{path} is no TOML: {error}", hint="see docs/guide/datasets.md") from error
    for key, value in values.items():
        _check(path, key in _TYPES, f"unknown key '{key}'", f"known: {', '.join(_TYPES)}")
        kind = _TYPES[key]
        right = isinstance(value, kind) and (kind is not int or not isinstance(value, bool))
        _check(path, right, f"'{key}' is of the wrong type", "see docs/guide/datasets.md")
    for key in ("source", "about", "licence", "picture", "origin"):
        _check(path, bool(values.get(key)), f"'{key}' is missing", "see docs/guide/datasets.md")
    origins = tuple(_origin(path, each) for each in values.pop("origin"))
    manifest = Manifest(path, origin=origins, exclude=tuple(values.pop("exclude", ())), **values)
    _check_values(manifest)
    return manifest


def _check_values(manifest: Manifest) -> None:
    path, known = manifest.path, ", ".join(PICTURES)
    simple = re.fullmatch(r"[A-Za-z0-9_]+", manifest.source) is not None
    _check(path, simple, f"'{manifest.source}' is no name of a source", "letters, digits and _")
    _check(path, manifest.picture in PICTURES, f"unknown picture '{manifest.picture}'", f"known: {known}")
    _check(path, 0 < manifest.keep <= 100, "'keep' is no percentage", "1 to 100")
    _check(path, 0 <= manifest.val < 1, "'val' is no share", "0 to 1")
    least = min(manifest.limit, manifest.per_group, manifest.min_px)
    _check(path, least >= 0, "a number below 0", "limit, per_group and min_px count pictures and pixels")
    for label in manifest.expected:
        _check(path, label in _KINDS, f"unknown label '{label}' in expected", f"known: {', '.join(_KINDS)}")
    rules = [manifest.group, *manifest.exclude, *(t.group for o in manifest.origin for t in o.take)]
    for rule in rules:
        try:
            re.compile(rule)
        except (re.error, TypeError) as error:
            raise DatasetError(
                f"{path}: {rule!r} is no regular expression: {error}", hint="mend it"
            ) from error


def _origin(path: Path, values: Any) -> Origin:
    _check(path, isinstance(values, dict), "'origin' is no table", "write [[origin]]")
    for key in values:
        _check(path, key in _ORIGIN, f"unknown key '{key}' in origin", f"known: {', '.join(sorted(_ORIGIN))}")
    takes = tuple(_take(path, each) for each in values.get("take", ()))
    _check(path, bool(takes), "an origin without [[origin.take]]", "say which files are taken")
    origin = Origin(**{**values, "take": takes})
    if origin.repository:
        right = re.fullmatch(r"[\w-][\w.-]*/[\w-][\w.-]*", origin.repository) is not None
        _check(path, right, f"'{origin.repository}' is no repository", "owner/name")
        right = re.fullmatch(r"[0-9a-f]{40}", origin.commit) is not None
        _check(path, right, f"'{origin.commit}' is no commit", "40 hex digits")
    else:
        _check(path, bool(origin.package), "an origin without repository", "owner/name, or package")
        right = re.fullmatch(r"[0-9a-f]{64}", origin.sha256) is not None and bool(origin.version)
        _check(path, right, "a package without version and sha256", "name both")
    return origin


def _take(path: Path, values: Any) -> Take:
    _check(
        path,
        isinstance(values, dict) and set(values) <= _TAKE,
        "a wrong key in take",
        ", ".join(sorted(_TAKE)),
    )
    files, label = values.get("files"), values.get("label")
    globs = [files] if isinstance(files, str) else files
    right = isinstance(globs, list) and bool(globs) and all(isinstance(g, str) for g in globs)
    _check(path, right, "'files' of take is no glob", 'such as files = "train/real/*"')
    _check(path, label in _KINDS, f"unknown label '{label}'", f"known: {', '.join(_KINDS)}")
    allowed = _KINDS[label]
    kind = values.get("kind", allowed[0] if label != "fake" else "")
    _check(path, kind in allowed, f"unknown kind '{kind}' of label {label}", f"known: {', '.join(allowed)}")
    frames, region = values.get("frames", 0), values.get("region", list(_WHOLE))
    right = type(frames) is int and 0 <= frames <= _MOST_FRAMES
    _check(path, right, "'frames' of take is no count", f"0 (pictures) to {_MOST_FRAMES}")
    _check(path, _is_region(region), "'region' of take is none", "shares: [left, top, right, bottom]")
    _check(path, bool(frames) or tuple(region) == _WHOLE, "'region' without 'frames'", "regions are of clips")
    left, top, right_end, bottom = map(float, region)
    return Take(tuple(globs), label, kind, values.get("group", ""), frames, (left, top, right_end, bottom))


def _is_region(region: Any) -> bool:
    if not isinstance(region, list) or len(region) != 4 or not all(type(x) in (int, float) for x in region):
        return False
    left, top, right, bottom = region
    return bool(0 <= left < right <= 1 and 0 <= top < bottom <= 1)


def _check(path: Path, right: bool, what: str, hint: str) -> None:
    if not right:
        raise DatasetError(f"{path}: {what}", hint=hint)
