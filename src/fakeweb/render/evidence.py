"""A classifier's map of evidence, brought from its crop to the triangles of the mesh."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from fakeweb.topology import TRIANGLES
from fakeweb.types import Score, UInt8Array

_WEIGHTS = np.array([[1, 1, 1], [4, 1, 1], [1, 4, 1], [1, 1, 4]]) / np.array([[3], [6], [6], [6]])
_SHIFT = 4


def evidence_on_triangles(
    score: Score | None, points: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64] | None:
    """Return the mean evidence on each triangle, (T,) in [0, 1]; None where the score has no map.

    Args:
        score: With ``evidence`` and ``evidence_to_image``.
        points: (468, 2) the mesh in pixels of the picture.
    """
    if score is None or score.evidence is None or score.evidence_to_image is None:
        return None
    to_image = score.evidence_to_image.astype(np.float64)
    try:
        back = np.linalg.inv(to_image[:, :2])
    except np.linalg.LinAlgError:
        return None
    inner = np.einsum("wk,tkc->twc", _WEIGHTS, points[TRIANGLES]).reshape(-1, 2)
    where = ((inner - to_image[:, 2]) @ back.T).astype(np.float32)
    seen = cv2.remap(
        score.evidence,
        where[:, :1],
        where[:, 1:],
        cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_CONSTANT,
        borderValue=0,
    )
    means = np.asarray(seen, np.float64).reshape(-1, len(_WEIGHTS)).mean(axis=1)
    return np.asarray(means, np.float64)


def paint_triangles(
    mask: UInt8Array,
    points: npt.NDArray[np.float64],
    amount: npt.NDArray[np.float64],
    seen: npt.NDArray[np.bool_],
) -> None:
    """Fill triangles of a mask in place, each as bright as its amount in [0, 1].

    Args:
        mask: uint8 (h, w).
        points: (468, 2) in pixels of the mask.
        amount: (T,).
        seen: (T,) triangles to paint.
    """
    fixed = np.rint(np.clip(points, -(1 << 20), 1 << 20) * (1 << _SHIFT)).astype(np.int32)
    for i in np.flatnonzero(seen & (amount > 0.02)):
        cv2.fillConvexPoly(
            mask, fixed[TRIANGLES[i]], round(255 * float(min(amount[i], 1.0))), cv2.LINE_8, _SHIFT
        )
