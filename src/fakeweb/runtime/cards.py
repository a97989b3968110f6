"""Model cards: what a model is, wants, knows and may be used for."""

from __future__ import annotations

import hashlib
import itertools
import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from fakeweb.errors import ModelCorrupt, ModelMissing
from fakeweb.runtime.adapter import Adapter
from fakeweb.runtime.composition import Composition
from fakeweb.runtime.norms import NOTHING as NO_NORMS
from fakeweb.runtime.norms import Norms
from fakeweb.types import CONTENTS, KINDS

CARD_VERSION = 1
_FED = {"dtype": "uint8", "layout": "NHWC", "colour": "RGB"}  # what models are given


@dataclass(frozen=True)
class Calibration:
    """From a network's logit to a probability, strictly rising: a line through the logits, which may bend.

    ``p = 1 / (1 + exp(-z))`` with ``z = scale * logit + bias``, plus ``by * (logit - at)`` for each of ``bends`` that
    lies below the logit. Without bends: Platt, Probabilistic outputs for support vector machines, 1999; with them a
    linear spline (Lucena, Spline-based probability calibration, 2018).

    Attributes:
        scale, bias: The line.
        bends: Pairs (at, by), ``at`` rising: from the logit ``at`` on, the line is steeper by ``by``.
    """

    scale: float
    bias: float
    bends: tuple[tuple[float, float], ...] = ()

    def __post_init__(self) -> None:
        _check(0 < self.scale <= 1e4, "calibration.scale must lie above 0 and at most at 10,000")
        _check(abs(self.bias) <= 1e3, "calibration.bias must lie within 1,000 of 0")
        places = [at for at, _ in self.bends]
        _check(places == sorted(places), "calibration.bends must lie in rising order")
        steep = all(0 < slope <= 1e4 for slope in self._slopes())
        _check(
            steep,
            "calibration must rise everywhere: scale and bends add up to a slope of 0 or less, or above 10,000",
        )

    def probability(self, logit: float) -> float:
        """Return P(fake) for a raw logit."""
        z = self._line(logit)
        return 1 / (1 + math.exp(-z)) if z >= 0 else math.exp(z) / (1 + math.exp(z))

    def even_logit(self) -> float:
        """Return the logit at which P(fake) is one half."""
        start = -math.inf
        for slope, (at, _) in zip(self._slopes(), (*self.bends, (math.inf, 0.0)), strict=True):
            corner = at if math.isfinite(at) else (start if math.isfinite(start) else 0.0)
            even = corner - self._line(corner) / slope
            if even <= at:
                return even
            start = at
        raise AssertionError("the last stretch has no end")

    def least_slope(self) -> float:
        """Return the slope where the line is flattest."""
        return min(self._slopes())

    def to_dict(self) -> dict[str, Any]:
        """Return what a card holds of it."""
        bends = {"bends": [list(bend) for bend in self.bends]} if self.bends else {}
        return {"scale": self.scale, "bias": self.bias, **bends}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Calibration:
        """Read what :meth:`to_dict` gave.

        Raises:
            ValueError: Something is no finite number, or the line does not rise.
            TypeError, KeyError: Something is missing or unknown.
        """
        line = dict(data)
        bends = [_numbers(dict(zip(("at", "by"), bend, strict=True))) for bend in line.pop("bends", ())]
        return cls(**_numbers(line), bends=tuple((bend["at"], bend["by"]) for bend in bends))

    def _line(self, logit: float) -> float:
        return self.scale * logit + self.bias + sum(by * max(0.0, logit - at) for at, by in self.bends)

    def _slopes(self) -> list[float]:
        """Return the slope before the first bend and after each."""
        return list(itertools.accumulate((by for _, by in self.bends), initial=self.scale))


@dataclass(frozen=True)
class Decision:
    """Where verdicts begin, learned on validation faces.

    The upper tail of real faces' logits is described by an exponential: a share ``tail_rate`` of them lies
    above ``tail_logit``, and each further ``tail_scale`` divides the share by e (the peaks-over-threshold
    method with shape 0; Coles, An Introduction to Statistical Modeling of Extreme Values, 2001).

    Attributes:
        false_alarms: Share of real faces that may be called fake.
        tail_rate, tail_logit, tail_scale: The tail as above.
        real: At or below this P(fake) a face is called real.
        min_face_px: Narrower faces are too small to judge.
    """

    false_alarms: float
    tail_rate: float
    tail_logit: float
    tail_scale: float
    real: float
    min_face_px: float

    def __post_init__(self) -> None:
        _check(1e-6 <= self.false_alarms < 0.5, "decision.false_alarms must lie in [0.000001, 0.5)")
        _check(1e-6 <= self.tail_rate < 1, "decision.tail_rate must lie in [0.000001, 1)")
        _check(abs(self.tail_logit) <= 1e6, "decision.tail_logit must be finite")
        _check(0 < self.tail_scale <= 1e6, "decision.tail_scale must be positive")
        _check(0 <= self.real <= 0.5, "decision.real must lie in [0, 0.5]")
        _check(1 <= self.min_face_px <= 1e5, "decision.min_face_px must lie in [1, 100,000]")

    def fake_logit(self) -> float:
        """Return the logit above which a share ``false_alarms`` of the real faces lies."""
        return self.tail_logit + self.tail_scale * math.log(self.tail_rate / self.false_alarms)


@dataclass(frozen=True, kw_only=True)
class Card:
    """What every model has, whatever its task.

    Attributes:
        name, version: Its reference is ``name@version``.
        title: One sentence.
        task: What it does, a key of :data:`TASKS`.
        path: The ONNX file, beside the card.
        sha256: Of that file.
        licence: What the model may be used for.
        details: All else a reader wants: training data and licences, scores, limits, recipe.
    """

    name: str
    version: str
    title: str
    task: str
    path: Path
    sha256: str
    licence: str
    details: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        _check(bool(self.name) and bool(self.version), "a model needs a name and a version")
        _check(
            len(self.sha256) == 64 and not set(self.sha256) - set("0123456789abcdef"), "sha256 must be hex"
        )

    @property
    def reference(self) -> str:
        """``name@version``."""
        return f"{self.name}@{self.version}"

    def digest(self) -> str:
        """Return the SHA-256 of all that decides what the model says: its file, calibration, thresholds and looks."""
        told = {k: v for k, v in self.to_dict().items() if k not in ("details", "file", "licence", "title")}
        return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()

    def to_dict(self) -> dict[str, Any]:
        """Return the card's JSON form."""
        return {
            "card_version": CARD_VERSION,
            "name": self.name,
            "version": self.version,
            "title": self.title,
            "task": self.task,
            "file": self.path.name,
            "sha256": self.sha256,
            "licence": self.licence,
            **self._own(),
            "details": dict(self.details),
        }

    def _own(self) -> dict[str, Any]:
        """Return what only cards of this task have."""
        return {}


@dataclass(frozen=True, kw_only=True)
class ModelCard(Card):
    """A classifier described.

    Attributes:
        side_px: Input is uint8 RGB (N, side_px, side_px, 3); normalisation happens inside the model, or by its
            ``adapter``.
        margin: Crop margin it was trained with.
        kinds: Manipulation kinds in the order of the output ``kinds``.
        calibration, decision: See there.
        evidence_side: Cells a side of the output ``evidence``, (N, cells, cells) in [0, 1]: where in the crop the
            model saw something; 0 if it has no such output.
        adapter: For a network that was not exported by FakeWeb: what it wants and what it means; else None.
        second_look: Crops whose logit lies between these two are judged once more, mirrored, and the mean of both looks
            counts (test-time augmentation, spent where it may change a verdict); None: one look at every crop.
        norms: What genuine faces were measured to be like; what was not measured is left out.
        composed: For a head over a frozen encoder and another model: which; else None.
    """

    task: str = "classifier"
    side_px: int
    margin: float
    kinds: tuple[str, ...]
    calibration: Calibration
    decision: Decision
    evidence_side: int = 0
    adapter: Adapter | None = None
    second_look: tuple[float, float] | None = None
    norms: Norms = NO_NORMS
    composed: Composition | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        _check(0 <= self.evidence_side <= self.side_px, "evidence.side must lie in [1, input.side_px]")
        _check_square(self.side_px, self.margin)
        known = set(self.kinds) <= set(KINDS) and len(set(self.kinds)) == len(self.kinds)
        _check(known, f"kinds must be distinct names out of {', '.join(KINDS)}")
        low, high = self.second_look or (0.0, 1.0)
        _check(-1e6 <= low < high <= 1e6, "second_look must be two logits, the lower one first")
        fake = self.calibration.probability(self.decision.fake_logit())
        _check(
            fake >= 0.5 - 1e-6, f"a face would be called fake at P(fake) {fake:.2f}; one half is the least"
        )

    @property
    def least_face_px(self) -> float:
        """Width from which faces are judged, those with the norm for small ones included."""
        small = self.norms.small
        return min(self.decision.min_face_px, math.inf if small is None else small.min_face_px)

    def _own(self) -> dict[str, Any]:
        return {
            "input": {"side_px": self.side_px, "margin": self.margin, **_FED},
            "kinds": list(self.kinds),
            **({"evidence": {"side": self.evidence_side}} if self.evidence_side else {}),
            "calibration": self.calibration.to_dict(),
            "decision": vars(self.decision),
            **({} if self.adapter is None else {"adapter": vars(self.adapter)}),
            **({} if self.composed is None else {"composed": self.composed.to_dict()}),
            **({} if self.second_look is None else {"second_look": list(self.second_look)}),
            **({"norms": self.norms.to_dict()} if self.norms != NO_NORMS else {}),
        }


@dataclass(frozen=True, kw_only=True)
class FinderCard(Card):
    """A face finder described: an anchor-free network, see :mod:`fakeweb.faces.anchor_free`.

    Attributes:
        min_logit: Weaker faces are dropped; chosen on validation scenes without a face.
        smallest_px: Width of the narrowest face it was trained to find.
    """

    task: str = "finder"
    min_logit: float
    smallest_px: float

    def __post_init__(self) -> None:
        super().__post_init__()
        _check(abs(self.min_logit) <= 100, "finder.min_logit must lie within 100 of 0")
        _check(1 <= self.smallest_px <= 1000, "finder.smallest_px must lie in [1, 1,000]")

    def _own(self) -> dict[str, Any]:
        return {"finder": {"min_logit": self.min_logit, "smallest_px": self.smallest_px}}


@dataclass(frozen=True, kw_only=True)
class MeshCard(Card):
    """A face mesh described: 468 points, presence and print from a levelled square.

    Attributes:
        side_px: Input is uint8 RGB (N, side_px, side_px, 3); normalisation happens inside the model.
        margin: Side of the square over the longer side of the face's box.
        presence: From the output ``presence`` to P(there is a face in its place).
        printed: From the output ``printed`` to P(the face is a print).
        min_presence: Below this P there is no face; chosen on validation groups A.
        max_printed: Above this P the face is taken for a print; chosen on validation groups A.
    """

    task: str = "mesh"
    side_px: int
    margin: float
    presence: Calibration
    printed: Calibration
    min_presence: float
    max_printed: float

    def __post_init__(self) -> None:
        super().__post_init__()
        _check_square(self.side_px, self.margin)
        for name in ("min_presence", "max_printed"):
            _check(0 <= getattr(self, name) <= 1, f"mesh.{name} must lie in [0, 1]")

    def _own(self) -> dict[str, Any]:
        return {
            "input": {"side_px": self.side_px, "margin": self.margin, **_FED},
            "presence": self.presence.to_dict(),
            "printed": self.printed.to_dict(),
            "mesh": {"min_presence": self.min_presence, "max_printed": self.max_printed},
        }


@dataclass(frozen=True, kw_only=True)
class TemporalCard(Card):
    """A network that judges a face track as a whole: uint8 RGB (1, frames, side_px, side_px, 3) in, ``logit`` (1,) out.

    Attributes:
        frames: Crops of one track, in order of time, spread evenly over it.
        side_px, margin: Of the crops, as a classifier's.
        min_face_px: Narrower faces are too small to judge.
        calibration: From its logit to P(fake).
    """

    task: str = "temporal"
    frames: int
    side_px: int
    margin: float
    min_face_px: float
    calibration: Calibration

    def __post_init__(self) -> None:
        super().__post_init__()
        _check(type(self.frames) is int and 2 <= self.frames <= 100, "track.frames must lie in [2, 100]")
        _check_square(self.side_px, self.margin)
        _check(1 <= self.min_face_px <= 1e5, "track.min_face_px must lie in [1, 100,000]")

    def _own(self) -> dict[str, Any]:
        return {
            "input": {"side_px": self.side_px, "margin": self.margin, **_FED},
            "track": {"frames": self.frames, "min_face_px": self.min_face_px},
            "calibration": self.calibration.to_dict(),
        }


@dataclass(frozen=True, kw_only=True)
class ContentCard(Card):
    """A classifier of what a picture shows: the whole picture as a square in, ``logits`` (N, classes) out.

    Attributes:
        side_px: Input is uint8 RGB (N, side_px, side_px, 3); normalisation happens inside the model.
        classes: In the order of the logits.
        temperature: The logits are divided by it before softmax (Guo et al., On Calibration, ICML 2017).
        least_p: Where no class is as probable, what the picture shows is uncertain.
    """

    task: str = "content"
    side_px: int
    classes: tuple[str, ...]
    temperature: float
    least_p: float

    def __post_init__(self) -> None:
        super().__post_init__()
        _check_square(self.side_px, 1.0)
        known = set(self.classes) <= set(CONTENTS) and len(set(self.classes)) == len(self.classes) >= 2
        _check(known, f"content.classes must be distinct names out of {', '.join(CONTENTS)}")
        _check(1e-3 <= self.temperature <= 1e3, "content.temperature must lie in [0.001, 1,000]")
        _check(0 <= self.least_p < 1, "content.least_p must lie in [0, 1)")

    def probabilities(self, logits: npt.NDArray[np.floating[Any]]) -> dict[str, float]:
        """Return the calibrated probability of each class.

        Args:
            logits: (classes,).
        """
        z = np.asarray(logits, np.float64) / self.temperature
        odds = np.exp(z - z.max())
        return {name: float(p) for name, p in zip(self.classes, odds / odds.sum(), strict=True)}

    def _own(self) -> dict[str, Any]:
        return {
            "input": {"side_px": self.side_px, **_FED},
            "content": {
                "classes": list(self.classes),
                "temperature": self.temperature,
                "least_p": self.least_p,
            },
        }


def _numbers(values: Mapping[str, Any]) -> dict[str, float]:
    """Check that all values are finite numbers, as JSON alone does not say."""
    numbers = dict(values)
    wrong = [
        k
        for k, v in numbers.items()
        if isinstance(v, bool) or not isinstance(v, int | float) or not math.isfinite(v)
    ]
    if wrong:
        raise ValueError(f"{', '.join(wrong)} must be a finite number")
    return numbers


def _read_classifier(data: Mapping[str, Any]) -> dict[str, Any]:
    given = _input(data["input"])
    return {
        "side_px": given["side_px"],
        "margin": float(given["margin"]),
        "kinds": tuple(data["kinds"]),
        "calibration": Calibration.from_dict(data["calibration"]),
        "decision": Decision(**_numbers(data["decision"])),
        "evidence_side": _evidence_side(data),
        "adapter": _read_adapter(data.get("adapter")),
        "second_look": _read_second_look(data.get("second_look")),
        "norms": Norms.from_dict(data.get("norms", {})),
        "composed": Composition.from_dict(data["composed"]) if "composed" in data else None,
    }


def _read_second_look(data: Sequence[float] | None) -> tuple[float, float] | None:
    if data is None:
        return None
    between = _numbers(dict(zip(("from", "to"), data, strict=True)))
    return (between["from"], between["to"])


def _read_adapter(data: Mapping[str, Any] | None) -> Adapter | None:
    if data is None:
        return None
    triples = {k: tuple(float(v) for v in data[k]) for k in ("mean", "std") if k in data}
    return Adapter(**{**data, **triples})


def _read_finder(data: Mapping[str, Any]) -> dict[str, Any]:
    return dict(_numbers(data["finder"]))


def _read_mesh(data: Mapping[str, Any]) -> dict[str, Any]:
    given = _input(data["input"])
    return {
        "side_px": given["side_px"],
        "margin": float(given["margin"]),
        "presence": Calibration.from_dict(data["presence"]),
        "printed": Calibration.from_dict(data["printed"]),
        **_numbers(data["mesh"]),
    }


def _read_temporal(data: Mapping[str, Any]) -> dict[str, Any]:
    given = _input(data["input"])
    return {
        "side_px": given["side_px"],
        "margin": float(given["margin"]),
        "calibration": Calibration.from_dict(data["calibration"]),
        **_numbers(data["track"]),
    }


def _read_content(data: Mapping[str, Any]) -> dict[str, Any]:
    said = dict(data["content"])
    return {
        "side_px": _input(data["input"])["side_px"],
        "classes": tuple(said.pop("classes")),
        **_numbers(said),
    }


TASKS: dict[str, tuple[type[Card], Callable[[Mapping[str, Any]], dict[str, Any]]]] = {
    "classifier": (ModelCard, _read_classifier),
    "content": (ContentCard, _read_content),
    "finder": (FinderCard, _read_finder),
    "mesh": (MeshCard, _read_mesh),
    "temporal": (TemporalCard, _read_temporal),
}
"""What models do, with the card of each task and how its own part is read."""


def read_card(path: Path) -> Card:
    """Read a card; the model file is not touched yet.

    Raises:
        ModelMissing: No card at ``path``.
        ModelCorrupt: It is not a card this version understands.
    """
    hint = "reinstall FakeWeb, or export the model again with `fakeweb train --resume`"
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        if data["card_version"] != CARD_VERSION:
            raise ModelCorrupt(
                f"{path} has card_version {data['card_version']}, this FakeWeb reads {CARD_VERSION}",
                hint=hint,
            )
        if data["task"] not in TASKS:
            raise ModelCorrupt(f"{path} is for the task {data['task']!r}, which is unknown here", hint=hint)
        make, read = TASKS[data["task"]]
        return make(
            name=data["name"],
            version=data["version"],
            title=data["title"],
            task=data["task"],
            path=path.with_name(Path(data["file"]).name),
            sha256=data["sha256"],
            licence=data["licence"],
            details=data["details"],
            **read(data),
        )
    except FileNotFoundError as error:
        raise ModelMissing(f"no model card at {path}", hint=hint) from error
    except KeyError as error:
        raise ModelCorrupt(f"{path} is not a model card: {error} is missing", hint=hint) from error
    except (OSError, ValueError, TypeError, AttributeError, OverflowError, RecursionError) as error:
        reason = str(error).partition("\n")[0] or type(error).__name__
        raise ModelCorrupt(f"{path} is not a model card: {reason}", hint=hint) from error


def _check_square(side_px: int, margin: float) -> None:
    _check(8 <= side_px <= 2048, "input.side_px must lie in [8, 2048]")
    _check(0.1 <= margin <= 10, "input.margin must lie in [0.1, 10]")


def _check(holds: bool, message: str) -> None:
    if not holds:
        raise ValueError(message)


def _evidence_side(data: Mapping[str, Any]) -> int:
    """Return the side of the evidence map; cards without one do not name it."""
    if "evidence" not in data:
        return 0
    side = data["evidence"]["side"]
    _check(type(side) is int and side >= 1, f"evidence.side must be a whole number from 1 on, got {side!r}")
    return int(side)


def _input(data: dict[str, Any]) -> dict[str, Any]:
    """Check that a model takes what we feed: uint8 RGB, channels last, a whole number of pixels."""
    for key, value in _FED.items():
        _check(data[key] == value, f"input.{key} must be {value}, got {data[key]!r}")
    _check(type(data["side_px"]) is int, f"input.side_px must be a whole number, got {data['side_px']!r}")
    return data
