"""Expressions: how far each part of a face moves, and which way the points of the mesh go then."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np

from fakeweb.forge.regions import (
    BROWS,
    EYE_CENTRES,
    EYES,
    LIPS,
    MOUTH,
    MOUTH_CENTRE,
    NOSE_TIP,
    SHAPE,
    bump,
    rise,
)
from fakeweb.types import FloatArray

_MOST_TURN_DEG = 7.0
"""How far a head is turned at most: what a turn uncovers is not in the picture."""
_AXIS = float(SHAPE[:, 2].max())
_BLINK = 0.2


@dataclass(frozen=True)
class Expression:
    """How far each part of a face moves; 0 is as it was, 1 as far as people can.

    Attributes:
        open: The mouth opens.
        smile: Its corners go out and up (below 0: down).
        pucker: The lips draw together.
        brows: Brows go up (below 0: down and together).
        lids: The lids close (below 0: they open wider).
        skew: The mouth is drawn to one side.
        yaw, pitch: The head turns to a side, and nods; 1 is 7 degrees.
        gaze: The eyes look to a side; the mesh has no iris, so this moves no point of it.
    """

    open: float = 0.0
    smile: float = 0.0
    pucker: float = 0.0
    brows: float = 0.0
    lids: float = 0.0
    skew: float = 0.0
    yaw: float = 0.0
    pitch: float = 0.0
    gaze: float = 0.0

    @staticmethod
    def draw(strength: float, rng: np.random.Generator) -> Expression:
        """Draw an expression: two or three parts move, the mouth always; head and eyes turn with it, or do not."""
        values = {part.name: 0.0 for part in fields(Expression)}
        mouth = rng.choice(("open", "smile", "pucker"), p=(0.3, 0.5, 0.2))
        sign = rng.choice((-1, 1), p=(0.35, 0.65)) if mouth == "smile" else 1
        values[mouth] = strength * rng.uniform(0.7, 1.0) * sign
        for other in rng.permutation(("brows", "lids", "skew", "smile"))[: rng.integers(1, 3)]:
            if values[other] == 0.0:
                values[other] = strength * rng.uniform(-0.8, 0.8)
        if rng.random() < _BLINK:
            values["lids"] = strength * rng.uniform(0.8, 1.1)
        for turn, chance in (("yaw", 0.6), ("pitch", 0.5), ("gaze", 0.5)):
            if rng.random() < chance:
                values[turn] = strength * rng.uniform(-1, 1)
        return Expression(**values)

    def moves(self) -> FloatArray:
        """Return how each point of the mesh moves, in face units (468, 3)."""
        moves = np.zeros_like(SHAPE)
        self._move_mouth(moves)
        self._move_brows(moves)
        self._move_lids(moves)
        self._turn(moves)
        return moves

    def _turn(self, moves: FloatArray) -> None:
        """Turn the head about a point behind the face."""
        yaw, pitch = (np.radians(_MOST_TURN_DEG * angle) for angle in (self.yaw, self.pitch))
        depth = SHAPE[:, 2] - _AXIS
        moves[:, 0] += np.sin(yaw) * depth
        moves[:, 1] += np.sin(pitch) * depth

    def _move_mouth(self, moves: FloatArray) -> None:
        x, y = SHAPE[:, 0], SHAPE[:, 1]
        half, tall = np.ptp(SHAPE[LIPS, 0]) / 2, np.ptp(SHAPE[LIPS, 1]) / 2
        bottom = SHAPE[:, 1].max()
        out = (x - MOUTH_CENTRE[0]) / half
        between = SHAPE[MOUTH, 1].mean()
        # the jaw: all below the line between the lips goes down, less towards the corners and the cheeks
        lower = (y > between).astype(np.float32)
        lower[MOUTH] = np.where(lower_half(MOUTH), 1, 0)
        middle = bump(np.abs(out), 1.02) ** 0.7
        wide = bump(np.abs(x - MOUTH_CENTRE[0]), 1.05)
        near_lips = bump(np.abs(y - between), 2.2 * tall)
        sink = lower * (near_lips * middle + (1 - near_lips) * wide)
        moves[:, 1] += (
            0.17 * max(self.open, 0) * sink * np.clip(1.25 - 0.5 * (y - between) / (bottom - between), 0, 1)
        )
        moves[:, 0] -= 0.06 * max(self.open, 0) * bump(np.abs(np.abs(out) - 1), 0.6) * np.sign(out) * half
        # the corners
        corner = bump(np.hypot(np.abs(out) - 1, (y - MOUTH_CENTRE[1]) / half), 1.1)
        moves[:, 0] += (
            (0.17 * self.smile - 0.14 * self.pucker) * corner * np.sign(out) * np.minimum(np.abs(out), 1)
        )
        moves[:, 1] -= 0.17 * self.smile * corner
        cheek = bump(np.hypot(np.abs(x) - 0.52, (y - (NOSE_TIP[1] + 0.1)) / 0.8), 0.5)
        moves[:, 1] -= 0.07 * max(self.smile, 0) * cheek
        lips = bump(np.hypot(out, (y - MOUTH_CENTRE[1]) / (2.5 * tall)), 1.2)
        moves[:, 1] += 0.05 * self.pucker * lips * np.sign(y - between)
        moves[:, 0] += 0.14 * self.skew * lips

    def _move_brows(self, moves: FloatArray) -> None:
        for brow, side in zip(BROWS, (-1, 1), strict=True):
            middle = SHAPE[brow].mean(0)
            width = np.ptp(SHAPE[brow, 0])
            near = bump(np.hypot((SHAPE[:, 0] - middle[0]) / width, (SHAPE[:, 1] - middle[1]) / 0.42), 1.0)
            moves[:, 1] -= 0.20 * self.brows * near
            moves[:, 0] -= 0.07 * min(self.brows, 0) * -side * near * -1

    def _move_lids(self, moves: FloatArray) -> None:
        for eye, centre in zip(EYES, EYE_CENTRES, strict=True):
            width = np.ptp(SHAPE[eye, 0])
            tall = np.ptp(SHAPE[eye, 1])
            out = (SHAPE[:, :2] - centre[:2]) / (0.62 * width, 0.55 * width)
            near = bump(np.hypot(out[:, 0], out[:, 1]), 1.15)
            upper = 1 - rise(SHAPE[:, 1] - centre[1], -0.25 * tall, 0.25 * tall)
            closing = 0.85 * self.lids if self.lids > 0 else 0.45 * self.lids
            moves[:, 1] += closing * tall * 0.9 * near * upper
            moves[:, 1] -= closing * tall * 0.15 * near * (1 - upper)


def lower_half(contour: np.ndarray) -> np.ndarray:
    """Tell which points of a closed contour lie on its lower side, the corners on neither."""
    points = SHAPE[contour]
    left, right = int(np.argmin(points[:, 0])), int(np.argmax(points[:, 0]))
    first, last = sorted((left, right))
    inner = np.zeros(len(contour), bool)
    inner[first + 1 : last] = True
    outer = ~inner
    outer[[first, last]] = False
    return inner if points[inner, 1].mean() > points[outer, 1].mean() else outer
