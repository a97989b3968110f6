"""Rejection of broken swaps: a seam stronger than the face's own contrast, or landmarks found elsewhere."""

from __future__ import annotations

import cv2
import numpy as np

from fakeweb.forge.patch import Patch, Worked, need_mesh
from fakeweb.types import Face, FaceMesher, FloatArray, Image

MOST_SEAM = 1.25
MOST_APART = 0.08
LEAST_PX = 12.0
"""Half the width of a face below which its pixels say too little to turn anything down."""
_SMALL = 64
_SECTORS = 8


def fault_of(patch: Patch, worked: Worked) -> str | None:
    """Return what is wrong with the pixels of a swap, or None."""
    if patch.unit_px < LEAST_PX:
        return None
    return "its seam shows" if seam_energy(patch, worked) > MOST_SEAM else None


def seam_energy(patch: Patch, worked: Worked) -> float:
    """Return how far colours step where a mask falls off, over the genuine face's contrast; in the worst eighth."""
    before, after, weight = (
        np.asarray(cv2.resize(a, (_SMALL, _SMALL), interpolation=cv2.INTER_AREA), np.float32)
        for a in (patch.pixels, worked.pixels, worked.weight)
    )
    most = float(weight.max())
    if most < 0.05:
        return 0.0
    weight /= most
    step = np.linalg.norm(after - before, axis=2) / np.sqrt(3) / np.maximum(weight, 0.1)
    rim = np.hypot(cv2.Sobel(weight, -1, 1, 0, scale=0.125), cv2.Sobel(weight, -1, 0, 1, scale=0.125))
    middle = cv2.moments(weight)
    place = np.arange(_SMALL, dtype=np.float32)
    y, x = (np.asarray(place - middle[m] / middle["m00"], np.float32) for m in ("m01", "m10"))
    turn = cv2.phase(np.tile(x, (_SMALL, 1)), np.tile(y[:, None], (1, _SMALL)))
    sector = (turn * (_SECTORS / (2 * np.pi))).astype(int).clip(0, _SECTORS - 1).ravel()
    there = np.bincount(sector, rim.ravel(), _SECTORS)
    added = np.bincount(sector, (rim * step).ravel(), _SECTORS) / (there + 1e-6)
    grey = cv2.cvtColor(before, cv2.COLOR_RGB2GRAY)
    return float(added.max() / (grey[weight > 0.5].std() + 8))


def lost(mesher: FaceMesher, image: Image, face: Face, wanted: FloatArray, unit_px: float) -> str | None:
    """Return what is wrong where a mesh model looks at a swap, or None.

    Args:
        mesher: Measures it.
        image: The picture with the swap in it.
        face: The face as it was.
        wanted: (468, 2): where the points should lie.
        unit_px: Pixels per face unit.
    """
    found = mesher.mesh(image, [face])[0]
    if found.mesh is None:
        return "no face is found in it"
    apart = np.linalg.norm(need_mesh(found) - wanted, axis=1).mean() / unit_px
    return "its landmarks lie elsewhere" if apart > MOST_APART else None
