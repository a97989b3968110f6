"""Batch inference: a million files judged, restarted, nothing lost and nothing twice.

May import: pyarrow (its guest), :mod:`fakeweb.scanner`, :mod:`fakeweb.batch`, :mod:`fakeweb.media`,
:mod:`fakeweb.render`, :mod:`fakeweb.types`, :mod:`fakeweb.errors`. What is judged here is judged as ``fakeweb scan``
does it; how to run over many items stands in :mod:`fakeweb.batch`, which knows nothing of pictures
(docs/decisions/0050)::

    items    what is to be judged: folders, globs, lists, tables, archives, buckets; the identity of each
    judge    one item -> rows; picklable, the mapper for other engines
    rows     the tables' columns, and a report as rows of them
    dest     the folder of results: shards whole or not at all, the ledger, another run's refused
    lock     one run at a time, on a folder or a bucket
    run      the whole: list, leave out what is done, judge, write
    follow   rows as they come, for those who want no Parquet
    page     the report on a run (HTML)
"""

from fakeweb.bulk.dest import Destination, Progress
from fakeweb.bulk.items import Item, Source
from fakeweb.bulk.judge import Judge, Options
from fakeweb.bulk.run import ENGINES, Plan, Summary, run_batch

__all__ = [
    "ENGINES",
    "Destination",
    "Item",
    "Judge",
    "Options",
    "Plan",
    "Progress",
    "Source",
    "Summary",
    "run_batch",
]
