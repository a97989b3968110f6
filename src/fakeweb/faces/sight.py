"""A finder and a mesher together: the mesh says which of the finds are faces, and where their 468 points lie."""

from __future__ import annotations

from collections.abc import Sequence

from fakeweb.faces.suppress import suppress
from fakeweb.types import Face, FaceFinder, FaceMesher, Image


class Sight:
    """Finds faces with one and confirms and measures them with another.

    Args:
        finder: Proposes faces.
        mesher: Measures them; where it says that there is no face, the proposal is dropped.

    Attributes:
        name: The finder's.
    """

    def __init__(self, finder: FaceFinder, mesher: FaceMesher) -> None:
        self.finder, self.mesher = finder, mesher
        self.name = finder.name

    def find(self, image: Image) -> list[Face]:
        """Return the confirmed faces with their mesh, the most confident first.

        Args:
            image: The picture, RGB.

        Raises:
            ModelError: A model does not give what its card says.
        """
        return self.confirm(image, self.finder.find(image))

    def confirm(self, image: Image, faces: Sequence[Face]) -> list[Face]:
        """Measure proposed faces and keep those that are some, each once."""
        seen = self.mesher.mesh(image, faces)
        least = self.mesher.min_presence
        return suppress([face for face in seen if face.presence is None or face.presence >= least])
