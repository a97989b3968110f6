"""A stranger's network on trial, in a process of its own: ``python -m fakeweb.classifiers.trial``.

It gets so much memory and time; what it does to its process, the caller does not feel.
"""

from __future__ import annotations

import hashlib
import json
import math
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from fakeweb.errors import FakeWebError, ModelIncompatible, UsageError, from_dict
from fakeweb.runtime import Adapter, Calibration, Decision, ModelCard, open_session
from fakeweb.types import Crop, Face

REAL, FAKE = 0.1, 0.9
"""Where verdicts begin as long as nobody has calibrated: a guess, and the card says so."""

_ALARMS = 0.02
NOT_CALIBRATED = "Never calibrated: its P(fake) is what the network says, its thresholds are guesses."
LIMIT_S = 60.0
LIMIT_BYTES = 6 << 30


def on_trial(task: Mapping[str, Any], limit_s: float | None = None) -> dict[str, Any]:
    """Have a child do :func:`try_out`.

    Args:
        task: Its arguments, as JSON holds them.
        limit_s: Seconds it may take; None: :data:`LIMIT_S`.

    Returns:
        What it returned.

    Raises:
        ModelIncompatible: It took too long, or its process ended.
        FakeWebError: What it raised.
    """
    most_s = LIMIT_S if limit_s is None else limit_s
    try:
        done = subprocess.run(
            [sys.executable, "-m", "fakeweb.classifiers.trial"],
            input=json.dumps(task).encode(),
            capture_output=True,
            timeout=most_s,
        )
    except subprocess.TimeoutExpired:
        raise ModelIncompatible(
            f"{task['file']} does not judge three crops in {most_s:,.0f} seconds",
            hint="has it an endless loop? export the network again",
        ) from None
    try:
        answer: dict[str, Any] = json.loads(done.stdout)
    except ValueError:
        raise ModelIncompatible(
            f"{task['file']} ends the process that runs it (status {done.returncode})",
            hint="export the network again; it may take too much memory",
        ) from None
    if "error" in answer:
        raise from_dict(answer["error"])
    return answer


def try_out(file: str, adapter: Mapping[str, Any], side_px: int, margin: float) -> dict[str, Any]:
    """Have a network judge noise; called in the process of :mod:`fakeweb.classifiers.trial`.

    Args:
        file: The ONNX file.
        adapter: What it wants and means, by field.
        side_px: Side of its input; 0 takes it from the file.
        margin: Of its crops.

    Returns:
        ``side_px``.

    Raises:
        UsageError, ModelIncompatible: As :func:`describe`.
    """
    fields: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value for name, value in adapter.items()
    }
    wanted = Adapter(**fields)
    card = draft(Path(file), "trial", wanted, side_px or 64, margin, 48.0)
    card = replace(card, side_px=_side(card, wanted, side_px))
    _judge_noise(card)
    return {"side_px": card.side_px}


def draft(
    file: Path, name: str, adapter: Adapter, side_px: int, margin: float, min_face_px: float
) -> ModelCard:
    """Return the card of a network that nobody has tried yet.

    Arguments are those of :func:`fakeweb.classifiers.adopt.describe`.
    """
    return ModelCard(
        name=name,
        version="1",
        title="",
        path=file,
        sha256=hashlib.sha256(file.read_bytes()).hexdigest(),
        licence="unknown",
        details={"limits": [NOT_CALIBRATED], "calibrated": False, "origin": file.name},
        side_px=side_px,
        margin=margin,
        kinds=(),
        calibration=Calibration(1.0, 0.0),
        decision=_guess(min_face_px),
        adapter=adapter,
    )


def limit(seconds: float, memory_bytes: int) -> None:
    """Limit this process, where the system can."""
    try:
        import resource
    except ImportError:
        return
    for what, most in ((resource.RLIMIT_AS, memory_bytes), (resource.RLIMIT_CPU, int(seconds) + 1)):
        hard = resource.getrlimit(what)[1]
        resource.setrlimit(what, (most if hard < 0 else min(most, hard), hard))


def main() -> None:
    """Do what stands on the standard input, and say how it went."""
    task = json.load(sys.stdin)
    limit(LIMIT_S, LIMIT_BYTES)
    try:
        answer = try_out(**task)
    except FakeWebError as error:
        answer = {"error": error.to_dict()}
    except MemoryError:
        large = ModelIncompatible(f"{task['file']} takes too much memory", hint="export a smaller network")
        answer = {"error": large.to_dict()}
    sys.stdout.write(json.dumps(answer))


def _guess(min_face_px: float) -> Decision:
    """Return thresholds at :data:`REAL` and :data:`FAKE`; the second rises by a unit of logit per e faces."""
    return Decision(_ALARMS, _ALARMS, math.log(FAKE / (1 - FAKE)), 1.0, REAL, min_face_px)


def _side(card: ModelCard, adapter: Adapter, wanted: int) -> int:
    """Return the side of the input: the file's, or what was said where the file leaves it open."""
    shape = open_session(card).input_shape
    own = shape[1:3] if adapter.layout == "NHWC" else shape[2:4]
    channels = shape[3:4] if adapter.layout == "NHWC" else shape[1:2]
    if len(shape) != 4 or channels not in ((3,), (None,)):
        raise UsageError(
            f"{card.path} takes {shape}, which is no batch of colour pictures in the layout {adapter.layout}",
            hint="try --layout NCHW or NHWC",
        )
    sides = {n for n in own if n is not None}
    if len(sides) > 1:
        raise UsageError(
            f"{card.path} takes pictures of {own[1]} x {own[0]}, crops are square", hint="export it square"
        )
    if wanted and sides - {wanted}:
        raise UsageError(f"{card.path} takes {sides.pop()} px, not {wanted}", hint="leave out --side")
    if not (wanted or sides):
        raise UsageError(f"{card.path} leaves the size of its input open", hint="say it with --side")
    return wanted or sides.pop()


def _judge_noise(card: ModelCard) -> None:
    """Judge noise, so that a card that does not fit fails now and not on a user's picture."""
    from fakeweb.classifiers.onnx import OnnxClassifier

    side = card.side_px
    dice = np.random.default_rng(0)
    crops = [
        Crop(
            dice.integers(0, 256, (side, side, 3), np.uint8),
            Face((0, 0, side, side)),
            np.eye(2, 3, dtype=np.float32),
        )
        for _ in range(3)
    ]
    OnnxClassifier(card).score(crops)


if __name__ == "__main__":
    main()
