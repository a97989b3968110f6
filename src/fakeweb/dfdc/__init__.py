"""The Deepfake Detection Challenge from its zip files to a submission: ``fakeweb dfdc``.

::

    parts     where the clips lie: folders, zip files read in place, object storage
    eda       what is in the shards, as tables and pictures
    score_clips   a model on the shards: log loss, AUC, confusion matrices for one, two and three faces
    submit    clips -> submission.csv
    unpack    shards -> a folder of frames that the layout ``dfdc`` reads, for training

Clips become shards in :mod:`fakeweb.tracks`.

May import: :mod:`fakeweb.tracks`, :mod:`fakeweb.evaluate` (its pages), :mod:`fakeweb.scanner`, :mod:`fakeweb.faces`,
:mod:`fakeweb.classifiers`, :mod:`fakeweb.render`, :mod:`fakeweb.datasets`, :mod:`fakeweb.media`, :mod:`fakeweb.batch`,
:mod:`fakeweb.metrics`, :mod:`fakeweb.types`, :mod:`fakeweb.errors`.
Nothing here knows torch: training is :mod:`fakeweb.train`'s, which the command line calls with what lies here.
"""
