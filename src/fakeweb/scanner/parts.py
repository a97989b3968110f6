"""Face detector and landmark mesher of a scan: one pair that fits together, and their names for the report."""

from __future__ import annotations

import inspect
from pathlib import Path

from fakeweb import registry
from fakeweb.errors import UsageError
from fakeweb.types import BoundedFinder, Classifier, FaceFinder, FaceMesher, Image

DEFAULT_FINDER = "fakeweb"
DEFAULT_MESHER = "fakeweb"


def make_mesher(mesher: str | FaceMesher | None, finder: str | FaceFinder) -> FaceMesher | None:
    """Return the one mesher of a scan: the one given, else the finder's own, else the one of that name.

    Args:
        mesher: Name, object or None. A name gives way to the mesher that a finder given as an object brings.
        finder: Name or object.

    Raises:
        UnknownName: No mesher of that name.
        ModelMissing, ModelCorrupt: Its model cannot be used.
    """
    if not isinstance(mesher, str):
        return mesher
    own: FaceMesher | None = mesher_of(finder)
    if own is None:
        own = registry.load("mesh", mesher)()
    return own


def make_finder(
    finder: str | FaceFinder,
    model: str | Path | None = None,
    mesher: str | FaceMesher | None = DEFAULT_MESHER,
) -> FaceFinder:
    """Return the finder of a name, or the finder given.

    Args:
        finder: Name, or an object with ``find``.
        model: Model file for finders that take one as ``model``.
        mesher: Handed to finders that take a ``mesher``.

    Raises:
        UnknownName: No finder of that name.
        ModelMissing, ModelCorrupt: Its model cannot be used.
        UsageError: A model file for a finder that takes none.
    """
    if not isinstance(finder, str):
        return finder
    make = registry.load("finder", finder)
    takes = inspect.signature(make).parameters
    if model is not None and "model" not in takes:
        raise UsageError(f"the finder '{finder}' takes no model file", hint="leave out --finder-model")
    wanted = {} if model is None else {"model": model}
    made: FaceFinder = make(**wanted, **({"mesher": mesher} if "mesher" in takes else {}))
    return made


def mesher_of(finder: object) -> FaceMesher | None:
    """Return the mesher with which a finder measures what it finds, if it has one."""
    own: FaceMesher | None = getattr(finder, "mesher", None)
    return own


def overlooked(finder: FaceFinder, image: Image, min_face_px: float) -> tuple[str, ...]:
    """Return a warning where faces that are large enough to judge are not looked for, since the picture is so large.

    Args:
        finder: What finds; only a :class:`~fakeweb.types.BoundedFinder` can tell.
        image: The picture.
        min_face_px: Narrower faces are not judged.
    """
    if not isinstance(finder, BoundedFinder):
        return ()
    least_px = finder.least_px(image.width, image.height)
    if least_px <= max(min_face_px, finder.least_px(1, 1)):
        return ()
    return (
        f"faces narrower than {least_px:.0f} px were not looked for in a picture of {image.width} x {image.height} px;"
        " cut it into parts to have them judged",
    )


def models_of(classifier: Classifier, finder: FaceFinder, mesher: FaceMesher | None) -> tuple[str, ...]:
    """Return ``name@version`` of every model that a scan with these parts calls; parts without ``reference`` have none.

    Args:
        classifier: What judges.
        finder: What finds; its own mesher counts too.
        mesher: What measures, or None.
    """
    parts = (classifier, finder, mesher_of(finder), mesher)
    references = (getattr(part, "reference", None) for part in parts)
    return tuple(dict.fromkeys(reference for reference in references if reference))
