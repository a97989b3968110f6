"""Celeb-DF, versions 1 and 2: ``Celeb-real``, ``YouTube-real``, ``Celeb-synthesis`` and a list of test videos."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import ClassVar

from fakeweb.datasets.clips import ClipLayout
from fakeweb.datasets.files import Form, clip_names, listed_path
from fakeweb.datasets.layout import LeftOut
from fakeweb.datasets.samples import Sample
from fakeweb.datasets.tables import read_text
from fakeweb.errors import LayoutMismatch

LIST = "List_of_testing_videos.txt"
_FOLDERS = {"celeb-real": 0, "youtube-real": 0, "celeb-synthesis": 1}
_NAMES = {
    "celeb-real": re.compile(r"(id\d+)_\d+"),
    "youtube-real": re.compile(r"(\d+)"),
    "celeb-synthesis": re.compile(r"(id\d+)_(id\d+)_\d+"),
}
_Clip = tuple[str, str]
"""Folder in lower case, and stem of the video."""


class CelebDfLayout(ClipLayout[dict[_Clip, str], _Clip]):
    """``Celeb-synthesis/id0_id1_0000.mp4`` is ``Celeb-real/id0_0000.mp4`` with the face of ``id1``.

    The group is the person filmed (``id0``), or the video where nobody is named (YouTube-real). The official list
    of test videos divides videos, not people: fakes made from one and the same video stand on either side. Its
    videos are ``test``, in groups of their own (``test/id0``), and a score on them is none on unseen people. The
    rest is split by person, and a fake of two people on both sides of that cut is left out.

    In the list 1 = real; the labels come from the folders, and a list that contradicts them is refused.

    Args:
        official: Whether the videos of the list are ``test``; else all are split by person, and none is.
        form: ``auto``, ``frames`` or ``videos``.
    """

    name = "celebdf"
    looked_for: ClassVar[str] = "videos or frames in Celeb-real, YouTube-real and Celeb-synthesis"
    hint: ClassVar[str] = f"name the folder that holds Celeb-real and {LIST}"

    def __init__(self, *, official: bool = True, form: Form = "auto") -> None:
        super().__init__(form=form)
        self.official = official

    def _read(
        self, root: Path, files: Iterable[Path], left_out: LeftOut
    ) -> tuple[dict[_Clip, str], Iterable[Path]]:
        return (_test_videos(root / LIST, left_out) if self.official else {}), files

    def _clip(self, relative: Path, lists: dict[_Clip, str]) -> _Clip | str:
        del lists
        for names in clip_names(relative):
            folder = names[0].lower()
            if len(names) > 1 and folder in _FOLDERS and _NAMES[folder].fullmatch(names[-1]):
                return folder, names[-1]
        return "neither in a folder of Celeb-DF nor named like its videos"

    def _tell(self, lists: dict[_Clip, str], there: set[_Clip], left_out: LeftOut) -> None:
        for folder in ("Celeb-real", "Celeb-synthesis", "YouTube-real"):
            if folder.lower() not in {clip[0] for clip in there}:
                left_out.add("folders without a file", folder)
        for clip, name in lists.items():
            if clip not in there:
                left_out.add(f"named in {LIST}, but not on disk", name)

    def _sample(self, path: Path, clip: _Clip, lists: dict[_Clip, str]) -> Sample | str:
        folder, stem = clip
        match = _NAMES[folder].fullmatch(stem)
        people = match.groups() if match else ()
        if folder == "youtube-real":
            people = (f"YouTube-real/{stem}",)
        return self._swap(path, _FOLDERS[folder], people, "test" if clip in lists else None)


def _test_videos(table: Path, left_out: LeftOut) -> dict[_Clip, str]:
    """Read the list, and see that it means by 0 and 1 what the folders say."""
    if not table.is_file():
        left_out.add("no list of test videos, so nothing is test", LIST)
        return {}
    videos: dict[_Clip, str] = {}
    for number, line in enumerate(read_text(table).splitlines(), 1):
        if not line.strip():
            continue
        flag, _, name = line.strip().partition(" ")
        path = listed_path(name)
        folder = path.parts[0].lower() if len(path.parts) == 2 else ""
        if flag not in ("0", "1") or folder not in _FOLDERS:
            raise LayoutMismatch(
                f"{table}:{number}: '{line.strip()}' is no test video",
                hint="a line looks like: 1 YouTube-real/00170.mp4",
            )
        if _FOLDERS[folder] != 1 - int(flag):
            raise LayoutMismatch(
                f"{table}:{number}: {flag} cannot stand for a video of {path.parts[0]}",
                hint="in this list 1 = real and 0 = fake; somebody has turned it round",
            )
        videos[folder, path.stem] = name
    return videos
