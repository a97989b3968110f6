"""The values everybody passes around, and the seams (Protocols) where plug-ins attach.

Values are frozen and checked at birth; their arrays are read-only. Conventions that hold everywhere:
0 = real and 1 = fake; a score is always P(fake); colours are RGB; boxes are (x0, y0, x1, y1) in pixels with
x to the right and y down, x1 and y1 exclusive; units stand in names (``time_s``, ``side_px``).

Imports: numpy and :mod:`fakeweb.errors` only.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol, get_args, runtime_checkable

import numpy as np
import numpy.typing as npt

SCHEMA_VERSION = "2.0"
"""Version of the report's JSON form: the minor grows when fields are added, the major when one changes."""

Kind = Literal["swap", "reenacted", "retouch", "generated"]
KINDS: tuple[Kind, ...] = get_args(Kind)
"""How a face was manipulated, in the order used by every model and table."""

Label = Literal["real", "fake", "uncertain", "no_face"]
LABELS: tuple[Label, ...] = get_args(Label)

Split = Literal["train", "val", "test"]

Box = tuple[float, float, float, float]
UInt8Array = npt.NDArray[np.uint8]
FloatArray = npt.NDArray[np.floating[Any]]


def _read_only(array: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Return a C-contiguous view (or copy) of ``array`` that refuses to be written to."""
    view = np.ascontiguousarray(array).view()
    view.flags.writeable = False
    return view


def _check_probability(name: str, value: float) -> None:
    if not 0.0 <= value <= 1.0:
        raise ValueError(f"{name} must lie in [0, 1], got {value!r}")


def _freeze_floats(owner: object, name: str, shape: tuple[int | None, ...]) -> None:
    """Check an optional float array field of a frozen dataclass and make it read-only float32."""
    value = getattr(owner, name)
    if value is None:
        return
    array = np.asarray(value, dtype=np.float32)
    fits = array.ndim == len(shape) and all(
        want in (None, have) for want, have in zip(shape, array.shape, strict=True)
    )
    if not fits:
        raise ValueError(f"{type(owner).__name__}.{name} must have shape {shape}, got {array.shape}")
    if not np.isfinite(array).all():
        raise ValueError(f"{type(owner).__name__}.{name} must be finite")
    object.__setattr__(owner, name, _read_only(array))


def _check_unit_range(name: str, array: FloatArray | None) -> None:
    if array is not None and array.size and not (array.min() >= 0 and array.max() <= 1):
        raise ValueError(f"{name} must lie in [0, 1], got {array.min():.3g} to {array.max():.3g}")


def _short_box(box: Box) -> str:
    return f"[{' '.join(str(round(v)) for v in box)}]"


def _short_verdict(verdict: Verdict) -> str:
    return verdict.label + ("" if verdict.p_fake is None else f", p_fake={verdict.p_fake:.4f}")


@dataclass(frozen=True, eq=False)
class Image:
    """A decoded picture, upright.

    Attributes:
        pixels: uint8 RGB of shape (H, W, 3), read-only, sRGB, orientation already applied. A contiguous array is
            not copied: whoever made it must not write to it any more.

    Raises:
        TypeError: ``pixels`` is not a uint8 array.
        ValueError: ``pixels`` is not (H, W, 3) with H and W of at least 1.

    Example:
        >>> Image(np.zeros((2, 3, 3), np.uint8)).width
        3
    """

    pixels: UInt8Array

    def __post_init__(self) -> None:
        if not isinstance(self.pixels, np.ndarray) or self.pixels.dtype != np.uint8:
            got = getattr(self.pixels, "dtype", type(self.pixels).__name__)
            raise TypeError(f"Image.pixels must be a uint8 array, got {got}")
        if self.pixels.ndim != 3 or self.pixels.shape[2] != 3 or 0 in self.pixels.shape:
            raise ValueError(f"Image.pixels must be RGB of shape (H, W, 3), got {self.pixels.shape}")
        object.__setattr__(self, "pixels", _read_only(self.pixels))

    def __repr__(self) -> str:
        return f"Image({self.width} x {self.height} px)"

    @property
    def height(self) -> int:
        """Rows, in pixels."""
        return int(self.pixels.shape[0])

    @property
    def width(self) -> int:
        """Columns, in pixels."""
        return int(self.pixels.shape[1])


@dataclass(frozen=True, eq=False)
class Frame:
    """One picture of a video.

    Attributes:
        image: The decoded frame.
        index: Position in decoding order, from 0.
        time_s: Presentation time from the stream's own timestamps, in seconds from the start of the stream.
        duration_s: How long a player shows it, in seconds: until the next stored frame, whether or not that one is
            looked at, or the end of the clip; 0 where that is not known.
    """

    image: Image
    index: int
    time_s: float
    duration_s: float = 0.0

    def __post_init__(self) -> None:
        if self.index < 0 or not np.isfinite(self.time_s):
            raise ValueError(f"Frame needs index >= 0 and a finite time_s, got {self.index}, {self.time_s}")
        if not (np.isfinite(self.duration_s) and self.duration_s >= 0):
            raise ValueError(f"Frame.duration_s must be finite and at least 0, got {self.duration_s}")

    def __repr__(self) -> str:
        return f"Frame({self.index} at {self.time_s:.3f} s, {self.image!r})"


@dataclass(frozen=True, eq=False)
class Face:
    """A face found in a picture.

    Attributes:
        box: (x0, y0, x1, y1) in pixels, around brow to chin and cheek to cheek; may reach past the border.
        confidence: How sure the finder is, in [0, 1]; comparable only within one finder.
        points: float32 (5, 2) in pixels: the eye, eye, nose tip, mouth corner, mouth corner, each pair from
            left to right in the picture; or None where the finder gives none.
        mesh: float32 (468, 3) in the order of :mod:`fakeweb.topology`, x and y in pixels, z in the same unit and
            growing away from the viewer; or None.
        track: Number of the person's track in a video, or None.
        presence: P(there is a face at all), by the mesh model, in [0, 1]; or None where it was not asked.
        printed: P(the face is a picture within the picture: on a poster, a screen, cloth), in [0, 1]; or None.
    """

    box: Box
    confidence: float = 1.0
    points: FloatArray | None = None
    mesh: FloatArray | None = None
    track: int | None = None
    presence: float | None = None
    printed: float | None = None

    def __post_init__(self) -> None:
        box = tuple(float(v) for v in self.box)
        if len(box) != 4 or not np.isfinite(box).all() or box[2] <= box[0] or box[3] <= box[1]:
            raise ValueError(f"Face.box must be finite (x0, y0, x1, y1) with x0 < x1 and y0 < y1, got {box}")
        _check_probability("Face.confidence", self.confidence)
        for name in ("presence", "printed"):
            if getattr(self, name) is not None:
                _check_probability(f"Face.{name}", getattr(self, name))
        object.__setattr__(self, "box", box)
        _freeze_floats(self, "points", (5, 2))
        _freeze_floats(self, "mesh", (468, 3))

    def __repr__(self) -> str:
        measured = "".join(f", {name}" for name in ("points", "mesh") if getattr(self, name) is not None)
        track = "" if self.track is None else f", track={self.track}"
        return f"Face(box={_short_box(self.box)}, confidence={self.confidence:.2f}{measured}{track})"

    @property
    def width_px(self) -> float:
        """Width of the box in pixels."""
        return self.box[2] - self.box[0]

    @property
    def height_px(self) -> float:
        """Height of the box in pixels."""
        return self.box[3] - self.box[1]


@dataclass(frozen=True, eq=False)
class Crop:
    """A face cut out for a classifier.

    Attributes:
        pixels: uint8 RGB (S, S, 3), read-only.
        face: The face it shows.
        to_image: float32 (2, 3): maps homogeneous crop coordinates (x, y, 1) to picture coordinates, so that
            anything found in the crop finds its way home.
    """

    pixels: UInt8Array
    face: Face
    to_image: FloatArray

    def __post_init__(self) -> None:
        shape = self.pixels.shape
        square = len(shape) == 3 and shape[2] == 3 and shape[0] == shape[1] > 0
        if self.pixels.dtype != np.uint8 or not square:
            raise ValueError(f"Crop.pixels must be uint8 (S, S, 3), got {self.pixels.dtype} {shape}")
        object.__setattr__(self, "pixels", _read_only(self.pixels))
        _freeze_floats(self, "to_image", (2, 3))

    def __repr__(self) -> str:
        return f"Crop({self.side_px} px of {self.face!r})"

    @property
    def side_px(self) -> int:
        """Side of the square crop in pixels."""
        return int(self.pixels.shape[0])


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
        _check_probability("Score.p_fake", self.p_fake)
        if not np.isfinite(self.logit):
            raise ValueError(f"Score.logit must be finite, got {self.logit}")
        if self.kinds is not None:
            unknown = set(self.kinds) - set(KINDS)
            in_range = all(0.0 <= share <= 1.0 for share in self.kinds.values())
            if unknown or not in_range or abs(sum(self.kinds.values()) - 1.0) > 1e-3:
                raise ValueError(
                    f"Score.kinds must be shares of {KINDS} that sum to 1, got {dict(self.kinds)}"
                )
        _freeze_floats(self, "evidence", (None, None))
        _check_unit_range("Score.evidence", self.evidence)
        _freeze_floats(self, "evidence_to_image", (2, 3))

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
            _check_probability("Verdict.p_fake", self.p_fake)
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
            _check_probability(f"Thresholds.{name}", getattr(self, name))
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
        _check_probability("Stretch.p_fake", self.p_fake)
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


@dataclass(frozen=True)
class Sample:
    """One labelled picture of a data set; nothing has been opened yet.

    Attributes:
        path: The file.
        label: 0 = real, 1 = fake, None = no face in it (content pictures).
        kind: The manipulation kind of a fake, else None.
        split: ``train``, ``val`` or ``test``.
        group: Person or source video; a group never stands in two splits. Unique within ``source``.
        source: Where the picture comes from.
        mask: File with the manipulated region (white), or None.
    """

    path: Path
    label: int | None
    kind: str | None
    split: Split
    group: str
    source: str
    mask: Path | None = None

    def __post_init__(self) -> None:
        if self.label not in (0, 1, None):
            raise ValueError(f"Sample.label must be 0, 1 or None, got {self.label!r}")
        if self.kind is not None and (self.kind not in KINDS or self.label != 1):
            raise ValueError(f"Sample.kind must be one of {KINDS} and only on fakes, got {self.kind!r}")
        if self.split not in get_args(Split):
            raise ValueError(f"Sample.split must be train, val or test, got {self.split!r}")


@dataclass(frozen=True, eq=False)
class Forgery:
    """A face manipulated by the forge.

    Attributes:
        image: The manipulated picture, the same size as the original.
        mask: float32 (H, W) in [0, 1]: how much each pixel was touched.
        kind: One of :data:`KINDS`.
    """

    image: Image
    mask: FloatArray
    kind: Kind

    def __post_init__(self) -> None:
        _freeze_floats(self, "mask", (self.image.height, self.image.width))
        _check_unit_range("Forgery.mask", self.mask)
        if self.kind not in KINDS:
            raise ValueError(f"Forgery.kind must be one of {KINDS}, got {self.kind!r}")

    def __repr__(self) -> str:
        return f"Forgery({self.kind}, {self.image!r})"


@runtime_checkable
class FaceFinder(Protocol):
    """Finds faces. Safe to call from several threads; the same picture always gives the same faces."""

    name: str

    def find(self, image: Image) -> Sequence[Face]:
        """Return every face, the most confident first; an empty sequence where there is none."""
        ...


@runtime_checkable
class ShrunkFinder(FaceFinder, Protocol):
    """A finder of several steps, which looks for faces in a shrunk copy and measures them in the picture itself."""

    def find_shrunk(self, image: Image, small: Image, *, again: bool = True) -> Sequence[Face]:
        """Return every face of which the copy ``small`` shows enough, in pixels of ``image``.

        Where there is none, the finder may look more closely, unless ``again`` is False.
        """
        ...


@runtime_checkable
class FaceMesher(Protocol):
    """Measures 468 points on faces. Safe to call from several threads; a face's mesh does not depend on the others."""

    name: str

    @property
    def min_presence(self) -> float:
        """Below this ``Face.presence`` there is no face."""
        ...

    @property
    def max_printed(self) -> float:
        """Above this ``Face.printed`` a face is taken for a print."""
        ...

    def mesh(self, image: Image, faces: Sequence[Face]) -> Sequence[Face]:
        """Return the same faces, in order, with ``presence`` and ``printed`` as far as known.

        A face that is none comes back without ``mesh``.
        """
        ...


@runtime_checkable
class Classifier(Protocol):
    """Judges crops. Safe to call from several threads; a crop's score does not depend on its batch."""

    @property
    def reference(self) -> str:
        """``name@version`` of the model."""
        ...

    @property
    def side_px(self) -> int:
        """Side of the square crop it wants."""
        ...

    @property
    def margin(self) -> float:
        """Side of the crop over the longer side of the face's box."""
        ...

    @property
    def min_face_px(self) -> float:
        """Faces narrower than this are too small to judge."""
        ...

    def score(self, crops: Sequence[Crop]) -> Sequence[Score]:
        """Return one calibrated score per crop, in order."""
        ...

    def thresholds(self) -> Thresholds:
        """Return where verdicts begin."""
        ...


@runtime_checkable
class TrackClassifier(Protocol):
    """What a classifier may have besides: verdicts on people in videos. Without it they follow those on pictures."""

    def track_probability(self, p_mean: float) -> float:
        """Return calibrated P(fake) of a person from the mean of P(fake) over the frames."""
        ...

    def track_thresholds(self) -> Thresholds:
        """Return where verdicts on people in a video begin."""
        ...


@runtime_checkable
class ForgeMethod(Protocol):
    """Makes a manipulated face out of a real one: a pure function of its arguments.

    A registered method is a class; ``strength`` (a range within [0, 1]) and, where ``needs_donors`` says so, ``donors``
    are given when it is made.
    """

    @property
    def name(self) -> str:
        """Its name in the registry."""
        ...

    @property
    def kind(self) -> Kind:
        """The kind of everything it makes."""
        ...

    def __call__(self, image: Image, face: Face, rng: np.random.Generator) -> Forgery:
        """Return the forged picture; the same arguments give the same bytes."""
        ...


@runtime_checkable
class DatasetLayout(Protocol):
    """Knows how one family of data sets lies on disk.

    The same folder always gives the same samples in the same order; hidden files are none. A layout that passes
    over missing pieces has ``problems: list[str]`` too: one line per reason, emptied when :meth:`index` begins and
    complete when its iterator comes to its end. Whoever indexes should show them.
    """

    name: str

    def index(self, root: Path) -> Iterator[Sample]:
        """Yield the samples below ``root`` without opening a pixel."""
        ...
