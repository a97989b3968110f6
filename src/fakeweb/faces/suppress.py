"""Non-maximum suppression: several boxes for one face, faces outside the picture."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from fakeweb.types import Face, Image


def suppress(faces: Sequence[Face], *, max_overlap: float = 0.4) -> list[Face]:
    """Keep the most confident of faces that overlap: greedy non-maximum suppression.

    Two boxes overlap by the area they share over the smaller of the two areas, so that a small box inside a
    large one goes as well.

    Args:
        faces: Candidates in any order.
        max_overlap: Largest overlap two kept faces may have, in [0, 1].

    Returns:
        The kept faces, the most confident first; ties fall to the larger, then the more left and upper box.
    """
    if not faces:
        return []
    order = sorted(faces, key=lambda f: (-f.confidence, -f.width_px * f.height_px, f.box))
    boxes = np.array([f.box for f in order])
    area = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
    alive = np.ones(len(order), bool)
    for i in range(len(order)):
        if not alive[i]:
            continue
        shared = np.minimum(boxes[i, 2:], boxes[:, 2:]) - np.maximum(boxes[i, :2], boxes[:, :2])
        overlap = shared.clip(0).prod(axis=1) / np.minimum(area[i], area)
        alive[i + 1 :] &= overlap[i + 1 :] <= max_overlap
    return [face for face, kept in zip(order, alive, strict=True) if kept]


def is_inside(face: Face, image: Image) -> bool:
    """Tell whether a face's centre lies in the picture, not in a frame put around it."""
    x0, y0, x1, y1 = face.box
    return 0 <= (x0 + x1) / 2 < image.width and 0 <= (y0 + y1) / 2 < image.height
