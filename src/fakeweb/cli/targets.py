"""Output paths: which overlay belongs to which input."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from urllib.parse import urlsplit

from fakeweb.media import kind_of
from fakeweb.media.address import shown, storage_address

_PICTURE_SUFFIX, _CLIP_SUFFIX = ".fakeweb.png", ".fakeweb.mp4"
_USUAL_NAME_BYTES = 255


@dataclass(frozen=True)
class Target:
    """One input and the overlay to write for it, or None.

    Attributes:
        source: As the user named it.
        overlay: The file.
        shortened: Whether the input's whole name would have been too long for the overlay's.
    """

    source: str
    overlay: Path | None = None
    shortened: bool = False

    def wrote(self) -> str:
        """Return the line that tells of the overlay."""
        shortened = " (the name was too long and is shortened)" if self.shortened else ""
        return f"overlay: {shown(self.overlay or '')}{shortened}"


def is_folder(path: str) -> bool:
    """Tell whether a folder goes by this name; unlike ``Path.is_dir``, also where the name is far too long."""
    return os.path.isdir(path)  # noqa: PTH112


def plan_targets(
    inputs: Sequence[str], paths: Sequence[str], out: Path | None, draw: bool | None
) -> list[Target]:
    """Say for each path where its overlay goes; no two share a file.

    Args:
        inputs: What the user named.
        paths: The pictures that meant, ``-`` and addresses included.
        out: Folder for overlays, or None for beside the picture.
        draw: True or False as the user chose; None draws for pictures that were named themselves, and for all
            with ``out``. Clips are drawn only where it is True, since that takes longer than to scan them.
    """
    named = set(inputs)
    folders = [Path(i) for i in inputs if is_folder(i) or storage_address(i)]
    taken = {os.path.realpath(p) for p in paths}  # no overlay replaces an input, not even through a link
    targets = []
    for path in paths:
        beside = (
            path in named and path != "-" and storage_address(path) is None
        )  # nobody's bucket is written to unasked
        wanted = draw if draw is not None else out is not None or beside
        clip = wanted and kind_of(path) == "clip"
        if not wanted or (clip and not draw):
            targets.append(Target(path))
            continue
        suffix = _CLIP_SUFFIX if clip else _PICTURE_SUFFIX
        place = _place(path, out, folders)
        names = (place.stem, place.name, *(f"{place.name}.{number}" for number in range(2, len(taken) + 3)))
        whole, overlay = next(
            (name, overlay)
            for name in names
            if os.path.realpath(overlay := _named(place, name, suffix)) not in taken
        )
        taken.add(os.path.realpath(overlay))
        targets.append(Target(path, overlay, shortened=overlay.name != whole + suffix))
    return targets


def _named(place: Path, name: str, suffix: str) -> Path:
    """Return a file beside a place; a name the file system would not take is cut and ends in a hash of the whole."""
    most = _most_bytes(place.parent)
    if len(os.fsencode(name + suffix)) <= most:
        return place.with_name(name + suffix)
    mark = "~" + hashlib.sha256(os.fsencode(name)).hexdigest()[:8]
    room = max(1, most - len(mark) - len(suffix))
    while len(os.fsencode(name)) > room:
        name = name[:-1]
    return place.with_name(name + mark + suffix)


def _most_bytes(folder: Path) -> int:
    """Return how long a name may be in a folder, or in the nearest one above it that is there."""
    for there in (folder, *folder.parents):
        with suppress(OSError, ValueError, AttributeError):  # no such folder, no such setting, no such system
            return os.pathconf(there, "PC_NAME_MAX")
    return _USUAL_NAME_BYTES


def _place(path: str, out: Path | None, folders: Sequence[Path]) -> Path:
    """Return where a file of the input's own name would go."""
    if path == "-":
        return (out or Path()) / "stdin"
    if path.lower().startswith(("http://", "https://")):
        try:
            name = PurePosixPath(urlsplit(path).path).name
        except ValueError:  # "http://[": refused later, when it is to be fetched
            name = ""
        safe = "".join(c if c.isalnum() or c in "._-" else "_" for c in name)[:100].lstrip(".")
        return (out or Path()) / (safe or "picture")
    if out is None:
        return Path(path)
    for folder in folders:
        if Path(path) == folder:  # an address that was named itself
            continue
        if Path(path).is_relative_to(folder) and ".." not in Path(path).relative_to(folder).parts:
            return out / Path(path).relative_to(folder)
    return out / Path(path).name
