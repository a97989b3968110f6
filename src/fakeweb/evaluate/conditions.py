"""What a face looks like, so that unequal false alarms can be seen: skin tone, size, brightness, sharpness."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

from fakeweb.faces import align
from fakeweb.faces.quality import sharpness
from fakeweb.types import Face, Image, UInt8Array

_SIDE_PX = 128
_CHEEK = 0.08  # half the side of a cheek's patch over the side of the crop


@dataclass(frozen=True)
class Conditions:
    """Measured on the face's crop at 128 px.

    Attributes:
        tone_deg: Individual typology angle of the cheeks in degrees; the larger, the lighter (Chardon et al. 1991).
        face_px: Narrower side of the face's box.
        brightness: Mean luma of the crop, 0 to 255.
        sharpness: Natural logarithm of the Laplacian's variance; blurred faces have little of it.
    """

    tone_deg: float
    face_px: float
    brightness: float
    sharpness: float


NOTHING: Final = Conditions(math.nan, math.nan, math.nan, math.nan)
"""Where there is no face to be measured."""

TONES: Final = (
    (-90.0, "dark"),
    (-30.0, "brown"),
    (10.0, "tan"),
    (28.0, "intermediate"),
    (41.0, "light"),
    (55.0, "very light"),
)
"""Lower ends of the classes of skin tone, after Del Bino and Bernerd, British Journal of Dermatology 2013."""

_EDGES: Final[dict[str, tuple[float, ...]]] = {
    "face_px": (0, 64, 96, 128, 192, 256),
    "brightness": (0, 60, 90, 120, 150, 180),
    "sharpness": (-math.inf, 4, 5, 6, 7),
}


def measure(image: Image, face: Face) -> Conditions:
    """Measure a face's conditions; a camera's light counts as skin tone too, so read tones as how skin *appears*.

    Args:
        image: RGB.
        face: Its five points say where the cheeks are; without them, its box does.
    """
    crop = align(image, face, _SIDE_PX, margin=1.0)
    grey = np.asarray(cv2.cvtColor(crop.pixels, cv2.COLOR_RGB2GRAY), np.uint8)
    return Conditions(
        tone_deg=_tone(crop.pixels, _cheeks(face, crop.to_image)),
        face_px=min(face.width_px, face.height_px),
        brightness=float(grey.mean()),
        sharpness=sharpness(grey),
    )


def _cheeks(face: Face, to_image: npt.NDArray[np.floating]) -> list[tuple[float, float]]:
    """Return the middles of both cheeks, as shares of the crop's side."""
    if face.points is None:
        return [(0.28, 0.62), (0.72, 0.62)]
    there = np.asarray(cv2.invertAffineTransform(np.asarray(to_image, np.float64)))
    points = (np.asarray(face.points, np.float64) @ there[:, :2].T + there[:, 2]) / _SIDE_PX
    eyes, nose, mouth = points[:2], points[2], points[3:]
    outward = [0.25 * (eye - nose) for eye in eyes]
    return [
        (float(x), float(y))
        for x, y in (
            (eye + corner) / 2 + (out[0], 0) for eye, corner, out in zip(eyes, mouth, outward, strict=True)
        )
    ]


def _tone(pixels: UInt8Array, cheeks: list[tuple[float, float]]) -> float:
    """Return the typology angle of the median cheek pixel; NaN where both cheeks lie outside the crop."""
    lab = cv2.cvtColor((pixels / 255.0).astype(np.float32), cv2.COLOR_RGB2LAB)
    side = pixels.shape[0]
    patches = []
    for x, y in cheeks:
        rows, columns = (
            slice(max(0, round((v - _CHEEK) * side)), max(0, round((v + _CHEEK) * side))) for v in (y, x)
        )
        patch = lab[rows, columns].reshape(-1, 3)
        if len(patch):
            patches.append(patch)
    if not patches:
        return math.nan
    # the lighter of the two medians: the other cheek may be turned away or in shadow
    lightness, _, blue_yellow = max((np.median(p, axis=0) for p in patches), key=lambda m: float(m[0]))
    return math.degrees(math.atan2(float(lightness) - 50, max(float(blue_yellow), 1e-6)))


def class_of(name: str, value: float) -> str:
    """Return the class that a measured value falls into.

    Args:
        name: Field of :class:`Conditions`.
        value: What was measured.

    Example:
        >>> class_of("tone_deg", 45.0), class_of("face_px", 100.0)
        ('light', '96 to 128')
    """
    if not math.isfinite(value):
        return "not measured"
    if name == "tone_deg":
        return next(label for low, label in reversed(TONES) if value >= low or low == TONES[0][0])
    edges = _EDGES[name]
    at = max(i for i, low in enumerate(edges) if value >= low or i == 0)
    low, high = edges[at], edges[at + 1] if at + 1 < len(edges) else math.inf
    if not math.isfinite(low) or (at == 0 and low == 0):
        return f"below {high:g}"
    return f"{low:g} to {high:g}" if math.isfinite(high) else f"from {low:g}"


def classes(name: str) -> list[str]:
    """Return all classes of a condition in order, the unmeasured last."""
    lows: list[float] = [low for low, _ in TONES] if name == "tone_deg" else list(_EDGES[name])
    tiny = _next_up(lows)
    return [*dict.fromkeys(class_of(name, tiny(low)) for low in lows), "not measured"]


def _next_up(lows: list[float]) -> Callable[[float], float]:
    return lambda low: low if math.isfinite(low) else lows[1] - 1


NAMES: Final = ("tone_deg", "face_px", "brightness", "sharpness")
TITLES: Final = {
    "tone_deg": "apparent skin tone",
    "face_px": "width of the face in pixels",
    "brightness": "mean brightness of the face",
    "sharpness": "sharpness of the face",
}
