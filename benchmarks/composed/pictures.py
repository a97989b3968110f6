"""Pictures of several faces with known truth, composed of labelled stills, and what the scanner says of them.

The faces of one picture come from one source, real and fake alike, and are resized and encoded together, as faces of
one photograph share camera, light and compression; in the kind ``mixed`` they come from anywhere. Fakes are those of
the data, or forged from the source's own reals (kind ``forged``).

Example::

    samples = [s for s in IndexLayout().index(root) if s.split == "val"]
    plans = plan_groups(samples, GroupOptions(half="A", sizes=(1, 9)))
    rows = [row for plan in plans for row in judge_group(plan, scanner)]
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Final

import numpy as np

from composed.stills import Deck, forged_still, framed
from fakeweb.datasets import Sample, half_of_group
from fakeweb.errors import DatasetError
from fakeweb.media import encode_jpeg, read_image
from fakeweb.scanner import Scanner
from fakeweb.types import FaceResult, Image, Report, UInt8Array

SIZES: Final = (1, 2, 4, 9, 16, 36)
TILES_PX: Final = (128, 160, 200, 240)
_GAP_PX: Final = 8
SMALL_TILES_PX: Final = (56, 64, 72, 88)
"""Tiles whose faces are mostly 32 to 48 px wide."""
REALS_FOR: Final[Mapping[str, tuple[str, ...]]] = {
    "dfdc": ("dfdc",),
    "ciplab": ("ciplab",),
    "stylegan1_ffhq": ("stylegan1_ffhq",),
    "sdxl": ("pixabay", "scut", "prajnasb"),
    "stylegan2_sfhq": ("pixabay", "scut", "prajnasb"),
}
"""Whose genuine faces stand beside the fakes of a source: its own, or portraits where it has none."""


@dataclass(frozen=True)
class GroupOptions:
    """What to compose.

    Attributes:
        half: Half of the validation groups, ``A`` or ``B``; None: every sample.
        sizes: Numbers of faces.
        genuine: Genuine pictures of each size from each source.
        doctored: Pictures of each size, source of fakes and number of fakes.
        fakes: Numbers of fakes in doctored pictures, as far as they fit; -1: all faces.
        tiles_px: Sides of the stills, drawn for each picture.
        qualities: JPEG qualities, likewise.
        seed: The same seed gives the same pictures.
    """

    half: str | None = "A"
    sizes: tuple[int, ...] = SIZES
    genuine: int = 12
    doctored: int = 12
    fakes: tuple[int, ...] = (1, 3, -1)
    tiles_px: tuple[int, ...] = TILES_PX
    qualities: tuple[int, ...] = (60, 75, 85, 92, 96)
    seed: int = 0


@dataclass(frozen=True)
class Member:
    """One face of a composed picture.

    Attributes:
        sample: The still.
        forged: Whether the forge has a go at it.
    """

    sample: Sample
    forged: bool = False

    @property
    def label(self) -> int:
        """1 where the face is manipulated."""
        return 1 if self.forged else int(self.sample.label or 0)


@dataclass(frozen=True)
class GroupPlan:
    """One picture to compose.

    Attributes:
        number: Its number; names and chance follow from it.
        source: Of its fakes, of its genuine faces where it has none, or ``mixed`` or ``forged``.
        tile_px: Side of a still.
        quality: Of the JPEG.
        members: The faces, row by row.
    """

    number: int
    source: str
    tile_px: int
    quality: int
    members: tuple[Member, ...] = field(repr=False)

    @property
    def fakes(self) -> int:
        """How many faces are manipulated."""
        return sum(m.label for m in self.members)


@dataclass(frozen=True)
class FaceRow:
    """What was said of one face of a composed picture.

    Attributes:
        number, source, faces, fakes, tile_px, quality: Of the picture.
        label, own_source, group: Of the face.
        found: Whether a face was found in its tile.
        verdict, p_fake: Of the face; ``missed`` where none was found.
        logit: Raw, NaN where not judged.
        width_px: Of the face found.
        picture: Verdict on the picture.
    """

    number: int
    source: str
    faces: int
    fakes: int
    tile_px: int
    quality: int
    label: int
    own_source: str
    group: str
    found: bool
    verdict: str
    p_fake: float | None
    logit: float
    width_px: float
    picture: str


def plan_groups(samples: Sequence[Sample], options: GroupOptions | None = None) -> list[GroupPlan]:
    """Say which faces stand in which picture.

    Raises:
        DatasetError: Too few stills.
    """
    options = options or GroupOptions()
    stills = _Stills(samples, options)
    plans: list[GroupPlan] = []
    for size in options.sizes:
        for source, members in _wanted(stills, options, size):
            rng = np.random.default_rng([options.seed, len(plans)])
            tile, quality = int(rng.choice(options.tiles_px)), int(rng.choice(options.qualities))
            plans.append(GroupPlan(len(plans), source, tile, quality, members))
    return plans


def _wanted(stills: _Stills, options: GroupOptions, size: int) -> Iterator[tuple[str, tuple[Member, ...]]]:
    for _ in range(options.genuine):
        for source in (*stills.real_sources, "mixed"):
            yield source, tuple(Member(s) for s in stills.draw(source, 0, size))
    wanted = {size if n == -1 else n for n in options.fakes if n <= size}
    for fakes in sorted(wanted):
        for _ in range(options.doctored):
            for source in (*stills.fake_sources, "forged", "mixed"):
                yield source, stills.doctored(source, size, fakes)


def compose_group(plan: GroupPlan) -> UInt8Array:
    """Return the picture of a plan, uint8 RGB, before it is encoded: framed stills on a grey ground, in rows."""
    rng = np.random.default_rng([plan.number, 1])
    step, columns = _step(plan)
    rows = math.ceil(len(plan.members) / columns)
    canvas = np.full(
        (rows * step + _GAP_PX, columns * step + _GAP_PX, 3), int(rng.integers(60, 200)), np.uint8
    )
    for place, member in enumerate(plan.members):
        tile = _tile(member, plan.tile_px, plan.number)
        top, left = _corner(plan, place)
        canvas[top : top + len(tile), left : left + len(tile)] = tile
    return canvas


def _step(plan: GroupPlan) -> tuple[int, int]:
    """Return how far tiles are apart, in pixels, and how many stand in a row."""
    return plan.tile_px + 2 * (plan.tile_px // 4) + _GAP_PX, math.ceil(math.sqrt(len(plan.members)))


def _corner(plan: GroupPlan, place: int) -> tuple[int, int]:
    """Return where a tile begins: top and left, in pixels."""
    step, columns = _step(plan)
    return _GAP_PX + place // columns * step, _GAP_PX + place % columns * step


def judge_group(plan: GroupPlan, scanner: Scanner) -> list[FaceRow]:
    """Compose, encode and scan a picture; return one row per face."""
    report = scanner.scan(encode_jpeg_of(plan), name=f"group-{plan.number:05}.jpg")
    return rows_of(plan, report)


def encode_jpeg_of(plan: GroupPlan) -> bytes:
    """Return a plan's picture as JPEG."""
    return encode_jpeg(Image(compose_group(plan)), plan.quality)


def rows_of(plan: GroupPlan, report: Report) -> list[FaceRow]:
    """Say what a report says of each face of the picture: the largest face whose middle lies in its tile counts."""
    side = _step(plan)[0] - _GAP_PX
    rows = []
    for place, member in enumerate(plan.members):
        top, left = _corner(plan, place)
        inside = [r for r in report.faces if _middle_in(r, left, top, side)]
        best = max(inside, key=lambda r: r.face.width_px * r.face.height_px, default=None)
        score = None if best is None else best.score
        rows.append(
            FaceRow(
                plan.number, plan.source, len(plan.members), plan.fakes, plan.tile_px, plan.quality,
                member.label, member.sample.source, member.sample.group, best is not None,
                "missed" if best is None else best.verdict.label,
                None if best is None else best.verdict.p_fake,
                math.nan if score is None else score.logit,
                0.0 if best is None else best.face.width_px,
                report.verdict.label,
            )
        )  # fmt: skip
    return rows


def _middle_in(result: FaceResult, left: int, top: int, side: int) -> bool:
    x0, y0, x1, y1 = result.face.box
    return left <= (x0 + x1) / 2 <= left + side and top <= (y0 + y1) / 2 <= top + side


class _Stills:
    """Stills by source and label, dealt so that each comes as seldom as possible."""

    def __init__(self, samples: Sequence[Sample], options: GroupOptions) -> None:
        self._rng = np.random.default_rng(options.seed)
        found: dict[tuple[str, int], list[Sample]] = {}
        for s in samples:
            if s.label is not None and options.half in (None, half_of_group(s.source, s.group)):
                found.setdefault((s.source, s.label), []).append(s)
        if not found:
            raise DatasetError("no labelled stills to compose from", hint="give validation samples")
        self._decks = {key: Deck(own, self._rng) for key, own in found.items()}
        self.real_sources = sorted(source for source, label in found if label == 0)
        self.fake_sources = sorted(source for source, label in found if label == 1)

    def draw(self, source: str, label: int, count: int, taken: Sequence[str] = ()) -> list[Sample]:
        """Return stills of different groups as far as there are so many; of any source for ``mixed``."""
        chosen: list[Sample] = []
        groups = set(taken)
        for _ in range(count):
            sources = self.real_sources if label == 0 else self.fake_sources
            own = source if source in sources else str(self._rng.choice(sources))
            sample, _ = self._decks[own, label].draw(groups, 40)  # fewer people than faces: somebody twice
            groups.add(sample.group)
            chosen.append(sample)
        return chosen

    def doctored(self, source: str, size: int, fakes: int) -> tuple[Member, ...]:
        """Return the faces of a picture with so many fakes, in random order."""
        if source == "forged":
            own = str(self._rng.choice(self.real_sources))
            found = self.draw(own, 0, size)
            members = [Member(s, forged=i < fakes) for i, s in enumerate(found)]
        else:
            false = self.draw(source, 1, fakes)
            beside = source
            if source in REALS_FOR:
                beside = str(self._rng.choice([s for s in REALS_FOR[source] if s in self.real_sources]))
            true = self.draw(beside, 0, size - fakes, [s.group for s in false])
            members = [Member(s) for s in [*false, *true]]
        return tuple(members[i] for i in self._rng.permutation(size))


def _tile(member: Member, side: int, number: int) -> UInt8Array:
    """Return a still in its frame at this side, forged first where it is to be."""
    made = forged_still(member.sample, number) if member.forged else None
    return framed(_pixels(member.sample.path) if made is None else made.pixels(), side)


@lru_cache(maxsize=512)
def _pixels(path: Path) -> UInt8Array:
    return read_image(path).image.pixels
