"""ONNX Runtime sessions: one thread each by default, so that results and load stay predictable."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from fakeweb.errors import ModelIncompatible
from fakeweb.runtime.cards import Card
from fakeweb.runtime.find import verify


class Session:
    """A loaded model. Safe to share between threads; the same input gives the same bits.

    Args:
        card: The model; its file is verified. Or a file that was.
        threads: Threads inside one call.
    """

    def __init__(self, card: Card | Path, threads: int) -> None:
        path, content = (card, card.read_bytes()) if isinstance(card, Path) else (card.path, verify(card))
        self._session = load_graph(content, path, threads)
        self._input = self._session.get_inputs()[0].name
        self._outputs = [output.name for output in self._session.get_outputs()]

    @property
    def input_shape(self) -> tuple[int | None, ...]:
        """Shape of the input as the file has it; None for a size that is free."""
        shape = self._session.get_inputs()[0].shape
        return tuple(n if isinstance(n, int) and n > 0 else None for n in shape)

    @property
    def outputs(self) -> tuple[str, ...]:
        """Names of the outputs."""
        return tuple(self._outputs)

    def run(self, batch: npt.NDArray[Any]) -> Mapping[str, npt.NDArray[np.floating[Any]]]:
        """Run a batch through the model.

        Args:
            batch: As the card's input says, batch first.

        Returns:
            The outputs by name, batch first.

        Raises:
            ModelIncompatible: The model does not take this input.
        """
        try:
            values = self._session.run(self._outputs, {self._input: batch})
        except Exception as error:  # as above
            raise ModelIncompatible(
                f"the model does not take {batch.dtype} {batch.shape}: {str(error).splitlines()[0]}",
                hint="is its card the right one?",
            ) from error
        return dict(zip(self._outputs, values, strict=True))


def load_graph(content: bytes, path: Path, threads: int) -> Any:
    """Load a graph into ONNX Runtime on the CPU, quietly.

    Args:
        content: The graph.
        path: Where it came from, for messages.
        threads: Threads inside one call.

    Raises:
        ModelIncompatible: ONNX Runtime does not take it.
    """
    onnxruntime = guest()
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    options.log_severity_level = 3
    try:
        return onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # the guest has no common base for its exceptions
        raise ModelIncompatible(
            f"ONNX Runtime cannot load {path}: {str(error).splitlines()[0]}",
            hint="the file may need a newer onnxruntime: pip install -U onnxruntime",
        ) from error


def open_session(card: Card | Path, *, threads: int = 1) -> Session:
    """Verify a model's file and load it, or load a file that was verified.

    Raises:
        ModelMissing, ModelCorrupt, ModelIncompatible: As their names say.
    """
    return Session(card, threads)


def library_version() -> str:
    """Return the version of ONNX Runtime."""
    return str(guest().__version__)


def guest() -> Any:
    """Import ONNX Runtime, which from 1.29 on reports its use to its maker unless it is told not to beforehand."""
    os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
    import onnxruntime

    return onnxruntime
