"""What the room gives: :class:`Provenance`, and the parts it is made of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal, get_args

from fakeweb.types.form import Digits, Within, form_of

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
    quality: Annotated[int, Within(1, 100)]
    subsampling: str | None
    progressive: bool


@dataclass(frozen=True)
class EarlierSave:
    """Traces of an earlier save as JPEG in the picture's own frequencies.

    Attributes:
        quality: Of the earlier save, 1 to 100 on libjpeg's scale; an estimate.
        share: Of the coefficients looked at that fit it, in [0, 1].
    """

    quality: Annotated[int, Within(1, 100)]
    share: Annotated[float, Within(0, 1), Digits(3)]


@dataclass(frozen=True, eq=False)
class Thumbnail:
    """The small picture that cameras keep inside the file.

    Attributes:
        width, height: In pixels.
        correlation: With the picture at the same size, -1 to 1; None where it could not be decoded.
        differs: Whether it shows something else, or another crop.
        jpeg: The thumbnail upright, base64 of a JPEG, to be shown beside the picture; only where it differs.
    """

    width: int
    height: int
    correlation: Annotated[float | None, Within(-1, 1), Digits(4)]
    differs: bool
    jpeg: str | None = None


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
        camera: Make and model, as the metadata name them.
        software: Programs that the metadata name.
        times: ``taken``, ``created`` and ``modified``, as far as the metadata say.
        credit: Credit line or source.
        compression: Of a JPEG.
        earlier_save: Traces of an earlier JPEG, or None.
        thumbnail: Embedded thumbnail, or None.
        unread: What is there and was not read, and why.
        version: Of this form.
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
    version: int = 1

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form: only dict, list, str, float, int, bool and None."""
        return form_of(Provenance).write(self)
