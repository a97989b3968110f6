"""Data set layouts: a folder on disk -> an iterator of :class:`fakeweb.types.Sample`. Opens no pixels.

May import: numpy, :mod:`fakeweb.media` (names of pictures), :mod:`fakeweb.registry`, :mod:`fakeweb.types`,
:mod:`fakeweb.errors`.

A new layout is one file here with a class that has ``name`` and ``index(root) -> Iterator[Sample]``, and one
line in :mod:`fakeweb.registry`; it must pass ``tests/contracts/test_layouts.py``.
"""

from fakeweb.datasets.splits import half_of_group, split_of_group

__all__ = ["half_of_group", "split_of_group"]
