"""Batches out of samples, prepared by worker processes; an error of a sample arrives as it was raised."""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Iterator, Sequence
from typing import Any

import cv2
import torch
from torch.utils.data import DataLoader, Dataset, default_collate

from fakeweb.errors import FakeWebError, UsageError
from fakeweb.forge import keep_freed_memory


class _Guarded(Dataset[Any]):
    """Samples, or the error in their place: an error that leaves a worker process by itself loses its hint."""

    def __init__(self, samples: Any) -> None:
        self.samples = samples

    def __getitem__(self, key: Any) -> Any:
        try:
            return self.samples[key]
        except FakeWebError as error:
            return error


def load(samples: Any, batches: Sequence[Sequence[Any]], workers: int) -> Iterator[Any]:
    """Yield the batches, stacked.

    Args:
        samples: Anything with ``samples[key]``; it is copied to the worker processes.
        batches: The keys of each batch.
        workers: Processes that prepare them; 0: this one.

    Raises:
        FakeWebError: What a sample raised.
        UsageError: A worker process died.
    """
    loader: DataLoader[Any] = DataLoader(
        _Guarded(samples),
        batch_sampler=batches,
        num_workers=workers,
        worker_init_fn=single_thread,
        collate_fn=collate,
        prefetch_factor=4 if workers else None,
    )
    with warnings.catch_warnings():  # from Python 3.12 on; the workers compute with one thread
        warnings.filterwarnings("ignore", "This process .* is multi-threaded", DeprecationWarning)
        loading = iter(loader)
    try:
        for batch in loading:
            if isinstance(batch, FakeWebError):
                raise batch
            yield batch
    except RuntimeError as error:
        if not str(error).startswith("DataLoader worker"):
            raise
        raise UsageError(
            "a process that prepares batches has died, perhaps for lack of memory",
            hint="go on with --resume --workers 0",
        ) from error
    finally:
        del loading  # ends the workers now; left to a traceback and the collector, it takes seconds


def collate(items: list[Any]) -> Any:
    """Stack the items of a batch; an error takes the batch's place, whole."""
    error = next((item for item in items if isinstance(item, FakeWebError)), None)
    return default_collate(items) if error is None else error


def single_thread(_worker: int) -> None:
    """Keep a process that prepares batches from starting threads of its own and from returning its memory."""
    keep_freed_memory()
    cv2.setNumThreads(0)
    torch.set_num_threads(1)
    with contextlib.suppress(ImportError):  # without it numpy's solvers, which the forge uses, take all cores
        from threadpoolctl import threadpool_limits

        threadpool_limits(1)
