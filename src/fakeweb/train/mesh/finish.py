"""The end of a mesh's training: calibrate its two questions on groups A, look once at B, export with a card."""

from __future__ import annotations

import copy
import dataclasses
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from fakeweb.errors import DatasetError, ModelIncompatible
from fakeweb.media import write_atomically
from fakeweb.runtime import Calibration, MeshCard, open_session, sha256_of
from fakeweb.train.calibrate import auc, fit_platt
from fakeweb.train.export import coarse_noise, to_bytes, to_onnx, write_card
from fakeweb.train.mesh.augment import show_face, show_none, show_plain
from fakeweb.train.mesh.crops import Squares
from fakeweb.train.mesh.measure import plain_errors, run_over
from fakeweb.train.mesh.recipe import MeshRecipe

MAX_GAP_PX = 0.05
"""Largest difference between torch and ONNX Runtime in any coordinate."""
_LOST, _LOST_DEGRADED = 0.001, 0.01
"""Such shares of faces may be taken for none: as they are, and with degraded ones among them."""
_ACCUSED = 0.01
_DEGRADED = 77
_PRINTED = 78
_EMPTY = 79
Floats = npt.NDArray[np.float64]


def finish(net: nn.Module, recipe: MeshRecipe, epoch: int, squares: Squares, folder: Path) -> Path:
    """Calibrate, measure and export; return the card's path.

    Args:
        net: The trained network in evaluation mode, on the CPU.
        recipe: What it was trained by.
        epoch: Which one the weights are of.
        squares: What it was trained on.
        folder: Where both files go.

    Raises:
        ModelIncompatible: ONNX Runtime gives something else than torch.
    """
    net = fold(net)  # what the file will hold
    answers = {part: _answers(net, squares, recipe, number) for part, number in (("A", 1), ("B", 2))}
    own = answers["A"]
    presence, printed = _calibrate(own["face"], own["empty"]), _calibrate(own["print"], own["no_print"])
    lost = min(_quantile(own["face_plain"], _LOST), _quantile(own["face"], _LOST_DEGRADED))
    min_presence = round(min(presence.probability(lost), 0.5), 4)
    max_printed = round(max(printed.probability(_quantile(own["no_print"], 1 - _ACCUSED)), 0.5), 4)
    scores = {
        f"validation_{part.lower()}": _figures(own, presence, printed, min_presence, max_printed)
        for part, own in answers.items()
    }
    path = folder / f"{recipe.name}.onnx"
    write_atomically(path, packed(net, recipe.square.side_px))
    card = MeshCard(
        name=recipe.name,
        version=recipe.version,
        title=recipe.title,
        path=path,
        sha256=sha256_of(path),
        licence=recipe.licence,
        details={
            "teachers": ["MediaPipe Face Mesh (mediapipe 0.10.21), mean of a picture and its mirror image"],
            "trained_on": _sources(squares, recipe),
            "epoch": epoch,
            **scores,
            "limits": list(recipe.limits),
            "recipe": {
                k: v for k, v in dataclasses.asdict(recipe).items() if k not in ("title", "licence", "limits")
            },
        },
        side_px=recipe.square.side_px,
        margin=recipe.square.margin,
        presence=presence,
        printed=printed,
        min_presence=min_presence,
        max_printed=max_printed,
    )
    _check_parity(net, card)
    return write_card(card, folder)


def _answers(net: nn.Module, squares: Squares, recipe: MeshRecipe, part: int) -> dict[str, Floats]:
    """Return a part's errors, and logits by what was shown: as in use, degraded, printed, empty."""
    faces, empty = np.flatnonzero(squares.part == part), np.flatnonzero(squares.empty_part == part)
    device = torch.device("cpu")
    clean = dataclasses.replace(recipe, augment=dataclasses.replace(recipe.augment, printed=0.0))
    prints = dataclasses.replace(recipe, augment=dataclasses.replace(recipe.augment, printed=1.0))

    def degraded(how: MeshRecipe, seed: int) -> npt.NDArray[np.uint8]:
        return np.stack(
            [show_face(squares, int(i), how, np.random.default_rng([seed, int(i)])).pixels for i in faces]
        )

    mesh, there, flat = run_over(net, np.stack([show_plain(squares, int(i), recipe) for i in faces]), device)
    _, there_bad, flat_bad = run_over(net, degraded(clean, _DEGRADED), device)
    _, _, flat_print = run_over(net, degraded(prints, _PRINTED), device)
    plain_empty = [show_plain(squares, int(i), recipe, empty=True) for i in empty]
    drawn = [
        show_none(squares, empty, faces, clean, np.random.default_rng([_EMPTY, i])).pixels
        for i in range(len(empty))
    ]
    nothing = run_over(net, np.stack([*plain_empty, *drawn]), device)[1] if len(empty) else np.zeros(0)
    return {
        "error": plain_errors(mesh, squares, faces, recipe).astype(np.float64),
        "face": np.concatenate([there, there_bad]).astype(np.float64),
        "face_plain": there.astype(np.float64),
        "empty": nothing.astype(np.float64),
        "print": flat_print.astype(np.float64),
        "no_print": np.concatenate([flat, flat_bad]).astype(np.float64),
        "no_print_plain": flat.astype(np.float64),
    }


def _calibrate(yes: Floats, no: Floats) -> Calibration:
    """Calibrate one question at even odds.

    Args:
        yes: Logits where the answer is yes.
        no: Logits where it is no.
    """
    if not len(yes) or not len(no):
        return Calibration(1.0, 0.0)
    logits, labels = np.concatenate([yes, no]), np.repeat([1, 0], [len(yes), len(no)])
    weights = np.where(labels == 1, 0.5 / len(yes), 0.5 / len(no))
    try:
        return fit_platt(logits, labels.astype(np.int64), weights)
    except DatasetError:  # nothing was learned; the thresholds will show it
        return Calibration(1.0, 0.0)


def _quantile(logits: Floats, share: float) -> float:
    return float(np.quantile(logits, share)) if len(logits) else 0.0


def _figures(answers: dict[str, Floats], presence: Calibration, printed: Calibration, min_presence: float,
             max_printed: float) -> dict[str, float]:  # fmt: skip
    def share(logits: Floats, calibration: Calibration, level: float) -> float:
        return (
            float(np.mean([calibration.probability(float(z)) >= level for z in logits]))
            if len(logits)
            else 0.0
        )

    error = answers["error"]
    figures = {
        "faces": len(error),
        "median_error": float(np.median(error)),
        "mean_error": float(error.mean()),
        "failures": float((error > 0.1).mean()),
        "presence_auc": auc(answers["face"], answers["empty"]),
        "faces_rejected": 1 - share(answers["face_plain"], presence, min_presence),
        "faces_rejected_degraded_too": 1 - share(answers["face"], presence, min_presence),
        "empty_rejected": 1 - share(answers["empty"], presence, min_presence),
        "printed_auc_simulated": auc(answers["print"], answers["no_print"]),
        "printed_found_simulated": share(answers["print"], printed, max_printed),
        "real_called_printed": share(answers["no_print"], printed, max_printed),
        "real_called_printed_undegraded": share(answers["no_print_plain"], printed, max_printed),
    }
    return {k: round(v, 4) for k, v in figures.items() if np.isfinite(v)}


def _sources(squares: Squares, recipe: MeshRecipe) -> dict[str, Any]:
    counts = Counter(squares.source[squares.part == 0].tolist())
    return {
        name: {"pictures": count, "licence": recipe.data.licences.get(name, "unknown")}
        for name, count in sorted(counts.items())
    }


class Deployed(nn.Module):
    """The network as it ships: uint8 RGB (N, S, S, 3) -> ``mesh`` (N, 468, 3) in pixels, ``presence``, ``printed``."""

    def __init__(self, net: nn.Module, side_px: int) -> None:
        super().__init__()
        self.net = net
        self.half = side_px / 2
        middle = (side_px - 1) / 2
        self.register_buffer("middle", torch.tensor([middle, middle, 0.0]))

    def forward(self, pixels: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        mesh, presence, printed = self.net(pixels)
        return mesh * self.half + self.middle, presence, printed


def packed(net: nn.Module, side_px: int) -> bytes:
    """Export a folded network to one self-contained file, weights stored in 16 bits and used in 32."""
    model = Deployed(net, side_px).eval()
    any_number = {0: torch.export.Dim("n", min=1)}
    proto = to_onnx(model, (2, side_px, side_px, 3), ("mesh", "presence", "printed"), any_number)
    _store_in_16_bits(proto)
    return to_bytes(proto)


def fold(net: nn.Module) -> nn.Module:
    """Return a copy with batch normalisation folded into the convolutions, weights rounded to 16 bits."""
    net = copy.deepcopy(net).to(memory_format=torch.contiguous_format).eval()
    for parent in net.modules():
        if isinstance(parent, nn.Sequential):
            for i in range(len(parent) - 1):
                if isinstance(parent[i], nn.Conv2d) and isinstance(parent[i + 1], nn.BatchNorm2d):
                    parent[i] = nn.utils.fuse_conv_bn_eval(parent[i], parent[i + 1])
                    parent[i + 1] = nn.Identity()
    for value in net.parameters():
        if value.ndim > 1:
            value.data.copy_(value.data.half().float())
    return net


def _store_in_16_bits(proto: Any) -> None:
    """Store large weights in half precision behind a cast, which ONNX Runtime computes once while loading."""
    from onnx import TensorProto, helper, numpy_helper

    graph = proto.graph
    casts = []
    for tensor in graph.initializer:
        if tensor.data_type != TensorProto.FLOAT or len(tensor.dims) < 2:
            continue
        name = tensor.name
        half = numpy_helper.from_array(numpy_helper.to_array(tensor).astype(np.float16), f"{name}_16")
        tensor.CopyFrom(half)
        casts.append(
            helper.make_node("Cast", [f"{name}_16"], [name], to=TensorProto.FLOAT, name=f"{name}_cast")
        )
    nodes = list(graph.node)
    del graph.node[:]
    graph.node.extend([*casts, *nodes])
    names = {tensor.name for tensor in graph.initializer}
    kept = [info for info in graph.value_info if info.name not in names]
    del graph.value_info[:]
    graph.value_info.extend(kept)


def _check_parity(net: nn.Module, card: MeshCard) -> None:
    session = open_session(card)
    model = Deployed(net, card.side_px).eval()
    pixels = coarse_noise(np.random.default_rng(1), 8, card.side_px)
    with torch.no_grad():
        wanted = [out.numpy() for out in model(torch.from_numpy(pixels))]
    for out in (
        session.run(pixels),
        {k: np.concatenate([session.run(p[None])[k] for p in pixels]) for k in ("mesh",)},
    ):
        gap = float(np.abs(out["mesh"] - wanted[0]).max())
        if not gap <= MAX_GAP_PX:
            raise ModelIncompatible(
                f"torch and ONNX Runtime differ by {gap:.2g} px",
                hint="try another version of torch or onnxruntime",
            )
