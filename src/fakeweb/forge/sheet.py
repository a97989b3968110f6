"""Sheets of the forge: per method before, three strengths and mask; per kind, faces to be sorted by somebody blind."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np

from fakeweb.datasets.csvfile import to_csv
from fakeweb.errors import DatasetError, Unforgeable
from fakeweb.forge.dataset import Job, Maker, Plan, shown_mask
from fakeweb.media import encode_jpeg, write_atomically
from fakeweb.types import Image, UInt8Array

STRENGTHS = (0.2, 0.6, 1.0)
CELL_PX = 200
ROWS = 8
BLIND = 40
"""Faces on a sheet that is to be sorted."""
BLIND_PX = 288
_ACROSS = 8
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


def write_blind(plan: Plan, on_sheet: Callable[[int, int], None]) -> Iterator[Path]:
    """Write one sheet of numbered faces per kind, half of them forged, and the key to all of them; yield their paths.

    Faces, their order and which are forged follow from the plan's seed. All are cropped, resized and encoded alike.

    Args:
        plan: Faces, methods, strength, folder.
        on_sheet: Called with (sheets done, in all).

    Raises:
        DatasetError: Too few faces, or too few that can be forged.
    """
    maker = Maker(replace(plan, side_px=BLIND_PX))
    key: list[tuple[object, ...]] = [("sheet", "number", "label", "method", "group")]
    for sheet, (kind, names) in enumerate(plan.methods.items(), 1):
        rng = np.random.default_rng((plan.seed, 7, sheet))
        labels = rng.permutation([True, False] * (BLIND // 2))
        cells: list[UInt8Array] = []
        for number in rng.permutation(len(plan.faces)):
            if len(cells) == BLIND:
                break
            method = names[int(rng.integers(len(names)))]
            made = maker.pair(Job(int(number), int(number), int(number), method, "", ""))
            if isinstance(made, str):
                continue
            forged = bool(labels[len(cells)])
            shown = made[1].image if forged else made[0]
            group = plan.faces[number].group
            cells.append(_numbered(shown.pixels, len(cells) + 1))
            key.append((sheet, len(cells), "fake" if forged else "real", method if forged else "", group))
        if len(cells) < BLIND:
            raise DatasetError(
                f"{len(cells)} faces for a sheet of {BLIND} of the kind {kind}", hint="give more pictures"
            )
        rows = [np.concatenate(cells[i : i + _ACROSS], 1) for i in range(0, BLIND, _ACROSS)]
        path = plan.out / f"sheet-{sheet}.jpg"
        write_atomically(path, encode_jpeg(Image(np.concatenate(rows)), plan.quality, drawn=True))
        on_sheet(sheet, len(plan.methods))
        yield path
    write_atomically(plan.out / "key.csv", to_csv(key).encode("utf-8", "replace"))
    yield plan.out / "key.csv"


def _numbered(pixels: UInt8Array, number: int) -> UInt8Array:
    """Put a picture into a cell of its own size or larger, with a number below."""
    cell = np.full((BLIND_PX + 28, BLIND_PX + 8, 3), _GREY, np.uint8)
    height, width = pixels.shape[:2]
    y, x = (BLIND_PX - height) // 2, (BLIND_PX + 8 - width) // 2
    cell[y : y + height, x : x + width] = pixels
    cv2.putText(
        cell, str(number), (8, BLIND_PX + 22), cv2.FONT_HERSHEY_SIMPLEX, 0.7, (255, 255, 255), 2, cv2.LINE_AA
    )
    return cell


def _row(makers: list[Maker], number: int, name: str) -> UInt8Array | None:
    cells: list[UInt8Array] = []
    for maker in makers:
        real, face = maker.crop(number, np.random.default_rng(0))
        method = maker.method(name, maker.plan.faces[number].split)
        if method is None:
            return None
        try:
            forged = method(real, face, np.random.default_rng((maker.plan.seed, number)))
        except Unforgeable:
            return None
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
