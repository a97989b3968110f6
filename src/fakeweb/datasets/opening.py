"""Layout selection: from a name and options to a layout, and from a folder to the name that fits it."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from fakeweb import registry
from fakeweb.datasets.doubles import tell_doubles
from fakeweb.datasets.people import read_people, regroup
from fakeweb.datasets.samples import DatasetLayout, Sample
from fakeweb.errors import UsageError

AUTO = "auto"


def open_layout(name: str, options: Mapping[str, Any] | None = None) -> DatasetLayout:
    """Make a layout by name.

    Args:
        name: Out of ``registry.names("layout")``.
        options: Keyword arguments of the layout's class, such as ``{"compressions": ["c40"]}``.

    Raises:
        UnknownName: No layout of that name.
        UsageError: The layout takes no such option, or not this value.

    Example:
        >>> open_layout("faceforensics", {"compressions": ["c40"]}).name
        'faceforensics'
    """
    make = registry.load("layout", name)
    known = list(inspect.signature(make).parameters)
    unknown = sorted(set(options or {}) - set(known))
    if unknown:
        raise UsageError(
            f"the layout '{name}' takes no option '{unknown[0]}'",
            hint=f"it takes {', '.join(known)}" if known else "it takes none",
        )
    try:
        made: DatasetLayout = make(**(options or {}))
    except (TypeError, ValueError) as error:
        raise UsageError(
            f"the layout '{name}' refuses its options: {error}", hint="see docs/guide/datasets.md"
        ) from error
    return made


def guess_layout(root: Path) -> str:
    """Return the name of the layout that a folder looks like; ``folders`` where nothing else fits.

    Only names are looked at, two levels deep, so a guess can be wrong: then name the layout.
    """
    if root.is_file():
        return "csv"
    names = _names(root)
    for layout, marks in _MARKS:
        if any(_marked(mark, names) for mark in marks):
            return layout
    tables = [n for n in names if n.endswith((".csv", ".tsv")) and "/" not in n]
    return "csv" if len(tables) == 1 else "folders"


_MARKS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("tracks", ("extraction.json",)),
    ("index", ("index.csv",)),
    ("celebdf", ("celeb-synthesis", "celeb-real")),
    ("faceforensics", ("original_sequences", "manipulated_sequences")),
    ("fakeavceleb", ("realvideo-realaudio", "fakevideo-realaudio", "fakevideo-fakeaudio")),
    ("dfdcp", ("dataset.json",)),
    ("dfdc", ("metadata.json", "*/metadata.json", "labels.csv", "*/labels.csv", "dfdc_train_part_*")),
    ("wilddeepfake", ("fake_train", "real_train", "fake_test", "real_test")),
    ("folders140k", ("valid.csv", "*/valid.csv", "valid/real", "valid/fake")),
    ("cnndetection", ("0_real", "*/0_real", "*/*/0_real", "1_fake", "*/1_fake", "*/*/1_fake")),
)


def _names(root: Path) -> set[str]:
    """Return what lies in a folder, in lower case, down to three levels of folders and two of files."""
    found: set[str] = set()
    level = [root]
    for depth in range(3):
        below: list[Path] = []
        for folder in level:
            try:
                entries = sorted(folder.iterdir())[:500]
                folders = [e for e in entries if e.is_dir()]
            except OSError:
                continue
            below += folders
            shown = folders if depth == 2 else entries
            found |= {e.relative_to(root).as_posix().lower() for e in shown}
        level = below[:500]
    return found


def _marked(mark: str, names: set[str]) -> bool:
    from fnmatch import fnmatchcase

    depth = mark.count("/")
    return any(name.count("/") == depth and fnmatchcase(name, mark) for name in names)


def read_samples(
    root: Path,
    layout: str = AUTO,
    options: Mapping[str, Any] | None = None,
    people: Sequence[str] = (),
) -> tuple[list[Sample], list[str], str]:
    """Index a data set: its samples, what was left out or stands there twice, and the name of the layout.

    Args:
        root: The data set.
        layout: Name of the layout; ``auto`` guesses it.
        options: Options of the layout.
        people: Lists of persons to regroup by, see :func:`fakeweb.datasets.people.read_people`.

    Raises:
        LayoutMismatch, UnknownName, UsageError: As their names say.
    """
    name = guess_layout(root) if layout == AUTO else layout
    made = open_layout(name, options)
    samples = list(made.index(root))
    samples, doubles = tell_doubles(samples, root)
    problems = [*getattr(made, "problems", ()), *doubles]
    for entry in people:
        samples = regroup(samples, read_people(entry))
    return samples, problems, name
