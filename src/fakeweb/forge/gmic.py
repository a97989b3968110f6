"""Retouch by another tool's filters: G'MIC's, where the package ``gmic`` is installed (CeCILL; never required)."""

from __future__ import annotations

from importlib import import_module
from typing import Any, ClassVar

import numpy as np

from fakeweb.errors import MissingExtra
from fakeweb.forge.blend import alpha
from fakeweb.forge.method import Method
from fakeweb.forge.patch import Patch, Worked
from fakeweb.types import FloatArray, Kind

_FILTERS = ("bilateral", "guided", "smooth")


class GmicRetouch(Method):
    """The skin smoothed by G'MIC: bilateral, guided or anisotropic filter, whichever ``rng`` draws."""

    name: ClassVar[str] = "gmic"
    kind: ClassVar[Kind] = "retouch"
    optional: ClassVar[bool] = True

    @classmethod
    def check_ready(cls) -> None:
        """Check that G'MIC is installed.

        Raises:
            MissingExtra: It is not.
        """
        _guest()

    def work(self, patch: Patch, strength: float, rng: np.random.Generator) -> Worked:
        """Return the patch with the skin filtered."""
        chosen = _FILTERS[int(rng.integers(len(_FILTERS)))]
        radius = max(1.5, patch.unit_px * (0.03 + 0.05 * strength))
        edge = 8 + 24 * strength
        commands = {
            "bilateral": f"bilateral {radius:.2f},{edge:.2f}",
            "guided": f"guided {round(radius)},{edge * edge:.2f}",
            "smooth": f"smooth {10 + 60 * strength:.2f},0.4,0.5,{0.5 + 0.02 * radius:.2f},1.1",
        }
        share = np.float32(min(1.0, 0.35 + 0.65 * strength))
        weight = np.asarray(patch.skin * share, np.float32)
        return Worked(alpha(_filtered(patch.pixels, commands[chosen]), patch.pixels, weight), weight)


def _filtered(pixels: FloatArray, command: str) -> FloatArray:
    """Run a command of G'MIC on RGB (h, w, 3) in [0, 255]; it gives whole numbers back."""
    guest = _guest()
    images = guest.ImageList([guest.Image.from_yxc(np.ascontiguousarray(pixels, np.float32))])
    return np.asarray(guest.run(f"{command} round cut 0,255", images)[0].yxc, np.float32).reshape(
        pixels.shape
    )


def _guest() -> Any:
    try:
        return import_module("gmic")
    except ImportError as error:
        raise MissingExtra(
            "the forge method 'gmic' needs the package gmic", hint="run: pip install gmic"
        ) from error
