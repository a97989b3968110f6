"""Files with weights to start from: torch, safetensors, numpy, Keras, our own checkpoints and exported models."""

from __future__ import annotations

import io
import zipfile
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from fakeweb.errors import FakeWebError, ModelCorrupt, ModelMissing, UsageError, missing_extra
from fakeweb.media import write_atomically
from fakeweb.train.layouts import Fitted, fit, read_keras

State = dict[str, torch.Tensor]
_WRAPPED = ("state_dict", "model", "model_state_dict", "net")
_PREFIXES = ("module.", "net.", "_orig_mod.")
_NOT_WEIGHTS = (OSError, EOFError, TypeError, ValueError, RuntimeError, zipfile.BadZipFile, zlib.error)


def read_state(path: Path, what: str) -> State:
    """Read the tensors of a file by name, without what wrappers put in front of the names.

    ``.npz`` is read by numpy, ``.safetensors`` by safetensors, ``.onnx`` by onnx, Keras' ``.h5`` by h5py, all else by
    ``torch.load(weights_only=True)``: no file can run code. A checkpoint of ours gives its best weights.

    Args:
        path: The file.
        what: Which network it is for, for messages.

    Raises:
        ModelCorrupt: It holds no tensors.
        MissingExtra: safetensors is not installed.
    """
    try:
        if path.suffix == ".npz":
            with path.open("rb") as stream, np.load(stream) as arrays:
                state: dict[str, Any] = {
                    k: torch.from_numpy(arrays[k].astype(np.float32)) for k in arrays.files
                }
        elif path.suffix == ".safetensors":
            state = _safetensors(path)
        elif path.suffix == ".onnx":
            state = _onnx(path)
        elif path.suffix in (".h5", ".hdf5"):
            state = dict(read_keras(path))
        else:
            state = torch.load(path, map_location="cpu", weights_only=True)
        found = {_bare(k): v for k, v in _unwrapped(state).items() if isinstance(v, torch.Tensor)}
    except FakeWebError:
        raise
    except Exception as error:  # torch, safetensors and numpy have no common base for theirs
        raise _unfit(path, what, error) from error
    if not found:
        raise ModelCorrupt(f"{path} does not fit {what}: no tensors in it", hint="see docs/guide/train.md")
    return found


def average_states(paths: Sequence[Path]) -> State:
    """Return the mean of several files' weights, tensor by tensor: a model soup (Wortsman et al., ICML 2022).

    It takes the time of one network and often errs less than each, if all went on from the same weights.

    Args:
        paths: As :func:`read_state` takes them.

    Raises:
        UsageError: Fewer than two files.
        ModelCorrupt: A file holds no tensors, or others than the first.
        MissingExtra: See :func:`read_state`.
    """
    if len(paths) < 2:
        raise UsageError("a mean takes at least two files", hint="name every training's checkpoint.pt")
    states = [read_state(path, "the mean") for path in paths]
    shapes = {k: v.shape for k, v in states[0].items()}
    for path, state in zip(paths, states, strict=True):
        if {k: v.shape for k, v in state.items()} != shapes:
            raise ModelCorrupt(
                f"{path} holds other tensors than {paths[0]}",
                hint="only trainings of one network have a mean",
            )
    return {
        k: torch.stack([s[k].float() for s in states]).mean(0) if v.is_floating_point() else v
        for k, v in states[0].items()
    }


def start_of(paths: Sequence[Path], out: Path) -> Path | None:
    """Return the file to start from; of several, their mean, which is written to ``out`` as ``start.npz`` first.

    Raises:
        ModelMissing: A file is not there.
        ModelCorrupt: See :func:`average_states`.
    """
    if missing := next((path for path in paths if not path.is_file()), None):
        raise ModelMissing(f"no weights at {missing}", hint="see docs/guide/train.md")
    if len(paths) < 2:
        return paths[0] if paths else None
    # each process for itself: what lies there may be another training's
    write_state(out / "start.npz", average_states(paths))
    return out / "start.npz"


def write_state(path: Path, state: State) -> None:
    """Write tensors by name as ``.npz``, whole or not at all; the same bytes for the same tensors."""
    buffer = io.BytesIO()
    arrays: dict[str, Any] = {k: v.detach().cpu().numpy() for k, v in state.items()}
    np.savez(buffer, **arrays)
    write_atomically(path, buffer.getvalue())


def load_fitting(
    net: nn.Module, state: State, path: Path, what: str, optional: tuple[str, ...], *, whole: bool = False
) -> Fitted:
    """Load every tensor that fits by name, or by order where names are of another library.

    What fitted stands in ``net.fitted`` too, for :func:`told_fits`.

    Args:
        net: Whose names and shapes.
        state: The tensors.
        path: Where they come from, for messages.
        what: Which network, for messages.
        optional: Beginnings of names that the file may lack or hold in another shape: the new layers.
        whole: Whether nothing else may be missing.

    Raises:
        ModelCorrupt: Less than half of the network's tensors are in the file, or with ``whole`` not all.
    """
    own = net.state_dict()
    found = fit(own, state, optional)
    needed = len(found.lacking) + len([k for k in found.fits if not k.startswith(optional)])
    if found.lacking and (whole or 2 * len(found.lacking) > needed):
        first = found.lacking[0]
        why = f"has another shape of {first}" if first in state else f"lacks {first}"
        raise ModelCorrupt(
            f"{path} does not fit {what}: {len(found.lacking)} of {needed} tensors are missing, it {why}",
            hint="see docs/guide/train.md",
        )
    try:
        net.load_state_dict(found.fits, strict=False)
    except _NOT_WEIGHTS as error:
        raise _unfit(path, what, error) from error
    net.fitted = found.told(path.name)
    return found


def told_fits(net: nn.Module) -> list[str]:
    """Return what is to be said of the files that a network's parts were loaded from, one line each."""
    return list(
        dict.fromkeys(part.fitted for part in net.modules() if isinstance(getattr(part, "fitted", None), str))
    )


def _safetensors(path: Path) -> dict[str, Any]:
    try:
        from safetensors.torch import load_file
    except ImportError as error:
        raise missing_extra("train", "a .safetensors file") from error
    return dict(load_file(path))


def _onnx(path: Path) -> dict[str, Any]:
    """Read the constants of an exported model; it keeps the names that its weights had in training."""
    try:
        import onnx
    except ImportError as error:
        raise missing_extra("train", "an .onnx file") from error
    constants = onnx.load(str(path)).graph.initializer
    arrays = {tensor.name: onnx.numpy_helper.to_array(tensor) for tensor in constants}
    return {name: torch.from_numpy(array.astype(np.float32)) for name, array in arrays.items()}


def _unwrapped(state: Any) -> dict[str, Any]:
    """Find the tensors in what people save around them."""
    if not isinstance(state, dict):
        raise TypeError("it holds no table of tensors")
    if "best" in state and "recipe" in state:  # a checkpoint of ours
        return dict(state["best"]["state"] or state["average"])
    for key in _WRAPPED:
        if isinstance(state.get(key), dict):
            return dict(state[key])
    return state


def _bare(name: str) -> str:
    while name.startswith(_PREFIXES):
        name = name.partition(".")[2]
    return name


def _unfit(path: Path, what: str, error: Exception) -> ModelCorrupt:
    reason = str(error).partition("\n")[0] or type(error).__name__
    return ModelCorrupt(f"{path} does not fit {what}: {reason}", hint="see docs/guide/train.md")
