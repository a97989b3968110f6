"""Videos of any data set -> face tracks in shards, once, for trainings and evaluations that read them many times.

::

    clips     what to extract, and where it lies
    extract   clips -> shards; resumable, idempotent, checksummed

Shards are read by :mod:`fakeweb.datasets` (``shards``, the layout ``tracks``) and by temporal trainings.

May import: :mod:`fakeweb.scanner`, :mod:`fakeweb.faces`, :mod:`fakeweb.datasets`, :mod:`fakeweb.media`,
:mod:`fakeweb.batch`, :mod:`fakeweb.types`, :mod:`fakeweb.errors`.
"""
