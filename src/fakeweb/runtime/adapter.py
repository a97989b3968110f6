"""How somebody else's network wants its pictures, and what its output means: all that a card has to say to use it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
import numpy.typing as npt

Meaning = Literal["logit", "probability", "softmax"]
_NEAR = 1e-7


@dataclass(frozen=True)
class Adapter:
    """From uint8 RGB crops to a network's input, and from its output to a logit of P(fake).

    The input is ``(pixel * scale - mean) / std`` per channel, in the network's own order of channels.

    Attributes:
        layout: ``NHWC`` or ``NCHW``.
        colour: ``RGB`` or ``BGR``.
        dtype: ``float32`` or ``uint8`` (then without scale, mean and std).
        scale, mean, std: See above.
        output: Name of the output; empty for the first.
        meaning: ``logit`` of the class in question, its ``probability``, or ``softmax``: the output holds one logit per
            class, to be made probabilities.
        index: Place of the class in question in the output.
        shows: ``fake`` or ``real``: what that class is.

    Example:
        >>> Adapter(meaning="probability", shows="real").logit({"p": np.array([[0.9]])}) < 0
        True
    """

    layout: str = "NHWC"
    colour: str = "RGB"
    dtype: str = "float32"
    scale: float = 1 / 255
    mean: tuple[float, float, float] = (0.0, 0.0, 0.0)
    std: tuple[float, float, float] = (1.0, 1.0, 1.0)
    output: str = ""
    meaning: Meaning = "logit"
    index: int = 0
    shows: str = "fake"

    def __post_init__(self) -> None:
        for name, known in _KNOWN.items():
            if getattr(self, name) not in known:
                raise ValueError(f"{name} must be one of {', '.join(known)}, got {getattr(self, name)!r}")
        numbers = (self.scale, *self.mean, *self.std)
        if len(self.mean) != 3 or len(self.std) != 3 or not all(map(math.isfinite, numbers)):
            raise ValueError("scale is one finite number, mean and std three each")
        if min(self.std) <= 0 or self.scale <= 0 or self.index < 0:
            raise ValueError("scale and std must be positive, index at least 0")

    def feed(self, pixels: npt.NDArray[np.uint8]) -> npt.NDArray[Any]:
        """Return what the network wants for one crop, batch first.

        Args:
            pixels: uint8 RGB (S, S, 3).
        """
        ordered = pixels if self.colour == "RGB" else pixels[:, :, ::-1]
        if self.dtype != "uint8":
            mean, std = (np.array(v, np.float32) for v in (self.mean, self.std))
            ordered = ((ordered * np.float32(self.scale) - mean) / std).astype(np.float32)
        batch = ordered[None] if self.layout == "NHWC" else ordered.transpose(2, 0, 1)[None]
        return np.ascontiguousarray(batch)

    def logit(self, outputs: Mapping[str, npt.NDArray[Any]]) -> float:
        """Return the logit of P(fake) of one crop.

        Args:
            outputs: The network's, batch first.

        Raises:
            ValueError: There is no such output or place, or its value cannot be what the card says.
        """
        name = self.output or next(iter(outputs))
        if name not in outputs:
            raise ValueError(f"no output '{name}', only {', '.join(outputs)}")
        values = np.asarray(outputs[name], np.float64).reshape(-1)
        if self.index >= len(values):
            raise ValueError(f"the output '{name}' holds {len(values)} values, none at place {self.index}")
        value = float(values[self.index])
        if self.meaning == "probability":
            if not -1e-3 <= value <= 1 + 1e-3:
                raise ValueError(f"'{name}' gave {value:.4g}, which is no probability; is it a logit?")
            p = min(max(value, _NEAR), 1 - _NEAR)
            value = math.log(p / (1 - p))
        elif self.meaning == "softmax":
            if len(values) < 2:
                raise ValueError(f"softmax needs a value per class, '{name}' holds one; is it a logit?")
            others = np.delete(values, self.index)
            top = float(others.max())
            value -= top + math.log(float(np.exp(others - top).sum()))
        return value if self.shows == "fake" else -value


_KNOWN: dict[str, tuple[str, ...]] = {
    "layout": ("NHWC", "NCHW"),
    "colour": ("RGB", "BGR"),
    "dtype": ("float32", "uint8"),
    "meaning": get_args(Meaning),
    "shows": ("fake", "real"),
}
