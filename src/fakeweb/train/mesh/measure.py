"""How good a mesh network is, on squares as they are cut in use."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from fakeweb.train.calibrate import auc
from fakeweb.train.mesh.augment import plain_matrix, show_plain
from fakeweb.train.mesh.crops import Squares
from fakeweb.train.mesh.recipe import MeshRecipe

_VALIDATED = 2000
Floats = npt.NDArray[np.float32]


def run_over(
    net: nn.Module, pixels: npt.NDArray[np.uint8], device: torch.device
) -> tuple[Floats, Floats, Floats]:
    """Run a network over squares (N, S, S, 3): mesh in halves of the side, presence and printed logits."""
    outs: list[list[Floats]] = [[], [], []]
    with torch.no_grad():
        for start in range(0, len(pixels), 64):
            for kept, out in zip(
                outs, net(torch.from_numpy(pixels[start : start + 64]).to(device)), strict=True
            ):
                kept.append(out.float().cpu().numpy())
    mesh, presence, printed = (np.concatenate(kept) for kept in outs)
    return mesh, presence, printed


def validate(net: nn.Module, squares: Squares, recipe: MeshRecipe, device: torch.device) -> dict[str, float]:
    """Measure a network on validation groups A, on squares as they are cut in use."""
    faces = np.flatnonzero(squares.part == 1)[:_VALIDATED]
    empty = np.flatnonzero(squares.empty_part == 1)[:_VALIDATED]
    mesh, presence, printed = run_over(
        net, np.stack([show_plain(squares, int(i), recipe) for i in faces]), device
    )
    errors = plain_errors(mesh, squares, faces, recipe)
    figures = {
        "median": float(np.median(errors)),
        "mean": float(errors.mean()),
        "failures": float((errors > 0.1).mean()),
        "presence_auc": float("nan"),
        "printed_on_plain": float((printed > 0).mean()),
    }
    if len(empty):
        pixels = np.stack([show_plain(squares, int(i), recipe, empty=True) for i in empty])
        figures["presence_auc"] = auc(presence, run_over(net, pixels, device)[1])
    return figures


def plain_errors(mesh: Floats, squares: Squares, faces: npt.NDArray[np.int64], recipe: MeshRecipe) -> Floats:
    """Return each face's mean distance to the teacher in the picture plane over that of the eyes, (N,)."""
    side, size = recipe.square.side_px, squares.faces.shape[1]
    errors = []
    for out, i in zip(mesh, faces, strict=True):
        matrix = plain_matrix(float(squares.box_px[i]), recipe, size)
        wanted = squares.mesh[i][:, :2] * matrix[0, 0] + matrix[0, 2]
        there = out[:, :2] * (side / 2) + (side - 1) / 2
        gap = np.linalg.norm(there - wanted, axis=1).mean()
        errors.append(gap / (float(squares.eyes_px[i]) * matrix[0, 0]))
    return np.asarray(errors, np.float32)
