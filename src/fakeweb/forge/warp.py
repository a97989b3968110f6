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
        float32 (h, w, K).
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
    small = np.ascontiguousarray(field.reshape(rows, columns, -1), np.float32)
    return np.asarray(cv2.resize(small, shape[::-1], interpolation=cv2.INTER_CUBIC), np.float32)


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
    shift = spline(at, back, patch.shape)
    shift *= (_inside(patch) * _off_the_edge(patch))[..., None]
    longest = float(np.abs(moves).max()) * 1.3 + 1e-6
    np.clip(shift, -longest, longest, out=shift)
    amount = np.sqrt((shift**2).sum(-1))
    shift[amount < 0.05] = 0
    y, x = np.mgrid[0 : patch.shape[0], 0 : patch.shape[1]].astype(np.float32)
    out = remap(patch.pixels, x + shift[..., 0], y + shift[..., 1])
    still = amount < 0.05
    out[still] = patch.pixels[still]
    weight = np.where(still, 0, np.clip(amount / (0.03 * patch.unit_px + 0.2), 0, 1))
    return out, weight.astype(np.float32)


def _ring(patch: Patch) -> FloatArray:
    """Return points around the face that stay where they are, (24, 2)."""
    middle = (patch.points.max(0) + patch.points.min(0)) / 2
    half = (patch.points.max(0) - patch.points.min(0)) / 2 + 0.3 * patch.unit_px
    angle = np.linspace(0, 2 * np.pi, 24, endpoint=False, dtype=np.float32)
    corner = np.maximum(np.abs(np.cos(angle)), np.abs(np.sin(angle))) ** -0.5  # between a circle and a square
    around = np.stack([np.cos(angle), np.sin(angle)], 1) * corner[:, None]
    return np.asarray(middle + around * half, np.float32)


def _off_the_edge(patch: Patch) -> FloatArray:
    """Return 0 at the edge of the patch, rising to 1 inside: nothing is pulled in from where there is no picture."""
    fade = 0.3 * patch.unit_px + 1
    columns, rows = (
        np.clip(np.minimum(np.arange(n), np.arange(n)[::-1]) / fade, 0, 1).astype(np.float32)
        for n in patch.shape[::-1]
    )
    out: FloatArray = rows[:, None] * columns[None]
    return out


def _inside(patch: Patch) -> FloatArray:
    """Return 1 on the face and near it, falling smoothly to 0 at the ring, (h, w)."""
    small = np.zeros((32, 32), np.uint8)
    scale = 32 / np.array(patch.shape[::-1], np.float32)
    outline = cv2.convexHull(np.concatenate([patch.points, _ring(patch)]).astype(np.float32))[:, 0]
    middle = outline.mean(0)
    outline = middle + (outline - middle) * 0.9
    cv2.fillConvexPoly(small, np.rint(outline * scale * 16).astype(np.int32), 1, shift=4)
    soft = cv2.GaussianBlur(small.astype(np.float32), (0, 0), 1.2, borderType=cv2.BORDER_REPLICATE)
    return np.clip(cv2.resize(soft, patch.shape[::-1], interpolation=cv2.INTER_LINEAR), 0, 1)
