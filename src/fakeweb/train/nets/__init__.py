"""Networks: one file each, ``build(outputs, argument, weights) -> torch.nn.Module``.

The module takes float RGB (N, 3, S, S) in [0, 255], normalises by itself and returns (N, outputs).
"""
