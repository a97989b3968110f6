"""Turn a portrait's head to the side, up or down: the face and what lies around it as one relief, seen from elsewhere.

Zhu et al., Face Alignment Across Large Poses, CVPR 2016, made profiles of frontal faces in this way. What was hidden
before is smeared; a face that was turned a little already has its near side to show.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from fakeweb.faces.mesh import OnnxMesher
from fakeweb.faces.own import box_around
from fakeweb.topology import CONTOURS, FIVE, MEAN
from fakeweb.train.finder.pool import Cutting
from fakeweb.types import Face, FloatArray, Image, UInt8Array

FACE_PX = 112
"""Faces are turned at this width."""
_REACH = 1.25  # the part that is turned reaches so far from the face's middle, over its width
_GRID = 36
_SUPER = 2
# around the face: distance from its middle over that of its outline, depth behind the outline over the face's width
_RINGS = ((1.12, 0.12), (1.3, 0.3), (1.55, 0.45), (1.9, 0.45), (2.5, 0.45))
_FIVE = [
    list(CONTOURS["right_eye"]),
    list(CONTOURS["left_eye"]),
    *([int(np.hypot(*(MEAN[:, :2] - at).T).argmin())] for at in FIVE[2:]),
]


_LEAST_PX = 64.0


@dataclass(frozen=True, eq=False)
class Posed:
    """A head that was turned.

    Attributes:
        pixels: uint8 RGB (H, W, 3), the face about :data:`FACE_PX` wide before it was turned.
        mesh: float32 (468, 3) in its pixels.
        box: float32 (4,): brow to chin, cheek to cheek.
        points: float32 (5, 2).
    """

    pixels: UInt8Array
    mesh: FloatArray
    box: FloatArray
    points: FloatArray


def _largest(cutting: Cutting) -> int:
    wide = cutting.boxes[:, 2] - cutting.boxes[:, 0]
    return int(np.argmax(np.where(cutting.agreed, wide, -1)))


def measured(cutting: Cutting, mesher: OnnxMesher) -> FloatArray | None:
    """Return the mesh of the largest agreed face, or None where it is too small or hard to see."""
    i = _largest(cutting)
    box, points = cutting.boxes[i], cutting.points[i]
    if not cutting.agreed.any() or box[2] - box[0] < _LEAST_PX:
        return None
    five = points if np.isfinite(points).all() else None
    x0, y0, x1, y1 = box.tolist()
    (face,) = mesher.mesh(Image(cutting.pixels), [Face((x0, y0, x1, y1), points=five)])
    return face.mesh


def as_cutting(posed: Posed, source: str) -> Cutting:
    """Return a turned head as a picture to cut from."""
    return Cutting(posed.pixels, posed.box[None], posed.points[None], np.ones(1, bool), source)


def turn_head(pixels: UInt8Array, mesh: FloatArray, yaw_deg: float, pitch_deg: float) -> Posed:
    """Turn a head.

    Args:
        pixels: uint8 RGB (H, W, 3), a portrait.
        mesh: float32 (468, 3) in its pixels, upright.
        yaw_deg: To the left side of the picture; negative to the right.
        pitch_deg: Upwards; negative downwards.
    """
    part, mesh = _part(pixels, mesh)
    height, width = part.shape[:2]
    middle = np.array([(width - 1) / 2, (height - 1) / 2])
    depth, axis = _relief(mesh, width, height)
    fine = (width * _SUPER, height * _SUPER)
    ys, xs = np.mgrid[0 : fine[1], 0 : fine[0]].astype(np.float32) / _SUPER
    z = np.asarray(cv2.resize(depth, fine, interpolation=cv2.INTER_LINEAR), np.float32) - np.float32(axis)
    spots = np.stack([xs.ravel() - middle[0], ys.ravel() - middle[1], z.ravel()], 1)
    turn = _rotation(yaw_deg, pitch_deg)
    colours = np.asarray(cv2.resize(part, fine, interpolation=cv2.INTER_LINEAR), np.uint8).reshape(-1, 3)
    drawn = _splat(spots @ turn.T.astype(np.float32), colours, width, height, middle)
    trim = [
        int((1 - np.cos(np.deg2rad(angle))) * half)
        for angle, half in zip((yaw_deg, pitch_deg), middle, strict=True)
    ]
    drawn = np.ascontiguousarray(drawn[trim[1] : height - trim[1], trim[0] : width - trim[0]])
    origin = np.array([*middle, axis])
    there = ((mesh - origin) @ turn.T + origin - [*trim, 0]).astype(np.float32)
    five = np.array([there[group, :2].mean(0) for group in _FIVE], np.float32)
    return Posed(drawn, there, np.array(box_around(there), np.float32), five)


def _part(pixels: UInt8Array, mesh: FloatArray) -> tuple[UInt8Array, FloatArray]:
    """Cut the head out, the face :data:`FACE_PX` wide; what lies outside repeats the border."""
    low, high = mesh[:, :2].min(0), mesh[:, :2].max(0)
    wide = float((high - low).max()) / 1.25
    scale = FACE_PX / wide
    centre = (low + high) / 2
    side = int(2 * _REACH * FACE_PX)
    affine = np.array([[scale, 0, side / 2 - scale * centre[0]], [0, scale, side / 2 - scale * centre[1]]])
    shrink = scale < 0.6
    if shrink:
        size = (max(1, round(pixels.shape[1] * scale)), max(1, round(pixels.shape[0] * scale)))
        pixels = np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), np.uint8)
    warp = affine / np.array([[scale, scale, 1]]) if shrink else affine
    part = cv2.warpAffine(pixels, warp, (side, side), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    moved = np.concatenate([mesh[:, :2] @ affine[:, :2].T + affine[:, 2], mesh[:, 2:] * scale], 1)
    return np.asarray(part, np.uint8), moved.astype(np.float32)


def _relief(mesh: FloatArray, width: int, height: int) -> tuple[FloatArray, float]:
    """Return how far away everything is, float32 (GRID, GRID), and how far the axis lies on which a head turns."""
    oval = mesh[list(CONTOURS["oval"])]
    middle = mesh[:, :2].mean(0)
    side = float(np.sort(oval[:, 2])[-8:].mean())
    known = [mesh]
    for far, behind in _RINGS:
        ring = np.concatenate([middle + (oval[:, :2] - middle) * far, oval[:, 2:] + behind * FACE_PX], 1)
        ring[:, 2] = np.minimum(ring[:, 2], side + 0.25 * FACE_PX)
        known.append(ring)
    axis = side + 0.25 * FACE_PX
    points = np.concatenate(known)
    gx, gy = np.meshgrid(
        (np.arange(_GRID) + 0.5) * width / _GRID - 0.5, (np.arange(_GRID) + 0.5) * height / _GRID - 0.5
    )
    away = (gx.ravel()[:, None] - points[:, 0]) ** 2 + (gy.ravel()[:, None] - points[:, 1]) ** 2
    weight = np.exp(-away / (2 * (0.055 * FACE_PX) ** 2)) + 1e-12
    depth = (weight @ points[:, 2] + 1e-6 * axis) / (weight.sum(1) + 1e-6)
    return depth.reshape(_GRID, _GRID).astype(np.float32), axis


def _rotation(yaw_deg: float, pitch_deg: float) -> npt.NDArray[np.float64]:
    a, b = np.deg2rad(yaw_deg), np.deg2rad(pitch_deg)
    yaw = np.array([[np.cos(a), 0, np.sin(a)], [0, 1, 0], [-np.sin(a), 0, np.cos(a)]])
    pitch = np.array([[1, 0, 0], [0, np.cos(b), np.sin(b)], [0, -np.sin(b), np.cos(b)]])
    return pitch @ yaw


def _splat(
    seen: npt.NDArray[np.floating],
    colours: npt.NDArray[np.uint8],
    width: int,
    height: int,
    middle: npt.NDArray[np.float64],
) -> UInt8Array:
    """Draw spots, the nearest last; small gaps take the colour around them."""
    x = np.rint(seen[:, 0] + middle[0]).astype(np.int32)
    y = np.rint(seen[:, 1] + middle[1]).astype(np.int32)
    inside = (x >= 0) & (x < width) & (y >= 0) & (y < height)
    order = np.flatnonzero(inside)[np.argsort(-seen[inside, 2], kind="stable")]
    place = y[order] * width + x[order]
    flat = np.zeros((height * width, 3), np.float32)
    mask = np.zeros(height * width, np.float32)
    flat[place], mask[place] = colours[order], 1
    out, known = flat.reshape(height, width, 3), mask.reshape(height, width)
    for side in (3, 5, 9, 21, 61):
        if known.all():
            break
        near = cv2.blur(known, (side, side))
        fill = cv2.blur(out * known[..., None], (side, side)) / np.maximum(near, 1e-6)[..., None]
        empty = (known == 0) & (near > 1e-4)
        out[empty] = fill[empty]
        known = np.where(empty, np.float32(1), known)
    return out.clip(0, 255).astype(np.uint8)
