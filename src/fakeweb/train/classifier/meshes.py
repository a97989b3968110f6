"""The mesh of a training face: measured by a mesher, or read from labels that ``fakeweb label`` wrote."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt

from fakeweb.runtime import sha256_of
from fakeweb.train.mesh.label import read_labels
from fakeweb.types import Box, Face, FaceMesher, Image

Mesh = npt.NDArray[np.float32]
_SAME_FACE = 0.4  # least overlap of a label's box with the face


class Meshes(Protocol):
    """Knows meshes of faces."""

    name: str

    def of(self, path: Path, image: Image, box: Box) -> Mesh | None:
        """Return the mesh, float32 (468, 3) in pixels of the picture, or None.

        Args:
            path: The picture's file.
            image: The picture.
            box: The face.
        """
        ...


class MeasuredMeshes:
    """Asks a mesher."""

    def __init__(self, mesher: FaceMesher) -> None:
        self.name: str = getattr(mesher, "reference", mesher.name)  # another model gives other meshes
        self._mesher, self._least = mesher, float(getattr(mesher, "min_presence", 0.0))

    def of(self, path: Path, image: Image, box: Box) -> Mesh | None:  # noqa: ARG002 - the protocol
        """See :class:`Meshes`."""
        (face,) = self._mesher.mesh(image, [Face(box)])
        return None if face.presence is not None and face.presence < self._least else face.mesh


class LabelledMeshes:
    """Looks into a file of labels.

    Args:
        labels: The ``.npz`` file.
        roots: Roots of the data sets; the file's paths are relative to one of them.

    Raises:
        DatasetError: The file holds no mesh labels.
    """

    def __init__(self, labels: Path, roots: Sequence[Path]) -> None:
        self.name = f"labels-{sha256_of(labels)[:12]}" if labels.is_file() else "labels"
        self._roots = list(roots)
        self._labels = read_labels(labels)
        self._rows: dict[str, list[int]] = defaultdict(list)
        for row, name in enumerate(self._labels.path.tolist()):
            self._rows[name].append(row)

    def of(self, path: Path, image: Image, box: Box) -> Mesh | None:  # noqa: ARG002 - the protocol
        """See :class:`Meshes`."""
        for root in self._roots:
            if path.is_relative_to(root):
                for row in self._rows.get(path.relative_to(root).as_posix(), ()):
                    mesh = self._labels.mesh[row]
                    if _overlap(self._labels.box[row], box) > _SAME_FACE and np.isfinite(mesh).all():
                        return mesh
        return None


def _overlap(one: npt.NDArray[np.float32], other: Box) -> float:
    """Return intersection over union."""
    theirs = np.asarray(other)
    shared = float(
        np.prod(np.clip(np.minimum(one[2:], theirs[2:]) - np.maximum(one[:2], theirs[:2]), 0, None))
    )
    both = float(np.prod(one[2:] - one[:2]) + np.prod(theirs[2:] - theirs[:2]))
    return shared / (both - shared)
