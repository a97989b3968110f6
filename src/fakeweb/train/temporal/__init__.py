"""Networks that judge a face track as a whole: a per-frame encoder followed by an LSTM; ``task = "video"``.

``recipe`` what to train, ``tracks`` face tracks out of shards, ``clips`` one clip as it is taught, ``net`` encoder and
LSTM, ``loop`` the training, ``finish`` calibration, ONNX and card. The encoder is any network of
:mod:`fakeweb.registry`, by name.
"""
