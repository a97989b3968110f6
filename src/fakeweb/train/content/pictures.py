"""Gathers the pictures of each class and shows them as training and validation do."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from torch.utils.data import Dataset

from fakeweb import registry
from fakeweb.classifiers.content import to_square
from fakeweb.datasets import Sample, half_of_group
from fakeweb.errors import DatasetError
from fakeweb.forge import degrade
from fakeweb.media import read_image
from fakeweb.train.augment import augmented_crop
from fakeweb.train.content.drawn import as_drawing, draw, on_screen
from fakeweb.train.content.recipe import ContentRecipe, PicturesRecipe, ViewRecipe
from fakeweb.types import Image, UInt8Array

_PLAIN_QUALITY: Final = 88
_QUALITY: Final = (70, 96)
_LEAST_SIZE: Final = 0.75


@dataclass(frozen=True)
class Labelled:
    """A picture and the number of its class.

    Attributes:
        sample: The picture.
        number: Of its class, in the recipe's order.
        folder: Of the recipe, below which it lies.
    """

    sample: Sample
    number: int
    folder: str

    @property
    def half(self) -> str:
        """``A`` calibrates, ``B`` does not."""
        return half_of_group(self.sample.source, self.sample.group)


def gather(root: Path, recipe: PicturesRecipe) -> dict[str, list[Labelled]]:
    """Return the pictures of the splits ``train`` and ``val``.

    Raises:
        DatasetError: A class has no picture in one of them.
        LayoutMismatch: See the layout.
    """
    found: dict[str, list[Labelled]] = {"train": [], "val": []}
    folders = [(folder, number) for number, own in enumerate(recipe.classes.values()) for folder in own]
    for place in (root, *(root / extra for extra in recipe.extra_roots)):
        for sample in registry.load("layout", recipe.layout)().index(place):
            inside = sample.path.relative_to(place).as_posix()
            for folder, number in folders:
                if inside.startswith(f"{folder}/") and sample.label != 1 and sample.split in found:
                    found[sample.split].append(Labelled(sample, number, folder))
    for split, several in found.items():
        missing = set(range(len(recipe.classes))) - {one.number for one in several}
        if missing:
            name = list(recipe.classes)[min(missing)]
            raise DatasetError(
                f"no picture of the class '{name}' in the split {split} of {root}",
                hint=f"looked below {', '.join(recipe.classes[name])}",
            )
    return found


def read_pixels(sample: Sample) -> UInt8Array:
    """Read a picture, uint8 RGB."""
    return read_image(sample.path).image.pixels


def alike(pixels: UInt8Array, longest_px: int, quality: int) -> UInt8Array:
    """Shrink a picture to the longer side that all have, and encode it as all are."""
    scale = longest_px / max(pixels.shape[:2])
    if scale < 1:
        height, width = (max(1, round(n * scale)) for n in pixels.shape[:2])
        pixels = degrade.resize(pixels, width, height)
    return degrade.jpeg(pixels, quality)


def evened(pixels: UInt8Array, longest_px: int, rng: np.random.Generator) -> UInt8Array:
    """Take a picture's own JPEG grid and size away: a few pixels off two sides, another size, another quality."""
    off = [int(rng.integers(1, 8)) if n > 64 else 0 for n in pixels.shape[:2]]
    longest = int(rng.integers(round(_LEAST_SIZE * longest_px), longest_px))
    return alike(pixels[off[0] :, off[1] :], longest, int(rng.integers(_QUALITY[0], _QUALITY[1] + 1)))


def plain(pixels: UInt8Array, recipe: PicturesRecipe) -> UInt8Array:
    """Show a picture as validation does, uint8 RGB (S, S, 3)."""
    return to_square(alike(pixels, recipe.alike_px, _PLAIN_QUALITY), recipe.side_px)


class Taught(Dataset[tuple[UInt8Array, int]]):
    """Picture number i of a training; the classes take turns, and so do the folders of a class."""

    def __init__(self, pictures: list[Labelled], recipe: ContentRecipe) -> None:
        self.recipe = recipe
        names = list(recipe.data.classes)
        self.other = names.index("other") if "other" in names else -1
        self.pools: list[list[list[Sample]]] = []
        for number, folders in enumerate(recipe.data.classes.values()):
            pools = [
                [p.sample for p in pictures if (p.number, p.folder) == (number, folder)] for folder in folders
            ]
            self.pools.append([pool for pool in pools if pool])

    def __len__(self) -> int:
        return self.recipe.optim.epochs * self.recipe.optim.pictures_per_epoch

    def __getitem__(self, number: int) -> tuple[UInt8Array, int]:
        rng = np.random.default_rng([self.recipe.seed, number])
        label, data = number % len(self.pools), self.recipe.data
        if label == self.other and rng.random() < data.drawn:
            pixels = draw(data.alike_px, rng)
        else:
            pool = self.pools[label][rng.integers(len(self.pools[label]))]
            pixels = read_pixels(pool[rng.integers(len(pool))])
        if label != self.other and self.other >= 0 and rng.random() < self.recipe.view.scene:
            pool = self.pools[self.other][rng.integers(len(self.pools[self.other]))]
            pixels = in_scene(pixels, read_pixels(pool[rng.integers(len(pool))]), rng)
        return degraded(evened(pixels, data.alike_px, rng), self.recipe, rng), label


def in_scene(pixels: UInt8Array, scene: UInt8Array, rng: np.random.Generator) -> UInt8Array:
    """Show a picture on another, a quarter to two thirds as high, its rim faded; uint8 RGB like ``scene``."""
    scale = rng.uniform(0.25, 0.67) * min(
        n / m for n, m in zip(scene.shape[:2], pixels.shape[:2], strict=True)
    )
    height, width = (max(8, round(scale * n)) for n in pixels.shape[:2])
    small = degrade.resize(pixels, width, height)
    across, down = np.linspace(-1, 1, width)[None], np.linspace(-1, 1, height)[:, None]
    share = np.clip(4 * (1.02 - np.maximum(across**4, down**4)), 0, 1)[..., None]
    top, left = (
        int(rng.integers(0, n - m + 1)) for n, m in zip(scene.shape[:2], small.shape[:2], strict=True)
    )
    out = scene.copy()
    part = out[top : top + height, left : left + width]
    part[:] = np.rint(share * small + (1 - share) * part).astype(np.uint8)
    return out


def degraded(pixels: UInt8Array, recipe: ContentRecipe, rng: np.random.Generator) -> UInt8Array:
    """Show a picture as it may reach us, uint8 RGB (S, S, 3)."""
    view, side = recipe.view, recipe.data.side_px
    if rng.random() < view.plain:
        return to_square(pixels if rng.random() < 0.5 else np.ascontiguousarray(pixels[:, ::-1]), side)
    pixels = _part(pixels, view, rng)
    if rng.random() < view.turned:
        pixels = np.ascontiguousarray(np.rot90(pixels, int(rng.integers(1, 4))))
    if rng.random() < view.drawing:
        pixels = as_drawing(pixels, rng)
    if rng.random() < view.screen:
        pixels = on_screen(pixels, rng)
    square = to_square(pixels, max(pixels.shape[:2]))
    whole = (0.0, 0.0, float(square.shape[1]), float(square.shape[0]))
    return augmented_crop(Image(square), whole, side, 1.0, recipe.augment, rng)


def _part(pixels: UInt8Array, view: ViewRecipe, rng: np.random.Generator) -> UInt8Array:
    share, stretch = rng.uniform(view.part, 1), np.exp(rng.uniform(-1, 1) * np.log(view.aspect))
    height, width = pixels.shape[:2]
    down = min(height, max(16, round(height * np.sqrt(share * stretch))))
    across = min(width, max(16, round(width * np.sqrt(share / stretch))))
    top, left = rng.integers(0, height - down + 1), rng.integers(0, width - across + 1)
    return np.ascontiguousarray(pixels[top : top + down, left : left + across])
