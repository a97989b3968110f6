"""Videos of any data set -> face tracks in shards, once, for trainings and evaluations that read them many times.

    clips     what to extract, and where it lies
    extract   clips -> shards; goes on where it was killed

Shards are read by :mod:`fakeweb.datasets.shards`, by the layout ``tracks`` and by temporal trainings.
"""
