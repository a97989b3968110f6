"""Contact sheets of the forge: per method, faces from above to below; before, three strengths, the mask."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np

from fakeweb.forge.dataset import Maker, Plan, shown_mask
from fakeweb.media import encode_jpeg, write_atomically
from fakeweb.types import Image, UInt8Array

STRENGTHS = (0.2, 0.6, 1.0)
CELL_PX = 200
ROWS = 8
_GREY = 90


def write_sheets(plan: Plan, on_sheet: Callable[[int, int], None]) -> Iterator[Path]:
    """Write one sheet per method of the plan, in which faces are drawn by the plan's seed; yield their paths.

    Args:
        plan: Faces, methods, folder.
        on_sheet: Called with (sheets done, in all).
    """
    order = np.random.default_rng(plan.seed).permutation(len(plan.faces))[: 2 * ROWS]
    chosen = replace(plan, side_px=max(plan.side_px, 2 * CELL_PX))
    makers = [Maker(replace(chosen, strength=(s, s))) for s in STRENGTHS]
    names = [name for group in plan.methods.values() for name in group]
    for done, name in enumerate(names, 1):
        rows = [row for number in order if (row := _row(makers, int(number), name)) is not None]
        on_sheet(done, len(names))
        if rows:
            path = plan.out / f"{name}.jpg"
            write_atomically(path, encode_jpeg(Image(_two_columns(rows)), 90, drawn=True))
            yield path


def _row(makers: list[Maker], number: int, name: str) -> UInt8Array | None:
    cells: list[UInt8Array] = []
    for maker in makers:
        real, face = maker.crop(number, np.random.default_rng(0))
        method = maker.method(name, maker.plan.faces[number].split)
        if method is None:
            return None
        forged = method(real, face, np.random.default_rng((maker.plan.seed, number)))
        cells = cells or [_cell(real.pixels)]
        cells.append(_cell(forged.image.pixels))
    return np.concatenate([*cells, _cell(shown_mask(forged))], 1)


def _cell(pixels: UInt8Array) -> UInt8Array:
    """Fit pixels into a square cell on grey."""
    scale = CELL_PX / max(pixels.shape[:2])
    size = (max(1, round(pixels.shape[1] * scale)), max(1, round(pixels.shape[0] * scale)))
    small = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC)
    cell = np.full((CELL_PX, CELL_PX, 3), _GREY, np.uint8)
    y, x = (CELL_PX - size[1]) // 2, (CELL_PX - size[0]) // 2
    cell[y : y + size[1], x : x + size[0]] = small
    return cell


def _two_columns(rows: list[UInt8Array]) -> UInt8Array:
    if len(rows) < 2:
        return rows[0]
    half = (len(rows) + 1) // 2
    blank = np.full_like(rows[0], _GREY)
    rows = rows + [blank] * (2 * half - len(rows))
    return np.concatenate([np.concatenate(rows[:half]), np.concatenate(rows[half:])], 1)
