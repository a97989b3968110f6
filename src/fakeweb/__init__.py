"""FakeWeb tells which faces in a picture were manipulated, and how sure it is.

```python
import fakeweb

report = fakeweb.scan("photo.jpg")
report.verdict.label        # "real", "fake", "uncertain" or "no_face"
report.faces[0].score.p_fake
```

``scan`` makes a :class:`Scanner` once and reuses it; make your own to choose finder, model or threshold. One
Scanner may be shared between threads. All that is raised on purpose is a :class:`FakeWebError`.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fakeweb.errors import FakeWebError
    from fakeweb.media import Limits, read_image
    from fakeweb.render import overlay
    from fakeweb.render.rows import rows
    from fakeweb.scanner import Scanner
    from fakeweb.types import Face, Image, Report, Score, Verdict

__version__ = "0.12.0"
"""The one place; the extension's manifest must say the same."""

_HOMES = {
    "Face": "fakeweb.types",
    "FakeWebError": "fakeweb.errors",
    "Image": "fakeweb.types",
    "Limits": "fakeweb.media",
    "Report": "fakeweb.types",
    "Scanner": "fakeweb.scanner",
    "Score": "fakeweb.types",
    "Verdict": "fakeweb.types",
    "overlay": "fakeweb.render",
    "rows": "fakeweb.render.rows",
    "read_image": "fakeweb.media",
}

__all__ = [
    "Face",
    "FakeWebError",
    "Image",
    "Limits",
    "Report",
    "Scanner",
    "Score",
    "Verdict",
    "__version__",
    "overlay",
    "read_image",
    "rows",
    "scan",
]


def scan(source: Any, *, white: float | None = None) -> Report:
    """Judge every face of a picture with the shipped model.

    Args:
        source: Path, bytes, binary file object, picture of Pillow, or RGB array (H, W, 3).
        white: For arrays that are not uint8, the value that stands for white, such as 65535 or 1.0.

    Returns:
        The report. A picture without a face gives the verdict ``no_face``, not an error.

    Raises:
        MediaError: The picture cannot be read.
        BadArgument: No picture, or an array of another layout or of a range that is not stated.
    """
    return _scanner().scan(source, white=white)


@cache
def _scanner() -> Scanner:
    from fakeweb.scanner import Scanner

    return Scanner()


def __getattr__(name: str) -> Any:
    """Import public names when they are first used, so that ``import fakeweb`` stays quick."""
    if name in _HOMES:
        from importlib import import_module

        value = getattr(import_module(_HOMES[name]), name)
        globals()[name] = value
        return value
    raise AttributeError(f"module 'fakeweb' has no attribute '{name}'")


def __dir__() -> list[str]:
    return sorted(__all__)
