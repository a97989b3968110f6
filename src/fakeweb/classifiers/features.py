"""Features of face crops for a head: a frozen encoder, asked as its users' cards say."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from fakeweb.errors import ModelCorrupt
from fakeweb.runtime import Composition
from fakeweb.runtime.encoder import Encoder
from fakeweb.runtime.weights import weights_entry


class CropEncoder:
    """A frozen encoder of crops of any size. Safe to share between threads.

    Args:
        composed: Which encoder, and what is taken of it.
        threads: Threads inside one call.

    Raises:
        UnknownName, ModelMissing, ModelIncompatible: As :class:`fakeweb.runtime.encoder.Encoder`.
        ModelCorrupt: It is another file than the head was trained over.
    """

    def __init__(self, composed: Composition, threads: int = 1) -> None:
        self._encoder = Encoder(composed.encoder, patches=composed.patches, threads=threads)
        if weights_entry(composed.encoder).sha256 != composed.encoder_sha256:
            raise ModelCorrupt(
                f"the weights '{composed.encoder}' are not those the head was trained over",
                hint="update FakeWeb, or train the head again",
            )

    def __call__(self, pixels: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
        """Return the features of one crop, float32 (size,).

        Args:
            pixels: uint8 RGB (S, S, 3); resized over pixel areas.
        """
        side = self._encoder.plan.side_px
        if pixels.shape[0] != side:
            how = cv2.INTER_AREA if pixels.shape[0] > side else cv2.INTER_LINEAR
            pixels = np.asarray(cv2.resize(pixels, (side, side), interpolation=how), np.uint8)
        return self._encoder(pixels)
