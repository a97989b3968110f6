"""Expression reenactment: the same person with another expression, moved in three ways and rendered softly."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import ClassVar

import cv2
import numpy as np

from fakeweb.forge.blend import alpha
from fakeweb.forge.expression import Expression
from fakeweb.forge.method import FULL, Method, Strength
from fakeweb.forge.mouth import paint_mouth
from fakeweb.forge.patch import Patch, Worked
from fakeweb.forge.regions import BROWS, EYE_CENTRES, EYES, LIPS, MOUTH_CENTRE, OVAL, SHAPE
from fakeweb.forge.swap import lower_face
from fakeweb.forge.warp import enlarged, grid_shape, remap, warp_mesh
from fakeweb.types import FloatArray, Image, Kind

Renderer = Callable[[Image], Image]
"""Draws a picture anew, the same size: a decoder's copy of it."""


def express(patch: Patch, expression: Expression) -> Worked:
    """Give a face an expression: move the mesh and its pixels, and paint the mouth where it opens."""
    turned = float(np.linalg.norm(patch.axes[:, 2]) / max(patch.unit_px, 1e-3))
    # the mouth of a face turned far away cannot be opened in the picture
    narrow = float(np.clip(1.35 - turned, 0.3, 1.0))
    expression = replace(expression, open=expression.open * narrow, pucker=expression.pucker * narrow)
    moves = patch.project(expression.moves().astype(np.float32))
    pixels, weight = warp_mesh(patch, moves)
    after = replace(patch, pixels=pixels, points=patch.points + moves)
    if abs(expression.gaze) > 0.02 and expression.lids < 0.5:
        pixels, eyes = _looking(after, expression.gaze)
        after, weight = replace(after, pixels=pixels), np.maximum(weight, eyes)
    if expression.open > 0:
        pixels, mouth = paint_mouth(patch, after)
        weight = np.maximum(weight, mouth)
    return Worked(pixels, weight, moves)


def _looking(patch: Patch, gaze: float) -> tuple[FloatArray, FloatArray]:
    """Shift what lies between the lids sideways, by up to a seventh of the eye; (pixels, where)."""
    part = patch.around(patch.points[np.concatenate(EYES)], 0.1)
    shift = np.zeros((*part.shape, 2), np.float32)
    for eye in EYES:
        inside = part.polygon(eye, feather=0.045, grow=-0.01)
        width = float(np.linalg.norm(np.ptp(part.points[eye], axis=0)))
        along = part.axes[:, 0] / (np.linalg.norm(part.axes[:, 0]) + 1e-6)
        shift += inside[..., None] * (0.14 * gaze * width * along).astype(np.float32)
    y, x = np.mgrid[0 : part.shape[0], 0 : part.shape[1]].astype(np.float32)
    moved = remap(np.ascontiguousarray(part.pixels), x - shift[..., 0], y - shift[..., 1])
    pixels, weight = patch.pixels.copy(), np.zeros(patch.shape, np.float32)
    place = patch.place_of(part)
    amount = np.abs(shift).max(2)
    pixels[place] = np.where((amount > 0.05)[..., None], moved, part.pixels)
    weight[place] = np.minimum(amount / (0.02 * patch.unit_px + 0.1), 1) * (amount > 0.05)
    return pixels, weight


class Reenactment(Method):
    """Base of the methods that give the same person another expression.

    Args:
        strength: See :class:`Method`.
        renderer: Draws the face anew within the mask, as neural rendering does; None: it is softened a little.
    """

    kind: ClassVar[Kind] = "reenacted"

    def __init__(self, *, strength: Strength = FULL, renderer: Renderer | None = None) -> None:
        super().__init__(strength=strength)
        self.renderer = renderer

    def rendered(self, pixels: FloatArray, strength: float, rng: np.random.Generator) -> FloatArray:
        """Draw a patch anew, RGB (h, w, 3) in [0, 255]."""
        if self.renderer is None:
            return _softened(pixels, strength, rng)
        image = Image(np.rint(np.clip(pixels, 0, 255)).astype(np.uint8))
        return self.renderer(image).pixels.astype(np.float32)


class Reenact(Reenactment):
    """Another expression by the mesh, as Face2Face gives (Thies et al., CVPR 2016): mouth, lids, brows, gaze, head."""

    name: ClassVar[str] = "reenact"

    def work(self, patch: Patch, strength: float, rng: np.random.Generator) -> Worked:
        """Return the face with another expression."""
        worked = express(patch, Expression.draw(strength, rng))
        if rng.random() < 0.5:
            return worked
        mask = patch.hull(feather=0.2, grow=-0.05)
        pixels = alpha(self.rendered(worked.pixels, 0.4 * strength, rng), worked.pixels, mask)
        return Worked(pixels, np.maximum(worked.weight, mask), worked.moves)


class LowerFace(Reenactment):
    """A lower face moved and painted anew, as NeuralTextures does (Thies et al., SIGGRAPH 2019).

    The mouth moves with the mesh; then all below the nose passes through what a small renderer does to it (coarser,
    softer, its colours a little off) and is blended back under a soft mask.
    """

    name: ClassVar[str] = "lower_face"
    kind: ClassVar[Kind] = "reenacted"

    def work(self, patch: Patch, strength: float, rng: np.random.Generator) -> Worked:
        """Return the blend."""
        drawn = Expression.draw(0.7 * strength, rng)
        moved = express(patch, replace(drawn, brows=0.0, lids=0.0, gaze=0.0, yaw=0.0, pitch=0.0))
        rendered = self.rendered(moved.pixels, strength, rng)
        mask = lower_face(patch, feather=float(rng.uniform(0.1, 0.3))) * np.float32(
            min(1.0, 0.6 + 0.5 * strength)
        )
        return Worked(alpha(rendered, patch.pixels, mask), mask, moved.moves)


class LocalAffine(Reenactment):
    """Parts of the face moved by an affine map each, as the First Order Motion Model does (Siarohin et al., 2019).

    Mouth and chin, and each eye with its brow, shift, turn, stretch and squeeze; in between the maps are mixed by
    distance. Then the face is rendered, softer than it was.
    """

    name: ClassVar[str] = "local_affine"

    def work(self, patch: Patch, strength: float, rng: np.random.Generator) -> Worked:
        """Return the face with its parts moved."""
        moves = _part_moves(strength, rng)
        at, shifts = _grid_moves(patch, patch.project(moves))
        pixels = remap(patch.pixels, at[..., 0], at[..., 1])
        amount = np.linalg.norm(shifts, axis=2)
        face = patch.hull(feather=0.2, grow=0.0) * np.float32(min(1.0, 0.5 + 0.5 * strength))
        pixels = alpha(self.rendered(pixels, strength, rng), pixels, face)
        weight = np.maximum(np.minimum(amount / (0.03 * patch.unit_px + 0.2), 1), face)
        return Worked(pixels, weight.astype(np.float32), patch.project(moves))


_PARTS = (
    (np.concatenate([LIPS, OVAL[SHAPE[OVAL, 1] > MOUTH_CENTRE[1]]]), MOUTH_CENTRE, 0.42),
    *((np.concatenate([e, b]), c, 0.27) for e, b, c in zip(EYES, BROWS, EYE_CENTRES, strict=True)),
)
"""Parts that move as one: points, where, how far their map reaches, in face units."""


def _part_moves(strength: float, rng: np.random.Generator) -> FloatArray:
    """Draw how each point moves, in face units (468, 3)."""
    whole = np.zeros((len(SHAPE), 3), np.float32)
    total = np.full((len(SHAPE), 1), 0.15, np.float32)
    squeeze = rng.uniform(-0.5, 0.25) * strength  # both eyes alike
    for number, (_, centre, reach) in enumerate(_PARTS):
        out = SHAPE[:, :2] - centre[:2]
        near = np.exp(-((out / reach) ** 2).sum(1, keepdims=True))
        if number == 0:
            scale = np.array((rng.uniform(-0.16, 0.16), rng.uniform(-0.3, 0.45))) * strength
            shift, turn = rng.uniform(-0.05, 0.05, 2) * strength, rng.uniform(-0.1, 0.1) * strength
        else:
            scale = np.array((0.0, squeeze))
            shift, turn = rng.uniform(-0.02, 0.02, 2) * strength, 0.0
        step = out * scale + shift + turn * out[:, ::-1] * (-1, 1)
        whole[:, :2] += near * step
        total += near
    return np.asarray(whole / np.maximum(total, 1), np.float32)


def _grid_moves(patch: Patch, moves: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Spread moves of points over the patch by distance, 0 far from all; where to read (h, w, 2), and the moves."""
    rows, columns = grid_shape(patch.shape)
    cell = -(-patch.shape[0] // rows)
    y, x = np.mgrid[0:rows, 0:columns].astype(np.float32)
    grid = np.stack([x, y], -1).reshape(-1, 1, 2) * cell + (cell - 1) / 2
    apart = ((grid - (patch.points + moves)[::3]) ** 2).sum(2) / (0.09 * patch.unit_px) ** 2
    near = np.exp(-0.5 * np.minimum(apart, 80))
    field = (near @ moves[::3]) / (near.sum(1, keepdims=True) + 0.3)
    shifts = enlarged(field.reshape(rows, columns, 2).astype(np.float32), patch.shape)
    y, x = np.mgrid[0 : patch.shape[0], 0 : patch.shape[1]].astype(np.float32)
    return np.stack([x, y], -1) - shifts, shifts


def _softened(pixels: FloatArray, strength: float, rng: np.random.Generator) -> FloatArray:
    """Paint a patch as a small renderer would: at a coarser size, its tones shifted, its grain gone."""
    height, width = pixels.shape[:2]
    factor = 1.1 + 0.7 * strength * rng.random()
    small = (max(8, round(width / factor)), max(8, round(height / factor)))
    out = cv2.resize(
        cv2.resize(pixels, small, interpolation=cv2.INTER_AREA),
        (width, height),
        interpolation=cv2.INTER_CUBIC,
    )
    gain = 1 + rng.uniform(-0.02, 0.02, 3) * strength
    offset = rng.uniform(-4, 4) * strength
    shifted = np.asarray(out, np.float32) * gain.astype(np.float32) + np.float32(offset)
    return np.asarray(np.clip(shifted, 0, 255), np.float32)
