"""Drawn faces: skin, eyes and lips where the mean mesh says, on textured noise, so that every change can be seen."""

from dataclasses import replace

import cv2
import numpy as np

from fakeweb.topology import CONTOURS, MEAN
from fakeweb.types import Face, Image

SHARE = 0.5
"""Width of the face over that of the picture, in pictures for :class:`DrawnFinder`."""


def mean_mesh(centre, width_px, turn_deg=0.0):
    """Return the mean mesh at a place, (468, 3)."""
    mesh = (MEAN - (MEAN.min(0) + MEAN.max(0)) / 2) / np.ptp(MEAN[:, 0]) * width_px
    angle = np.deg2rad(turn_deg)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    return np.concatenate([mesh[:, :2] @ turn.T + centre, mesh[:, 2:]], 1).astype(np.float32)


def drawn_face(centre, width_px, *, turn_deg=0.0, size=(256, 256), seed=0, grey=False):
    """Return a picture with skin, eyes and lips roughly where the mesh says, and the face."""
    rng = np.random.default_rng(seed)
    high, wide = size
    rough = cv2.GaussianBlur(rng.normal(0, 60, (high, wide, 3)).astype(np.float32), (0, 0), 1.5)
    skin = rng.integers(120, 200) + np.array((30.0, 0.0, -25.0))
    mesh = mean_mesh(centre, width_px, turn_deg)
    picture = np.full((high, wide, 3), 90.0) + rough
    inside = np.zeros((high, wide), np.uint8)
    cv2.fillConvexPoly(inside, cv2.convexHull(np.rint(mesh[:, :2]).astype(np.int32))[:, 0], 1)
    picture = np.where(inside[..., None] > 0, skin + 0.8 * rough, picture)
    for name, colour in {
        "left_eye": (235, 235, 240),
        "right_eye": (235, 235, 240),
        "lips_outer": (170, 60, 70),
    }.items():
        outline = np.rint(mesh[list(CONTOURS[name]), :2]).astype(np.int32)
        cv2.fillPoly(picture, [outline], colour)
        if name.endswith("eye"):
            x, y = (int(v) for v in outline.mean(0))
            cv2.circle(picture, (x, y), max(1, int(np.ptp(outline[:, 1]) * 0.5)), (70, 45, 30), -1)
    pixels = np.clip(picture, 0, 255).astype(np.uint8)
    if grey:
        pixels = np.repeat(pixels.mean(2, keepdims=True).astype(np.uint8), 3, 2)
    low, top = mesh[:, :2].min(0), mesh[:, :2].max(0)
    return Image(np.ascontiguousarray(pixels)), Face((*low.tolist(), *top.tolist()), mesh=mesh)


class DrawnFinder:
    """Says where the face is in every picture of which it fills the middle half."""

    name = "drawn"

    def find(self, image):
        """Return the one face."""
        if image.pixels.std() < 5:
            return []
        mesh = mean_mesh((image.width / 2, image.height / 2), SHARE * image.width)
        low, high = mesh[:, :2].min(0), mesh[:, :2].max(0)
        return [Face((*low.tolist(), *high.tolist()))]


class DrawnMesher:
    """Lays the mean mesh into the boxes of :class:`DrawnFinder`."""

    name = "drawn"

    def mesh(self, image, faces):
        """Return the faces with their meshes."""
        del image
        out = []
        for face in faces:
            x0, y0, x1, y1 = face.box
            out.append(replace(face, mesh=mean_mesh(((x0 + x1) / 2, (y0 + y1) / 2), x1 - x0)))
        return out


def build(outputs, argument="", weights=None):
    """A few convolutions: a network that learns in seconds."""
    from torch import nn

    class Rescale(nn.Module):
        def forward(self, x):
            return x / 127.5 - 1

    class Greatest(nn.Module):
        def forward(self, x):
            return x.amax((2, 3))

    return nn.Sequential(
        Rescale(), nn.Conv2d(3, 12, 3, 2, 1), nn.ReLU(), nn.Conv2d(12, 16, 3, 1, 1), nn.ReLU(), Greatest(),
        nn.Linear(16, outputs),
    )  # fmt: skip
