"""Clips of known truth out of labelled stills: people in a scene, moving, each real or fake.

No public set of labelled videos can be shipped or measured on here, so stills are animated, both classes alike: head
motion, turning, zoom, light, and an expression by a smooth warp of the face. The scene moves too, the camera adds
noise, and H.264 encodes all of it. Faces are as large among several people as alone, since the scene is wider then.
What distinguishes real from fake is in the stills and nowhere else. What stays untested is what only real fakes in
motion have: flicker between frames.

Example::

    samples = [s for s in IndexLayout().index(root) if s.split == "val"]
    compose(samples, Path("clips"), ComposeOptions(clips=300, half="B"))

writes ``clips/00000.mp4`` ... and ``clips/truth.json``.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np

from composed.motion import FEATHER, TILE_PX, expressed, light_table, wave
from composed.stills import FACE_PX, Deck, Still, forged_still, framed
from fakeweb.datasets import Sample, half_of_group
from fakeweb.errors import DatasetError
from fakeweb.media import encode_clip, read_image, write_atomically
from fakeweb.types import Image, UInt8Array

# of the scene of one person; it is wider for several
SIZES: Final = ((640, 360), (480, 360), (480, 270), (360, 640))
CRFS: Final = (18, 23, 28, 33)
_OF_SLOT, _OF_HEIGHT = (
    0.85,
    0.75,
)  # of one person's share of the width, and of the height, a tile takes at most
_SHARE: Final = (0.5, 1.0)  # of that
_GREY: Final = 40  # noise is kept as bytes around this


@dataclass(frozen=True)
class ComposeOptions:
    """What to compose.

    Attributes:
        clips: How many.
        people: Numbers of people, taken in turn.
        half: Half of the validation groups to use, ``A`` or ``B``; None: every sample given.
        seconds, fps: Lengths, taken in turn, and rate.
        fake_share: Share of clips with a fake person in them.
        partial: Share of the time in which a fake person is fake, drawn from this range, each clip in turn with and
            without cuts at both ends; a fake is then the person's own genuine still forged, or its pair. None: fakes
            are fake all the time.
        sources: Sources of faces; each gives real and fake people, or is used for both.
        seed: The same seed gives the same clips.
    """

    clips: int = 300
    people: tuple[int, ...] = (1, 2, 3)
    half: str | None = "B"
    seconds: float | tuple[float, ...] = 2.0
    fps: int = 12
    fake_share: float = 0.5
    partial: tuple[float, float] | None = None
    sources: tuple[str, ...] = ("dfdc", "stylegan1_ffhq", "ciplab")
    seed: int = 0


@dataclass(frozen=True)
class Person:
    """One person of a clip: who, and where at each frame.

    Attributes:
        source, group, still: Where the face comes from.
        label: 0 real, 1 fake.
        kind: How it was manipulated, or None.
        centres: (x, y) of the tile at each frame, in pixels.
        side_px: Side of the tile at rest.
        fake_s: When a fake person begins and ceases to be fake; None: fake or real all the time.
        cut: Whether the scene changes at both.
    """

    source: str
    group: str
    still: str
    label: int
    kind: str | None
    centres: list[tuple[float, float]]
    side_px: float
    fake_s: tuple[float, float] | None = None
    cut: bool = False


@dataclass(frozen=True)
class ComposedClip:
    """One clip and its truth."""

    name: str
    width: int
    height: int
    fps: int
    crf: int
    people: list[Person] = field(default_factory=list)

    @property
    def label(self) -> int:
        """1 where somebody in it is fake."""
        return max(p.label for p in self.people)


def compose(
    samples: Sequence[Sample],
    out: Path,
    options: ComposeOptions | None = None,
    *,
    on_clip: Callable[[int, int], None] | None = None,
) -> list[ComposedClip]:
    """Write clips and ``truth.json``; clips that exist already are kept, so that a killed run goes on.

    Args:
        samples: Labelled stills with tight faces, and content pictures (label None) for scenes.
        out: Folder, made if needed.
        options: What to compose.
        on_clip: Called with (done, total) after each clip.

    Raises:
        DatasetError: Too few stills.
    """
    options = options or ComposeOptions()
    plans = list(_plans(samples, options))
    out.mkdir(parents=True, exist_ok=True)
    clips = []
    for done, (plan, scene, stills) in enumerate(plans, 1):
        rng = np.random.default_rng([options.seed, done])
        lengths = options.seconds if isinstance(options.seconds, tuple) else (options.seconds,)
        count = round(lengths[(done - 1) // len(options.people) % len(lengths)] * options.fps)
        stage = _Stage(plan, scene, stills, count, rng, options.partial, cut=done % 2 == 0)
        path = out / plan.name
        if not path.is_file():
            frames = ((Image(p), i / options.fps) for i, p in enumerate(stage.frames()))
            encode_clip(path, frames, fps=options.fps, crf=plan.crf, gop=4 * options.fps, threads=1)
        clips.append(stage.truth())
        if on_clip is not None:
            on_clip(done, len(plans))
    text = json.dumps({"options": asdict(options), "clips": [asdict(c) for c in clips]})
    write_atomically(out / "truth.json", text.encode())
    return clips


def read_truth(folder: Path) -> list[ComposedClip]:
    """Read back what :func:`compose` wrote."""
    data = json.loads((folder / "truth.json").read_text(encoding="utf-8"))
    return [ComposedClip(**{**c, "people": [_person(p) for p in c["people"]]}) for c in data["clips"]]


def _person(data: dict[str, Any]) -> Person:
    part = data.get("fake_s")
    centres = [(x, y) for x, y in data["centres"]]
    return Person(**{**data, "centres": centres, "fake_s": None if part is None else tuple(part)})


def _plans(
    samples: Sequence[Sample], options: ComposeOptions
) -> Iterator[tuple[ComposedClip, Sample, list[Still]]]:
    """Say who is in each clip: sources in turn, each still as seldom as possible, classes of one source."""
    rng = np.random.default_rng(options.seed)
    scenes = [s for s in samples if s.label is None]
    stills: dict[tuple[str, int], list[Sample]] = defaultdict(list)
    for sample in samples:
        inside = options.half is None or half_of_group(sample.source, sample.group) == options.half
        if sample.label is not None and sample.source in options.sources and inside:
            stills[sample.source, sample.label].append(sample)
    for source in options.sources:
        if len(stills[source, 0]) < max(options.people) or (options.fake_share and not stills[source, 1]):
            raise DatasetError(f"too few stills of {source} to compose from", hint="give more samples")
    if not scenes:
        raise DatasetError("no pictures for scenes", hint="give samples without a label too")
    weights = np.sqrt([len(stills[s, 0]) + len(stills[s, 1]) for s in options.sources])
    decks = {key: Deck(found, rng) for key, found in stills.items()}
    for number in range(options.clips):
        people = options.people[number % len(options.people)]
        fake = rng.random() < options.fake_share
        place = int(rng.integers(people)) if fake else -1
        chosen: list[Sample] = []
        for i in range(people):
            source = str(rng.choice(options.sources, p=weights / weights.sum()))
            chosen.append(_new(decks[source, int(i == place)], {s.group for s in chosen}))
        width, height = SIZES[int(rng.integers(len(SIZES)))]
        crf = CRFS[int(rng.integers(len(CRFS)))]
        wide = max(width, 2 * math.ceil(people * _largest_px(width, height) / _OF_SLOT / 2))
        plan = ComposedClip(f"{number:05}.mp4", wide, height, options.fps, crf)
        cast = [Still(s, kind=s.kind) for s in chosen]
        if place >= 0 and options.partial is not None:
            cast[place] = _partly(chosen[place], decks, {s.group for s in chosen}, number)
        yield plan, scenes[int(rng.integers(len(scenes)))], cast


def _partly(fake: Sample, decks: dict[tuple[str, int], Deck], taken: set[str], number: int) -> Still:
    """Return a fake with its own genuine picture: its pair where the source has pairs, else a genuine still forged."""
    pair = decks[fake.source, 0].of_group(fake.group)
    if pair is not None and number % 2:
        return Still(fake, None, fake.kind, read_image(pair.path).image.pixels)
    for turn in range(20):
        made = forged_still(_new(decks[fake.source, 0], taken), number + turn)
        if made is not None:
            return made
    raise DatasetError("no still could be forged", hint="give stills with faces that can be measured")


def _largest_px(slot: float, height: int) -> float:
    """Return the side of the largest tile that one person gets."""
    return min(slot * _OF_SLOT, height * _OF_HEIGHT)


def _part(count: int, share: tuple[float, float], rng: np.random.Generator) -> tuple[int, int]:
    """Return the frames between which somebody is fake."""
    length = max(1, round(count * float(rng.uniform(*share))))
    begin = int(rng.integers(0, max(1, count - length + 1)))
    return begin, begin + length


def _new(deck: Deck, taken: set[str]) -> Sample:
    """Return the next still of a person who is not in the clip yet."""
    sample, new = deck.draw(taken, 100)
    if not new:
        raise DatasetError("too few people to compose from", hint="give more samples")
    return sample


class _Stage:
    """One clip being drawn."""

    def __init__(
        self,
        plan: ComposedClip,
        scene: Sample,
        stills: list[Still],
        count: int,
        rng: np.random.Generator,
        partial: tuple[float, float] | None = None,
        *,
        cut: bool = False,
    ) -> None:
        self._plan, self._count = plan, count
        self._part = None if partial is None else _part(count, partial, rng)
        self._cut = cut and self._part is not None and any(s.genuine is not None for s in stills)
        self._stills, self._rng = stills, rng
        self._scene_path = scene.path
        size = (plan.width, plan.height)
        self._actors = [_Actor(i, len(stills), size, count, rng) for i in range(len(stills))]
        self._zoom = wave(count, rng, 0.03) + 1.06
        self._light = 1 + wave(count, rng, 0.12)
        self._warmth = wave(count, rng, 0.04)
        self._noise_level = float(rng.uniform(1.5, 5))

    def truth(self) -> ComposedClip:
        """Return the clip's truth."""
        people = [
            Person(s.sample.source, s.sample.group, s.sample.path.name, s.label, s.kind,
                   [(round(float(x), 1), round(float(y), 1)) for x, y in a.centres], round(a.side_px, 1),
                   self._seconds(s), self._cut)
            for s, a in zip(self._stills, self._actors, strict=True)
        ]  # fmt: skip
        plan = self._plan
        return ComposedClip(plan.name, plan.width, plan.height, plan.fps, plan.crf, people)

    def _seconds(self, still: Still) -> tuple[float, float] | None:
        """Return when somebody is fake for a part of the time."""
        if self._part is None or still.genuine is None:
            return None
        return round(self._part[0] / self._plan.fps, 3), round(self._part[1] / self._plan.fps, 3)

    def frames(self) -> Iterator[UInt8Array]:
        """Yield uint8 RGB pictures."""
        width, height = self._plan.width, self._plan.height
        scene = _scene(self._scene_path, width, height)
        other = np.ascontiguousarray(scene[:, ::-1, ::-1])
        tiles = [framed(s.pixels()) for s in self._stills]
        genuine = [
            t if s.genuine is None else framed(s.genuine) for s, t in zip(self._stills, tiles, strict=True)
        ]
        grain = self._rng.normal(_GREY, self._noise_level, (height + 64, width + 64, 3))
        noise = grain.clip(0, 255).astype(np.uint8)
        for i in range(self._count):
            zoom = float(self._zoom[i])
            around = np.array(
                [[zoom, 0, (1 - zoom) * width / 2], [0, zoom, (1 - zoom) * height / 2]], np.float32
            )
            inside = self._part is None or self._part[0] <= i < self._part[1]
            ground = other if inside and self._cut else scene
            canvas = np.asarray(
                cv2.warpAffine(ground, around, (width, height), borderMode=cv2.BORDER_REFLECT), np.uint8
            )
            for actor, tile in zip(self._actors, tiles if inside else genuine, strict=True):
                actor.paste(canvas, tile, i)
            x, y = self._rng.integers(0, 64, 2)
            lit = cv2.LUT(canvas, light_table(float(self._light[i]), float(self._warmth[i])))
            noisy = cv2.addWeighted(lit, 1, noise[y : y + height, x : x + width], 1, -_GREY)
            yield np.asarray(noisy, np.uint8)


class _Actor:
    """How one person moves."""

    def __init__(
        self, place: int, people: int, size: tuple[int, int], count: int, rng: np.random.Generator
    ) -> None:
        width, height = size
        slot = width / people
        self.side_px = float(_largest_px(slot, height) * rng.uniform(*_SHARE))
        room_x, room_y = max(0.0, slot - self.side_px) / 2, max(0.0, height - self.side_px) / 2
        x = slot * (place + 0.5) + wave(count, rng, max(4.0, room_x))
        y = height * 0.5 + wave(count, rng, max(3.0, 0.7 * room_y))
        self.centres = np.stack([x, y], 1)
        self._tilt = wave(count, rng, 5.0)
        self._scale = 1 + wave(count, rng, 0.06)
        self._jaw = np.abs(wave(count, rng, 0.05, cycles=(2.0, 5.0)))
        self._brow = wave(count, rng, 0.025, cycles=(1.0, 3.0))
        self._turn = wave(count, rng, 0.05)

    def paste(self, canvas: UInt8Array, tile: UInt8Array, i: int) -> None:
        """Draw the person into a frame, in place."""
        scale = self.side_px / FACE_PX * float(self._scale[i])
        centre = self.centres[i]
        matrix = cv2.getRotationMatrix2D((TILE_PX / 2, TILE_PX / 2), float(self._tilt[i]), scale)
        half = int(np.ceil(self.side_px * 0.58 * TILE_PX / FACE_PX))
        left, top = int(centre[0]) - half, int(centre[1]) - half
        matrix[:, 2] += centre - TILE_PX / 2 - (left, top)
        side = 2 * half
        moved = expressed(tile, float(self._jaw[i]), float(self._brow[i]), float(self._turn[i]))
        face = cv2.warpAffine(
            moved, matrix, (side, side), flags=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
        )
        mask = cv2.warpAffine(FEATHER, matrix, (side, side))
        x0, y0 = max(0, left), max(0, top)
        x1, y1 = min(canvas.shape[1], left + side), min(canvas.shape[0], top + side)
        if x0 >= x1 or y0 >= y1:
            return
        inside = np.s_[y0 - top : y1 - top, x0 - left : x1 - left]
        alpha = np.ascontiguousarray(mask[inside])
        under = np.ascontiguousarray(canvas[y0:y1, x0:x1])
        canvas[y0:y1, x0:x1] = cv2.blendLinear(np.ascontiguousarray(face[inside]), under, alpha, 1 - alpha)


def _scene(path: Path, width: int, height: int) -> UInt8Array:
    """Return a background: a picture without faces, filled to size and softened as behind a person."""
    pixels = read_image(path).image.pixels
    scale = max(width / pixels.shape[1], height / pixels.shape[0])
    size = (round(pixels.shape[1] * scale), round(pixels.shape[0] * scale))
    large = np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_CUBIC), np.uint8)
    top, left = (size[1] - height) // 2, (size[0] - width) // 2
    return np.asarray(cv2.GaussianBlur(large[top : top + height, left : left + width], (0, 0), 1.2), np.uint8)


def fingerprint(clips: Sequence[ComposedClip]) -> str:
    """Return a short name for a set of clips, so that tables can say what they were measured on."""
    text: Any = json.dumps([asdict(c) for c in clips], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:12]
