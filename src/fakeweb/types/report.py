"""What FakeWeb says about a picture or a clip, from a face's score up to the report.

These classes are the one description of the report: JSON, checks, schema and tables follow from them (``form.py``).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, ClassVar, Literal, TypedDict, get_args

from fakeweb.types.arrays import Box, FloatArray
from fakeweb.types.form import Digits, Flat, Keys, Matches, Numbered, Shape, Since, Within, form_of, settle
from fakeweb.types.notebook import shown
from fakeweb.types.pictures import Face, Probability

SCHEMA_VERSION = "2.1"
"""Version of the report's JSON form: the minor grows when fields are added, the major when one changes."""

_SINCE_1_1 = Since((1, 1))
_SINCE_2_0 = Since((2, 0))
_SINCE_2_1 = Since((2, 1))
_READ = ("1", "2")
"""Major versions that are read."""

Kind = Literal["swap", "reenacted", "retouch", "generated"]
KINDS: tuple[Kind, ...] = get_args(Kind)
"""How a face was manipulated, in the order used by every model and table."""

Label = Literal["real", "fake", "uncertain", "no_face"]
LABELS: tuple[Label, ...] = get_args(Label)

Shown = Literal["animal", "person", "vehicle", "other"]
CONTENTS: tuple[Shown, ...] = get_args(Shown)
"""What a picture can show as a whole."""

Seconds = Annotated[float, Within(0)]
Count = Annotated[int, Within(0)]
Name = Annotated[str, Matches(".")]
Reserved = Annotated[Mapping[str, Any] | None, _SINCE_2_0]
"""Of a form of its own, which its field ``version`` numbers."""


@dataclass(frozen=True, eq=False)
class Score:
    """What a classifier says about one crop.

    Attributes:
        p_fake: Calibrated probability that the face was manipulated, at even odds before looking.
        logit: The network's raw output, before calibration.
        model: Reference of the model, ``name@version``.
        kinds: Probability of each manipulation kind *given* that the face is fake; they sum to 1. None where the model
            tells no kinds apart.
        evidence: A map over the crop, rows of values; None where the model gives none. Shown nowhere: it does not tell
            well where a face was manipulated.
        evidence_to_image: Maps homogeneous coordinates (column, row, 1) of ``evidence`` to picture coordinates; None
            where there is no map.
    """

    p_fake: Probability
    logit: float
    model: Name
    kinds: Annotated[Mapping[str, float] | None, Keys(KINDS), Within(0, 1)] = None
    evidence: Annotated[FloatArray | None, Shape((None, None)), Within(0, 1)] = None
    evidence_to_image: Annotated[FloatArray | None, Shape((2, 3)), _SINCE_1_1] = None

    def __post_init__(self) -> None:
        settle(self)
        if self.kinds is not None and abs(sum(self.kinds.values()) - 1.0) > 1e-3:
            raise ValueError(f"Score.kinds must sum to 1, got {self.kinds}")

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
        label: What we conclude. No face is an answer, never an error.
        p_fake: P(fake) behind the label: always there for ``real`` and ``fake``, None for ``no_face``, and for
            ``uncertain`` where nothing could be scored.
        reasons: Plain sentences for the reader, most important first. For people: do not parse them.
    """

    label: Label
    p_fake: Probability | None = None
    reasons: tuple[str, ...] = ()

    RULES: ClassVar[Mapping[str, Any]] = {
        "allOf": [
            {
                "if": {"properties": {"label": {"enum": labels}}, "required": ["label"]},
                "then": {"properties": {"p_fake": {"type": kind}}},
            }
            for labels, kind in ((["real", "fake"], "number"), (["no_face"], "null"))
        ]
    }

    def __post_init__(self) -> None:
        settle(self)
        if self.label in ("real", "fake") and self.p_fake is None:
            raise ValueError(f"a verdict of {self.label!r} needs p_fake")
        if self.label == "no_face" and self.p_fake is not None:
            raise ValueError("a verdict of 'no_face' has no p_fake")


def _short(verdict: Verdict) -> str:
    return verdict.label + ("" if verdict.p_fake is None else f", p_fake={verdict.p_fake:.4f}")


@dataclass(frozen=True)
class Thresholds:
    """Where the verdicts begin.

    Attributes:
        real: At or below this P(fake) a face is called real.
        fake: Below this P(fake) no face is called fake; between the two it is uncertain. Beside other faces it must
            also stand out from them.
        source: Who set them: the model's card, or the user by hand.
    """

    real: Probability
    fake: Probability
    source: Literal["model", "user"] = "model"

    def __post_init__(self) -> None:
        settle(self)
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

    one_in: Annotated[float, Within(1)]
    interval: Annotated[tuple[float, float], Within(1)]
    measured_on: Annotated[int, Within(1)]

    def __post_init__(self) -> None:
        settle(self)
        low, high = self.interval
        if not low <= self.one_in <= high or self.one_in > max(1.0, self.measured_on / 3):
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

    judged: Annotated[int, Within(2)]
    z: float
    one_in: Annotated[float | None, Within(1)] = None

    def __post_init__(self) -> None:
        settle(self)


@dataclass(frozen=True)
class Stretch:
    """A part of a clip in which a face looks manipulated.

    Attributes:
        from_s, to_s: Where it begins and ends.
        p_fake: Of the face over this part, calibrated for the length of the clip.
    """

    from_s: Seconds
    to_s: Seconds
    p_fake: Probability

    def __post_init__(self) -> None:
        settle(self)
        if not self.from_s <= self.to_s:
            raise ValueError(f"Stretch needs 0 <= from_s <= to_s, got {self.from_s}, {self.to_s}")


@dataclass(frozen=True, eq=False)
class FaceResult:
    """One face of a report: where it is, what the classifier said, what we conclude.

    Attributes:
        face: Where it is.
        verdict: What we conclude about this face.
        score: What the classifier said; of a clip over the time that speaks most for manipulation. None where the face
            was not scored.
        rarity: How rare the score is among genuine faces; None where not judged or where the model has no figures.
        neighbours: How it compares with the others; None for a face alone.
        stretches: Of clips, the parts in which it looks manipulated, in order; None for pictures.
        weighed: Whether the verdict on the whole rests on this face too; not so for bystanders cut off by the border.
    """

    face: Annotated[Face, Flat()]
    verdict: Verdict
    score: Score | None = None
    rarity: Annotated[Rarity | None, _SINCE_2_0] = None
    neighbours: Annotated[Neighbours | None, _SINCE_2_0] = None
    stretches: Annotated[tuple[Stretch, ...] | None, _SINCE_2_0] = None
    weighed: Annotated[bool, _SINCE_2_0] = True

    def __post_init__(self) -> None:
        settle(self)

    def __repr__(self) -> str:
        return f"FaceResult({_short(self.verdict)}, {self.face!r})"

    def _repr_html_(self) -> str:
        return shown(self)


@dataclass(frozen=True)
class Content:
    """What the picture shows as a whole; no verdict rests on it.

    Attributes:
        label: The likeliest of the classes, or ``uncertain`` where none is likely enough.
        p: Calibrated probability of each class; they sum to 1.
        model: Reference of the model, ``name@version``.
        version: Version of this object's form.
    """

    label: Literal[Shown, "uncertain"]
    p: Annotated[Mapping[str, float], Keys(CONTENTS), Within(0, 1)]
    model: Name
    version: Annotated[int, Within(1)] = 1

    def __post_init__(self) -> None:
        settle(self)
        if abs(sum(self.p.values()) - 1.0) > 1e-3:
            raise ValueError(f"Content.p must sum to 1, got {self.p}")


class Curve(TypedDict):
    """One person of a video over time; the three lists have one entry per sighting.

    Attributes:
        track: Number of the track, as in ``faces``.
        from_s, to_s: First and last sighting, in seconds from the clip's first frame.
        telling_s: When the sighting shown in ``faces`` was; None where none could be judged.
        time_s: When the person was seen.
        box: Where: x0, y0, x1, y1 in pixels.
        p_fake: P(fake) of each sighting; None where it was not judged.
    """

    track: Annotated[int, Within(1)]
    from_s: Seconds
    to_s: Seconds
    telling_s: Seconds | None
    time_s: list[Seconds]
    box: list[Box]
    p_fake: list[Probability | None]


class Video(TypedDict):
    """A clip, and how closely it was looked at.

    Attributes:
        duration_s: By the timestamps of the frames, not by the file's header.
        fps: Frames a second on average.
        frames: Frames in the clip.
        frames_examined: Frames looked at.
        bursts: Separate stretches looked at; 1 where the clip is covered evenly.
        longest_gap_s: Longest stretch in which no frame was looked at.
        damaged_frames: Broken places met; frames up to the next whole one are left out.
        complete: False where the scan was stopped before the end, as by Ctrl-C.
        codec: FFmpeg's name of the codec, or ``GIF``, ``PNG``, ``WebP``.
        has_sound: Whether there is a sound track.
    """

    duration_s: Seconds
    fps: Seconds
    frames: Count
    frames_examined: Count
    bursts: Count
    longest_gap_s: Seconds
    damaged_frames: Count
    complete: bool
    codec: str
    has_sound: bool


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
        models: References of the models that found and judged, ``name@version``; that of ``content`` stands there.
        media_sha256: Hex SHA-256 of the bytes read; of the pixels where there were no bytes.
        content: What the picture shows as a whole; None for clips, and where not looked at.
        timeline: The people of a video over time, in the order of ``faces``; None for pictures.
        video: The clip, and how closely it was looked at; None for pictures.
        provenance: Signals from metadata and content credentials, never a vote; None where not looked at.
        whole: Whether the whole picture was generated; None until a model says so.
        signature: Of this report; None until reports are signed.
        timings_s: Seconds spent per step. The names of the steps are not part of the form.
        warnings: Things the reader should know about the input.
    """

    source: str
    verdict: Verdict
    width: Annotated[int, Within(1)]
    height: Annotated[int, Within(1)]
    faces: Annotated[tuple[FaceResult, ...], Numbered()]
    thresholds: Thresholds
    finder: Name
    models: tuple[Name, ...]
    media_sha256: Annotated[str, Matches("^[0-9a-f]{64}$")]
    content: Annotated[Content | None, _SINCE_2_1] = None
    timeline: tuple[Curve, ...] | None = None
    video: Annotated[Video | None, _SINCE_1_1] = None
    provenance: Reserved = None
    whole: Reserved = None
    signature: Reserved = None
    timings_s: Annotated[Mapping[str, float], Within(0), Digits(6)] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        settle(self)

    def __repr__(self) -> str:
        people = f"{len(self.faces)} face" + ("" if len(self.faces) == 1 else "s")
        clip = "" if self.video is None else f", clip of {self.video['duration_s']:.1f} s"
        size = f"{self.width} x {self.height} px"
        return f"Report({self.source!r}, {_short(self.verdict)}, {people}, {size}{clip})"

    def _repr_html_(self) -> str:
        return shown(self)

    def count(self, label: Label) -> int:
        """Return how many faces carry this label."""
        return sum(f.verdict.label == label for f in self.faces)

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form: only dict, list, str, float, int, bool and None."""
        return {"schema_version": SCHEMA_VERSION, **form_of(Report).write(self)}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Report:
        """Read the form that :meth:`to_dict` writes, or wrote since version 1.0.

        Fields that a later minor version brings are passed over.

        Raises:
            ValueError: Another major ``schema_version``, or a field that is missing or wrong; the message names it.
        """
        if not isinstance(data, Mapping):
            raise ValueError(f"a report must be an object, got {type(data).__name__}")
        told = data.get("schema_version")
        major, _, minor = told.partition(".") if isinstance(told, str) else ("", "", "")
        if major not in _READ or not minor.isdecimal():
            raise ValueError(f"report.schema_version must be {SCHEMA_VERSION}, got {told!r}")
        report: Report = form_of(cls).read(data, "report", (int(major), int(minor)))
        return report
