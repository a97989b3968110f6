"""Train the autoencoders of a recipe, one after the other, and export each with its card."""

from __future__ import annotations

import hashlib
import io
import json
import time
import warnings
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from fakeweb import registry
from fakeweb.errors import DatasetError, FakeWebError, ModelIncompatible, UsageError
from fakeweb.forge.reconstruct import Reconstructor
from fakeweb.media import read_image, write_atomically
from fakeweb.runtime import AutoencoderCard
from fakeweb.train import Progress
from fakeweb.train.autoencoders.net import STRIDE, Autoencoder, Deployed, loss_of
from fakeweb.train.autoencoders.recipe import AutoencoderRecipe
from fakeweb.train.export import OPSET, strip_notes
from fakeweb.types import UInt8Array

MAX_PARITY_GAP = 1.0
"""Largest difference between torch and ONNX Runtime, in grey levels."""

_Report = Callable[[Progress], None]


def fit(
    recipe: AutoencoderRecipe, data: Path, out: Path, *, resume: bool, threads: int, on_progress: _Report
) -> Path:
    """Train every network of the recipe; return the path of the last card.

    A network whose card is there is finished; with ``resume`` it is passed over, and one that was cut short goes on
    from its checkpoint with the very batches it would have seen.

    Raises:
        DatasetError: No readable real picture.
        UsageError: ``out`` holds a training and ``resume`` is False.
        ModelIncompatible: ONNX Runtime computes something else than torch.
    """
    if threads:
        torch.set_num_threads(threads)
    out.mkdir(parents=True, exist_ok=True)
    if not resume and any(out.glob(f"{recipe.name}-*")):
        raise UsageError(f"{out} already holds a training", hint="go on with --resume, or name another --out")
    pictures: dict[str, list[UInt8Array]] = {}
    card = out
    for number, upsampler in enumerate(recipe.upsamplers, 1):
        card = out / f"{recipe.name}-{upsampler}.json"
        if card.is_file():
            continue
        if not pictures:
            pictures = _read(recipe, data, on_progress)
        one = _Fit(recipe, upsampler, out, number, on_progress)
        one.run(pictures["train"])
        write_card(one.net.eval(), recipe, upsampler, pictures["val"], card)
        one.checkpoint.unlink(missing_ok=True)
    return card


def _read(recipe: AutoencoderRecipe, data: Path, on_progress: _Report) -> dict[str, list[UInt8Array]]:
    """Read the real pictures into memory, by split."""
    layout = registry.load("layout", recipe.data.layout)()
    wanted = set(recipe.data.sources)
    samples = [
        s
        for s in layout.index(data)
        if s.label == 0 and s.split != "test" and (not wanted or s.source in wanted)
    ]
    order = np.random.default_rng((recipe.seed, 1)).permutation(len(samples))[: recipe.data.pictures]
    pictures: dict[str, list[UInt8Array]] = {"train": [], "val": []}
    for done, i in enumerate(order, 1):
        try:
            pixels = read_image(samples[i].path).image.pixels
        except FakeWebError:
            continue
        if min(pixels.shape[:2]) >= recipe.data.side_px:
            pictures[samples[i].split].append(pixels)
        if done % 100 == 0 or done == len(order):
            on_progress(Progress("faces", done, len(order)))
    if not pictures["train"]:
        raise DatasetError(
            f"{data} holds no real picture of at least {recipe.data.side_px} px in the split train",
            hint="see data.sources and data.side_px in the recipe",
        )
    return pictures


class _Fit:
    """One network in training."""

    def __init__(
        self, recipe: AutoencoderRecipe, upsampler: str, out: Path, number: int, report: _Report
    ) -> None:
        self.recipe, self.report, self.number = recipe, report, number
        self.checkpoint = out / f"{recipe.name}-{upsampler}.pt"
        torch.manual_seed(recipe.seed)
        self.net = Autoencoder(upsampler, recipe.width, recipe.code).to(memory_format=torch.channels_last)
        self.optim = torch.optim.AdamW(self.net.parameters(), lr=recipe.optim.lr, weight_decay=1e-4)
        self.schedule = torch.optim.lr_scheduler.OneCycleLR(
            self.optim, recipe.optim.lr, total_steps=recipe.optim.steps + 1, pct_start=0.1
        )
        self.step = 0
        if self.checkpoint.is_file():
            state = torch.load(self.checkpoint, weights_only=True)
            self.net.load_state_dict(state["net"])
            self.optim.load_state_dict(state["optim"])
            self.schedule.load_state_dict(state["schedule"])
            self.step = state["step"]

    def run(self, pictures: list[UInt8Array]) -> None:
        optim, running, saved = self.recipe.optim, 0.0, time.monotonic()
        try:
            while self.step < optim.steps:
                loss = self._one(pictures)
                running = loss if not running else 0.97 * running + 0.03 * loss
                total = len(self.recipe.upsamplers)
                self.report(Progress("train", self.step, optim.steps, self.number, total, round(running, 4)))
                if time.monotonic() - saved > optim.checkpoint_s:
                    self._save()
                    saved = time.monotonic()
        except KeyboardInterrupt:
            self._save()
            raise

    def _one(self, pictures: list[UInt8Array]) -> float:
        batch = torch.from_numpy(draw_patches(pictures, self.recipe, self.step))
        wanted = (batch.permute(0, 3, 1, 2).float() / 127.5 - 1).contiguous(memory_format=torch.channels_last)
        with torch.autocast("cpu", torch.bfloat16, enabled=self.recipe.optim.bf16):
            out = self.net(wanted)
        loss = loss_of(out.float(), wanted, self.recipe.optim.gradients)
        self.optim.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.net.parameters(), 1.0)
        self.optim.step()
        self.schedule.step()
        self.step += 1
        return float(loss.detach())

    def _save(self) -> None:
        buffer = io.BytesIO()
        state = {"net": self.net.state_dict(), "optim": self.optim.state_dict(), "step": self.step}
        torch.save({**state, "schedule": self.schedule.state_dict()}, buffer)
        write_atomically(self.checkpoint, buffer.getvalue())


def draw_patches(pictures: list[UInt8Array], recipe: AutoencoderRecipe, step: int) -> UInt8Array:
    """Return the patches of one step, uint8 RGB (batch, side, side, 3): a function of seed and step alone."""
    rng = np.random.default_rng((recipe.seed, 2, step))
    side = recipe.data.side_px
    patches = np.empty((recipe.optim.batch, side, side, 3), np.uint8)
    for i in range(len(patches)):
        picture = pictures[rng.integers(len(pictures))]
        y, x = (rng.integers(0, n - side + 1) for n in picture.shape[:2])
        patch = picture[y : y + side, x : x + side]
        patches[i] = patch[:, ::-1] if rng.random() < 0.5 else patch
    return patches


def write_card(
    net: Autoencoder, recipe: AutoencoderRecipe, upsampler: str, val: list[UInt8Array], path: Path
) -> None:
    """Export a network beside its card, with what it reconstructs of faces it never saw."""
    model = Deployed(net.to(memory_format=torch.contiguous_format)).eval()
    content = _to_onnx(model)
    target = path.with_suffix(".onnx")
    write_atomically(target, content)
    details = {
        "training_data": dict(recipe.data.licences),
        "steps": recipe.optim.steps,
        "parameters": sum(p.numel() for p in net.parameters()),
        "psnr_val_db": _psnr(model, val),
    }
    card = AutoencoderCard(
        name=path.stem,
        version=recipe.version,
        title=recipe.title,
        path=target,
        sha256=hashlib.sha256(content).hexdigest(),
        licence=recipe.licence,
        upsampler=upsampler,
        stride_px=STRIDE,
    )
    draft = path.with_suffix(".draft")  # the card takes its place last: it says that all is done
    write_atomically(draft, json.dumps(card.to_dict()).encode())
    details["parity_max_gap"] = round(_parity_gap(model, draft), 4)
    draft.unlink()
    text = json.dumps(replace(card, details=details).to_dict(), indent=2, ensure_ascii=False)
    write_atomically(path, (text + "\n").encode())


def _psnr(model: Deployed, pictures: list[UInt8Array]) -> float | None:
    """Return the mean peak signal-to-noise ratio over at most 100 centre patches, in dB."""
    values = []
    for picture in pictures[:100]:
        height, width = (n - n % STRIDE for n in picture.shape[:2])
        patch = torch.from_numpy(picture[:height, :width].copy())[None]
        with torch.no_grad():
            error = float(((model(patch) - patch.float()) ** 2).mean())
        values.append(10 * np.log10(255**2 / max(error, 1e-9)))
    return round(float(np.mean(values)), 2) if values else None


def _to_onnx(model: Deployed) -> bytes:
    """Export to one file that takes any number of pictures of any size that the stride divides."""
    height, width = (STRIDE * torch.export.Dim(name, min=4, max=4096) for name in ("h", "w"))
    example = torch.zeros((2, 64, 96, 3), dtype=torch.uint8)
    with warnings.catch_warnings(), torch.no_grad():
        for category in (DeprecationWarning, FutureWarning):
            warnings.simplefilter("ignore", category)
        program = torch.onnx.export(
            model,
            (example,),
            input_names=["picture"],
            output_names=["pixels"],
            opset_version=OPSET,
            dynamic_shapes=({0: torch.export.Dim("n", min=1), 1: height, 2: width},),
            dynamo=True,
            verbose=False,
        )
    proto: Any = program.model_proto
    strip_notes(proto)
    return bytes(proto.SerializeToString(deterministic=True))


def _parity_gap(model: Deployed, card: Path) -> float:
    """Return the largest difference to ONNX Runtime, in grey levels, on noise of a size never exported."""
    pixels = np.random.default_rng(1).integers(0, 256, (1, 40, 72, 3), np.uint8)
    with torch.no_grad():
        wanted = model(torch.from_numpy(pixels)).numpy()
    gap = float(np.abs(Reconstructor(card).paint(pixels[0]) - wanted[0]).max())
    if not gap <= MAX_PARITY_GAP:
        raise ModelIncompatible(
            f"torch and ONNX Runtime differ by {gap:.2g} grey levels", hint="try another version of either"
        )
    return gap
