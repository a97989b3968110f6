"""FakeAVCeleb: four folders that say whether picture and sound are real, then origin, gender and person."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import ClassVar, Final

from fakeweb.datasets.clips import ClipLayout
from fakeweb.datasets.files import clip_names
from fakeweb.datasets.layout import LeftOut
from fakeweb.datasets.samples import Sample

_FOLDERS: Final = {
    "realvideo-realaudio": 0,
    "realvideo-fakeaudio": 0,
    "fakevideo-realaudio": 1,
    "fakevideo-fakeaudio": 1,
}
_PERSON: Final = re.compile(r"id\d+")
_Clip = tuple[str, ...]
"""Names of the folders below the data set, the first in lower case, and the stem of the video."""


class FakeAvCelebLayout(ClipLayout[None, _Clip]):
    """``FakeVideo-RealAudio/African/men/id00076/00109_id00701_wavtolip.mp4`` (Khalid et al., 2021).

    What counts is the picture: a genuine video with a cloned voice is real here. The group is the person filmed, and
    the split goes by person, since none is official; a fake of two people on both sides of it is left out. A video
    whose name says ``wavtolip`` alone has only its lips changed and is reenacted; others are swaps.

    Args:
        form: ``auto``, ``frames`` or ``videos``.
    """

    name = "fakeavceleb"
    looked_for: ClassVar[str] = "RealVideo-RealAudio, FakeVideo-RealAudio ... with videos or frames"
    hint: ClassVar[str] = "name the folder that holds RealVideo-RealAudio"

    def _read(self, root: Path, files: Iterable[Path], left_out: LeftOut) -> tuple[None, Iterable[Path]]:
        del root, left_out
        return None, files

    def _clip(self, relative: Path, lists: None) -> _Clip | str:
        del lists
        for names in clip_names(relative):
            if names[0].lower() in _FOLDERS and len(names) > 2 and _PERSON.fullmatch(names[-2]):
                return (names[0].lower(), *names[1:])
        return "in no folder of a person of FakeAVCeleb"

    def _tell(self, lists: None, there: set[_Clip], left_out: LeftOut) -> None:
        del lists
        for folder in ("RealVideo-RealAudio", "FakeVideo-RealAudio", "FakeVideo-FakeAudio"):
            if folder.lower() not in {clip[0] for clip in there}:
                left_out.add("folders without a file", folder)

    def _sample(self, path: Path, clip: _Clip, lists: None) -> Sample | str:
        del lists
        label = _FOLDERS[clip[0]]
        others = _PERSON.findall(clip[-1]) if label else []
        sample = self._swap(path, label, (clip[-2], *others), None)
        lips = "wavtolip" in clip[-1] and not re.search("faceswap|fsgan", clip[-1])
        return replace(sample, kind="reenacted") if label and lips and isinstance(sample, Sample) else sample
