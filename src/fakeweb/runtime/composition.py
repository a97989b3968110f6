"""What a model is laid over: a frozen encoder that was fetched by name, and another model; part of a card."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final

_DIGEST: Final = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class Composition:
    """A head over the features of a frozen encoder and what another model says.

    Its input ``features`` holds that model's logit first, then the encoder's features; kinds and map are that model's.

    Attributes:
        base: Name of a shipped classifier, or path of a card.
        base_sha256: Of its file.
        encoder: Name of the weights, as ``fakeweb models fetch`` knows them.
        encoder_sha256: Of their file.
        patches: Whether the means of the patch tokens are among the features.
    """

    base: str
    base_sha256: str
    encoder: str
    encoder_sha256: str
    patches: bool

    def __post_init__(self) -> None:
        for name in ("base", "encoder"):
            if not (isinstance(getattr(self, name), str) and getattr(self, name)):
                raise ValueError(f"composed.{name} must be a name")
            if not _DIGEST.fullmatch(getattr(self, f"{name}_sha256")):
                raise ValueError(f"composed.{name}_sha256 must be hex")
        if not isinstance(self.patches, bool):
            raise ValueError("composed.patches must be true or false")

    def to_dict(self) -> dict[str, Any]:
        """Return what a card holds of it."""
        return asdict(self)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Composition:
        """Read what :meth:`to_dict` gave.

        Raises:
            TypeError, ValueError: Something is missing, unknown or of another form.
        """
        return cls(**data)
