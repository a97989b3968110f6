"""What our own finder takes for faces where there are none: the hardest squares the presence score can learn from."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np

from fakeweb.errors import DatasetError
from fakeweb.faces.proposer import Proposer
from fakeweb.faces.square import cut, square_affine
from fakeweb.media import read_image
from fakeweb.runtime import FinderCard, find_card
from fakeweb.train.finder.pool import Cutting, Pool
from fakeweb.train.finder.recipe import SceneRecipe
from fakeweb.train.finder.scene import Composer
from fakeweb.types import Image, UInt8Array

_MOSAIC_PX = 1024
_LONG_PX = 640
_LEAST_LOGIT = -2.0
"""Below what the card allows, so that squares are hard for a later finder, too."""
_PER_MOSAIC = 12


def find_alarms(
    pictures: Sequence[Path],
    mosaics: int,
    side_px: int,
    reach: float,
    seed: int,
    on_progress: Callable[[int, int], None] = lambda _done, _total: None,
    *,
    finder: str = "finder",
) -> list[UInt8Array]:
    """Compose mosaics of pictures without a face and cut out what the finder proposes in them.

    Args:
        pictures: Pictures without a face.
        mosaics: How many mosaics of one megapixel; every fourth is turned by a quarter.
        side_px: Side of the squares.
        reach: Side of a square over the longer side of the proposed box.
        seed: The same seed gives the same squares.
        on_progress: Called with (done, total).
        finder: Name or path of the finder's card.

    Returns:
        uint8 RGB (side_px, side_px, 3) each, the most confident first within a mosaic, at most a dozen of each.

    Raises:
        DatasetError: There is no picture.
        UnknownName, ModelMissing, ModelCorrupt, ModelIncompatible: The finder cannot be used.
    """
    if not pictures:
        raise DatasetError("no picture without a face", hint="set data.alarms to 0, or add some")
    card = find_card(finder)
    if isinstance(card, FinderCard):
        card = replace(card, min_logit=min(card.min_logit, _LEAST_LOGIT))
    proposer = Proposer(card)
    nothing = (np.zeros((0, 4), np.float32), np.zeros((0, 5, 2), np.float32), np.zeros(0, bool))
    empty = tuple(Cutting(_small(path), *nothing, "") for path in pictures)
    composer = Composer(Pool((), empty), SceneRecipe())
    rng = np.random.default_rng([seed, 0xA1A])
    squares: list[UInt8Array] = []
    for done in range(1, mosaics + 1):
        image = Image(composer.background(rng, _MOSAIC_PX, _MOSAIC_PX))
        look = proposer.look_turned if done % 4 == 0 else proposer.look
        squares += [
            cut(image, square_affine(face, side_px, reach), side_px) for face, *_ in look(image)[:_PER_MOSAIC]
        ]
        if done % 10 == 0 or done == mosaics:
            on_progress(done, mosaics)
    return squares


def _small(path: Path) -> UInt8Array:
    pixels = read_image(path).image.pixels
    scale = min(1.0, _LONG_PX / max(pixels.shape[:2]))
    size = (max(1, round(pixels.shape[1] * scale)), max(1, round(pixels.shape[0] * scale)))
    return np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), np.uint8)
