"""Graphs made of public weights: generators' last layers and super-resolution networks as ONNX.

The files are read as data, never imported or run. What is made takes float32 RGB in [0, 1], (1, 3, h, w), as ``image``
and gives ``copy``; the forge runs it without onnx. ``graph.py`` writes nodes, ``taesd.py`` and ``vaelight.py`` build
autoencoders, ``ncnn.py`` reads networks in ncnn's format, ``pickled.py`` torch's files without torch.

``encoders.py`` gives vision transformers by timm's names, as arrays.

A new one is a function ``(source files) -> (bytes, measured figures)``.
"""
