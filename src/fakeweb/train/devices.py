"""Where torch computes: one device per process, and as many processes as torchrun starts."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from datetime import timedelta
from typing import Any, ClassVar

import numpy as np
import torch
import torch.distributed as dist
from torch import nn
from torch.nn import functional
from torch.overrides import TorchFunctionMode

from fakeweb.errors import UsageError

KNOWN = ("auto", "cpu", "cuda", "mps", "hpu")
_PATIENCE = timedelta(days=2)  # finding the faces of a large data set is work of the first process alone


def pick_device(name: str) -> torch.device:
    """Return the device of this process; under torchrun each process takes the GPU of its number.

    Raises:
        UsageError: There is no such device here.
    """
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
    if name == "hpu":
        _load_gaudi()
    try:
        device = torch.device(name)
    except RuntimeError:
        device = torch.device("meta")
    if device.type not in KNOWN[1:]:
        raise UsageError(f"no device is called '{name}'", hint=f"known: {', '.join(KNOWN)}")
    if device.type == "cuda":
        if device.index is None:  # set_device wants one
            alone = torch.cuda.device_count() <= 1
            device = torch.device("cuda", 0 if alone else int(os.environ.get("LOCAL_RANK", "0")))
        if (device.index or 0) >= torch.cuda.device_count():
            raise UsageError(
                f"torch {torch.__version__} sees no device '{name}'",
                hint="use --device cpu, or install a torch built for CUDA and its driver",
            )
        torch.cuda.set_device(device)
    if device.type == "mps" and not torch.backends.mps.is_available():
        raise UsageError(
            f"torch {torch.__version__} sees no device 'mps'",
            hint="use --device cpu; mps is for Apple's chips",
        )
    return device


def _load_gaudi() -> None:
    """Make torch know Intel Gaudi. Written from its documentation and never run: no such device was at hand."""
    try:
        import habana_frameworks.torch.core  # noqa: F401
    except ImportError as error:
        raise UsageError(
            "torch sees no device 'hpu'", hint="use --device cpu; hpu needs Intel Gaudi and habana_frameworks"
        ) from error


def autocast(device: torch.device, bf16: bool) -> contextlib.AbstractContextManager[Any]:
    """Return the context of the forward pass: half precision where the recipe wants it and the device can."""
    unable = device.type == "cuda" and not torch.cuda.is_bf16_supported()
    if not bf16 or unable:
        return contextlib.nullcontext()
    return torch.autocast(device.type, torch.bfloat16)


class _Total(torch.autograd.Function):
    """The sum over all processes, and of its gradients on the way back."""

    @staticmethod
    def forward(ctx: Any, values: torch.Tensor) -> torch.Tensor:  # noqa: ARG004
        out = values.clone()
        dist.all_reduce(out)
        return out

    @staticmethod
    def backward(ctx: Any, *grads: torch.Tensor) -> torch.Tensor:  # noqa: ARG004
        out = grads[0].clone()
        dist.all_reduce(out)
        return out


class _WholeNorms(TorchFunctionMode):
    """Batch normalisation over all processes, whatever module asks for it; on any device.

    torch's ``SyncBatchNorm`` does the same for GPUs alone, and has to be built into the network.
    """

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        given = kwargs or {}
        if func is not functional.batch_norm:
            return func(*args, **given)
        return _batch_norm(*args, **given)


def _batch_norm(
    x: torch.Tensor,
    running_mean: torch.Tensor | None,
    running_var: torch.Tensor | None,
    weight: torch.Tensor | None = None,
    bias: torch.Tensor | None = None,
    training: bool = False,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> torch.Tensor:
    """As torch's ``batch_norm``, with mean and variance over all processes where they are those of the batch."""
    if not training:
        return functional.batch_norm(x, running_mean, running_var, weight, bias, False, momentum, eps)
    shape, others = (1, -1, *[1] * (x.ndim - 2)), [d for d in range(x.ndim) if d != 1]
    full = x.float()
    count = torch.full((1,), float(x.numel() // x.shape[1]), device=x.device)
    sums = _Total.apply(torch.cat([full.sum(others), full.square().sum(others), count]))
    total = sums[-1]
    mean, square = (sums[:-1] / total).chunk(2)
    var = (square - mean.square()).clamp_min(0)
    if running_mean is not None and running_var is not None:
        with torch.no_grad():
            running_mean.lerp_(mean.to(running_mean.dtype), momentum)
            running_var.lerp_((var * total / (total - 1).clamp_min(1)).to(running_var.dtype), momentum)
    out = (full - mean.view(shape)) * torch.rsqrt(var + eps).view(shape)
    out = out if weight is None else out * weight.view(shape)
    return (out if bias is None else out + bias.view(shape)).to(x.dtype)


class Crew:
    """The processes that train together; alone, all of it costs nothing.

    torchrun says by environment variables how many there are. They talk over gloo, GPUs over NCCL, and meet once, for
    all trainings of a recipe: who meets again may find where the others were before.
    """

    _met: ClassVar[bool] = False

    def __init__(self, device: torch.device) -> None:
        self.size = int(os.environ.get("WORLD_SIZE", "1"))
        self.rank = int(os.environ.get("RANK", "0")) if self.size > 1 else 0
        if self.size > 1 and not dist.is_initialized():
            backend = "cpu:gloo,cuda:nccl" if device.type == "cuda" else "gloo"
            dist.init_process_group(backend, timeout=_PATIENCE)
            Crew._met = True

    @property
    def first(self) -> bool:
        """Whether this process is the one that writes and reports."""
        return self.rank == 0

    def wait(self) -> None:
        """Wait until all are here."""
        self.total([0.0])

    def total(self, values: list[float]) -> list[float]:
        """Return the sums over all processes."""
        if self.size == 1:
            return values
        tensor = torch.tensor(values, dtype=torch.float64)
        dist.all_reduce(tensor)
        return [float(v) for v in tensor]

    @contextlib.contextmanager
    def whole_norms(self) -> Iterator[None]:
        """Let batch normalisation see the samples of all processes, in the forward passes inside; alone, nothing."""
        if self.size == 1:
            yield
            return
        with _WholeNorms():
            yield

    def share_gradients(self, net: nn.Module) -> None:
        """Add up the gradients that the processes found, and average the running statistics."""
        if self.size == 1:
            return
        gradients = []
        for weight in net.parameters():
            if weight.requires_grad:
                weight.grad = torch.zeros_like(weight) if weight.grad is None else weight.grad
                gradients.append(weight.grad)
        self.add_up(gradients, [b for b in net.buffers() if b.dtype.is_floating_point])

    def add_up(self, gradients: list[torch.Tensor], averages: list[torch.Tensor]) -> None:
        """Replace gradients by their sums and running statistics by their means over all processes."""
        if self.size == 1:
            return
        for tensors, part in ((gradients, 1.0), (averages, 1.0 / self.size)):
            if tensors:
                flat = torch.cat([t.detach().reshape(-1).float() for t in tensors])
                dist.all_reduce(flat)
                flat *= part
                for tensor, piece in zip(tensors, flat.split([t.numel() for t in tensors]), strict=True):
                    tensor.copy_(piece.reshape(tensor.shape))

    def interleave(self, part: np.ndarray, total: int) -> np.ndarray:
        """Return all rows, of which this process holds numbers rank, rank + size, ..."""
        if self.size == 1:
            return part
        parts: list[Any] = [None] * self.size
        dist.all_gather_object(parts, part)
        rows = np.empty((total, *next(p for p in parts if len(p)).shape[1:]), part.dtype)
        for rank, values in enumerate(parts):
            rows[rank :: self.size] = values if len(values) else rows[rank :: self.size]
        return rows

    def close(self) -> None:
        """End a training; what follows is done by each alone."""
        self.size = 1

    @classmethod
    def part(cls) -> None:
        """Say goodbye, after the last training."""
        if cls._met:
            dist.destroy_process_group()
            cls._met = False
