"""Smooth warps from scattered points: thin-plate splines on a coarse grid, enlarged, applied in one go."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from fakeweb.forge.patch import Patch
from fakeweb.forge.regions import IndexArray, control_points
from fakeweb.types import FloatArray

_GRID = 40
"""Cells along the longer side: at 256 px every seventh pixel is computed, the others are interpolated."""


def _cell_px(shape: tuple[int, int]) -> int:
    """Return the side of a cell of the grid in whole pixels."""
    return -(-max(shape) // _GRID)


def grid_shape(shape: tuple[int, int]) -> tuple[int, int]:
    """Return rows and columns of the grid that covers a field of this height and width."""
    cell = _cell_px(shape)
    return -(-shape[0] // cell), -(-shape[1] // cell)


def spline(
    at: FloatArray,
    values: FloatArray,
    shape: tuple[int, int],
    *,
    stiffness: float = 1e-3,
    where: npt.NDArray[np.bool_] | None = None,
) -> FloatArray:
    """Interpolate values between scattered points by a thin-plate spline (Bookstein, PAMI 1989).

    Args:
        at: (N, 2) positions in pixels.
        values: (N, K).
        shape: Height and width of the field.
        stiffness: 0 goes through every value; more smooths, which keeps folded points from tearing.
        where: (rows, columns): cells that are wanted; the others stay 0.

    Returns:
        float32 (rows, columns, K), see :func:`grid_shape` and :func:`enlarged`.
    """
    scale, cell = max(shape), _cell_px(shape)
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
    rows, columns = grid_shape(shape)
    wanted = np.ones((rows, columns), bool) if where is None else where
    # the middles of the cells
    grid = ((np.argwhere(wanted)[:, ::-1] + 0.5) * cell - 0.5).astype(np.float32) / np.float32(scale)
    field = np.zeros((rows, columns, values.shape[1]), np.float32)
    field[wanted] = _kernel(grid, here.astype(np.float32)) @ solved[:n] + solved[n] + grid @ solved[n + 1 :]
    return field


def enlarged(field: FloatArray, shape: tuple[int, int]) -> FloatArray:
    """Enlarge what :func:`spline` gives to a picture's height and width."""
    cell = _cell_px(shape)
    full = cv2.resize(field, (field.shape[1] * cell, field.shape[0] * cell), interpolation=cv2.INTER_CUBIC)
    return np.asarray(full, np.float32)[: shape[0], : shape[1]]


def _enlarged_busy(field: FloatArray, shape: tuple[int, int]) -> tuple[FloatArray, int, int]:
    """Enlarge the part of a field of moves where anything moves; also return where it begins, left and top.

    It may be empty. Moves of less than a fiftieth of a pixel are none.
    """
    cell = _cell_px(shape)
    busy = (np.abs(field).max(2) > 0.02).astype(np.uint8)
    left, top, width, height = cv2.boundingRect(busy)
    if not width:
        return np.zeros((0, 0, 2), np.float32), 0, 0
    rows, columns = field.shape[:2]
    # a cubic kernel reaches two cells: so far moves spread, and so many more cells it must see
    y0, y1, x0, x1 = (
        max(0, top - 2),
        min(rows, top + height + 2),
        max(0, left - 2),
        min(columns, left + width + 2),
    )
    seen = field[max(0, y0 - 2) : y1 + 2, max(0, x0 - 2) : x1 + 2]
    full = cv2.resize(seen, (seen.shape[1] * cell, seen.shape[0] * cell), interpolation=cv2.INTER_CUBIC)
    skip_y, skip_x = min(2, y0) * cell, min(2, x0) * cell
    height, width = min(shape[0], y1 * cell) - y0 * cell, min(shape[1], x1 * cell) - x0 * cell
    part = np.asarray(full, np.float32)[skip_y : skip_y + height, skip_x : skip_x + width]
    return part, x0 * cell, y0 * cell


def _kernel(a: FloatArray, b: FloatArray) -> FloatArray:
    """R squared times log r, for every pair, (len(a), len(b)); both in the precision of ``a``."""
    square = (a**2).sum(1)[:, None] + (b**2).sum(1) - 2 * a @ b.T
    np.maximum(square, 1e-10, out=square)
    out = np.asarray(cv2.log(square), square.dtype)
    out *= square
    out *= 0.5
    return out


def remap(pixels: FloatArray, x: FloatArray, y: FloatArray, *, cubic: bool = True) -> FloatArray:
    """Read ``pixels`` (h, w, 3) at the positions x and y (both of the result's shape), mirrored past the edge."""
    how = cv2.INTER_CUBIC if cubic else cv2.INTER_LINEAR
    out = np.asarray(cv2.remap(pixels, x, y, how, borderMode=cv2.BORDER_REFLECT_101), np.float32)
    return np.clip(out, 0, 255, out=out)


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
    reach = _reach_of(patch, grid_shape(patch.shape))
    field = spline(at, back, patch.shape, where=reach > 0)
    longest = float(np.abs(moves).max()) * 1.3 + 1e-6
    field = np.clip(field, -longest, longest) * reach[..., None]
    shift, x0, y0 = _enlarged_busy(field, patch.shape)
    out = patch.pixels.copy()
    weight = np.zeros(patch.shape, np.float32)
    height, width = shift.shape[:2]
    if not width:
        return out, weight
    part = np.s_[y0 : y0 + height, x0 : x0 + width]
    dx, dy = (np.asarray(d, np.float32) for d in cv2.split(shift))
    amount = cv2.magnitude(dx, dy)
    moved = np.asarray(amount > 0.05, np.uint8)
    dx += np.arange(x0, x0 + width, dtype=np.float32)
    dy += np.arange(y0, y0 + height, dtype=np.float32)[:, None]
    new = remap(patch.pixels, dx, dy)
    out[part] = cv2.copyTo(new, moved, np.ascontiguousarray(out[part]))
    weight[part] = np.minimum(amount / (0.03 * patch.unit_px + 0.2), 1) * moved
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
    scale = np.full(2, 1 / _cell_px(patch.shape), np.float32)
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
