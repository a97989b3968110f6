"""Tensors of a file by ``torch.save``, read without torch; nothing in the file is run."""

from __future__ import annotations

import io
import pickle
import zipfile
from collections import OrderedDict
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from fakeweb.errors import ModelCorrupt

_TYPES = {"HalfStorage": np.float16, "FloatStorage": np.float32}


class _Reader(pickle.Unpickler):
    """Knows the names that a plain state dict needs, and no other."""

    def __init__(self, archive: zipfile.ZipFile, folder: str) -> None:
        super().__init__(io.BytesIO(archive.read(f"{folder}data.pkl")))
        self._archive, self._folder = archive, folder

    def find_class(self, module: str, name: str) -> Any:
        """Return what stands for one of torch's names."""
        if (module, name) == ("collections", "OrderedDict"):
            return OrderedDict
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return _rebuild
        if module == "torch" and name in _TYPES:
            return _TYPES[name]
        raise pickle.UnpicklingError(f"{module}.{name} is no part of a state dict")

    def persistent_load(self, pid: Any) -> npt.NDArray[Any]:
        """Return the numbers of a storage."""
        _, kind, key, _, _ = pid
        return np.frombuffer(self._archive.read(f"{self._folder}data/{key}"), kind)


def _rebuild(storage: npt.NDArray[Any], offset: int, shape: Any, stride: Any, *_: Any) -> npt.NDArray[Any]:
    dense = [int(np.prod(shape[place + 1 :])) for place in range(len(shape))]
    if dense != list(stride):
        raise pickle.UnpicklingError("a tensor that is not contiguous")
    return np.asarray(storage[offset : offset + int(np.prod(shape))].reshape(shape), np.float32)


def read_pickled(path: Path) -> dict[str, npt.NDArray[Any]]:
    """Return the tensors by name, float32.

    Raises:
        ModelCorrupt: The file is no plain state dict.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            inside = next(name for name in archive.namelist() if name.endswith("data.pkl"))
            state = _Reader(archive, inside.removesuffix("data.pkl")).load()
        return {str(name): np.asarray(value, np.float32) for name, value in state.items()}
    except Exception as error:  # zip, pickle and numpy have no common base for theirs
        raise ModelCorrupt(f"{path} holds no tensors: {error}", hint="copy the file again") from error
