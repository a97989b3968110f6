"""What a head and the features it stands on say of the main face of a picture."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from fakeweb.classifiers import OnnxClassifier
from fakeweb.classifiers.features import CropEncoder
from fakeweb.errors import ModelIncompatible
from fakeweb.faces import align, main_face, measure
from fakeweb.runtime import Composition, ModelCard, open_session
from fakeweb.scanner import Scanner
from fakeweb.types import Image


def composition_of(card: ModelCard) -> Composition:
    """Return over which encoder a model is laid.

    Raises:
        ModelIncompatible: Over none, or it was adapted already.
    """
    if card.composed is None:
        raise ModelIncompatible(
            f"{card.reference} has no features from which a few examples could be learned",
            hint="--parent accurate; before that, once: fakeweb models fetch clip-vit-b16",
        )
    if card.adapter is not None:
        raise ModelIncompatible(
            f"{card.reference} was learned from examples already",
            hint="--parent accurate, and the old examples together with the new ones",
        )
    return card.composed


class Eye:
    """Finds the main face of a picture, as a scan does, and looks at it.

    Args:
        card: A head over an encoder.

    Raises:
        ModelMissing, ModelCorrupt, ModelIncompatible: A part of it cannot be used.
    """

    def __init__(self, card: ModelCard) -> None:
        composed = composition_of(card)
        self.card, self._encoder = card, CropEncoder(composed)
        self._base, self._head = OnnxClassifier(composed.base), open_session(card)
        self._scanner = Scanner()

    def __call__(self, image: Image) -> tuple[float, npt.NDArray[np.float32]] | None:
        """Return logit and encoder's features (F,) of the main face; None without a face large enough to judge."""
        card = self.card
        faces = measure(image, self._scanner.finder.find(image), self._scanner.mesher)
        face, _ = main_face(faces, image)
        if face is None or face.width_px < card.decision.min_face_px:
            return None
        crop = align(image, face, card.side_px, margin=card.margin)
        own = self._encoder(np.asarray(crop.pixels))
        whole = np.concatenate([[self._base.score([crop])[0].logit], own]).astype(np.float32)
        return float(self._head.run(whole[None])["logit"][0]), own
