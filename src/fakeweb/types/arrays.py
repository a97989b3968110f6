"""Arrays and numbers of the values: their types, and the checks at birth."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Box = tuple[float, float, float, float]
UInt8Array = npt.NDArray[np.uint8]
FloatArray = npt.NDArray[np.floating[Any]]


def read_only(array: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Return a C-contiguous view (or copy) of ``array`` that refuses to be written to."""
    view = np.ascontiguousarray(array).view()
    view.flags.writeable = False
    return view


def check_probability(name: str, value: float) -> None:
    """Raise ValueError unless a number is a probability."""
    if not 0.0 <= value <= 1.0:
        raise ValueError(f"{name} must lie in [0, 1], got {value!r}")


def freeze_floats(owner: object, name: str, shape: tuple[int | None, ...]) -> None:
    """Check an optional float array field of a frozen dataclass and make it read-only float32."""
    value = getattr(owner, name)
    if value is None:
        return
    array = np.asarray(value, dtype=np.float32)
    fits = array.ndim == len(shape) and all(
        want in (None, have) for want, have in zip(shape, array.shape, strict=True)
    )
    if not fits:
        raise ValueError(f"{type(owner).__name__}.{name} must have shape {shape}, got {array.shape}")
    if not np.isfinite(array).all():
        raise ValueError(f"{type(owner).__name__}.{name} must be finite")
    object.__setattr__(owner, name, read_only(array))


def check_unit_range(name: str, array: FloatArray | None) -> None:
    """Raise ValueError unless all of an array lies in [0, 1]."""
    if array is not None and array.size and not (array.min() >= 0 and array.max() <= 1):
        raise ValueError(f"{name} must lie in [0, 1], got {array.min():.3g} to {array.max():.3g}")


def short_box(box: Box) -> str:
    """Return a box in whole pixels, for people."""
    return f"[{' '.join(str(round(v)) for v in box)}]"
