"""Faces in the frames of a clip: found in some frames, followed in those between, always measured at full size."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

import cv2
import numpy as np

from fakeweb.faces import measure, stretched
from fakeweb.faces.align import stand_of
from fakeweb.scanner.parts import mesher_of
from fakeweb.types import Box, Face, FaceFinder, FaceMesher, Frame, Image, ShrunkFinder

SIDE_PX: Final = 640
"""Long side of the shrunk frames: a face of 16 px, which finders still see, is then one of 48 px at 1080p."""
FIND_EVERY: Final = 4
"""At the latest every so many frames faces are found anew, so that whoever comes in is seen."""
CHECK_EVERY: Final = 32
"""Every so many frames, the first included, and after each cut, the full size is looked at too."""
_ENOUGH: Final = 1.5  # frames up to this many times SIDE_PX are looked at as they are
_FOLLOW_S: Final = 0.8  # beyond such a gap nobody is followed
_MOST_GROWTH: Final = 1.5


class FrameFinder:
    """Finds and measures faces in successive frames of one clip.

    Finding is what takes most of the time, so three things spare it. Frames much larger than 640 px are shrunk for the
    finder; the first, every thirty-second and the first after a cut are looked at in full as well, and where that shows
    a face large enough to judge that the shrunk one lacks, the next frames are looked at in full until it no longer
    does.
    And where the mesh measures everybody of the frame before at the same place again, nobody is searched for, up to
    three frames in a row; never after a cut, and never where somebody is lost. A finder that looks more closely where
    it sees nobody does so in the first of such frames in a row, the second, the fourth, the eighth and so on.

    Whatever the finder was shown, faces come in the frame's own pixels, and the mesh measures them in the frame
    itself.

    Args:
        finder: Finds. One that measures meshes itself has an attribute ``mesher``.
        mesher: Measures at full size what the finder has not measured with the same mesher, and drops what is no face;
            None leaves faces as the finder gives them.
        min_face_px: Narrower faces are not judged, and no reason to look closer.
    """

    def __init__(self, finder: FaceFinder, mesher: FaceMesher | None, min_face_px: float) -> None:
        self._finder, self._mesher, self._least_px = finder, mesher, min_face_px
        self._follows: FaceMesher | None = mesher or mesher_of(finder)
        self._number, self._since = 0, 0
        self._in_full = False
        self._empty = 0  # searches in a row that saw nobody
        self._before: list[Face] = []
        self._time_s = 0.0

    def find(self, frame: Frame, *, cut: bool = False) -> list[Face]:
        """Return the faces of the next frame, in its own pixels.

        Args:
            frame: A later one than that before.
            cut: Whether it begins another scene.
        """
        check = cut or self._number % CHECK_EVERY == 0
        near = not cut and frame.time_s - self._time_s <= _FOLLOW_S
        self._number, self._time_s = self._number + 1, frame.time_s
        followed = self._follow(frame.image) if near and not check and self._since < FIND_EVERY - 1 else None
        if followed is None:
            self._since = 0
            self._empty = 0 if cut else self._empty
            self._before = self._search(frame.image, check=check)
            self._empty = 0 if self._before else self._empty + 1
        else:
            self._since += 1
            self._before = followed
        return list(self._before)

    def _search(self, image: Image, *, check: bool) -> list[Face]:
        nth = self._empty + 1
        again = check or nth & self._empty == 0  # a power of two
        scale = SIDE_PX / max(image.width, image.height)
        if scale * _ENOUGH >= 1 or (self._in_full and not check):
            return self._measured(image, self._look(image, image, again=again))
        found = self._shrunk(image, scale, again=again and not check)
        if check:
            whole = self._measured(image, self._look(image, image, again=True))
            self._in_full = any(f.width_px >= self._least_px and not _has(found, f) for f in whole)
            found = whole or found  # as in a picture, so that a still is judged as the picture it is
        return found

    def _shrunk(self, image: Image, scale: float, *, again: bool) -> list[Face]:
        """Look for faces in a shrunk copy; whatever measures them looks at the full size."""
        size = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
        small = Image(np.asarray(cv2.resize(image.pixels, size, interpolation=cv2.INTER_AREA), np.uint8))
        found = self._look(image, small, again=again)
        if isinstance(self._finder, ShrunkFinder):
            return self._measured(image, found)
        across, down = image.width / size[0], image.height / size[1]
        found = [stretched(face, across, down) for face in found]
        return measure(image, found, self._follows)

    def _look(self, image: Image, small: Image, *, again: bool) -> list[Face]:
        """Let the finder look at a copy; other finders than one for shrunk copies answer in its pixels."""
        if isinstance(self._finder, ShrunkFinder):
            return list(self._finder.find_shrunk(image, small, again=again))
        return list(self._finder.find(small))

    def _measured(self, image: Image, faces: Sequence[Face]) -> list[Face]:
        return measure(image, faces, self._mesher, done_by=mesher_of(self._finder))

    def _follow(self, image: Image) -> list[Face] | None:
        """Measure the faces of the frame before where they were; None where one is not there for sure."""
        mesher = self._follows
        if mesher is None or not self._before or any(f.mesh is None for f in self._before):
            return None
        found = []
        for old, new in zip(self._before, mesher.mesh(image, self._before), strict=True):
            if new.mesh is None or (new.presence is not None and new.presence < mesher.min_presence):
                return None
            was, now = stand_of(old), stand_of(new)
            growth = now.length_px / was.length_px
            if not 1 / _MOST_GROWTH < growth < _MOST_GROWTH:
                return None
            box = _moved(old.box, growth, (was.x, was.y), (now.x, now.y))
            found.append(replace(new, box=box, points=None))
        if any(_has([one], other) for i, one in enumerate(found) for other in found[i + 1 :]):
            return None  # two have become one: somebody passes in front of somebody
        return found


def _moved(box: Box, growth: float, was: tuple[float, float], now: tuple[float, float]) -> Box:
    """Return a box that follows its face."""
    x0, y0, x1, y1 = (now[i % 2] + growth * (v - was[i % 2]) for i, v in enumerate(box))
    return x0, y0, x1, y1


def _has(faces: Sequence[Face], face: Face) -> bool:
    """Tell whether one of the faces has its middle in the given one's box."""
    x0, y0, x1, y1 = face.box
    middles = [((f.box[0] + f.box[2]) / 2, (f.box[1] + f.box[3]) / 2) for f in faces]
    return any(x0 <= x <= x1 and y0 <= y <= y1 for x, y in middles)
