"""Linear probes over a frozen encoder (UnivFD, Ojha et al., CVPR 2023), beside a shipped model.

Features of a crop are computed once and kept; a probe on them is fitted in seconds, so that every candidate can be
judged on sources it never saw before anything is chosen::

    cache   pictures -> shards of features, resumable; views: each crop as it is and degraded
    fit     ridge classifier on cached features, classes and sources balanced
    folds   leave-sources-out: one fit per fold, figures of what it left out
    head    a fitted probe -> an ONNX file and its card
"""
