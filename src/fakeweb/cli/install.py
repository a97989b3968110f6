"""Messages where a package that FakeWeb needs is missing or broken; imports nothing but the standard library."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from types import ModuleType
from typing import Final

PACKAGES: Final = {
    "PIL": "pillow",
    "av": "av",
    "cv2": "opencv-python-headless",
    "numpy": "numpy",
    "onnxruntime": "onnxruntime",
    "rich": "rich",
    "typer": "typer",
}
"""Modules of the base install, and the packages they come from."""


def explain(error: BaseException) -> str | None:
    """Return one line that says which package to install again; None where the error is not about one."""
    for each in _chain(error):
        module = _module_of(each)
        if module is not None:
            reason = "".join(c if c.isprintable() else " " for c in str(each))[:150]
            again = f"{sys.executable} -m pip install --force-reinstall --no-deps {PACKAGES[module]}"
            return f"error: the package {PACKAGES[module]} is missing or broken: {reason} (install it again: {again})"
    return None


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _module_of(error: BaseException) -> str | None:
    """Return the module that cannot be imported, or that is an empty folder left by another package."""
    if isinstance(error, ImportError):
        top = (error.name or "").partition(".")[0]
        return top if top in PACKAGES else _importing(error)
    owner = error.obj if isinstance(error, AttributeError) else None
    if (
        isinstance(owner, ModuleType)
        and getattr(owner, "__file__", None) is None
        and owner.__name__ in PACKAGES
    ):
        return owner.__name__
    return None


def _importing(error: ImportError) -> str | None:
    """Return the module whose own code failed, such as one that misses a library of the system."""
    trace = error.__traceback__
    tops = []
    while trace is not None:
        tops.append(str(trace.tb_frame.f_globals.get("__name__", "")).partition(".")[0])
        trace = trace.tb_next
    return next((top for top in reversed(tops) if top in PACKAGES), None)
