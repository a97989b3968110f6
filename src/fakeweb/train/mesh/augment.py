"""From a kept square to what the network is shown: another cut, another light, another fate.

The labels move with the cut. Everything is decided by one random generator, so that a sample is a function of its
number.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from fakeweb.forge import degrade
from fakeweb.topology import MIRROR
from fakeweb.train.mesh.crops import Squares
from fakeweb.train.mesh.prints import print_face
from fakeweb.train.mesh.recipe import MeshRecipe
from fakeweb.types import UInt8Array

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Shown:
    """One sample.

    Attributes:
        pixels: uint8 RGB (S, S, 3).
        mesh: float32 (468, 3) in halves of the side, counted from the middle; 0 without a face.
        weight: Weight of the mesh over the distance of the eyes in the same unit; 0 without a face.
        presence: 1 for a face in its place, 0 for none.
        printed: 1 for a print, 0 for a face itself, -1 without a face.
    """

    pixels: UInt8Array
    mesh: Floats
    weight: float
    presence: float
    printed: float


def show_face(squares: Squares, index: int, recipe: MeshRecipe, rng: np.random.Generator) -> Shown:
    """Cut a face anew and degrade it."""
    side = recipe.square.side_px
    matrix = _cut_matrix(float(squares.box_px[index]), recipe, rng, squares.faces.shape[1])
    flip = rng.random() < 0.5
    if flip:
        matrix = np.array([[-1, 0, side - 1], [0, 1, 0], [0, 0, 1]]) @ matrix
    pixels = _warp(squares.faces[index], matrix, side)
    mesh = _move(squares.mesh[index], matrix)
    if flip:
        mesh = mesh[MIRROR]
    printed = rng.random() < recipe.augment.printed
    if printed:
        pixels, mesh = print_face(pixels, mesh, _other(squares, side, rng), rng)
    if rng.random() < recipe.augment.hidden:
        pixels = _hide(pixels, _other(squares, side, rng), rng)
    pixels = degraded(pixels, recipe, rng)
    half = side / 2
    there = mesh / half - np.array([(side - 1) / side, (side - 1) / side, 0], np.float32)
    eyes = float(squares.eyes_px[index]) * np.sqrt(abs(np.linalg.det(matrix[:2, :2]))) / half
    trust = 1 / (1 + (float(squares.doubt[index]) / 0.04) ** 2)
    return Shown(pixels, there.astype(np.float32), trust / eyes, 1.0, float(printed))


def show_none(squares: Squares, choices: npt.NDArray[np.int64], faces: npt.NDArray[np.int64], recipe: MeshRecipe,
              rng: np.random.Generator) -> Shown:  # fmt: skip
    """Show something without a face in its place: mostly none at all, sometimes one far off the middle.

    Args:
        squares: All.
        choices: Numbers of the empty squares to choose from.
        faces: Numbers of the faces to choose from.
        recipe: How much of everything.
        rng: Decides all.
    """
    side = recipe.square.side_px
    size = squares.empty.shape[1]
    if len(choices) == 0 or rng.random() < 0.2:
        index = int(rng.choice(faces))
        box = float(squares.box_px[index])
        matrix = _cut_matrix(box, recipe, rng, size, off=float(rng.uniform(0.55, 0.95)))
        pixels = _warp(squares.faces[index], matrix, side)
    else:
        index = int(rng.choice(choices))
        alarm = squares.empty_kind[index] == "alarm"
        matrix = (
            _cut_matrix(size / recipe.data.reach, recipe, rng, size)
            if alarm
            else _any_matrix(size, side, rng)
        )
        pixels = _warp(squares.empty[index], matrix, side)
    if rng.random() < 0.5:
        pixels = np.ascontiguousarray(pixels[:, ::-1])
    if rng.random() < 0.5 * recipe.augment.printed:
        points = np.zeros((468, 3), np.float32)
        points[:, :2] = rng.uniform(0.25 * side, 0.75 * side, (468, 2))
        pixels, _ = print_face(pixels, points, _other(squares, side, rng), rng)
    return Shown(degraded(pixels, recipe, rng), np.zeros((468, 3), np.float32), 0.0, 0.0, -1.0)


def show_plain(squares: Squares, index: int, recipe: MeshRecipe, *, empty: bool = False) -> UInt8Array:
    """Cut a face as it is cut in use, without any change; or an empty square as if it were a face."""
    side, size = recipe.square.side_px, squares.faces.shape[1]
    box = size / recipe.data.reach if empty else float(squares.box_px[index])
    return _warp((squares.empty if empty else squares.faces)[index], plain_matrix(box, recipe, size), side)


def plain_matrix(box_px: float, recipe: MeshRecipe, size: int) -> npt.NDArray[np.float64]:
    """Return the map (3, 3) from a kept square to the network's, as in use."""
    side = recipe.square.side_px
    scale = side / (recipe.square.margin * box_px)
    shift = (side - 1) / 2 - scale * (size - 1) / 2
    return np.array([[scale, 0, shift], [0, scale, shift], [0, 0, 1]])


def _cut_matrix(box_px: float, recipe: MeshRecipe, rng: np.random.Generator, size: int, *,
                off: float = 0.0) -> npt.NDArray[np.float64]:  # fmt: skip
    """Draw a map from a kept square to the network's: moved, scaled, turned, sheared, a little in perspective."""
    augment, side = recipe.augment, recipe.square.side_px
    far = 2.0 if rng.random() < 0.2 else 1.0
    move = rng.uniform(-augment.shift, augment.shift, 2) * far * box_px
    if off:
        direction = rng.uniform(0, 2 * np.pi)
        move = off * box_px * np.array([np.cos(direction), np.sin(direction)])
    grow = np.exp(rng.uniform(-augment.scale, augment.scale) * far)
    turned = rng.random() < 0.25
    degrees = rng.uniform(-augment.turn_deg, augment.turn_deg) if turned else rng.normal(0, augment.tilt_deg)
    angle = np.deg2rad(degrees)
    scale = side / (recipe.square.margin * box_px * grow)
    stretch = np.exp(rng.normal(0, 0.04))
    shear = rng.normal(0, 0.04)
    linear = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    linear = scale * linear @ np.array([[stretch, shear], [0, 1 / stretch]])
    middle = np.full(2, (size - 1) / 2) + move
    matrix = np.eye(3)
    matrix[:2, :2] = linear
    matrix[:2, 2] = np.full(2, (side - 1) / 2) - linear @ middle
    if rng.random() < 0.25:
        centre = np.array([[1, 0, -(side - 1) / 2], [0, 1, -(side - 1) / 2], [0, 0, 1]])
        bend = np.eye(3)
        bend[2, :2] = rng.normal(0, 0.08, 2) / (side / 2)
        matrix = np.linalg.inv(centre) @ bend @ centre @ matrix
    return matrix


def _any_matrix(size: int, side: int, rng: np.random.Generator) -> npt.NDArray[np.float64]:
    part = rng.uniform(0.45, 1.0)
    scale = side / (part * size)
    angle = rng.normal(0, 0.25)
    linear = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    middle = np.full(2, (size - 1) / 2) + rng.uniform(-0.5, 0.5, 2) * (1 - part) * size
    matrix = np.eye(3)
    matrix[:2, :2], matrix[:2, 2] = linear, np.full(2, (side - 1) / 2) - linear @ middle
    return matrix


def _warp(square: UInt8Array, matrix: npt.NDArray[np.float64], side: int) -> UInt8Array:
    out = cv2.warpPerspective(
        square, matrix, (side, side), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    return np.asarray(out, np.uint8)


def _move(mesh: Floats, matrix: npt.NDArray[np.float64]) -> Floats:
    flat = np.column_stack([mesh[:, :2], np.ones(len(mesh))]) @ matrix.T
    there = flat[:, :2] / flat[:, 2:]
    scale = np.sqrt(abs(np.linalg.det(matrix[:2, :2])))
    return np.column_stack([there, mesh[:, 2] * scale]).astype(np.float32)


def _other(squares: Squares, side: int, rng: np.random.Generator) -> UInt8Array:
    """Return something else to see, such as what lies behind a print."""
    if len(squares.empty) == 0:
        return np.full((side, side, 3), rng.integers(0, 256, 3), np.uint8)
    return _warp(
        squares.empty[int(rng.integers(len(squares.empty)))],
        _any_matrix(squares.empty.shape[1], side, rng),
        side,
    )


def _hide(pixels: UInt8Array, other: UInt8Array, rng: np.random.Generator) -> UInt8Array:
    """Lay something over a part: a hand, a microphone, hair, a box."""
    side = pixels.shape[0]
    mask = np.zeros((side, side), np.uint8)
    centre = tuple(int(v) for v in rng.uniform(0.1 * side, 0.9 * side, 2))
    axes = tuple(int(v) for v in rng.uniform(0.05 * side, 0.28 * side, 2))
    if rng.random() < 0.5:
        cv2.ellipse(mask, centre, axes, float(rng.uniform(0, 180)), 0, 360, 255, -1)
    else:
        low, high = np.subtract(centre, axes), np.add(centre, axes)
        cv2.rectangle(mask, (int(low[0]), int(low[1])), (int(high[0]), int(high[1])), 255, -1)
    cover = other if rng.random() < 0.6 else np.full_like(pixels, rng.integers(0, 256, 3).astype(np.uint8))
    return np.where(mask[..., None] > 0, cover, pixels)


def degraded(pixels: UInt8Array, recipe: MeshRecipe, rng: np.random.Generator) -> UInt8Array:
    """Change light and colour, shrink and enlarge, blur, add noise, encode."""
    augment, side = recipe.augment, pixels.shape[0]
    if rng.random() < augment.light:
        y, x = np.mgrid[:side, :side].astype(np.float32) / side - 0.5
        angle = rng.uniform(0, 2 * np.pi)
        light = 1 + rng.uniform(0.3, 1.6) * (x * np.cos(angle) + y * np.sin(angle))
        pixels = np.clip(pixels * light[..., None], 0, 255).astype(np.uint8)
    if rng.random() < augment.colour:
        gamma, gain = np.exp(rng.uniform(-0.5, 0.5)), rng.uniform(0.7, 1.3) * rng.uniform(0.9, 1.1, 3)
        pixels = degrade.curve(pixels, gamma, gain, 0.5, rng.uniform(-0.1, 0.1))
    if rng.random() < augment.dark:
        pixels = degrade.curve(pixels, rng.uniform(1.0, 1.8), np.full(3, rng.uniform(0.15, 0.5)), 0.0, 0.0)
    if rng.random() < augment.grey:
        pixels = degrade.grey(pixels)
    if rng.random() < augment.small:
        less = int(side / rng.uniform(1.3, 5.0))
        pixels = degrade.resize(pixels, less, less, cv2.INTER_AREA)
        if rng.random() < augment.encode:
            pixels = degrade.jpeg_bgr(pixels, int(rng.integers(20, 92)))
        kernel = (cv2.INTER_LINEAR, cv2.INTER_CUBIC)[rng.integers(2)]
        pixels = degrade.resize(pixels, side, side, kernel)
    if rng.random() < augment.blur:
        pixels = degrade.blur(pixels, rng.uniform(0.4, 2.2))
    if rng.random() < augment.noise:
        drawn = rng.standard_normal((side, side, 1 if rng.random() < 0.5 else 3), np.float32)
        pixels = degrade.noise(pixels, drawn * np.float32(rng.uniform(2, 18)))
    if rng.random() < augment.encode:
        pixels = degrade.jpeg_bgr(pixels, int(rng.integers(20, 92)))
    return np.ascontiguousarray(pixels)
