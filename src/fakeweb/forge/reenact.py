"""Expression reenactment: the same person with another expression, and a repainted lower face."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

import cv2
import numpy as np

from fakeweb.forge.blend import alpha, grey_of
from fakeweb.forge.method import Method
from fakeweb.forge.patch import Patch, Worked, soften
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
from fakeweb.forge.swap import lower_face
from fakeweb.forge.warp import warp_mesh
from fakeweb.types import FloatArray, Kind


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
    """

    open: float = 0.0
    smile: float = 0.0
    pucker: float = 0.0
    brows: float = 0.0
    lids: float = 0.0
    skew: float = 0.0

    @staticmethod
    def draw(strength: float, rng: np.random.Generator) -> Expression:
        """Draw an expression: two or three parts move, the mouth always."""
        values = dict.fromkeys(("open", "smile", "pucker", "brows", "lids", "skew"), 0.0)
        mouth = rng.choice(("open", "smile", "pucker"), p=(0.5, 0.35, 0.15))
        sign = rng.choice((-1, 1), p=(0.35, 0.65)) if mouth == "smile" else 1
        values[mouth] = strength * rng.uniform(0.7, 1.0) * sign
        for other in rng.permutation(("brows", "lids", "skew", "smile"))[: rng.integers(1, 3)]:
            if values[other] == 0.0:
                values[other] = strength * rng.uniform(-0.8, 0.8)
        return Expression(**values)

    def moves(self) -> FloatArray:
        """Return how each point of the mesh moves, in face units (468, 3)."""
        moves = np.zeros_like(SHAPE)
        self._move_mouth(moves)
        self._move_brows(moves)
        self._move_lids(moves)
        return moves

    def _move_mouth(self, moves: FloatArray) -> None:
        x, y = SHAPE[:, 0], SHAPE[:, 1]
        half, tall = np.ptp(SHAPE[LIPS, 0]) / 2, np.ptp(SHAPE[LIPS, 1]) / 2
        bottom = SHAPE[:, 1].max()
        out = (x - MOUTH_CENTRE[0]) / half
        between = SHAPE[MOUTH, 1].mean()
        # the jaw: all below the line between the lips goes down, less towards the corners and the cheeks
        lower = (y > between).astype(np.float32)
        lower[MOUTH] = np.where(_lower_half(MOUTH), 1, 0)
        middle = bump(np.abs(out), 1.02) ** 0.7
        wide = bump(np.abs(x - MOUTH_CENTRE[0]), 1.05)
        near_lips = bump(np.abs(y - between), 2.2 * tall)
        sink = lower * (near_lips * middle + (1 - near_lips) * wide)
        moves[:, 1] += (
            0.26 * max(self.open, 0) * sink * np.clip(1.25 - 0.5 * (y - between) / (bottom - between), 0, 1)
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
            moves[:, 1] += closing * tall * 0.75 * near * upper
            moves[:, 1] -= closing * tall * 0.15 * near * (1 - upper)


def _lower_half(contour: np.ndarray) -> np.ndarray:
    """Tell which points of a closed contour lie on its lower side, the corners on neither."""
    points = SHAPE[contour]
    left, right = int(np.argmin(points[:, 0])), int(np.argmax(points[:, 0]))
    first, last = sorted((left, right))
    inner = np.zeros(len(contour), bool)
    inner[first + 1 : last] = True
    outer = ~inner
    outer[[first, last]] = False
    return inner if points[inner, 1].mean() > points[outer, 1].mean() else outer


def express(patch: Patch, expression: Expression) -> Worked:
    """Give a face an expression: move the mesh and its pixels, and paint the mouth where it opens."""
    turned = float(np.linalg.norm(patch.axes[:, 2]) / max(patch.unit_px, 1e-3))
    # the mouth of a face turned far away cannot be opened in the picture
    narrow = float(np.clip(1.35 - turned, 0.3, 1.0))
    expression = replace(expression, open=expression.open * narrow, pucker=expression.pucker * narrow)
    moves = patch.project(expression.moves().astype(np.float32))
    pixels, weight = warp_mesh(patch, moves)
    if expression.open > 0:
        after = replace(patch, pixels=pixels, points=patch.points + moves)
        pixels, mouth = _paint_mouth(patch, after)
        weight = np.maximum(weight, mouth)
    return Worked(pixels, weight, moves)


def _paint_mouth(before: Patch, after: Patch) -> tuple[FloatArray, FloatArray]:
    """Fill an opened mouth: dark towards the throat, the edge of the upper teeth in shadow; (pixels, where)."""
    opened, was = _height(after.points[MOUTH]), _height(before.points[MOUTH])
    grown = (opened - was) / max(after.unit_px, 1e-3)
    inside = after.polygon(MOUTH, feather=0.025, grow=-0.012)
    where = inside * np.float32(np.clip((grown - 0.02) / 0.08, 0, 1))
    if was > 0.5 * opened or not where.any():
        return after.pixels, np.zeros_like(
            where
        )  # it was open: what was inside has been stretched, which will do
    lips = grey_of(after.pixels)[after.polygon(LIPS, feather=0.01) > 0.1]
    light = float(np.median(lips)) if len(lips) else 90.0
    throat, ivory = (np.array(c, np.float32) * light for c in ((0.42, 0.17, 0.15), (0.97, 0.91, 0.82)))
    cavity = throat + (ivory - throat) * (0.85 * _teeth(after, opened))[..., None]
    cavity += (np.asarray(cv2.GaussianBlur(after.pixels, (0, 0), 1.0), np.float32) - cavity) * 0.18
    return alpha(cavity, after.pixels, where), where


def _teeth(patch: Patch, opened_px: float) -> FloatArray:
    """Return where the edge of the upper teeth shows, below the upper lip and along it, (h, w) in [0, 1]."""
    along = patch.axes[:, 0] / max(float(np.linalg.norm(patch.axes[:, 0])), 1e-3)
    turn = np.array([[along[0], along[1]], [-along[1], along[0]]], np.float32)  # to upright coordinates
    mouth = patch.points[MOUTH] @ turn.T
    upper = mouth[~_lower_half(MOUTH)]
    upper = upper[np.argsort(upper[:, 0])]
    y, x = np.mgrid[0 : patch.shape[0], 0 : patch.shape[1]].astype(np.float32)
    u, v = turn[0, 0] * x + turn[0, 1] * y, turn[1, 0] * x + turn[1, 1] * y
    deep = v - np.interp(u.ravel(), upper[:, 0], upper[:, 1]).reshape(u.shape)
    band = np.clip(1 - np.abs(deep / max(0.42 * opened_px, 1.0) - 0.45) / 0.62, 0, 1)
    centre, width = (mouth[:, 0].min() + mouth[:, 0].max()) / 2, np.ptp(mouth[:, 0])
    sideways = np.clip(1 - np.abs(u - centre) / (0.42 * width + 1e-3), 0, 1)
    return soften(np.sqrt(band * sideways).astype(np.float32), 0.05 * patch.unit_px)


def _height(outline: FloatArray) -> float:
    """Return area over width: the mean height of an outline, in pixels."""
    width = float(outline[:, 0].max() - outline[:, 0].min())
    return float(cv2.contourArea(outline.astype(np.float32))) / max(width, 1e-3)


class Reenact(Method):
    """Another expression, as Face2Face gives (Thies et al., CVPR 2016): mouth, lids and brows move with the mesh."""

    name: ClassVar[str] = "reenact"
    kind: ClassVar[Kind] = "reenacted"

    def work(self, patch: Patch, strength: float, rng: np.random.Generator) -> Worked:
        """Return the face with another expression."""
        return express(patch, Expression.draw(strength, rng))


class LowerFace(Method):
    """A lower face moved and painted anew, as NeuralTextures does (Thies et al., SIGGRAPH 2019).

    The mouth moves with the mesh; then all below the nose passes through what a small renderer does to it (coarser,
    softer, its colours a little off) and is blended back under a soft mask.
    """

    name: ClassVar[str] = "lower_face"
    kind: ClassVar[Kind] = "reenacted"

    def work(self, patch: Patch, strength: float, rng: np.random.Generator) -> Worked:
        """Return the blend."""
        drawn = Expression.draw(0.7 * strength, rng)
        moved = express(patch, replace(drawn, brows=0.0, lids=0.0))
        rendered = _rendered(moved.pixels, strength, rng)
        mask = lower_face(patch, feather=float(rng.uniform(0.1, 0.3))) * np.float32(
            min(1.0, 0.6 + 0.5 * strength)
        )
        return Worked(alpha(rendered, patch.pixels, mask), mask)


def _rendered(pixels: FloatArray, strength: float, rng: np.random.Generator) -> FloatArray:
    """Paint a patch as a small renderer would: at a coarser size, its tones shifted, its grain gone."""
    height, width = pixels.shape[:2]
    factor = 1.15 + 1.0 * strength * rng.random()
    small = (max(8, round(width / factor)), max(8, round(height / factor)))
    out = cv2.resize(
        cv2.resize(pixels, small, interpolation=cv2.INTER_AREA),
        (width, height),
        interpolation=cv2.INTER_CUBIC,
    )
    gain = 1 + rng.uniform(-0.06, 0.06, 3) * strength
    offset = rng.uniform(-7, 7) * strength
    shifted = np.asarray(out, np.float32) * gain.astype(np.float32) + np.float32(offset)
    return np.asarray(np.clip(shifted, 0, 255), np.float32)
