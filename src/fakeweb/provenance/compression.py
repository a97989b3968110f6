"""JPEG compression forensics: how a JPEG was compressed, and whether the picture was a JPEG once before.

An earlier save leaves its steps in the picture's frequencies: after quantising by 10 they are multiples of 10, and a
later, finer save cannot hide that. The method knows tables of the JPEG standard at every quality and Photoshop's, sees
only earlier saves on the same grid of 8 x 8 blocks that were coarser than the last one, and is silent otherwise.
"""

from __future__ import annotations

from functools import cache, lru_cache
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

from fakeweb.media.presets import photoshop_tables
from fakeweb.provenance.blocks import Blocks
from fakeweb.provenance.values import Compression, EarlierSave
from fakeweb.types import UInt8Array

_LUMA: Final = np.array(
    [16, 11, 10, 16, 24, 40, 51, 61, 12, 12, 14, 19, 26, 58, 60, 55, 14, 13, 16, 24, 40, 57, 69, 56,
     14, 17, 22, 29, 51, 87, 80, 62, 18, 22, 37, 56, 68, 109, 103, 77, 24, 35, 55, 64, 81, 104, 113, 92,
     49, 64, 78, 87, 103, 121, 120, 101, 72, 92, 95, 98, 112, 100, 103, 99], np.int64,
)  # fmt: skip
_CHROMA: Final = np.array(
    [17, 18, 24, 47, 99, 99, 99, 99, 18, 21, 26, 66, 99, 99, 99, 99, 24, 26, 56, 99, 99, 99, 99, 99,
     47, 66, 99, 99, 99, 99, 99, 99, *(99,) * 32], np.int64,
)  # fmt: skip
_FREQUENCIES: Final = (1, 8, 16, 9, 2, 3, 10, 17, 24, 32, 25, 18, 11, 4, 12, 19, 26)
_MAX_BLOCKS: Final = 3072
_MOST: Final = 120
_INSIDE: Final = 0.97
_NOISE: Final = 1.0
"""Steps are this blurred, in units of a coefficient, by rounding to whole pixel values in between."""
_SUBSAMPLING: Final = {(1, 1): "4:4:4", (2, 1): "4:2:2", (2, 2): "4:2:0", (1, 2): "4:4:0", (4, 1): "4:1:1"}


@cache
def _standard() -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Return the tables of qualities 1 to 100, brightness and colour, (100, 64) each."""
    quality = np.arange(1, 101)
    scale = np.where(quality < 50, 5000 // quality, 200 - 2 * quality)[:, None]
    made = [np.clip((table * scale + 50) // 100, 1, 255) for table in (_LUMA, _CHROMA)]
    return made[0], made[1]


def describe(blocks: Blocks) -> Compression | None:
    """Say how a JPEG was compressed; None where it is none or lacks its tables."""
    if not blocks.components:
        return None
    luma = blocks.quantisers.get(blocks.components[0][2])
    if luma is None:
        return None
    chroma = blocks.quantisers.get(blocks.components[1][2]) if len(blocks.components) >= 3 else None
    own, other = _standard()
    exact = (own == luma).all(axis=1)
    if chroma is not None:
        exact &= (other == chroma).all(axis=1)
    quality = _nearest(np.array(luma))
    subsampling = None
    if len(blocks.components) >= 3 and blocks.components[1][0] and blocks.components[1][1]:
        first, second = blocks.components[0], blocks.components[1]
        subsampling = _SUBSAMPLING.get((first[0] // second[0], first[1] // second[1]), "other")
    if exact.any():
        return Compression("standard", int(np.flatnonzero(exact)[-1]) + 1, subsampling, blocks.progressive)
    family = "photoshop" if luma in photoshop_tables() else "own"
    return Compression(family, quality, subsampling, blocks.progressive)  # type: ignore[arg-type]


def _nearest(luma: npt.NDArray[np.int64]) -> int:
    """Return the quality whose standard table comes nearest."""
    off = np.abs(np.log(_standard()[0]) - np.log(np.maximum(luma, 1))).sum(axis=1)
    return int(off.argmin()) + 1


@cache
def _basis() -> npt.NDArray[np.float32]:
    """Return what projects 64 pixel values on the frequencies looked at, (64, F)."""
    k = np.arange(8)
    waves = np.cos((2 * k[None, :] + 1) * k[:, None] * np.pi / 16) * np.where(k, 0.5, np.sqrt(0.125))[:, None]
    both = np.einsum("ai,bj->abij", waves, waves).reshape(64, 64)
    return np.ascontiguousarray(both[list(_FREQUENCIES)].T.astype(np.float32))


@cache
def _hypotheses() -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Return tables an earlier save may have had, (T, F), and their qualities (T,)."""
    shop = sorted(photoshop_tables())
    tables = np.concatenate([_standard()[0][20:97], np.array(shop)])
    qualities = np.concatenate([np.arange(21, 98), [_nearest(np.array(t)) for t in shop]])
    return tables[:, list(_FREQUENCIES)], qualities


def earlier_save(stored: UInt8Array, luma: tuple[int, ...] | None) -> EarlierSave | None:
    """Look for an earlier save as JPEG.

    Args:
        stored: uint8 RGB (H, W, 3) as it lies in the file, before orientation: the grid begins in its corner.
        luma: The brightness table of the JPEG it comes from, in reading order; None for a lossless file.

    Returns:
        What fits best, or None where nothing fits clearly.
    """
    coefficients = _coefficients(stored)
    if coefficients is None:
        return None
    # the last save's own steps; a lossless file has none, half a unit stands for them
    last = np.full(len(_FREQUENCIES), 0.5) if luma is None else np.array(luma, float)[list(_FREQUENCIES)]
    numbers = np.abs(np.rint(coefficients / last))
    if luma is not None and not _is_its_own(coefficients, numbers, last):
        return None
    told = []
    for f, step in enumerate(last.tolist()):
        values = numbers[:, f]
        counts = np.bincount(values[(values > 0) & (values < _MOST)].astype(np.int64), minlength=_MOST)[1:]
        if counts.sum() >= 60:
            fits = _fits(f, step)
            told.append((fits @ _smooth(counts), fits @ counts, np.full(len(fits), counts.sum())))
    if not told:
        return None
    expected, hits, counted = np.array(told, np.float64).transpose(1, 0, 2)
    gain = hits * np.log(_INSIDE / np.clip(expected, 1e-3, 1)) + (counted - hits) * np.log(
        (1 - _INSIDE) / np.clip(1 - expected, 1e-3, 1)
    )
    useful = expected < 0.8
    score, inside, total = (np.where(useful, value, 0).sum(axis=0) for value in (gain, hits, counted))
    qualities = _hypotheses()[1]
    best = int(score.argmax())
    share = inside[best] / total[best] if total[best] else 0.0
    return (
        EarlierSave(int(qualities[best]), round(float(share), 3))
        if score[best] > 150 and share > 0.95
        else None
    )


def _coefficients(stored: UInt8Array) -> npt.NDArray[np.float32] | None:
    """Return the frequencies of up to 3,072 blocks spread evenly, (N, F); None for a picture too small."""
    rows, columns = stored.shape[0] // 8, stored.shape[1] // 8
    if rows * columns < 64:
        return None
    step = max(1, int(np.ceil(np.sqrt(rows * columns / _MAX_BLOCKS))))
    grid = stored[: rows * 8, : columns * 8].reshape(rows, 8, columns, 8, 3)[::step, :, ::step]
    colours = np.ascontiguousarray(grid.transpose(0, 2, 1, 3, 4)).reshape(-1, 64, 3)
    blocks = np.asarray(cv2.cvtColor(colours.astype(np.float32), cv2.COLOR_RGB2GRAY), np.float32)
    # a block with a clipped colour has lost its steps
    samples = colours.reshape(-1, 192)
    clipped = (samples.min(axis=1) == 0) | (samples.max(axis=1) == 255)
    whole = ~clipped if clipped.mean() < 0.9 else (blocks.max(axis=1) < 254) & (blocks.min(axis=1) > 1)
    result: npt.NDArray[np.float32] = blocks[whole] @ _basis()
    return result if len(result) >= 64 else None


def _is_its_own(
    coefficients: npt.NDArray[np.float32], numbers: npt.NDArray[np.float64], last: npt.NDArray[np.float64]
) -> bool:
    """Tell whether the pixels still lie on the steps of the file's own table: a colour profile moves them off."""
    off = np.abs(np.abs(coefficients) - numbers * last)
    coarse = last >= 3
    if not coarse.any():
        return True  # too fine to tell; so are the steps that are looked for
    return bool((off[:, coarse] < 0.75).mean() > 0.9)


@lru_cache(maxsize=64)
def _fits(frequency: int, step: float) -> npt.NDArray[np.float64]:
    """Return which multiples 1.. of ``step`` can come from a multiple of each hypothesis' step, (T, M)."""
    at = np.arange(1, _MOST) * step
    wide = _hypotheses()[0][:, frequency, None].astype(float)
    off = np.abs(at - np.rint(at / wide) * wide)
    return np.asarray(off <= step / 2 + _NOISE, np.float64)


def _smooth(counts: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    """Return the shares one would expect without an earlier save: an even fall with the same mean."""
    total = counts.sum()
    mean = float((counts * np.arange(1, _MOST)).sum() / total)
    shares = (1 - 1 / mean) ** np.arange(_MOST - 1) if mean > 1 else np.eye(1, _MOST - 1)[0]
    return np.asarray(shares / shares.sum(), np.float64)
