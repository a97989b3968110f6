"""Fakes without reals of their own: paired with real faces that are then handled exactly alike.

A source that holds fakes only (an archive of generated portraits, say) cannot be judged against other people's photos
as they are: size, encoder and frame would answer. So each such fake is paired with a real face at least as large;
both are cut to the same frame, shrunk to the same size, by a fifth at least, and sent through the same encoder. What
then still tells them apart is the picture itself, or the taste of whoever collected it; these figures are therefore
reported apart.

The same can be asked of a whole data set (``--matched-handling``): each face, real or fake, is cut to one frame, shrunk
to one size and sent through one encoder, whatever file it came in.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from fakeweb.evaluate.degrade import PLAIN
from fakeweb.evaluate.figures import single_class_sources
from fakeweb.evaluate.scores import Row
from fakeweb.faces import align
from fakeweb.faces.align import stand_of
from fakeweb.forge.degrade import jpeg
from fakeweb.types import Face, Image

VIEW: Final = "matched"
ALIKE: Final = "alike"
"""The view in which all pictures of a data set were handled alike."""
ALIKE_PX: Final = 112
"""Side of its frame: faces of 88 px and more are shrunk to it, none is enlarged."""
_FRAME: Final = 1.6  # side of the picture over the face, so that finders see it
_SHRINK: Final = 0.8
_QUALITY: Final = 90
_LEAST_PX: Final = 48.0


@dataclass(frozen=True)
class Match:
    """One picture to be judged as part of a pair.

    Attributes:
        path: Its name in the table of scores.
        source: The single-class source whose figure it belongs to.
        side_px: Side of the common frame.
    """

    path: str
    source: str
    side_px: int


def pair(rows: Sequence[Row]) -> list[Match]:
    """Pair the fakes of single-class sources with reals of other sources, largest first; each real once per source.

    Args:
        rows: Plain rows of one model, with the sizes of faces.
    """
    plain = [r for r in rows if r.view == PLAIN and r.state == "judged" and math.isfinite(r.face_px)]
    plain = [r for r in plain if math.isnan(r.time_s)]  # pictures, not frames of video files
    reals = sorted((r for r in plain if r.label == 0), key=lambda r: (r.face_px, r.path))
    out = []
    for source in single_class_sources(rows):
        free = list(reals)
        fakes = sorted(
            (r for r in plain if r.label == 1 and r.source == source), key=lambda r: (-r.face_px, r.path)
        )
        for fake in fakes:
            at = next((i for i, real in enumerate(free) if real.face_px >= fake.face_px), None)
            side = round(_SHRINK * _FRAME * fake.face_px)
            if at is not None and _SHRINK * fake.face_px >= _LEAST_PX:
                out += [Match(fake.path, source, side), Match(free.pop(at).path, source, side)]
    return out


def large_enough(face: Face) -> bool:
    """Tell whether a face is shrunk by a fifth, at least, when it is handled as all are."""
    return _SHRINK * _FRAME * stand_of(face).length_px >= ALIKE_PX


def handled(image: Image, face: Face, side_px: int) -> tuple[Image, Face]:
    """Return the face in the common frame, shrunk and encoded, and where it lies in it.

    Args:
        image: RGB.
        face: The face to cut out.
        side_px: Side of the frame.
    """
    crop = align(image, face, side_px, margin=_FRAME)
    half = side_px / _FRAME / 2 / stand_of(face).length_px
    middle = side_px / 2
    across, down = face.width_px * half, face.height_px * half
    box = (middle - across, middle - down, middle + across, middle + down)
    return Image(jpeg(crop.pixels, _QUALITY)), Face(box, face.confidence)
