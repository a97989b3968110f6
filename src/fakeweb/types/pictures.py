"""Pictures, and faces in them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import numpy as np

from fakeweb.types.arrays import (
    Box,
    FloatArray,
    UInt8Array,
    freeze_floats,
    read_only,
    short_box,
)
from fakeweb.types.form import Digits, Shape, Since, Within, settle
from fakeweb.types.notebook import shown

Probability = Annotated[float, Within(0, 1)]


@dataclass(frozen=True, eq=False)
class Image:
    """A decoded picture, upright.

    Attributes:
        pixels: uint8 RGB of shape (H, W, 3), read-only, sRGB, orientation already applied. A contiguous array is
            not copied: whoever made it must not write to it any more.

    Raises:
        TypeError: ``pixels`` is not a uint8 array.
        ValueError: ``pixels`` is not (H, W, 3) with H and W of at least 1.

    Example:
        >>> Image(np.zeros((2, 3, 3), np.uint8)).width
        3
    """

    pixels: UInt8Array

    def __post_init__(self) -> None:
        if not isinstance(self.pixels, np.ndarray) or self.pixels.dtype != np.uint8:
            got = getattr(self.pixels, "dtype", type(self.pixels).__name__)
            raise TypeError(f"Image.pixels must be a uint8 array, got {got}")
        if self.pixels.ndim != 3 or self.pixels.shape[2] != 3 or 0 in self.pixels.shape:
            raise ValueError(f"Image.pixels must be RGB of shape (H, W, 3), got {self.pixels.shape}")
        object.__setattr__(self, "pixels", read_only(self.pixels))

    def __repr__(self) -> str:
        return f"Image({self.width} x {self.height} px)"

    def _repr_html_(self) -> str:
        return shown(self)

    @property
    def height(self) -> int:
        """Rows, in pixels."""
        return int(self.pixels.shape[0])

    @property
    def width(self) -> int:
        """Columns, in pixels."""
        return int(self.pixels.shape[1])


@dataclass(frozen=True, eq=False)
class Frame:
    """One picture of a video.

    Attributes:
        image: The decoded frame.
        index: Position in decoding order, from 0.
        time_s: Presentation time from the stream's own timestamps, in seconds from the start of the stream.
        duration_s: How long a player shows it, in seconds: until the next stored frame, whether or not that one is
            looked at, or the end of the clip; 0 where that is not known.
    """

    image: Image
    index: int
    time_s: float
    duration_s: float = 0.0

    def __post_init__(self) -> None:
        if self.index < 0 or not np.isfinite(self.time_s):
            raise ValueError(f"Frame needs index >= 0 and a finite time_s, got {self.index}, {self.time_s}")
        if not (np.isfinite(self.duration_s) and self.duration_s >= 0):
            raise ValueError(f"Frame.duration_s must be finite and at least 0, got {self.duration_s}")

    def __repr__(self) -> str:
        return f"Frame({self.index} at {self.time_s:.3f} s, {self.image!r})"


@dataclass(frozen=True, eq=False)
class Face:
    """A face found in a picture.

    Attributes:
        box: x0, y0, x1, y1 in pixels, around brow to chin and cheek to cheek; may reach past the border.
        confidence: How sure the finder is that this is a face; comparable only within one finder. Not P(fake).
        points: Eye, eye, nose tip, mouth corner, mouth corner as (x, y) in pixels, each pair from left to right in the
            picture; None where the finder gives none.
        mesh: 468 points (x, y, z) in the order of :mod:`fakeweb.topology`, x and y in pixels, z in the same unit and
            growing away from the viewer; None where none was measured.
        track: Number of the person's track in a video; None for pictures.
        presence: P(there is a face at all), by the mesh model; None where it was not asked.
        printed: P(the face is a picture within the picture: on a poster, a screen, cloth), by the mesh model; None
            where it was not asked.
    """

    box: Annotated[Box, Digits(2)]
    confidence: Annotated[float, Within(0, 1), Digits(4)] = 1.0
    points: Annotated[FloatArray | None, Shape((5, 2))] = None
    mesh: Annotated[FloatArray | None, Shape((468, 3)), Digits(2)] = None
    track: int | None = None
    presence: Annotated[float | None, Within(0, 1), Digits(4), Since((1, 1))] = None
    printed: Annotated[float | None, Within(0, 1), Digits(4), Since((1, 1))] = None

    def __post_init__(self) -> None:
        settle(self)
        if self.box[2] <= self.box[0] or self.box[3] <= self.box[1]:
            raise ValueError(f"Face.box must be (x0, y0, x1, y1) with x0 < x1 and y0 < y1, got {self.box}")

    def __repr__(self) -> str:
        measured = "".join(f", {name}" for name in ("points", "mesh") if getattr(self, name) is not None)
        track = "" if self.track is None else f", track={self.track}"
        return f"Face(box={short_box(self.box)}, confidence={self.confidence:.2f}{measured}{track})"

    @property
    def width_px(self) -> float:
        """Width of the box in pixels."""
        return self.box[2] - self.box[0]

    @property
    def height_px(self) -> float:
        """Height of the box in pixels."""
        return self.box[3] - self.box[1]


@dataclass(frozen=True, eq=False)
class Crop:
    """A face cut out for a classifier.

    Attributes:
        pixels: uint8 RGB (S, S, 3), read-only.
        face: The face it shows.
        to_image: float32 (2, 3): maps homogeneous crop coordinates (x, y, 1) to picture coordinates, so that
            anything found in the crop finds its way home.
    """

    pixels: UInt8Array
    face: Face
    to_image: FloatArray

    def __post_init__(self) -> None:
        shape = self.pixels.shape
        square = len(shape) == 3 and shape[2] == 3 and shape[0] == shape[1] > 0
        if self.pixels.dtype != np.uint8 or not square:
            raise ValueError(f"Crop.pixels must be uint8 (S, S, 3), got {self.pixels.dtype} {shape}")
        object.__setattr__(self, "pixels", read_only(self.pixels))
        freeze_floats(self, "to_image", (2, 3))

    def __repr__(self) -> str:
        return f"Crop({self.side_px} px of {self.face!r})"

    @property
    def side_px(self) -> int:
        """Side of the square crop in pixels."""
        return int(self.pixels.shape[0])
