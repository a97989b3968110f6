"""Pictures of data sets, and forged ones."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

from fakeweb.errors import readable
from fakeweb.types.arrays import FloatArray, check_unit_range, freeze_floats
from fakeweb.types.pictures import Image
from fakeweb.types.report import KINDS, Kind

Split = Literal["train", "val", "test"]


@dataclass(frozen=True)
class Sample:
    """One labelled picture of a data set; nothing has been opened yet.

    Attributes:
        path: The file.
        label: 0 = real, 1 = fake, None = no face in it (content pictures).
        kind: The manipulation kind of a fake, else None.
        split: ``train``, ``val`` or ``test``.
        group: Person or source video; a group never stands in two splits. Unique within ``source``.
        source: Where the picture comes from.
        mask: File with the manipulated region (white), or None.
    """

    path: Path
    label: int | None
    kind: str | None
    split: Split
    group: str
    source: str
    mask: Path | None = None

    def __post_init__(self) -> None:
        if self.label not in (0, 1, None):
            raise ValueError(f"Sample.label must be 0, 1 or None, got {self.label!r}")
        if self.kind is not None and (self.kind not in KINDS or self.label != 1):
            raise ValueError(f"Sample.kind must be one of {KINDS} and only on fakes, got {self.kind!r}")
        if self.split not in get_args(Split):
            raise ValueError(f"Sample.split must be train, val or test, got {self.split!r}")
        for name in ("group", "source"):  # they stand in tables, which any reader must be able to decode
            object.__setattr__(self, name, readable(getattr(self, name)))


@dataclass(frozen=True, eq=False)
class Forgery:
    """A face manipulated by the forge.

    Attributes:
        image: The manipulated picture, the same size as the original.
        mask: float32 (H, W) in [0, 1]: how much each pixel was touched.
        kind: One of :data:`KINDS`.
    """

    image: Image
    mask: FloatArray
    kind: Kind

    def __post_init__(self) -> None:
        freeze_floats(self, "mask", (self.image.height, self.image.width))
        check_unit_range("Forgery.mask", self.mask)
        if self.kind not in KINDS:
            raise ValueError(f"Forgery.kind must be one of {KINDS}, got {self.kind!r}")

    def __repr__(self) -> str:
        return f"Forgery({self.kind}, {self.image!r})"
