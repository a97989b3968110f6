"""The encoder of ClassNSeg, read from its authors' PyTorch file without PyTorch.

Nguyen, Fang, Yamagishi, Echizen: Multi-task Learning for Detecting and Segmenting Manipulated Facial Images and Videos,
BTAS 2019. Face at 256 px with ImageNet's normalisation. The latent's second half is active on altered faces: P(fake) is
the softmax of the mean activity of both halves, as in the authors' test script.
"""

from __future__ import annotations

import io
import pickle
from pathlib import Path
from typing import Any

import numpy as np

from baselines.baseline import Baseline
from baselines.layers import Array, Norm, conv, relu
from fakeweb.errors import ModelCorrupt

_EPSILON = 1e-5
_MARGIN = 1.3
_MEAN = np.array([0.485, 0.456, 0.406], np.float32)
_STD = np.array([0.229, 0.224, 0.225], np.float32)
_CONVS = tuple(range(0, 27, 3))  # places in the encoder's sequence; every second one halves the sides


def read_classnseg(path: Path) -> Baseline:
    """Read ``classnseg_full_encoder_46.pt``.

    Raises:
        ModelCorrupt: The file is not it.
    """
    try:
        network = _Encoder(_read_tensors(path.read_bytes()))
        network(np.zeros((256, 256, 3), np.float32))
    except (OSError, KeyError, ValueError, IndexError, EOFError, pickle.UnpicklingError) as error:
        raise ModelCorrupt(f"{path} holds no ClassNSeg encoder: {error}", hint="fetch it again") from error
    return Baseline("ClassNSeg@published", network, _MARGIN)


class _Encoder:
    def __init__(self, tensors: dict[str, Array]) -> None:
        self.layers = []
        for at in _CONVS:
            conv_name, norm_name = f"encoder.{at}", f"encoder.{at + 1}"
            kernel = np.ascontiguousarray(tensors[f"{conv_name}.weight"].transpose(2, 3, 1, 0))
            gamma, beta, mean, variance = (
                tensors[f"{norm_name}.{field}"] for field in ("weight", "bias", "running_mean", "running_var")
            )
            norm = Norm(gamma, beta, mean, variance, _EPSILON)
            self.layers.append((kernel, tensors[f"{conv_name}.bias"], norm))

    def __call__(self, x: Array) -> float:
        x = (x - _MEAN) / _STD
        for number, (kernel, bias, norm) in enumerate(self.layers):
            x = relu(norm(conv(x, kernel, bias, stride=1 + number % 2)))
        real, fake = x[:, :, :64], x[:, :, 64:]
        return float(np.abs(fake).mean() - np.abs(real).mean())


class _Names(dict[str, Any]):
    """A dictionary that may carry PyTorch's notes as attributes."""


class _OnlyTensors(pickle.Unpickler):
    """Reads PyTorch's old file format; allows nothing but the few names that tensors are made of."""

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) == ("collections", "OrderedDict"):
            return _Names
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return lambda storage, offset, size, stride, *_: (storage, offset, size, stride)
        if module == "torch" and name in _DTYPES:
            return name
        raise pickle.UnpicklingError(f"it wants {module}.{name}")

    def persistent_load(self, identity: Any) -> tuple[str, str]:
        return str(identity[1]), str(identity[2])


_DTYPES: dict[str, np.dtype[Any]] = {"FloatStorage": np.dtype("<f4"), "LongStorage": np.dtype("<i8")}


def _read_tensors(data: bytes) -> dict[str, Array]:
    """Return the tensors by name: four pickles (magic number, protocol, machine, contents), then the numbers."""
    stream = io.BytesIO(data)
    for _ in range(3):
        _OnlyTensors(stream).load()
    contents = _OnlyTensors(stream).load()
    keys = _OnlyTensors(stream).load()
    kinds = {key: kind for (kind, key), *_ in contents.values()}
    storages = {}
    for key in keys:
        count = int.from_bytes(stream.read(8), "little")
        dtype = _DTYPES[kinds[str(key)]]
        storages[str(key)] = np.frombuffer(stream.read(count * dtype.itemsize), dtype)
    out = {}
    for name, ((_, key), offset, size, _) in contents.items():
        flat = storages[key][offset : offset + int(np.prod(size))]
        out[name] = np.asarray(flat.reshape(size), np.float32)
    return out
