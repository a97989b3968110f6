"""Face patches: the neighbourhood of a face, cut out to be worked on, and put back with an honest mask."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import cv2
import numpy as np

from fakeweb.forge.forgery import Forgery
from fakeweb.forge.regions import BROWS, EYES, LIPS, MOUTH, SHAPE, IndexArray
from fakeweb.types import Face, FloatArray, Image, Kind, UInt8Array

_FIT = np.linalg.pinv(np.concatenate([SHAPE, np.ones((len(SHAPE), 1), np.float32)], 1)).astype(np.float32)


@dataclass(frozen=True, eq=False)
class Worked:
    """A patch after a step.

    Attributes:
        pixels: float32 RGB (h, w, 3).
        weight: float32 (h, w) in [0, 1]: how much each pixel was touched.
        moves: (468, 2): how far the mesh went, in pixels; None where it stayed.
    """

    pixels: FloatArray
    weight: FloatArray
    moves: FloatArray | None = None


@dataclass(frozen=True, eq=False)
class Patch:
    """A face and what lies around it.

    Attributes:
        pixels: float32 RGB (h, w, 3) in [0, 255]; never written to.
        points: float32 (468, 2): the mesh in pixels of the patch; may lie outside it.
        axes: float32 (2, 3): pixels per face unit along x, y and z of the mean face.
        left, top: Where the patch begins in the picture.
        of: Height and width of the picture.
    """

    pixels: FloatArray
    points: FloatArray
    axes: FloatArray
    left: int
    top: int
    of: tuple[int, int]

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width in pixels."""
        return int(self.pixels.shape[0]), int(self.pixels.shape[1])

    @cached_property
    def unit_px(self) -> float:
        """Pixels per face unit: half the width of a face seen from the front."""
        return float(np.linalg.norm(self.axes[:, :2]) / np.sqrt(2))

    def project(self, moves: FloatArray) -> FloatArray:
        """Turn moves in face units (N, 3) into moves in pixels (N, 2), as this face is turned and tilted."""
        return np.asarray(moves @ self.axes.T, np.float32)

    def polygon(self, *contours: IndexArray, feather: float = 0.03, grow: float = 0.0) -> FloatArray:
        """Return the soft inside of contours.

        Args:
            contours: Points of the mesh, in order.
            feather: How soft the edge is, in face units.
            grow: How far the edge is moved outwards (below 0: inwards), in face units.

        Returns:
            float32 (h, w) in [0, 1].
        """
        return self.fill([self.points[c] for c in contours], feather=feather, grow=grow)

    def fill(self, outlines: Sequence[FloatArray], *, feather: float = 0.03, grow: float = 0.0) -> FloatArray:
        """Return the soft inside of outlines given in pixels (N, 2); see :meth:`polygon`."""
        radius = feather * self.unit_px
        coarse = 4 if radius >= 12 else 2 if radius >= 5 else 1  # soft masks need no fine grid
        height, width = (-(-n // coarse) for n in self.shape)
        mask = np.zeros((height, width), np.uint8)
        for outline in outlines:
            at = (outline + 0.5) / coarse - 0.5
            cv2.fillPoly(mask, [np.rint(at * 16).astype(np.int32)], 255, cv2.LINE_AA, shift=4)
        reach = round(abs(grow) * self.unit_px / coarse)
        if reach:
            kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * reach + 1, 2 * reach + 1))
            mask = np.asarray((cv2.dilate if grow > 0 else cv2.erode)(mask, kernel), np.uint8)
        soft = soften(mask.astype(np.float32) * np.float32(1 / 255), radius / coarse)
        if coarse == 1:
            return soft
        full = cv2.resize(soft, (width * coarse, height * coarse), interpolation=cv2.INTER_LINEAR)
        return np.ascontiguousarray(full[: self.shape[0], : self.shape[1]], np.float32)

    def hull(self, *, feather: float = 0.12, grow: float = -0.06) -> FloatArray:
        """Return the soft inside of everything the mesh covers, (h, w)."""
        outline = np.asarray(cv2.convexHull(self.points), np.float32)[:, 0]
        return self.fill([outline], feather=feather, grow=grow)

    def around(self, points: FloatArray, margin: float) -> Patch:
        """Return the part around some points, so that a step works on no more than it needs; the pixels are shared.

        Args:
            points: (N, 2) in pixels of this patch.
            margin: How far the part goes beyond them, in face units.
        """
        height, width = self.shape
        beyond = margin * self.unit_px + 2
        x0, y0 = np.clip(np.floor(points.min(0) - beyond), 0, (width - 1, height - 1)).astype(int)
        x1, y1 = np.clip(np.ceil(points.max(0) + beyond), (x0 + 1, y0 + 1), (width, height)).astype(int)
        return replace(
            self,
            pixels=self.pixels[y0:y1, x0:x1],
            points=np.asarray(self.points - np.array((x0, y0), np.float32), np.float32),
            left=self.left + int(x0),
            top=self.top + int(y0),
        )

    def place_of(self, part: Patch) -> tuple[slice, slice]:
        """Return the rows and columns of a part."""
        top, left = part.top - self.top, part.left - self.left
        return slice(top, top + part.shape[0]), slice(left, left + part.shape[1])

    @cached_property
    def skin(self) -> FloatArray:
        """Where there is skin: the face without eyes, brows and lips, and without what is not of its colour, (h, w)."""
        face = self.hull(feather=0.07, grow=-0.04)
        features = self.polygon(*EYES, *BROWS, LIPS, MOUTH, feather=0.03, grow=0.035)
        bare = 1 - features
        out: FloatArray = face * bare * self._of_skin_colour(face * bare)
        return out

    def _of_skin_colour(self, face: FloatArray) -> FloatArray:
        """Return how much the colour of each pixel is that of this face's skin, (h, w): hair and glasses are not."""
        high, wide = (n // 3 for n in self.shape)
        if not high or not wide:
            return np.ones(self.shape, np.float32)
        whole = np.s_[: 3 * high, : 3 * wide]  # whole steps: quicker by far
        pixels = cv2.resize(self.pixels[whole], (wide, high), interpolation=cv2.INTER_AREA)
        inside = cv2.resize(face[whole], (wide, high), interpolation=cv2.INTER_AREA) > 0.9
        if not inside.any():
            return np.ones(self.shape, np.float32)
        lab = np.asarray(cv2.cvtColor(np.asarray(pixels / 255, np.float32), cv2.COLOR_RGB2Lab), np.float32)
        some = lab[inside]
        some = some[:: max(1, len(some) // 1000)]  # as good as all for a median
        middle = np.median(some, 0)
        spread = 1.5 * np.median(np.abs(some - middle), 0) + np.array((6, 3, 3), np.float32)
        far = np.sqrt((((lab - middle) / spread) ** 2).sum(2))
        likely = soften(np.clip(2.3 - 0.5 * far, 0, 1).astype(np.float32), 0.017 * self.unit_px)
        return np.asarray(cv2.resize(likely, self.shape[::-1], interpolation=cv2.INTER_LINEAR), np.float32)


def soften(mask: FloatArray, radius_px: float) -> FloatArray:
    """Blur a mask with a Gaussian of this radius (two standard deviations); float32 in, float32 out."""
    if radius_px < 0.6:
        return mask
    return np.asarray(cv2.GaussianBlur(mask, (0, 0), radius_px / 2), np.float32)


def need_mesh(face: Face) -> FloatArray:
    """Return the mesh's (468, 2) pixels.

    Raises:
        ValueError: The face has no mesh.
    """
    if face.mesh is None:
        raise ValueError("the forge needs Face.mesh, 468 points; run a mesh model on the face first")
    return face.mesh[:, :2]


def axes_of(points: FloatArray) -> FloatArray:
    """Return the pixels per face unit along x, y and z of the mean face that fit a mesh (468, 2) best, (2, 3)."""
    return np.asarray((_FIT @ points)[:3].T, np.float32)


def open_patch(image: Image, face: Face, *, reach: float = 0.45) -> Patch:
    """Cut out the neighbourhood of a face.

    Args:
        image: The picture.
        face: With its mesh.
        reach: How far the patch goes beyond the mesh, in face units.

    Raises:
        ValueError: No mesh, or it lies outside the picture.
    """
    points = need_mesh(face)
    axes = axes_of(points)
    margin = max(4.0, reach * float(np.linalg.norm(axes[:, :2]) / np.sqrt(2)))
    x0, y0 = np.floor(np.maximum(points.min(0) - margin, 0)).astype(int)
    x1, y1 = np.ceil(np.minimum(points.max(0) + margin, (image.width, image.height))).astype(int)
    if x1 - x0 < 2 or y1 - y0 < 2:
        raise ValueError(f"the face's mesh lies outside the {image.width} x {image.height} picture")
    pixels = image.pixels[y0:y1, x0:x1].astype(np.float32)
    shifted = np.asarray(points - np.array((x0, y0), np.float32), np.float32)
    return Patch(pixels, shifted, axes, int(x0), int(y0), (image.height, image.width))


def close_patch(image: Image, patch: Patch, pixels: FloatArray, weight: FloatArray, kind: Kind) -> Forgery:
    """Put a worked-on patch back.

    Args:
        image: The picture it was cut from.
        patch: The patch as it was.
        pixels: RGB (h, w, 3), clipped to [0, 255] here.
        weight: (h, w) in [0, 1]: how much each pixel was meant to be touched. Where it is 0 nothing changes; the
            mask is this weight, cut back to where bytes did change.
        kind: For the forgery.
    """
    out = np.array(image.pixels)
    mask = np.zeros((image.height, image.width), np.float32)
    touched = (weight > 0).astype(np.uint8)
    x, y, width, height = cv2.boundingRect(touched)
    if width:
        inside = np.s_[y : y + height, x : x + width]
        top, left = patch.top + y, patch.left + x
        window = np.s_[top : top + height, left : left + width]
        before = np.ascontiguousarray(image.pixels[window])
        zero: Any = 0.0
        rounded = cv2.add(
            np.asarray(pixels[inside], np.float32), zero, dtype=cv2.CV_8U
        )  # to the nearest, clipped
        after = cv2.copyTo(rounded, touched[inside], before.copy())
        out[window] = after
        same = cv2.inRange(cv2.absdiff(after, before), (0, 0, 0), (0, 0, 0))
        mask[window] = _honest(weight[inside], np.asarray(255 - same, np.uint8), patch.unit_px)
    return Forgery(Image(out), mask, kind)


def _honest(weight: FloatArray, changed: UInt8Array, unit_px: float) -> FloatArray:
    """Cut a weight back to where pixels changed (255), and raise it above 0 wherever one did."""
    side = 2 * max(1, round(0.02 * unit_px)) + 1
    near = cv2.blur(cv2.dilate(changed, np.ones((side, side), np.uint8)), (side, side))
    mask = cv2.threshold(np.asarray(weight, np.float32), 1, 0, cv2.THRESH_TRUNC)[1]
    cv2.multiply(mask, near, dst=mask, scale=1 / 255, dtype=cv2.CV_32F)
    least = changed * np.float32(1 / 255**2)
    return np.asarray(cv2.max(mask, least, dst=mask), np.float32)
