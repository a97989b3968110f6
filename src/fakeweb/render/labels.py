"""Label placement: small plates with a few words, what they say, how large they are, where they go."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from fakeweb.render.paint import DARK, PAPER, Ink, Rect, blend, fill, rounded_rectangle, text_mask
from fakeweb.render.style import STYLE, Colour
from fakeweb.render.words import percent, stands_out
from fakeweb.types import FaceResult, UInt8Array

NOTE = "mesh: approximate position"
NEUTRAL = STYLE.neutral

_SMALLEST_CAP_PX = 7
_NO_LABEL_PX = 22.0
_NUMBER_ONLY_PX = 40.0


def wordings(result: FaceResult) -> tuple[str, ...]:
    """Return what a face's label may say, the fullest first; empty where the face is too small for any."""
    side_px = min(result.face.width_px, result.face.height_px)
    verdict = result.verdict
    if verdict.label == "uncertain":
        words = "stands out" if stands_out(result) else "uncertain"
        return () if side_px < _NO_LABEL_PX else ("?",) if side_px < 2 * _NUMBER_ONLY_PX else (words, "?")
    if side_px < _NO_LABEL_PX or verdict.p_fake is None:
        return ()
    number = percent(verdict.p_fake)
    if side_px < _NUMBER_ONLY_PX:
        return (number,)
    kind = result.score.kind if result.score is not None else None
    full = f"fake {number}"
    return (f"{full}  {kind}", full, number) if kind else (full, number)


def cap_px(picture: tuple[int, int], face_px: float | None = None) -> int:
    """Return the height of capitals: 1.3 % of the picture's longer side, less on a face that is small in it.

    Args:
        picture: Height and width in pixels.
        face_px: Height of the face; None for notes about the picture.
    """
    wanted = 0.013 * max(picture)
    if face_px is not None:
        wanted = min(wanted, 0.08 * face_px)
    return max(_SMALLEST_CAP_PX, round(wanted))


@dataclass(frozen=True, eq=False)
class Plate:
    """A label ready to be put down.

    Attributes:
        text: uint8 (h, w) mask of the words.
        cap: Height of a capital in pixels; everything else is a multiple of it.
        accent: Colour of the bar at its left end, or None for no bar.
    """

    text: UInt8Array
    cap: int
    accent: Colour | None

    @classmethod
    def of(cls, words: str, cap: int, accent: Colour | None) -> Plate:
        """Return the plate for some ASCII words."""
        return cls(text_mask(words, cap), cap, accent)

    @property
    def bar(self) -> int:
        """Width of the accent bar in pixels."""
        return 0 if self.accent is None else max(2, round(0.35 * self.cap))

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels."""
        pad = max(3, round(0.55 * self.cap))
        return self.text.shape[1] + 2 * pad + self.bar, self.cap + 2 * pad


def choose_spot(
    size: tuple[int, int],
    around: Rect,
    picture: tuple[int, int],
    avoid: npt.NDArray[np.float64],
    weights: npt.NDArray[np.float64],
) -> tuple[Rect, float]:
    """Find the best place for a plate beside a face, clamped inside the picture.

    Args:
        size: Width and height of the plate.
        around: What is drawn on the face; the plate stands just outside it if it can.
        picture: Height and width in pixels.
        avoid: (N, 4) rectangles it had better not cover.
        weights: (N,) how bad it is to cover each.

    Returns:
        The place and its cost: covered area times weight, as a share of the plate's area.
    """
    (width, height), (x0, y0, x1, y1) = size, around
    gap = max(2, height // 6)
    middle = (x0 + x1 - width) // 2
    corners = [
        (x0, y0 - height - gap),
        (middle, y0 - height - gap),
        (x1 - width, y0 - height - gap),
        (x0, y1 + gap),
        (middle, y1 + gap),
        (x1 - width, y1 + gap),
        (x1 + gap, y0),
        (x0 - gap - width, y0),
        (x1 + gap, y1 - height),
        (x0 - gap - width, y1 - height),
        (middle, y0),
        (middle, y1 - height),
    ]
    spots = np.array(corners, np.float64)
    spots[:, 0] = np.clip(spots[:, 0], 0, max(0, picture[1] - width))
    spots[:, 1] = np.clip(spots[:, 1], 0, max(0, picture[0] - height))
    rects = np.column_stack([spots, spots[:, 0] + width, spots[:, 1] + height])
    cost = overlaps(rects, avoid) @ weights / (width * height) + 0.01 * np.arange(len(rects))
    best = int(np.argmin(cost))
    return _whole(rects[best], picture), float(cost[best])


def overlaps(rects: npt.NDArray[np.float64], others: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return the area that each of (M, 4) rectangles shares with each of (N, 4) others, (M, N)."""
    low = np.maximum(rects[:, None, :2], others[None, :, :2])
    high = np.minimum(rects[:, None, 2:], others[None, :, 2:])
    shared = np.clip(high - low, 0.0, None)
    return np.asarray(shared[..., 0] * shared[..., 1], np.float64)


def note_spot(size: tuple[int, int], picture: tuple[int, int], avoid: npt.NDArray[np.float64]) -> Rect:
    """Return where the note at the bottom edge goes: left, or where it covers least."""
    (width, height), (tall, wide) = size, picture
    edge = max(2, height // 5)
    y = max(0, tall - height - edge)
    lefts = np.floor(edge + np.array([0.0, 1.0, 0.5, 0.25, 0.75]) * max(0, wide - width - 2 * edge))
    rects = np.column_stack([lefts, np.full(5, y), lefts + width, np.full(5, y + height)])
    cost = overlaps(rects, avoid).sum(axis=1)
    return _whole(rects[int(np.argmin(cost))], picture)


def _whole(rect: npt.NDArray[np.float64], picture: tuple[int, int]) -> Rect:
    x0, y0, x1, y1 = (int(v) for v in rect)
    return max(0, x0), max(0, y0), min(picture[1], x1), min(picture[0], y1)


def draw_plate(canvas: UInt8Array, plate: Plate, at: Rect, opacity: float, *, faint: bool = False) -> None:
    """Draw a plate in place.

    Args:
        canvas: uint8 RGB (H, W, 3), writable.
        plate: What to draw.
        at: Where, as :func:`choose_spot` returned it; what does not fit is cut off.
        opacity: 0 to 1, over all.
        faint: Whether to draw it discreetly.
    """
    width, height = plate.size
    ground = np.zeros((height, width), np.uint8)
    outline = rounded_rectangle(width - 1, height - 1, 0.45 * plate.cap)
    fill(ground, outline)
    words = np.zeros_like(ground)
    text = plate.text[: height - 1]
    pad = max(3, round(0.55 * plate.cap))
    top = pad - round(0.135 * plate.cap)
    rows = min(text.shape[0], height - top)
    left = pad + plate.bar
    words[top : top + rows, left : left + text.shape[1]] = text[:rows, : width - left]
    strength = 0.55 if faint else 0.82
    layers = [Ink(ground, DARK, strength * opacity)]
    if plate.accent is not None:
        bar = ground.copy()
        bar[:, plate.bar + 1 :] = 0
        layers.append(Ink(bar, plate.accent, opacity))
    layers.append(Ink(words, PAPER, (0.85 if faint else 1.0) * opacity))
    x0, y0, x1, y1 = at
    cut = [Ink(np.ascontiguousarray(i.mask[: y1 - y0, : x1 - x0]), i.colour, i.alpha) for i in layers]
    blend(canvas, at, cut)


def as_rects(rects: Sequence[Rect]) -> npt.NDArray[np.float64]:
    """Return rectangles as a float64 (N, 4) array, also for none."""
    return np.array(rects, np.float64).reshape(-1, 4)
