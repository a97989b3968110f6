"""What FakeWeb says about a picture or a clip, from a face's score up to the report."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, get_args

import numpy as np

from fakeweb.types.arrays import FloatArray, check_probability, check_unit_range, freeze_floats
from fakeweb.types.pictures import Face

SCHEMA_VERSION = "2.0"
"""Version of the report's JSON form: the minor grows when fields are added, the major when one changes."""

Kind = Literal["swap", "reenacted", "retouch", "generated"]
KINDS: tuple[Kind, ...] = get_args(Kind)
"""How a face was manipulated, in the order used by every model and table."""

Label = Literal["real", "fake", "uncertain", "no_face"]
LABELS: tuple[Label, ...] = get_args(Label)


def _short_verdict(verdict: Verdict) -> str:
    return verdict.label + ("" if verdict.p_fake is None else f", p_fake={verdict.p_fake:.4f}")


@dataclass(frozen=True, eq=False)
class Score:
    """What a classifier says about one crop.

    Attributes:
        p_fake: Calibrated probability that the face was manipulated, at even odds before looking.
        logit: The network's raw output, before calibration.
        model: Reference of the model, ``name@version``.
        kinds: Probability of each manipulation kind *given* that the face is fake (sums to 1), or None.
        evidence: float32 (h, w) in [0, 1] over the crop: where the model saw something; or None.
        evidence_to_image: float32 (2, 3): maps homogeneous coordinates (column, row, 1) of ``evidence`` to picture
            coordinates; or None.
    """

    p_fake: float
    logit: float
    model: str
    kinds: Mapping[str, float] | None = None
    evidence: FloatArray | None = None
    evidence_to_image: FloatArray | None = None

    def __post_init__(self) -> None:
        check_probability("Score.p_fake", self.p_fake)
        if not np.isfinite(self.logit):
            raise ValueError(f"Score.logit must be finite, got {self.logit}")
        if self.kinds is not None:
            unknown = set(self.kinds) - set(KINDS)
            in_range = all(0.0 <= share <= 1.0 for share in self.kinds.values())
            if unknown or not in_range or abs(sum(self.kinds.values()) - 1.0) > 1e-3:
                raise ValueError(
                    f"Score.kinds must be shares of {KINDS} that sum to 1, got {dict(self.kinds)}"
                )
        freeze_floats(self, "evidence", (None, None))
        check_unit_range("Score.evidence", self.evidence)
        freeze_floats(self, "evidence_to_image", (2, 3))

    def __repr__(self) -> str:
        kind = "" if self.kind is None else f", kind={self.kind!r}"
        return f"Score(p_fake={self.p_fake:.4f}, logit={self.logit:.2f}, model={self.model!r}{kind})"

    @property
    def kind(self) -> str | None:
        """The likeliest manipulation kind, or None."""
        return max(self.kinds, key=lambda k: self.kinds[k]) if self.kinds else None  # type: ignore[index]


@dataclass(frozen=True)
class Verdict:
    """The answer for one face, or for a whole picture or video.

    Attributes:
        label: ``real``, ``fake``, ``uncertain`` or ``no_face``. No face is an answer, never an error.
        p_fake: P(fake) behind the label; None exactly where nothing could be scored.
        reasons: Plain sentences for the reader, most important first.
    """

    label: Label
    p_fake: float | None = None
    reasons: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.label not in LABELS:
            raise ValueError(f"Verdict.label must be one of {LABELS}, got {self.label!r}")
        if self.p_fake is not None:
            check_probability("Verdict.p_fake", self.p_fake)
        if (self.label in ("real", "fake")) and self.p_fake is None:
            raise ValueError(f"a verdict of {self.label!r} needs p_fake")
        if self.label == "no_face" and self.p_fake is not None:
            raise ValueError("a verdict of 'no_face' has no p_fake")


@dataclass(frozen=True)
class Thresholds:
    """Where the verdicts begin.

    Attributes:
        real: At or below this P(fake) a face is called real.
        fake: Below this P(fake) no face is called fake; between the two it is uncertain. Beside other faces it must
            also stand out from them.
        source: ``model`` (from the model's card) or ``user``.
    """

    real: float
    fake: float
    source: Literal["model", "user"] = "model"

    def __post_init__(self) -> None:
        for name in ("real", "fake"):
            check_probability(f"Thresholds.{name}", getattr(self, name))
        if not self.real <= self.fake:
            raise ValueError(f"Thresholds need real <= fake, got {self}")


@dataclass(frozen=True)
class Rarity:
    """How rare a face's score is among genuine faces.

    Attributes:
        one_in: About one genuine face in so many scores as high, of those it was measured on; at least 1, and never
            more than a third of ``measured_on``.
        interval: Lowest and highest ``one_in`` that fit, wide enough for the sources of genuine faces that the
            measurement had not seen. A highest of a third of ``measured_on`` means that or rarer.
        measured_on: Number of genuine faces.
    """

    one_in: float
    interval: tuple[float, float]
    measured_on: int

    def __post_init__(self) -> None:
        low, high = self.interval
        object.__setattr__(self, "interval", (float(low), float(high)))
        if not 1 <= low <= self.one_in <= high or self.one_in > max(1.0, self.measured_on / 3):
            raise ValueError(
                f"Rarity needs 1 <= low <= one_in <= high and one_in <= measured_on / 3, got {self}"
            )


@dataclass(frozen=True)
class Neighbours:
    """How a face compares with the other judged faces of its picture, which share camera, light and compression.

    Attributes:
        judged: Number of faces compared, this one included.
        z: Its logit above the median of the others, in the spread usual among genuine faces of one picture.
        one_in: One in so many genuine pictures with as many faces holds a face that stands out as far; None where the
            face does not stand out.
    """

    judged: int
    z: float
    one_in: float | None = None

    def __post_init__(self) -> None:
        if self.judged < 2 or not np.isfinite(self.z) or (self.one_in is not None and self.one_in < 1):
            raise ValueError(f"Neighbours need judged >= 2, a finite z and one_in >= 1, got {self}")


@dataclass(frozen=True)
class Stretch:
    """A part of a clip in which a face looks manipulated.

    Attributes:
        from_s, to_s: Where it begins and ends.
        p_fake: Of the face over this part, calibrated for the length of the clip.
    """

    from_s: float
    to_s: float
    p_fake: float

    def __post_init__(self) -> None:
        check_probability("Stretch.p_fake", self.p_fake)
        if not 0 <= self.from_s <= self.to_s:
            raise ValueError(f"Stretch needs 0 <= from_s <= to_s, got {self.from_s}, {self.to_s}")


@dataclass(frozen=True, eq=False)
class FaceResult:
    """One face of a report: where it is, what the classifier said (None if not asked), what we conclude.

    Attributes:
        face: Where it is.
        verdict: What we conclude about this face.
        score: What the classifier said; of a clip over the time that speaks most for manipulation.
        rarity: How rare the score is among genuine faces; None where not judged or where the model has no figures.
        neighbours: How it compares with the others; None for a face alone.
        stretches: Of clips, the parts in which it looks manipulated, in order; None for pictures.
        weighed: Whether the verdict on the whole rests on this face too; not so for bystanders cut off by the border.
    """

    face: Face
    verdict: Verdict
    score: Score | None = None
    rarity: Rarity | None = None
    neighbours: Neighbours | None = None
    stretches: tuple[Stretch, ...] | None = None
    weighed: bool = True

    def __repr__(self) -> str:
        return f"FaceResult({_short_verdict(self.verdict)}, {self.face!r})"


@dataclass(frozen=True, eq=False)
class Report:
    """All that FakeWeb says about one picture or video.

    ``to_dict`` gives the documented JSON form (docs/reference/report.md), ``from_dict`` reads it back.

    Attributes:
        source: The name the caller knows the media by: a path, an address, ``-`` or ``<array>``.
        verdict: The answer for the whole picture or video.
        width, height: Size of the upright picture in pixels.
        faces: Every face found, from left to right; in a video one per person, in the order of their tracks, with
            the sighting that says most as its face.
        thresholds: Where the verdicts begin.
        finder: Name of the face finder.
        models: References of the models used, ``name@version``.
        media_sha256: Hex digest of the bytes read; of the pixels where there were no bytes.
        content: What the picture shows where no face was found; None until a model says so.
        timeline: For a video one mapping per track, in the order of ``faces``: ``track``, ``from_s``, ``to_s``,
            ``telling_s`` (when the sighting in ``faces`` was), and the lists ``time_s``, ``box`` and ``p_fake``
            (None where not judged), one entry per sighting. None for pictures.
        video: Of a video its ``duration_s``, ``fps``, ``frames``, ``frames_examined``, ``bursts``,
            ``longest_gap_s`` between frames looked at, ``damaged_frames``, ``complete`` (False where the scan was
            stopped), ``codec`` and ``has_sound``. None for pictures.
        provenance: Signals from metadata and content credentials; None where not looked at.
        whole: Whether the whole picture was generated; None until a model says so.
        signature: Of this report; None where it is not signed.
        timings_s: Seconds spent per step.
        warnings: Things the reader should know about the input.
        schema_version: Version of the JSON form.
    """

    source: str
    verdict: Verdict
    width: int
    height: int
    faces: tuple[FaceResult, ...]
    thresholds: Thresholds
    finder: str
    models: tuple[str, ...]
    media_sha256: str
    content: str | None = None
    timeline: tuple[Mapping[str, Any], ...] | None = None
    video: Mapping[str, Any] | None = None
    provenance: Mapping[str, Any] | None = None
    whole: Mapping[str, Any] | None = None
    signature: Mapping[str, Any] | None = None
    timings_s: Mapping[str, float] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    schema_version: str = SCHEMA_VERSION

    def __repr__(self) -> str:
        people = f"{len(self.faces)} face" + ("" if len(self.faces) == 1 else "s")
        clip = "" if self.video is None else f", clip of {self.video.get('duration_s', 0):.1f} s"
        size = f"{self.width} x {self.height} px"
        return f"Report({self.source!r}, {_short_verdict(self.verdict)}, {people}, {size}{clip})"

    def count(self, label: Label) -> int:
        """Return how many faces carry this label."""
        return sum(f.verdict.label == label for f in self.faces)

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form: only dict, list, str, float, int, bool and None."""
        return {
            "schema_version": self.schema_version,
            "source": self.source,
            "media_sha256": self.media_sha256,
            "width": self.width,
            "height": self.height,
            "verdict": _verdict_to_dict(self.verdict),
            "thresholds": {
                "real": self.thresholds.real,
                "fake": self.thresholds.fake,
                "source": self.thresholds.source,
            },
            "faces": [_face_to_dict(i, f) for i, f in enumerate(self.faces, 1)],
            "content": self.content,
            "timeline": None if self.timeline is None else [dict(t) for t in self.timeline],
            "video": None if self.video is None else dict(self.video),
            "provenance": None if self.provenance is None else dict(self.provenance),
            "whole": None if self.whole is None else dict(self.whole),
            "signature": None if self.signature is None else dict(self.signature),
            "finder": self.finder,
            "models": list(self.models),
            "timings_s": {k: round(v, 6) for k, v in self.timings_s.items()},
            "warnings": list(self.warnings),
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Report:
        """Read the form that :meth:`to_dict` writes.

        Raises:
            ValueError: A different major ``schema_version``, or a field that is missing or out of range.
        """
        version = str(data.get("schema_version", ""))
        if version.split(".")[0] not in ("1", "2"):
            raise ValueError(f"report schema_version must be {SCHEMA_VERSION}, got {version!r}")
        try:
            return cls(
                source=data["source"],
                verdict=_verdict_from_dict(data["verdict"]),
                width=data["width"],
                height=data["height"],
                faces=tuple(_face_from_dict(f) for f in data["faces"]),
                thresholds=Thresholds(*(data["thresholds"][k] for k in _THRESHOLD_FIELDS)),
                finder=data["finder"],
                models=tuple(data["models"]),
                media_sha256=data["media_sha256"],
                content=data["content"],
                timeline=None if data["timeline"] is None else tuple(data["timeline"]),
                video=data.get("video"),  # new in 1.1
                provenance=data["provenance"],
                whole=data.get("whole"),  # new in 2.0
                signature=data.get("signature"),
                timings_s=dict(data["timings_s"]),
                warnings=tuple(data["warnings"]),
                schema_version=version,
            )
        except KeyError as error:
            raise ValueError(f"report lacks the field {error}") from error


_THRESHOLD_FIELDS = ("real", "fake", "source")
_SCORE_FIELDS = ("p_fake", "logit", "model", "kinds", "evidence", "evidence_to_image")
_SINCE_1_1 = ("evidence_to_image",)


def _verdict_to_dict(verdict: Verdict) -> dict[str, Any]:
    return {"label": verdict.label, "p_fake": verdict.p_fake, "reasons": list(verdict.reasons)}


def _verdict_from_dict(data: Mapping[str, Any]) -> Verdict:
    return Verdict(data["label"], data["p_fake"], tuple(data["reasons"]))


def _array_to_list(array: FloatArray | None, digits: int = 4) -> list[Any] | None:
    return None if array is None else np.round(array.astype(np.float64), digits).tolist()


def _face_to_dict(number: int, result: FaceResult) -> dict[str, Any]:
    face, score = result.face, result.score
    return {
        "number": number,
        "box": [round(v, 2) for v in face.box],
        "confidence": round(face.confidence, 4),
        "points": _array_to_list(face.points),
        "mesh": _array_to_list(face.mesh, 2),
        "track": face.track,
        "presence": None if face.presence is None else round(face.presence, 4),
        "printed": None if face.printed is None else round(face.printed, 4),
        "verdict": _verdict_to_dict(result.verdict),
        "rarity": None
        if result.rarity is None
        else {**asdict(result.rarity), "interval": list(result.rarity.interval)},
        "neighbours": None if result.neighbours is None else asdict(result.neighbours),
        "stretches": None if result.stretches is None else [asdict(s) for s in result.stretches],
        "weighed": result.weighed,
        "score": None
        if score is None
        else {
            "p_fake": score.p_fake,
            "logit": score.logit,
            "model": score.model,
            "kinds": None if score.kinds is None else dict(score.kinds),
            "evidence": _array_to_list(score.evidence),
            "evidence_to_image": _array_to_list(score.evidence_to_image),
        },
    }


def _face_from_dict(data: Mapping[str, Any]) -> FaceResult:
    face = Face(
        tuple(data["box"]),
        data["confidence"],
        points=data["points"],
        mesh=data["mesh"],
        track=data["track"],
        presence=data.get("presence"),  # since 1.1
        printed=data.get("printed"),
    )
    # by name, so that fields of a later minor version are passed over
    score = None
    if data["score"] is not None:
        known = {k: data["score"][k] for k in _SCORE_FIELDS if k in data["score"] or k not in _SINCE_1_1}
        score = Score(**known)
    return FaceResult(face, _verdict_from_dict(data["verdict"]), score, **_company_from_dict(data))


def _company_from_dict(data: Mapping[str, Any]) -> dict[str, Any]:
    """Read what came with 2.0."""
    rarity, near, parts = (data.get(key) for key in ("rarity", "neighbours", "stretches"))
    return {
        "rarity": None if rarity is None else Rarity(**{**rarity, "interval": tuple(rarity["interval"])}),
        "neighbours": None if near is None else Neighbours(**near),
        "stretches": None if parts is None else tuple(Stretch(**part) for part in parts),
        "weighed": data.get("weighed", True),
    }
