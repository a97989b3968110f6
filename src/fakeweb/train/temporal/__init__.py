"""Networks that judge a face track as a whole: a per-frame encoder followed by a temporal head; ``task = "video"``.

``recipe`` what to train, ``tracks`` face tracks out of shards, ``clips`` one clip as it is taught, ``net`` encoder and
heads, ``kept`` what a frozen encoder makes of clips, ``loop`` the training, ``finish`` calibration, ONNX and card. A
new temporal head is one function in ``net.py`` and one entry of its table; the encoder is any network of
:mod:`fakeweb.registry`, by name.
"""
