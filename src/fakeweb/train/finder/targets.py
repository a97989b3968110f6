"""What the network should answer, and how wrong it is."""

from __future__ import annotations

import numpy as np
import torch
from torch.nn import functional

from fakeweb.faces.anchor_free import STRIDES
from fakeweb.types import FloatArray

WIDTH = 16
"""Per cell: +1 face, 0 none, -1 left alone; box (4); points (10, NaN where unknown); side of the face."""
_NEAR = (
    0.4  # cells as near as that to a face's middle, over its size, see almost the same: no word about them
)
_SIDES = {8: (0.0, 44.0), 16: (32.0, 104.0), 32: (80.0, 1e9)}  # a stride answers for faces of these sides


def targets(boxes: FloatArray, points: FloatArray, taught: np.ndarray, side_px: int) -> FloatArray:
    """Say for every cell of every stride what it should answer.

    A cell is answerable for a face whose size suits its stride and whose centre is near; the smaller face wins.
    Cells a little further off are left alone, and so are those inside a face that is left alone.

    Args:
        boxes: float32 (F, 4) in pixels of the scene.
        points: float32 (F, 5, 2).
        taught: bool (F,): a face to find; else one to leave alone.
        side_px: Side of the scene.

    Returns:
        float32 (cells, 16), strides one after the other, see :data:`WIDTH`.
    """
    levels = []
    sizes = np.sqrt((boxes[:, 2:] - boxes[:, :2]).prod(1)) if len(boxes) else np.zeros(0)
    for stride in STRIDES:
        count = side_px // stride
        level = np.zeros((count, count, WIDTH), np.float32)
        centres = (np.arange(count) + 0.5) * stride
        for i in np.argsort(-sizes, kind="stable"):
            x0, y0, x1, y1 = boxes[i]
            if not taught[i]:
                inside = np.ix_((centres > y0) & (centres < y1), (centres > x0) & (centres < x1))
                level[*inside, 0] = np.where(level[*inside, 0] > 0, 1, -1)
                continue
            low, high = _SIDES[stride]
            if not low <= sizes[i] < high:
                continue
            reach_x, reach_y = (
                min(max(0.75 * stride, 0.22 * length), 1.6 * stride) for length in (x1 - x0, y1 - y0)
            )
            away_x, away_y = (np.abs(centres - (a + b) / 2) for a, b in ((x0, x1), (y0, y1)))
            near = np.ix_(away_y <= _NEAR * (y1 - y0), away_x <= _NEAR * (x1 - x0))
            level[*near, 0] = np.where(level[*near, 0] > 0, 1, -1)
            rows, columns = away_y <= reach_y, away_x <= reach_x
            level[np.ix_(rows, columns)] = (1, x0, y0, x1, y1, *points[i].ravel(), sizes[i])
        levels.append(level.reshape(-1, WIDTH))
    return np.concatenate(levels)


def grid(side_px: int) -> torch.Tensor:
    """Return the cells' centres and strides, float32 (cells, 3)."""
    parts = []
    for stride in STRIDES:
        centres = (torch.arange(side_px // stride) + 0.5) * stride
        y, x = torch.meshgrid(centres, centres, indexing="ij")
        parts.append(torch.stack([x.ravel(), y.ravel(), torch.full((x.numel(),), float(stride))], 1))
    return torch.cat(parts)


def loss(outs: tuple[torch.Tensor, ...], wanted: torch.Tensor, cells: torch.Tensor) -> torch.Tensor:
    """Return the summed loss of a batch, a scalar.

    Score: focal loss with exponent 1 (Lin et al., Focal Loss for Dense Object Detection, ICCV 2017). Box: DIoU
    (Zheng et al., AAAI 2020). Points: smooth L1 over the face's side.

    Args:
        outs: The network's maps.
        wanted: float32 (N, cells, 16) of :func:`targets`.
        cells: From :func:`grid`.
    """
    out = torch.cat([level.flatten(1, 2) for level in outs], 1)
    face = wanted[..., 0] > 0
    where = cells.expand(len(out), -1, -1)[face]
    raw, want = out[face], wanted[face]
    centre, stride = where[:, :2], where[:, 2:]
    middle = centre + raw[:, 1:3] * stride
    size = raw[:, 3:5].clamp(-4, 6).exp() * stride
    boxes = torch.cat([middle - size / 2, middle + size / 2], 1)
    overlap, distance = _diou(boxes, want[:, 1:5])
    count = max(int(face.sum()), 1)
    score, goal = out[..., 0], face.float()
    focal = functional.binary_cross_entropy_with_logits(score, goal, reduction="none")
    focal = focal * (score.detach().sigmoid() - goal).abs()
    total = focal[wanted[..., 0] >= 0].sum() / count
    if len(raw):
        total = total + 2.0 * (1 - overlap + distance).sum() / count
        points = centre.repeat(1, 5) + raw[:, 5:] * stride
        known = want[:, 5:15].isfinite()
        gap = (points - want[:, 5:15].nan_to_num()) / want[:, 15:] * known
        total = (
            total
            + 1.0
            * functional.smooth_l1_loss(gap * 10, torch.zeros_like(gap), reduction="none").mean(1).sum()
            / count
        )
    return total


def _diou(mine: torch.Tensor, theirs: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Return IoU and the squared distance of the centres over that of the hull's corners."""
    low, high = torch.maximum(mine[:, :2], theirs[:, :2]), torch.minimum(mine[:, 2:], theirs[:, 2:])
    shared = (high - low).clamp(min=0).prod(1)
    areas = [(b[:, 2:] - b[:, :2]).prod(1) for b in (mine, theirs)]
    iou = shared / (areas[0] + areas[1] - shared + 1e-6)
    hull = torch.maximum(mine[:, 2:], theirs[:, 2:]) - torch.minimum(mine[:, :2], theirs[:, :2])
    gap = (mine[:, :2] + mine[:, 2:] - theirs[:, :2] - theirs[:, 2:]) / 2
    return iou, gap.pow(2).sum(1) / (hull.pow(2).sum(1) + 1e-6)
