"""Face quality assessment: how well a face can be seen, before any classifier is asked."""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np

from fakeweb.faces.align import align, stand_of, turn_of
from fakeweb.types import Face, Image, UInt8Array

_SIDE_PX = 128
_BLOCK_PX = 8  # of JPEG, MPEG-2 and H.264's smallest transform pair
_ENOUGH_PX = 384  # of a face, to see whether there is a grid
_BLACK, _WHITE = 16, 239
_SMOOTH = 0.5  # grey levels between neighbours, added so that flat faces have no blocks by chance


@dataclass(frozen=True)
class Quality:
    """Measured on the face and around it; NaN where it cannot be.

    Attributes:
        length_px: Brow to chin in the picture.
        sharpness: Natural logarithm of the Laplacian's variance of the face at 128 px.
        brightness: Mean luma of the face, 0 to 255.
        lit: Share of its pixels that are neither black nor white.
        yaw_deg: How far the head is turned to a side, 0 to 90; NaN without a mesh.
        inside: Share of the face's square that lies in the picture.
        blocks: Mean step across the lines of an 8 px grid over the mean step elsewhere; 1 where there is no grid.
    """

    length_px: float
    sharpness: float
    brightness: float
    lit: float
    yaw_deg: float
    inside: float
    blocks: float


def quality_of(image: Image, face: Face) -> Quality:
    """Measure how well a face can be seen.

    Args:
        image: RGB.
        face: With its mesh, where there is one.
    """
    stand = stand_of(face)
    half = stand.length_px / 2
    x0, x1 = np.clip([stand.x - half, stand.x + half], 0, image.width)
    y0, y1 = np.clip([stand.y - half, stand.y + half], 0, image.height)
    try:
        crop = align(image, face, _SIDE_PX, margin=1.0)
    except ValueError:  # wholly outside
        return Quality(stand.length_px, math.nan, math.nan, math.nan, _yaw_deg(face), 0.0, 1.0)
    grey = np.asarray(cv2.cvtColor(crop.pixels, cv2.COLOR_RGB2GRAY), np.uint8)
    return Quality(
        length_px=stand.length_px,
        sharpness=sharpness(grey),
        brightness=float(grey.mean()),
        lit=float(((grey >= _BLACK) & (grey <= _WHITE)).mean()),
        yaw_deg=_yaw_deg(face),
        inside=share_inside(image, face),
        blocks=_blocks(image.pixels, int(x0), int(y0), math.ceil(x1), math.ceil(y1)),
    )


def share_inside(image: Image, face: Face) -> float:
    """Return the share of a face's square that lies in the picture."""
    stand = stand_of(face)
    half = stand.length_px / 2
    x0, x1 = np.clip([stand.x - half, stand.x + half], 0, image.width)
    y0, y1 = np.clip([stand.y - half, stand.y + half], 0, image.height)
    return float((x1 - x0) * (y1 - y0)) / max(4 * half * half, 1e-9)


def sharpness(grey: UInt8Array) -> float:
    """Return the natural logarithm of the Laplacian's variance of a grey picture, uint8 (H, W)."""
    return math.log(float(np.asarray(cv2.Laplacian(grey, cv2.CV_16S)).var()) + 1e-3)


def _yaw_deg(face: Face) -> float:
    """Return the angle between the face's straight ahead and the line to the camera, seen from above."""
    if face.mesh is None:
        return math.nan
    ahead = turn_of(face.mesh)[:, 2]
    return abs(math.degrees(math.atan2(float(ahead[0]), abs(float(ahead[2])))))


def _blocks(pixels: UInt8Array, x0: int, y0: int, x1: int, y1: int) -> float:
    """Compare the steps across the picture's own 8 px grid with those beside it, along and across."""
    x0, x1 = _middle_part(x0, x1)
    y0, y1 = _middle_part(y0, y1)
    luma = cv2.cvtColor(np.ascontiguousarray(pixels[y0:y1, x0:x1]), cv2.COLOR_RGB2GRAY)
    if min(luma.shape) < 3 * _BLOCK_PX:
        return 1.0
    ratios = []
    for across, start in ((luma, x0), (luma.T, y0)):
        wide = np.ascontiguousarray(across)
        steps = np.asarray(cv2.absdiff(wide[:, 1:], wide[:, :-1])).mean(axis=0)
        on_grid = (np.arange(len(steps)) + start + 1) % _BLOCK_PX == 0
        ratios.append((steps[on_grid].mean() + _SMOOTH) / (steps[~on_grid].mean() + _SMOOTH))
    return float(np.mean(ratios))


def _middle_part(begin: int, end: int) -> tuple[int, int]:
    """Return where the middle of a stretch begins and ends, if it is longer than need be."""
    spare = max(0, end - begin - _ENOUGH_PX)
    return begin + spare // 2, end - (spare - spare // 2)
