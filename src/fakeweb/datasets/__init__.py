"""Data set layouts: a folder on disk -> an iterator of :class:`Sample`; data sets built from public repositories.

A layout opens no pixels; ``build`` opens, encodes and compares them.

May import: numpy, OpenCV, :mod:`fakeweb.media`, :mod:`fakeweb.registry`, :mod:`fakeweb.types`,
:mod:`fakeweb.errors`.

A new layout is one file here with a class that has ``name`` and ``index(root) -> Iterator[Sample]``, and one
line in :mod:`fakeweb.registry`; it must pass ``tests/contracts/test_layouts.py``. What layouts share::

    layout   TolerantLayout: uses what is there, lists the rest in ``problems``; clips: of videos and their frames
    files    files of a folder in a fixed order; which video of a list a file shows
    tables   JSON and CSV, refused with file and line where broken; csvfile: rows and dataclasses written as CSV
    splits   the split of a group, of people, and which videos are one family
    doubles  pictures that stand in a data set twice, perhaps as the opposite
    opening  layouts by name with options, or by the look of a folder; a whole data set at once
    people   persons who stand under several groups, and regrouping by them
    shards   face tracks packed into tar files; journal: records that survive an interruption

What makes a data set::

    manifest  which files of which repositories, with which labels; clones: where their bytes are
    build     chooses, encodes (encoding), drops twins (likeness), writes index.csv; card: what came of it
"""

from fakeweb.datasets.doubles import settle_conflicts
from fakeweb.datasets.opening import AUTO, guess_layout, open_layout, read_samples
from fakeweb.datasets.people import read_people, regroup
from fakeweb.datasets.samples import DatasetLayout, Sample, Split
from fakeweb.datasets.splits import half_of_group, split_of_group

__all__ = [
    "AUTO",
    "DatasetLayout",
    "Sample",
    "Split",
    "guess_layout",
    "half_of_group",
    "open_layout",
    "read_people",
    "read_samples",
    "regroup",
    "settle_conflicts",
    "split_of_group",
]
