"""Identity leakage: persons who stand under several groups or in several sources; lists of them, and regrouping.

A list is a CSV file with the columns ``source``, ``key`` and ``person``; a person may stand in several sources. The key
is :func:`key_of` a file's group, a hash, so that a list can be shared where the pictures may not. Lists of this package
lie in ``people_lists/`` and go by name.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path, PurePath

from fakeweb.datasets.csvfile import to_csv
from fakeweb.datasets.samples import Sample
from fakeweb.datasets.splits import half_of_group
from fakeweb.datasets.tables import read_rows
from fakeweb.errors import UnknownName

PACKAGED = Path(__file__).with_name("people_lists")
People = Mapping[tuple[str, str], str]
"""(source, key) -> person."""

_COLUMNS = ("source", "key", "person")


def key_of(group: str) -> str:
    """Return the key of a group: a hash of its file's name without suffix, so that folders do not matter.

    Example:
        >>> key_of("real_00001.jpg") == key_of("real_00001") == key_of("training_real/real_00001.png")
        True
    """
    return hashlib.sha256(PurePath(group).stem.encode(errors="surrogatepass")).hexdigest()[:16]


def read_people(name: str | Path) -> dict[tuple[str, str], str]:
    """Read a list of persons.

    Args:
        name: Name of a list of this package (``ciplab``), or path of a CSV file.

    Raises:
        UnknownName: No such list.
        LayoutMismatch: The file is broken.
    """
    path = Path(name)
    if path.suffix.lower() != ".csv":
        path = PACKAGED / f"{name}.csv"
        if PurePath(str(name)).name != str(name) or not path.is_file():
            known = ", ".join(p.stem for p in sorted(PACKAGED.glob("*.csv")))
            raise UnknownName(
                f"no list of persons is called '{name}'", hint=f"known: {known}; or give a .csv"
            )
    elif not path.is_file():
        raise UnknownName(f"no list of persons at {path}", hint="`fakeweb data people` writes one")
    return {(row["source"], row["key"]): row["person"] for _, row in read_rows(path, _COLUMNS)}


def write_people(families: Mapping[str, Sequence[Sequence[str]]]) -> bytes:
    """Return the CSV form of families of groups.

    Args:
        families: Source -> families, each the groups that show one person.
    """
    rows: list[Sequence[str]] = [_COLUMNS]
    every = [(source, sorted(f)) for source in sorted(families) for f in families[source]]
    for number, (source, family) in enumerate(sorted(every), 1):
        rows.extend([source, key, f"p{number:03}"] for key in sorted(key_of(g) for g in family))
    return to_csv(rows).encode()


def regroup(samples: Sequence[Sample], people: People) -> list[Sample]:
    """Give all samples of one person one group, and so one split.

    The group is one of the person's own in that source, chosen so that nobody seen in training is left in validation:
    a person with a picture in ``train``, of whichever source, goes to ``train``, else one with a picture among the
    validation groups A to A. A picture of ``test`` stays there, and is its person's group of its own.

    Args:
        samples: Labelled samples.
        people: From :func:`read_people`.
    """
    members: dict[tuple[str, str], list[Sample]] = defaultdict(list)
    trained: set[str] = set()
    for sample in samples:
        person = people.get((sample.source, key_of(sample.group)))
        if person is not None and sample.split != "test":
            members[sample.source, person].append(sample)
            if sample.split == "train":
                trained.add(person)
    chosen = {who: min(found, key=_order) for who, found in members.items()}
    out = []
    for sample in samples:
        person = people.get((sample.source, key_of(sample.group)))
        head = chosen.get((sample.source, person)) if person is not None and sample.split != "test" else None
        if head is None:
            out.append(sample)
        else:
            out.append(replace(sample, group=head.group, split="train" if person in trained else head.split))
    return out


def _order(sample: Sample) -> tuple[int, str]:
    """Rank the groups of a person: those in train first, then those among validation groups A."""
    rank = 0 if sample.split == "train" else 1 if half_of_group(sample.source, sample.group) == "A" else 2
    return rank, sample.group
