"""How values show themselves in notebooks. The forms live in ``render``, above this room, and are found by name."""

from __future__ import annotations

from importlib import import_module
from typing import Any


def shown(value: Any) -> str:
    """Return HTML for a :class:`Report`, :class:`FaceResult` or :class:`Image`."""
    forms = import_module("fakeweb.render.notebook")
    html: str = getattr(forms, f"{type(value).__name__.lower()}_html")(value)
    return html
