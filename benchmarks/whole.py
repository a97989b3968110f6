"""Could a whole picture be called generated, whatever it shows? A probe on crops at their own scale, sources left out.

    fakeweb models fetch clip-vit-b16; fakeweb models fetch taef2 ...   (vaelight, span-x2, waifu2x-x2)
    python benchmarks/whole.py --data DATA --each 24 --out runs/whole

Genuine pictures and their copies through decoders and super-resolution networks go through the same JPEG; nothing is
resized. A linear head is fitted on CLIP's tokens, and on small statistics of the residual; each time a third of the
genuine sources and one family of copies are left out, and no generated picture is ever learned from. Writes a part of
docs/reference/content.md.
"""

from __future__ import annotations

import argparse
import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from bench import arguments, head, line, put, shown
from fakeweb.datasets import Sample
from fakeweb.datasets.index import IndexLayout
from fakeweb.forge import degrade
from fakeweb.forge.copies import Span, Taef2, VaeLight, Waifu2x
from fakeweb.media import read_image
from fakeweb.metrics import Floats, auc, wilson
from fakeweb.runtime import Encoder
from fakeweb.train.content.drawn import as_drawing, on_screen
from fakeweb.types import UInt8Array

SIDE_PX = 128
FAMILIES = {"TAEF2": Taef2, "VAElight": VaeLight, "SPAN": Span, "waifu2x": Waifu2x}
SOURCES = {
    "stylegan1_ffhq/real": ("a", "faces"), "lfw/real": ("a", "faces"), "content/other": ("a", "other"),
    "pixabay/real": ("b", "faces"), "dfdc/real": ("b", "faces"), "content/animal": ("b", "other"),
    "scut/real": ("c", "faces"), "prajnasb/real": ("c", "faces"), "content/vehicle": ("c", "other"),
}  # fmt: skip
"""Genuine pictures by folder: the third that they are left out with, and what they show."""
GENERATORS = ("stylegan1_ffhq/fake", "stylegan2_sfhq/fake", "sdxl/fake")
KINDS = ("faces", "other")
RIDGE = 0.3
ALARMS = 0.02
ENLARGED = " enlarged"
"""Follows what a crop is, of genuine crops and copies enlarged alike."""


def _enlarged(pixels: UInt8Array, rng: np.random.Generator) -> UInt8Array:
    side = round(float(rng.uniform(1.1, 2.2)) * SIDE_PX)
    large = degrade.resize(pixels, side, side, int(rng.choice([cv2.INTER_LINEAR, cv2.INTER_LANCZOS4])))
    return np.ascontiguousarray(large[:SIDE_PX, :SIDE_PX])


def _upscaled(pixels: UInt8Array, _: np.random.Generator) -> UInt8Array:
    large = degrade.resize(pixels, round(1.6 * SIDE_PX), round(1.6 * SIDE_PX), cv2.INTER_CUBIC)
    return np.ascontiguousarray(large[:SIDE_PX, :SIDE_PX])


def _screen(pixels: UInt8Array, rng: np.random.Generator) -> UInt8Array:
    return np.ascontiguousarray(on_screen(pixels, rng)[:SIDE_PX, :SIDE_PX])


CONTROLS: dict[str, Callable[[UInt8Array, np.random.Generator], UInt8Array]] = {
    "blurred": lambda pixels, _: degrade.blur(pixels, 1.2),
    "upscaled": _upscaled,
    "re-encoded": lambda pixels, _: degrade.jpeg(pixels, 40),
    "on a screen": _screen,
    "drawing": as_drawing,
}


@dataclass(frozen=True)
class Way:
    """How a head is fitted.

    Attributes:
        clip: On CLIP's tokens, otherwise on the small statistics.
        families: Whose copies count as generated; other copies are learned as genuine.
        enlarged: Genuine crops and copies are learned enlarged too, so that resampling does not tell them.
        within: What tells sources apart is taken off before: only what differs within a source is learned.
    """

    clip: bool
    families: tuple[str, ...] = tuple(FAMILIES)
    enlarged: bool = False
    within: bool = False


WAYS = {
    "CLIP": Way(clip=True),
    "CLIP, enlarged too, within sources": Way(clip=True, enlarged=True, within=True),
    "CLIP, decoders alone": Way(clip=True, families=("TAEF2", "VAElight"), enlarged=True, within=True),
    "small statistics": Way(clip=False),
}


@dataclass(frozen=True)
class Row:
    """Which crop a row of features is of.

    Attributes:
        source: Folder.
        made: ``""`` of genuine pictures, else family, generator or control.
        number: Of the picture in its source.
    """

    source: str
    made: str
    number: int


def main() -> None:
    """Gather, fit, measure, write."""
    parser = arguments(__doc__, out="whole")
    parser.add_argument("--each", type=int, default=24, help="pictures of a source")
    parser.add_argument("--small", action="store_true", help="the small statistics alone, without CLIP")
    options = parser.parse_args()
    rows, values = gathered(options)
    lines = head("head", "left out", "faces: AUC", "other content: AUC")
    alarms = head("head", "genuine pictures", "called generated", "of which")
    for name, way in WAYS.items():
        if options.small and way.clip:
            continue
        columns = slice(0, -SMALL) if way.clip else slice(-SMALL, None)
        judged = [judge(rows, values[:, columns].astype(np.float64), third, way) for third in "abc"]
        for family in way.families:
            cells = [mean_auc(judged, family, what) for what in KINDS]
            lines.append(line(name, family, *cells))
        for made in GENERATORS:
            lines.append(line(name, made.removesuffix("/fake"), generator_auc(judged, made), "none at hand"))
        enhanced = [name for name in FAMILIES if name not in way.families]
        for made in ("", *CONTROLS, *enhanced):
            called = [(row.source, bool(hit)) for one in judged for row, hit in one.called(made)]
            alarms.append(line(name, made or "as they are", shares(called, len(way.families)), worst(called)))
    put("content.md", "whole", [*lines, "", *alarms])
    if not options.small:
        put("content.md", "whole curve", curve(rows, values[:, :-SMALL].astype(np.float64), options.each))


def curve(rows: Sequence[Row], values: Floats, each: int) -> list[str]:
    """Return how well left-out families are told by how many pictures of each source were learned from."""
    lines = head("pictures of each source", *FAMILIES)
    way = WAYS["CLIP, enlarged too, within sources"]
    for most in (each // 8, each // 4, each // 2, each):
        judged = [judge(rows, values, third, way, most) for third in "abc"]
        lines.append(line(most, *(" / ".join(mean_auc(judged, f, w)[:4] for w in KINDS) for f in FAMILIES)))
    return lines


def gathered(options: argparse.Namespace) -> tuple[list[Row], Floats]:
    """Return the rows and their features, computed once per source and kept."""
    samples = list(IndexLayout().index(options.data))
    options.out.mkdir(parents=True, exist_ok=True)
    encoder: Encoder | None = None
    rows: list[Row] = []
    values = []
    for folder in (*SOURCES, *GENERATORS):
        way = "-small" if options.small else ""
        path = options.out / f"{folder.replace('/', '-')}-{options.each}{way}.npz"
        if not path.is_file():
            if not options.small:
                encoder = encoder or Encoder("clip-vit-b16", patches=False)
            own = [s for s in samples if s.path.relative_to(options.data).as_posix().startswith(f"{folder}/")]
            chosen = [own[i] for i in np.random.default_rng(3).permutation(len(own))[: options.each]]
            told = [
                (made, features(pixels, encoder))
                for sample in shown(folder, chosen)
                for made, pixels in versions(sample, folder).items()
            ]
            np.savez(
                path, made=np.array([m for m, _ in told]), values=np.array([v for _, v in told], np.float16)
            )
        with np.load(path) as held:
            names = [str(made) for made in held["made"]]
            first = np.cumsum([name in ("", folder) for name in names]) - 1
            rows += [Row(folder, name, int(n)) for name, n in zip(names, first, strict=True)]
            values.append(held["values"])
    return rows, np.concatenate(values)


def versions(sample: Sample, folder: str) -> dict[str, UInt8Array]:
    """Return a picture's crop, of genuine ones its copies and controls too, all through one JPEG."""
    pixels = read_image(sample.path).image.pixels
    height, width = pixels.shape[:2]
    pixels = cv2.copyMakeBorder(
        pixels, 0, max(0, SIDE_PX - height), 0, max(0, SIDE_PX - width), cv2.BORDER_REFLECT_101
    )
    top, left = (max(0, n - SIDE_PX) // 2 for n in pixels.shape[:2])
    crop = np.ascontiguousarray(pixels[top : top + SIDE_PX, left : left + SIDE_PX])
    dice = np.random.default_rng(int(hashlib.sha256(sample.group.encode()).hexdigest()[:8], 16))
    quality = int(dice.integers(75, 97))
    found = {folder if folder in GENERATORS else "": crop}
    if folder in SOURCES:
        found |= {name: method.network(crop) for name, method in FAMILIES.items()}
        found |= {f"{name}{ENLARGED}": _enlarged(one, dice) for name, one in list(found.items())}
        found |= {name: change(crop, dice) for name, change in CONTROLS.items()}
    return {name: degrade.jpeg(one, quality) for name, one in found.items()}


def features(pixels: UInt8Array, encoder: Encoder | None) -> Floats:
    """Return CLIP's class tokens of a crop, mirrored at its borders up to the encoder's input, and small statistics."""
    if encoder is None:
        return statistics(pixels)
    around = (encoder.plan.side_px - SIDE_PX) // 2
    fed = cv2.copyMakeBorder(pixels, *(around,) * 4, cv2.BORDER_REFLECT_101)
    return np.concatenate([np.asarray(encoder(fed), np.float64).ravel(), statistics(pixels)])


def statistics(pixels: UInt8Array) -> Floats:
    """Return the log power of three residuals in rings of frequency, and how residuals of channels agree, (SMALL,)."""
    values = pixels.astype(np.float64)
    opponent = np.stack([values.mean(2), values[..., 0] - values[..., 1], values[..., 2] - values[..., 1]])
    power = np.abs(np.fft.fft2(opponent - opponent.mean((1, 2), keepdims=True))) ** 2
    frequency = np.fft.fftfreq(SIDE_PX)
    ring = np.minimum((np.hypot(frequency[:, None], frequency[None]) * 2 * RINGS).astype(int), RINGS - 1)
    rings = [
        np.log(np.bincount(ring.ravel(), one.ravel(), RINGS) / np.bincount(ring.ravel()) + 1) for one in power
    ]
    fine = values - cv2.GaussianBlur(values, (0, 0), 1.0)
    agree = np.corrcoef(fine.reshape(-1, 3).T + 1e-6 * np.arange(3)[:, None])[np.triu_indices(3, 1)]
    return np.nan_to_num(np.concatenate([*rings, agree]))


RINGS = 24
SMALL = 3 * RINGS + 3


@dataclass(frozen=True)
class Judged:
    """What the heads fitted without a third of the sources say of it.

    Attributes:
        third: Which.
        scores: By the family that was left out too: the rows of the third, and their scores.
        line: From which score a crop is called generated, by family.
    """

    third: str
    scores: dict[str, list[tuple[Row, float]]]
    line: dict[str, float]

    def called(self, made: str) -> list[tuple[Row, bool]]:
        """Return whether rows of the third are called generated, by the heads of all left-out families."""
        return [
            (row, score >= self.line[family])
            for family, told in self.scores.items()
            for row, score in told
            if row.made == made
        ]


def judge(rows: Sequence[Row], values: Floats, third: str, way: Way, most: int | None = None) -> Judged:
    """Fit without a third of the genuine sources, and each time without a family of copies.

    Args:
        rows: What ``values`` are of.
        values: (N, features).
        third: Which.
        way: How to fit.
        most: Pictures of each source that are learned from, where not all.
    """
    learned = np.array([most is None or r.number < most for r in rows])
    thirds = np.array([SOURCES[r.source][0] if r.source in SOURCES else "-" for r in rows])
    made = np.array([r.made.removesuffix(ENLARGED) if way.enlarged else r.made for r in rows])
    asked = np.array([r.made for r in rows])
    sources = np.array([r.source for r in rows]) if way.within else np.zeros(len(rows))
    scores, lines = {}, {}
    for family in way.families:
        known = learned & np.isin(made, ["", *(f for f in FAMILIES if f != family)])
        fake = np.isin(made, way.families)
        others = [t for t in "abc" if t != third]
        genuine = []
        for one, other in (others, others[::-1]):  # where the line lies, two other thirds say of each other
            own = known & (thirds == one)
            fitted = fit(values[own], fake[own], sources[own])
            genuine += fitted(values[(thirds == other) & (asked == "")]).tolist()
        taught = known & np.isin(thirds, others)
        fitted = fit(values[taught], fake[taught], sources[taught])
        at = [i for i, r in enumerate(rows) if thirds[i] == third or r.made in GENERATORS]
        scores[family] = list(zip([rows[i] for i in at], fitted(values[at]).tolist(), strict=True))
        lines[family] = float(np.quantile(genuine, 1 - ALARMS))
    return Judged(third, scores, lines)


def fit(values: Floats, fake: np.ndarray, sources: np.ndarray) -> Callable[[Floats], Floats]:
    """Fit a ridge regression on standardised features, both classes weighing alike; return what scores.

    Args:
        values: (N, features).
        fake: (N,) which are generated.
        sources: (N,) each source's own mean is taken off, of features and target.
    """
    middle, spread = values.mean(0), values.std(0) + 1e-6
    z = (values - middle) / spread
    weights = np.where(fake, 0.5 / fake.sum(), 0.5 / (~fake).sum()) * len(fake)
    target, root = np.where(fake, 1.0, -1.0), np.sqrt(weights)[:, None]
    for source in np.unique(sources):
        own = sources == source
        z[own] -= np.average(z[own], 0, weights[own])
        target[own] -= np.average(target[own], 0, weights[own])
    scaled = z * root
    gram = scaled @ scaled.T + RIDGE * z.shape[1] * np.eye(len(z))
    slope = scaled.T @ np.linalg.solve(gram, target * root[:, 0])
    return lambda new: ((new - middle) / spread) @ slope


def mean_auc(judged: Sequence[Judged], family: str, what: str) -> str:
    """Return the AUC of a left-out family's copies against their reals, each third by itself, and the mean."""
    each = []
    for one in judged:
        told = [
            (r.made, s) for r, s in one.scores[family] if r.source in SOURCES and SOURCES[r.source][1] == what
        ]
        fake, real = (np.array([s for m, s in told if m == wanted]) for wanted in (family, ""))
        each.append(auc(fake, real))
    return f"{np.mean(each):.2f} ({', '.join(f'{v:.2f}' for v in each)})"


def generator_auc(judged: Sequence[Judged], made: str) -> str:
    """Return the AUC of a generator's faces: of StyleGAN against its own reals, of others against a third's faces."""
    each = []
    for one in judged:
        own = made.replace("/fake", "/real")
        if own in SOURCES and SOURCES[own][0] != one.third:
            continue
        told = one.scores["TAEF2"]  # every way has it
        fake = np.array([s for r, s in told if r.made == made])
        faces = [(r, s) for r, s in told if r.made == "" and SOURCES[r.source][1] == "faces"]
        real = np.array([s for r, s in faces if own not in SOURCES or r.source == own])
        each.append(auc(fake, real))
    return f"{np.mean(each):.2f}" + (f" ({', '.join(f'{v:.2f}' for v in each)})" if len(each) > 1 else "")


def shares(called: Sequence[tuple[str, bool]], heads: int) -> str:
    """Return the share called generated; the interval counts each picture once, not once per head."""
    hits, total = sum(hit for _, hit in called), len(called)
    low, high = wilson(hits / heads, total / heads)
    return f"{100 * hits / total:.1f} % [{100 * low:.1f}, {100 * high:.1f}]"


def worst(called: Sequence[tuple[str, bool]]) -> str:
    """Return the sources with the largest shares."""
    by = {s: np.mean([hit for other, hit in called if other == s]) for s in {s for s, _ in called}}
    first = sorted(by.items(), key=lambda pair: -pair[1])[:3]
    return ", ".join(f"{source.removesuffix('/real')} {100 * share:.0f} %" for source, share in first)


if __name__ == "__main__":
    main()
