"""Import of somebody else's ONNX classifier: tried, then written with a card into the user's folder."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from fakeweb.classifiers.trial import draft, on_trial
from fakeweb.classifiers.whole import whole
from fakeweb.errors import ModelMissing, UsageError
from fakeweb.media import write_atomically
from fakeweb.runtime import Adapter, Calibration, Decision, ModelCard, user_folder
from fakeweb.runtime.find import PACKAGED


def describe(
    file: Path,
    name: str,
    adapter: Adapter,
    *,
    version: str = "1",
    title: str = "",
    licence: str = "unknown",
    side_px: int = 0,
    margin: float = 1.3,
    min_face_px: float = 48.0,
) -> ModelCard:
    """Return the card of an ONNX classifier after it has judged a few made-up crops, in a process of its own.

    Args:
        file: The ONNX file.
        name: What it is to be called.
        adapter: What it wants and means.
        version: Of the model.
        title: One sentence.
        licence: What it may be used for.
        side_px: Side of its input; 0 takes it from the file.
        margin: Side of the crop over the face's length, as it was trained.
        min_face_px: Narrower faces are too small to judge.

    Raises:
        UsageError: An unusable name, or the file leaves the side open and nobody said it.
        ModelMissing: No file.
        ModelIncompatible: ONNX Runtime cannot run it, it takes too much time or memory, or its output is not what was
            said.
    """
    plain = name.replace("-", "").replace("_", "")
    if not (plain.isascii() and plain.isalnum()):
        raise UsageError(f"'{name}' cannot be a model's name", hint="use letters, digits, - and _")
    if not file.is_file():
        raise ModelMissing(
            f"no ONNX file at {file}", hint="docs/guide/models.md shows the way from Keras and PyTorch"
        )
    refuse_other_formats(file)
    card = draft(file, name, adapter, side_px or 64, margin, min_face_px)
    task = {"file": str(file), "adapter": asdict(adapter), "side_px": side_px, "margin": margin}
    side = int(on_trial(task)["side_px"])
    return replace(
        card, version=version, title=title or f"brought in from {file.name}", licence=licence, side_px=side
    )


_TORCH = "torch.onnx.export needs the code that builds it"
_KERAS = "beside tensorflow and tf2onnx: python -m tf2onnx.convert --keras {0} --opset 17 --output {1}.onnx"
_OTHERS = {
    ".h5": ("a Keras file", _KERAS),
    ".keras": ("a Keras file", _KERAS),
    ".tflite": (
        "a TensorFlow Lite file",
        "python -m tf2onnx.convert --tflite {0} --opset 17 --output {1}.onnx",
    ),
    ".pb": (
        "a TensorFlow graph",
        "python -m tf2onnx.convert --saved-model FOLDER --opset 17 --output {1}.onnx, FOLDER being where {0} lies",
    ),
    ".pth": ("a torch file", _TORCH),
    ".safetensors": ("a file of weights without a network", _TORCH),
}
"""What networks of other libraries are, by the ending of their files, and how they become ONNX."""


def refuse_other_formats(file: Path) -> None:
    """See that a file is none of another library, by what it begins with, else by its name.

    Raises:
        UsageError: It is; the hint says how it becomes ONNX.
    """
    kind = _format_of(file)
    if kind in _OTHERS:
        what, way = _OTHERS[kind]
        raise UsageError(
            f"{file} is {what}, not ONNX",
            hint=f"convert it first: {way.format(file.name, file.stem)}; see docs/guide/models.md",
        )


def _format_of(file: Path) -> str:
    """Return the usual ending of what a file is."""
    with file.open("rb") as stream:
        head = stream.read(16)
    suffix = {".pt": ".pth", ".bin": ".pth", ".hdf5": ".h5"}.get(file.suffix.lower(), file.suffix.lower())
    if head.startswith(b"\x89HDF"):
        return ".h5"
    if head[4:8] == b"TFL3":
        return ".tflite"
    if head[8:9] == b"{" and head[4:8] == b"\0\0\0\0":
        return ".safetensors"
    if head.startswith(b"PK"):
        return ".keras" if suffix == ".keras" else ".pth"
    if head.startswith(b"\x80\x02"):  # a pickle, as torch wrote them before it wrote archives
        return ".pth"
    return suffix if suffix in _OTHERS else ".onnx"


def joined(file: Path, folder: Path) -> Path:
    """Return an ONNX file that holds its weights: itself, or one in a folder that has taken in the files beside it.

    Raises:
        ModelMissing, ModelIncompatible: A file with weights is not there, or lies elsewhere.
        UsageError: It is a network of another library.
    """
    if not file.is_file():
        return file
    refuse_other_formats(file)
    content = whole(file)
    if content == file.read_bytes():
        return file
    (folder / file.name).write_bytes(content)
    return folder / file.name


def install(card: ModelCard, folder: Path | None = None, *, overwrite: bool = False) -> ModelCard:
    """Copy a model and its card into the user's folder, from where it goes by its name; return the new card.

    Args:
        card: From :func:`describe`, perhaps calibrated.
        folder: Elsewhere than the user's folder.
        overwrite: Whether a model of that name may be replaced.

    Raises:
        UsageError: The name is taken, or the folder cannot be written to.
    """
    place = (folder or user_folder()) / f"{card.name}.json"
    if (PACKAGED / place.name).is_file():
        raise UsageError(f"a shipped model is called '{card.name}'", hint="choose another --name")
    if place.is_file() and not overwrite:
        raise UsageError(
            f"you have a model called '{card.name}'", hint="choose another --name, or say --overwrite"
        )
    model = place.with_suffix(".onnx")
    content = card.path.read_bytes()
    card = replace(card, path=model, sha256=hashlib.sha256(content).hexdigest())
    write_atomically(model, content)
    text = json.dumps(card.to_dict(), indent=2, ensure_ascii=False, allow_nan=False)
    write_atomically(place, (text + "\n").encode("utf-8", "replace"))
    return card


def calibrated(
    card: ModelCard, calibration: Calibration, decision: Decision, about: dict[str, Any]
) -> ModelCard:
    """Return the card with what was learned on labelled faces.

    Args:
        card: From :func:`describe`.
        calibration: Fitted.
        decision: Fitted.
        about: On what, for the card's details.
    """
    details = {k: v for k, v in card.details.items() if k != "limits"}
    return replace(
        card,
        calibration=calibration,
        decision=decision,
        details={**details, "calibrated": True, "calibrated_on": about},
    )
