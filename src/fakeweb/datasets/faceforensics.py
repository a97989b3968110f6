"""FaceForensics++ with FaceShifter and DeepFakeDetection (DFD), as its download script lays them out."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar, Final

from fakeweb.datasets.clips import ACROSS, ClipLayout
from fakeweb.datasets.files import Form, clip_names, is_picture
from fakeweb.datasets.layout import LeftOut
from fakeweb.datasets.samples import Sample, Split
from fakeweb.datasets.splits import Families, split_of_group, split_of_people
from fakeweb.datasets.tables import read_json
from fakeweb.errors import LayoutMismatch
from fakeweb.types import Kind

METHODS: Final[dict[str, Kind]] = {
    "Deepfakes": "swap",
    "Face2Face": "reenacted",
    "FaceSwap": "swap",
    "NeuralTextures": "reenacted",
    "FaceShifter": "swap",
    "DeepFakeDetection": "swap",
}
COMPRESSIONS: Final = ("raw", "c23", "c40")
_LISTS: Final[tuple[Split, ...]] = ("train", "val", "test")
_DFD = "DeepFakeDetection"
_NAMES = {  # the part after original_sequences or manipulated_sequences -> names of its videos
    "youtube": re.compile(r"(\d{3})"),
    "actors": re.compile(r"(\d+)__.+"),
    _DFD: re.compile(r"(\d+)_(\d+)__.+__[A-Z0-9]{8}"),
    **dict.fromkeys(METHODS.keys() - {_DFD}, re.compile(r"(\d{3})_(\d{3})")),
}


@dataclass(frozen=True)
class _Clip:
    """One video: its part and compression, its name, and who or what is in it, the target first."""

    part: str
    compression: str
    name: str
    people: tuple[str, ...]

    @property
    def source(self) -> str:
        return "dfd" if self.part in ("actors", _DFD) else "faceforensics"


class _Official:
    """The official split, or the hash where there is none; and which videos are one group."""

    def __init__(self, listed: dict[str, Split] | None, families: Families) -> None:
        self._listed = listed
        self._families = families

    def join_fakes(self, clips: Iterable[_Clip]) -> None:
        """Put the two videos of every fake into one group, unless the lists forbid it."""
        for clip in clips:
            if self._listed is None or self.split(clip):
                self._families.join(clip.people[0], clip.people[-1])

    def group(self, clip: _Clip) -> str:
        return self._families.name_of(clip.people[0])

    def split(self, clip: _Clip) -> Split | None:
        """Return the split; None where a video is in no list, or a pair lies across two lists."""
        if self._listed is None:
            return split_of_group("faceforensics", self.group(clip))
        splits = {self._listed.get(person) for person in clip.people}
        return splits.pop() if len(splits) == 1 else None


@dataclass
class _Lists:
    """The official split, and what was met on the way: masks by method, video and frame, other compressions."""

    root: Path
    official: _Official
    masks: dict[tuple[str, ...], Path] = field(default_factory=dict)
    others: set[str] = field(default_factory=set)


class FaceForensicsLayout(ClipLayout[_Lists, _Clip]):
    """``original_sequences/youtube/c23/videos/000.mp4`` and ``manipulated_sequences/<method>/...``.

    A fake ``a_b`` shares its group with ``b_a`` and both originals. With ``train.json``, ``val.json`` and
    ``test.json`` (beside the data or in ``splits/``) the official split holds, and videos that they do not name are
    left out; without, groups are split by hash and there is no test. The actors' videos and DeepFakeDetection are
    a source of their own, ``dfd``, for which no official split exists: the group is the actor filmed, the split
    goes by actor, and a fake of two actors on both sides of it is left out.

    Args:
        methods: Manipulations to use, out of :data:`METHODS`; the originals they were made from come along.
        compressions: Out of :data:`COMPRESSIONS`.
        form: ``auto``, ``frames`` or ``videos``. Frames lie in a folder named as the video.

    Raises:
        ValueError: An option is not one of those above.
    """

    name = "faceforensics"
    looked_for: ClassVar[str] = "original_sequences and manipulated_sequences with videos or frames"
    hint: ClassVar[str] = "name the folder that holds original_sequences"

    def __init__(
        self,
        *,
        methods: Collection[str] = tuple(METHODS),
        compressions: Collection[str] = ("c23",),
        form: Form = "auto",
    ) -> None:
        super().__init__(form=form)
        if not methods or isinstance(methods, str) or not set(methods) <= METHODS.keys():
            raise ValueError(f"methods must be some of {', '.join(METHODS)}, got {methods!r}")
        if not compressions or isinstance(compressions, str) or not set(compressions) <= set(COMPRESSIONS):
            raise ValueError(f"compressions must be some of {', '.join(COMPRESSIONS)}, got {compressions!r}")
        self.methods = frozenset(methods)
        self.compressions = frozenset(compressions)

    def _read(self, root: Path, files: Iterable[Path], left_out: LeftOut) -> tuple[_Lists, Iterable[Path]]:
        return _Lists(root, _read_lists(root, left_out)), files

    def _clip(self, relative: Path, lists: _Lists) -> _Clip | str | None:
        parts = relative.parts
        known = {"original_sequences": ("youtube", "actors"), "manipulated_sequences": METHODS}
        if len(parts) < 4 or parts[1] not in known.get(parts[0], ()):
            return "in no folder of FaceForensics++"
        part, folder = parts[1], parts[2]
        if not self._asked_for(part):
            return None
        if "masks" in parts[2:-1]:
            lists.masks[part, *_mask_key(Path(*parts[3:]))] = lists.root / relative
            return None
        if folder not in self.compressions:
            lists.others.add(folder)
            return None
        for names in clip_names(Path(*parts[3:])):
            match = _NAMES[part].fullmatch(names[-1])
            if match:
                return _Clip(part, folder, names[-1], match.groups())
        return "not named like the videos of FaceForensics++"

    def _tell(self, lists: _Lists, there: set[_Clip], left_out: LeftOut) -> None:
        if not there and lists.others:
            wanted = ", ".join(sorted(self.compressions))
            left_out.add(f"not among the compressions {wanted}", ", ".join(sorted(lists.others)))
        parts = {clip.part for clip in there}
        for part in _NAMES:
            if self._asked_for(part) and part not in parts:
                left_out.add("parts without a file", part)
        lists.official.join_fakes(clip for clip in there if clip.source == self.name)

    def _sample(self, path: Path, clip: _Clip, lists: _Lists) -> Sample | str:
        if clip.source == "dfd":
            group, split = clip.people[0], split_of_people("dfd", clip.people)
        else:
            group, split = lists.official.group(clip), lists.official.split(clip)
        if split is None:
            return ACROSS if clip.source == "dfd" else "in none of the split files, or across two"
        kind = METHODS.get(clip.part)
        frame = (path.stem,) if is_picture(path) else ()
        mask = lists.masks.get((clip.part, clip.name, *frame)) if kind else None
        return Sample(path, 1 if kind else 0, kind, split, group, clip.source, mask)

    def _asked_for(self, part: str) -> bool:
        if part == "youtube":
            return self.methods != {_DFD}
        return (_DFD if part == "actors" else part) in self.methods


def _mask_key(below: Path) -> tuple[str, ...]:
    """Return the video and, of a frame, its stem."""
    return (below.parent.name, below.stem) if is_picture(below) else (below.stem,)


def _read_lists(root: Path, left_out: LeftOut) -> _Official:
    """Read ``train.json``, ``val.json`` and ``test.json``, as far as they are there."""
    families = Families()
    listed: dict[str, Split] = {}
    missing: list[str] = []
    for split in _LISTS:
        places = [folder / f"{split}.json" for folder in (root, root / "splits")]
        table = next((p for p in places if p.is_file()), None)
        if table is None:
            missing.append(f"{split}.json")
            continue
        for pair in _read_pairs(table):
            families.join(*pair)
            for video in pair:
                if listed.setdefault(video, split) != split:
                    raise LayoutMismatch(
                        f"{table}: the video {video} stands in {listed[video]}.json too",
                        hint="a video belongs to one split; fetch the lists again",
                    )
    if len(missing) == len(_LISTS):
        left_out.add("no official split, so groups are split by hash and nothing is test", ", ".join(missing))
        return _Official(None, families)
    for name in missing:
        left_out.add("lists of the official split that are not there", name)
    return _Official(listed, families)


def _read_pairs(table: Path) -> Iterator[tuple[str, str]]:
    hint = 'it should look like [["071", "054"], ...]'
    content = read_json(table)
    if not isinstance(content, list):
        raise LayoutMismatch(f"{table}:1: holds no list of pairs", hint=hint)
    for pair in content:
        if not (isinstance(pair, list) and len(pair) == 2 and all(isinstance(v, str) for v in pair)):
            raise LayoutMismatch(f"{table}: {pair!r} is no pair of videos", hint=hint)
        yield pair[0], pair[1]
