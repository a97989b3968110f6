"""What the room gives: :class:`Provenance`, and the parts it is made of."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, get_args

Says = Literal["generated", "ai_edited", "edited", "captured", "technical", "unread"]
"""What a signal speaks of: made by AI, changed with AI, changed, taken by a camera, how it was saved, not read."""
SAYS: tuple[Says, ...] = get_args(Says)
Place = Literal["c2pa", "exif", "xmp", "iptc", "text", "container", "jpeg", "thumbnail"]
"""Where in the file a signal stands."""


@dataclass(frozen=True)
class Signal:
    """One thing that a file says about itself.

    Attributes:
        place: Where it stands.
        says: What it speaks of.
        text: A plain sentence for the reader.
    """

    place: Place
    says: Says
    text: str


@dataclass(frozen=True)
class Signer:
    """Who signed a manifest, by the certificate; checked only where the state is ``trusted``."""

    name: str | None = None
    organisation: str | None = None
    algorithm: str | None = None
    time: str | None = None


@dataclass(frozen=True)
class Action:
    """One step that a manifest, or an edit history, tells of."""

    action: str
    software: str | None = None
    when: str | None = None
    digital_source_type: str | None = None
    description: str | None = None


@dataclass(frozen=True)
class Ingredient:
    """A file that went into this one, as a manifest tells."""

    title: str | None = None
    relationship: str | None = None
    format: str | None = None
    digital_source_type: str | None = None
    has_manifest: bool = False


@dataclass(frozen=True)
class Credentials:
    """Content credentials (C2PA).

    Attributes:
        state: ``trusted``: whole, and signed by somebody on the user's trust list; ``valid``: whole, and signed by a
            name that nobody here vouches for; ``invalid``: the content was changed after it was signed, or the
            signature is broken; ``unread``: they are there and could not be read, ``problems`` says why; ``remote``:
            only the address of a manifest is there.
        signer: By the certificate.
        generator: Program that made the claim.
        title: Name of the file when it was signed.
        actions: What was done, oldest first; of the active manifest.
        ingredients: What went into it.
        digital_source_types: All that the active manifest names.
        manifests: How many are in the store.
        identity: Whether it carries a signed identity (CAWG), which is not checked.
        remote_url: Address of a manifest elsewhere; never fetched.
        problems: Codes of what is wrong, as C2PA names them, or why it was not read.
    """

    state: Literal["trusted", "valid", "invalid", "unread", "remote"]
    signer: Signer | None = None
    generator: str | None = None
    title: str | None = None
    actions: tuple[Action, ...] = ()
    ingredients: tuple[Ingredient, ...] = ()
    digital_source_types: tuple[str, ...] = ()
    manifests: int = 0
    identity: bool = False
    remote_url: str | None = None
    problems: tuple[str, ...] = ()


@dataclass(frozen=True)
class Generation:
    """Parameters that a generator left in the file.

    Attributes:
        name: The generator, as far as the form of the note tells it.
        parameters: As it wrote them, cut to a few thousand characters: prompt, model, seed, steps ...
    """

    name: str
    parameters: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Compression:
    """How a JPEG was compressed.

    Attributes:
        family: Whose quantiser tables: ``standard`` (those of the JPEG standard, scaled, as most programs use them),
            ``photoshop``, or ``own`` (a camera's or a program's own).
        quality: 1 to 100 on libjpeg's scale; exact for ``standard``, else the nearest.
        subsampling: Of the colours, such as ``4:2:0``; None for grey.
        progressive: Whether it builds up in steps.
    """

    family: Literal["standard", "photoshop", "own"]
    quality: int
    subsampling: str | None
    progressive: bool


@dataclass(frozen=True)
class EarlierSave:
    """Traces of an earlier save as JPEG in the picture's own frequencies.

    Attributes:
        quality: Of the earlier save, 1 to 100 on libjpeg's scale; an estimate.
        share: Of the coefficients looked at that fit it, in [0, 1].
    """

    quality: int
    share: float


@dataclass(frozen=True, eq=False)
class Thumbnail:
    """The small picture that cameras keep inside the file.

    Attributes:
        width, height: In pixels.
        correlation: With the picture at the same size, -1 to 1; None where it could not be decoded.
        differs: Whether it shows something else, or another crop.
        jpeg: The thumbnail upright, as JPEG, to be shown beside the picture; only where it differs.
    """

    width: int
    height: int
    correlation: float | None
    differs: bool
    jpeg: bytes | None = None


@dataclass(frozen=True, eq=False)
class Provenance:
    """All that a file says about where it comes from. Never mixed into P(fake).

    Attributes:
        summary: One sentence for the reader, also where nothing was found.
        signals: What was found, the most telling first.
        contradictions: Where the file contradicts itself, one sentence each.
        digital_source_type: IPTC's code, such as ``trainedAlgorithmicMedia``, where the file states one.
        label_text: What a platform could write beside it, by what the file says; None where it says nothing of AI.
        credentials: Content credentials, or None where there are none.
        generation: A generator's parameters, or None.
        history: Edit history (XMP), oldest first.
        camera, software, times, credit: What the metadata name.
        compression: Of a JPEG.
        earlier_save: Traces of an earlier JPEG, or None.
        thumbnail: Embedded thumbnail, or None.
        unread: What is there and was not read, and why.
    """

    summary: str
    signals: tuple[Signal, ...] = ()
    contradictions: tuple[str, ...] = ()
    digital_source_type: str | None = None
    label_text: str | None = None
    credentials: Credentials | None = None
    generation: Generation | None = None
    history: tuple[Action, ...] = ()
    camera: str | None = None
    software: tuple[str, ...] = ()
    times: Mapping[str, str] = field(default_factory=dict)
    credit: str | None = None
    compression: Compression | None = None
    earlier_save: EarlierSave | None = None
    thumbnail: Thumbnail | None = None
    unread: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form: only dict, list, str, float, int, bool and None."""
        thumbnail = self.thumbnail
        return {
            "summary": self.summary,
            "signals": [asdict(s) for s in self.signals],
            "contradictions": list(self.contradictions),
            "digital_source_type": self.digital_source_type,
            "label_text": self.label_text,
            "c2pa": None if self.credentials is None else _plain(asdict(self.credentials)),
            "generation": None if self.generation is None else _plain(asdict(self.generation)),
            "history": [asdict(a) for a in self.history],
            "camera": self.camera,
            "software": list(self.software),
            "times": dict(self.times),
            "credit": self.credit,
            "compression": None if self.compression is None else asdict(self.compression),
            "earlier_save": None if self.earlier_save is None else asdict(self.earlier_save),
            "thumbnail": None
            if thumbnail is None
            else {
                "width": thumbnail.width,
                "height": thumbnail.height,
                "correlation": None if thumbnail.correlation is None else round(thumbnail.correlation, 4),
                "differs": thumbnail.differs,
                "jpeg": None if thumbnail.jpeg is None else b64encode(thumbnail.jpeg).decode(),
            },
            "unread": list(self.unread),
        }


def _plain(value: Any) -> Any:
    """Turn tuples into lists, all the way down."""
    if isinstance(value, Mapping):
        return {k: _plain(v) for k, v in value.items()}
    return [_plain(v) for v in value] if isinstance(value, list | tuple) else value
