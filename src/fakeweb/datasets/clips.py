"""Layouts of videos, or of frames extracted from them: read the lists, match the files, tell what lacks."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator
from pathlib import Path
from typing import Generic, TypeVar

from fakeweb.datasets.files import Form, check_form, files_below, in_one_form, is_picture, is_video
from fakeweb.datasets.layout import LeftOut, TolerantLayout
from fakeweb.datasets.samples import Sample, Split
from fakeweb.datasets.splits import split_of_people

ACROSS = "fakes of two people on both sides of the split"
_Lists = TypeVar("_Lists")
_Clip = TypeVar("_Clip", bound=Hashable)


class ClipLayout(TolerantLayout, Generic[_Lists, _Clip]):
    """A layout whose files are videos or frames of them.

    A subclass writes ``_read``, ``_clip`` and ``_sample``.

    Args:
        form: ``auto``, ``frames`` or ``videos``.
    """

    def __init__(self, *, form: Form = "auto") -> None:
        super().__init__()
        self.form = check_form(form)

    def _samples(self, root: Path, left_out: LeftOut) -> Iterator[Sample]:
        read = self._read(root, files_below(root, left_out), left_out)
        if read is None:
            return
        lists, files = read
        found: list[tuple[Path, _Clip]] = []
        for path in files:
            if is_picture(path) or is_video(path):
                clip = self._clip(path.relative_to(root), lists)
                if isinstance(clip, str):
                    left_out.add(clip, path)
                elif clip is not None:
                    found.append((path, clip))
        self._tell(lists, {clip for _, clip in found}, left_out)
        for path, clip in in_one_form(found, self.form, left_out):
            sample = self._sample(path, clip, lists)
            if isinstance(sample, str):
                left_out.add(sample, path)
            else:
                yield sample

    def _read(
        self, root: Path, files: Iterable[Path], left_out: LeftOut
    ) -> tuple[_Lists, Iterable[Path]] | None:
        """Read what comes with the data set; also return the files to look at. None: it is none of its kind."""
        raise NotImplementedError

    def _clip(self, relative: Path, lists: _Lists) -> _Clip | str | None:
        """Return which clip a picture or video shows, or why it is left out; None passes it over in silence."""
        raise NotImplementedError

    def _tell(self, lists: _Lists, there: set[_Clip], left_out: LeftOut) -> None:
        """Tell what lists name and nothing on disk shows."""

    def _sample(self, path: Path, clip: _Clip, lists: _Lists) -> Sample | str:
        """Build the sample, or say why there is none."""
        raise NotImplementedError

    def _swap(self, path: Path, label: int, people: tuple[str, ...], part: Split | None) -> Sample | str:
        """Build the sample of a clip of people, the one filmed first, split by person unless the part is given."""
        split = part or split_of_people(self.name, people)
        if split is None:
            return ACROSS
        group = f"{part}/{people[0]}" if part else people[0]
        return Sample(path, label, "swap" if label else None, split, group, self.name)
