"""Smooth warps from scattered points: thin-plate splines on a coarse grid, enlarged, applied in one go."""

from __future__ import annotations

import cv2
import numpy as np

from fakeweb.forge.patch import Patch
from fakeweb.forge.regions import IndexArray, control_points
from fakeweb.types import FloatArray

_GRID = 40
"""Cells along the longer side: at 256 px every sixth pixel is computed, the others are interpolated."""


def spline(
    at: FloatArray, values: FloatArray, shape: tuple[int, int], *, stiffness: float = 1e-3
) -> FloatArray:
    """Interpolate values between scattered points by a thin-plate spline (Bookstein, PAMI 1989).

    Args:
        at: (N, 2) positions in pixels.
        values: (N, K).
        shape: Height and width of the field.
        stiffness: 0 goes through every value; more smooths, which keeps folded points from tearing.

    Returns:
        float32 (rows, columns, K), at most 40 of each, spread evenly; see :func:`enlarged`.
    """
    scale = max(shape)
    here = at / scale
    n = len(here)
    system = np.zeros((n + 3, n + 3))
    system[:n, :n] = _kernel(here, here) + stiffness * np.eye(n)
    system[:n, n] = system[n, :n] = 1
    system[:n, n + 1 :] = here
    system[n + 1 :, :n] = here.T
    right = np.zeros((n + 3, values.shape[1]))
    right[:n] = values
    solved = np.linalg.solve(system, right).astype(np.float32)
    rows, columns = (max(3, int(np.ceil(_GRID * side / scale))) for side in shape)
    # the middles of the cells: where the pixels of a picture of that size would lie
    y = (np.arange(rows, dtype=np.float32) + 0.5) * (shape[0] / rows) - 0.5
    x = (np.arange(columns, dtype=np.float32) + 0.5) * (shape[1] / columns) - 0.5
    grid = np.stack(np.meshgrid(x, y), -1).reshape(-1, 2) / scale
    field = _kernel(grid.astype(np.float32), here.astype(np.float32)) @ solved[:n]
    field += solved[n] + grid.astype(np.float32) @ solved[n + 1 :]
    return np.ascontiguousarray(field.reshape(rows, columns, -1), np.float32)


def enlarged(field: FloatArray, shape: tuple[int, int]) -> FloatArray:
    """Enlarge what :func:`spline` gives to a picture's height and width."""
    return np.asarray(cv2.resize(field, shape[::-1], interpolation=cv2.INTER_CUBIC), np.float32)


def _kernel(a: FloatArray, b: FloatArray) -> FloatArray:
    """R squared times log r, for every pair."""
    square = np.maximum((a[:, None, 0] - b[None, :, 0]) ** 2 + (a[:, None, 1] - b[None, :, 1]) ** 2, 1e-10)
    out: FloatArray = 0.5 * square * np.log(square)
    return out


def remap(pixels: FloatArray, x: FloatArray, y: FloatArray, *, cubic: bool = True) -> FloatArray:
    """Read ``pixels`` (h, w, 3) at the positions x and y (both of the result's shape), mirrored past the edge."""
    how = cv2.INTER_CUBIC if cubic else cv2.INTER_LINEAR
    out = cv2.remap(pixels, x, y, how, borderMode=cv2.BORDER_REFLECT_101)
    return np.clip(np.asarray(out, np.float32), 0, 255)


def warp_mesh(
    patch: Patch, moves: FloatArray, *, steer: IndexArray | None = None
) -> tuple[FloatArray, FloatArray]:
    """Move the points of a mesh and the pixels with them; what is far from any moved point stays.

    Args:
        patch: The face.
        moves: (468, 2) in pixels: how far each point goes.
        steer: Points that steer the warp; None: the usual ones.

    Returns:
        The warped pixels, float32 (h, w, 3), and how much each was moved, (h, w) in [0, 1].
    """
    chosen = control_points() if steer is None else steer
    there = patch.points[chosen] + moves[chosen]
    ring = _ring(patch)
    at = np.concatenate([there, ring])
    back = np.concatenate([-moves[chosen], np.zeros_like(ring)])
    field = spline(at, back, patch.shape)
    longest = float(np.abs(moves).max()) * 1.3 + 1e-6
    field = np.clip(field, -longest, longest) * _reach_of(patch, field.shape[:2])[..., None]
    shift = enlarged(field, patch.shape)
    amount = cv2.magnitude(shift[..., 0], shift[..., 1])
    out = patch.pixels.copy()
    weight = np.zeros(patch.shape, np.float32)
    moved = np.asarray(amount > 0.05, np.uint8)
    x0, y0, width, height = cv2.boundingRect(moved)
    if not width:
        return out, weight
    part = np.s_[y0 : y0 + height, x0 : x0 + width]
    y, x = np.mgrid[y0 : y0 + height, x0 : x0 + width].astype(np.float32)
    new = remap(patch.pixels, x + shift[part][..., 0], y + shift[part][..., 1])
    out[part] = cv2.copyTo(new, moved[part], np.ascontiguousarray(out[part]))
    weight[part] = np.minimum(amount[part] / (0.03 * patch.unit_px + 0.2), 1) * moved[part]
    return out, weight


def _ring(patch: Patch) -> FloatArray:
    """Return points around the face that stay where they are, (24, 2)."""
    middle = (patch.points.max(0) + patch.points.min(0)) / 2
    half = (patch.points.max(0) - patch.points.min(0)) / 2 + 0.3 * patch.unit_px
    angle = np.linspace(0, 2 * np.pi, 24, endpoint=False, dtype=np.float32)
    corner = np.maximum(np.abs(np.cos(angle)), np.abs(np.sin(angle))) ** -0.5  # between a circle and a square
    around = np.stack([np.cos(angle), np.sin(angle)], 1) * corner[:, None]
    return np.asarray(middle + around * half, np.float32)


def _reach_of(patch: Patch, shape: tuple[int, int]) -> FloatArray:
    """Return how far a warp may act, on a grid of this shape: 1 on the face, falling to 0 at the ring and at the edges.

    Nothing is pulled in from where there is no picture.
    """
    scale = np.array(shape[::-1], np.float32) / patch.shape[::-1]
    outline = np.asarray(cv2.convexHull(np.concatenate([patch.points, _ring(patch)]).astype(np.float32)))[
        :, 0
    ]
    middle = outline.mean(0)
    outline = middle + (outline - middle) * 0.9
    inside = np.zeros(shape, np.float32)
    cv2.fillConvexPoly(inside, np.rint(outline * scale * 16).astype(np.int32), 1, shift=4)
    inside = np.asarray(cv2.GaussianBlur(inside, (0, 0), 1.5, borderType=cv2.BORDER_REPLICATE), np.float32)
    fade = 0.3 * patch.unit_px + 1
    columns, rows = (
        np.clip(np.minimum(np.arange(n), np.arange(n)[::-1]) / (fade * share), 0, 1)
        for n, share in zip(shape[::-1], scale, strict=True)
    )
    out: FloatArray = inside * (rows[:, None] * columns[None]).astype(np.float32)
    return out
