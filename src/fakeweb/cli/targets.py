"""Which overlay belongs to which input."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from urllib.parse import urlsplit

from fakeweb.media import kind_of

_PICTURE_SUFFIX, _CLIP_SUFFIX = ".fakeweb.png", ".fakeweb.mp4"


@dataclass(frozen=True)
class Target:
    """One input and the overlay to write for it, or None."""

    source: str
    overlay: Path | None = None


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
    folders = [Path(i) for i in inputs if is_folder(i)]
    taken = {os.path.realpath(p) for p in paths}  # no overlay replaces an input, not even through a link
    targets = []
    for path in paths:
        wanted = draw if draw is not None else out is not None or (path in named and path != "-")
        clip = wanted and kind_of(path) == "clip"
        if not wanted or (clip and not draw):
            targets.append(Target(path))
            continue
        suffix = _CLIP_SUFFIX if clip else _PICTURE_SUFFIX
        place = _place(path, out, folders)
        overlay = place.with_name(place.stem + suffix)
        if os.path.realpath(overlay) in taken:
            overlay = place.with_name(place.name + suffix)
        number = 2
        while os.path.realpath(overlay) in taken:
            overlay = place.with_name(f"{place.name}.{number}{suffix}")
            number += 1
        taken.add(os.path.realpath(overlay))
        targets.append(Target(path, overlay))
    return targets


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
        if Path(path).is_relative_to(folder) and ".." not in Path(path).relative_to(folder).parts:
            return out / Path(path).relative_to(folder)
    return out / Path(path).name
