"""File listing of a data set: pictures and videos by their names, in a fixed order."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from pathlib import Path, PurePath
from typing import Final, Literal, TypeVar, cast, get_args

from fakeweb.datasets.layout import LeftOut
from fakeweb.media import PICTURE_SUFFIXES
from fakeweb.media.glance import glance, kind_by_name
from fakeweb.media.walk import Walk

VIDEO_SUFFIXES: Final = frozenset({".mp4", ".avi", ".mov", ".mkv", ".webm"})

Form = Literal["auto", "frames", "videos"]
"""Whether to index extracted frames or videos; ``auto``: the frames if there are any, else the videos."""

_OWN_NAME: Final = ".fakeweb."
_FORM_FOLDERS: Final = frozenset({"videos", "frames", "images", "faces", "crops"})
_Key = TypeVar("_Key", bound=Hashable)


def files_below(folder: Path, left_out: LeftOut) -> Iterator[Path]:
    """Yield the files at any depth, sorted as ``sorted`` sorts paths; no hidden ones, no overlays of a scan.

    Links are followed, each real folder once, so that circles of links end. An overlay is known by the mark inside;
    only files whose name says ``.fakeweb.`` are opened to look for it, since a data set may hold millions.

    Args:
        folder: Where to begin; nothing is yielded where it does not exist.
        left_out: Is told of folders and files that cannot be looked at, and of overlays.
    """
    walk = Walk(folder)
    for path in sorted(map(Path, walk.files())):
        if _OWN_NAME in path.name.lower() and glance(str(path)).own:
            left_out.add("drawn by FakeWeb", path)
        else:
            yield path
    for obstacle in walk.obstacles:
        left_out.add(obstacle.why, Path(obstacle.path))


def is_picture(path: PurePath) -> bool:
    """Tell a picture by its name."""
    return path.suffix.lower() in PICTURE_SUFFIXES


def is_video(path: PurePath) -> bool:
    """Tell a video by its name."""
    return path.suffix.lower() in VIDEO_SUFFIXES


def shows_video(path: Path) -> bool:
    """Tell a file that is a video: by its name or, where that says nothing, by its content."""
    return (kind_by_name(path) or glance(str(path)).kind) == "clip"


def listed_path(name: str) -> PurePath:
    """Read a file's name as it stands in a list, whichever system wrote the list."""
    return PurePath(name.strip().replace("\\", "/"))


def without_video_suffix(name: str) -> str:
    """Drop the suffix of a video, and of nothing else."""
    return name[: -len(PurePath(name).suffix)] if is_video(PurePath(name)) else name


def clip_names(relative: PurePath) -> Iterator[tuple[str, ...]]:
    """Yield what a file may be called in a list of videos, the likeliest first.

    A video is itself. A picture is a frame of the video whose name a folder above it bears, or its own stem.
    Folders that only say what form the files have (``videos``, ``frames`` ...) and suffixes are dropped.

    Args:
        relative: The file's path below the folder that the list belongs to.

    Example:
        >>> list(clip_names(PurePath("method_A/frames/x.mp4/0001.png")))
        [('method_A', 'x'), ('method_A',), ('method_A', 'x', '0001')]
    """
    folders = tuple(p for p in relative.parts[:-1] if p.lower() not in _FORM_FOLDERS)
    if is_picture(relative):
        folders = tuple(without_video_suffix(p) for p in folders)
        for end in range(len(folders), 0, -1):
            yield folders[:end]
    yield (*folders, relative.stem)


def check_form(form: str) -> Form:
    """Return ``form`` if it is one.

    Raises:
        ValueError: It is not.
    """
    if form not in get_args(Form):
        raise ValueError(f"form must be one of {', '.join(get_args(Form))}, got {form!r}")
    return cast(Form, form)


def in_one_form(found: Sequence[tuple[Path, _Key]], form: Form, left_out: LeftOut) -> list[tuple[Path, _Key]]:
    """Keep the frames or the videos, so that nothing is indexed twice.

    Args:
        found: Files, each with a key of the clip it shows.
        form: What is wanted.
        left_out: Is told of the clips that exist only in the other form.
    """
    frames = form == "frames" or (form == "auto" and any(is_picture(path) for path, _ in found))
    chosen = [(path, key) for path, key in found if is_picture(path) == frames]
    have = {key for _, key in chosen}
    why = "videos without extracted frames" if frames else "frames without their video"
    told: set[_Key] = set()
    for path, key in found:
        if key not in have and key not in told:
            told.add(key)
            left_out.add(why, path if not is_picture(path) else path.parent)
    return chosen
