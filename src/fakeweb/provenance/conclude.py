"""What was found in a file -> signals in plain words, contradictions, a label's text."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from fakeweb.provenance import names
from fakeweb.provenance.exif import Exif
from fakeweb.provenance.names import SOURCE_TYPES, known, source_type
from fakeweb.provenance.values import (
    SAYS,
    Action,
    Compression,
    Credentials,
    EarlierSave,
    Generation,
    Place,
    Provenance,
    Says,
    Signal,
    Thumbnail,
)
from fakeweb.provenance.xmp import Xmp

ABSENT: Final = (
    "Nothing in the file says where it comes from. That means unknown, neither genuine nor fake: most sites remove such"
    " notes, and anybody can."
)
_FORGEABLE: Final = "Such notes are easily written and easily copied."
_AIGC: Final = {"1": "is made by AI", "2": "may be made by AI", "3": "is suspected to be made by AI"}
_LABELS: Final = {"generated": "AI generated", "ai_edited": "AI modified"}


@dataclass
class Found:
    """All that the readers gave."""

    width: int = 0
    height: int = 0
    exif: Exif | None = None
    xmp: Xmp | None = None
    iptc: Mapping[str, str] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)  # of a clip's container
    texts: tuple[tuple[str, str], ...] = ()
    generation: Generation | None = None
    aigc: tuple[str, str] | None = None
    credentials: Credentials | None = None
    compression: Compression | None = None
    earlier_save: EarlierSave | None = None
    thumbnail: Thumbnail | None = None
    cut: tuple[str, ...] = ()


def conclude(found: Found) -> Provenance:
    """Put what was found into words."""
    programs = _programs(found)
    signals = [
        *_credential_signals(found.credentials),
        *_stated_signals(found),
        *_program_signals(programs),
        *_camera_signals(found),
        *_saving_signals(found),
        *(Signal("container", "unread", f"Not all was read: {text}.") for text in found.cut),
    ]
    signals.sort(key=lambda s: SAYS.index(s.says))
    contradictions = tuple(_contradictions(found, signals))
    says = {s.says for s in signals if s.place != "c2pa" or _whole(found.credentials)}
    label = next((_LABELS[kind] for kind in ("generated", "ai_edited") if kind in says), None)
    history = tuple(_history(found.xmp))
    return Provenance(
        summary=_summary(signals, contradictions),
        signals=tuple(signals),
        contradictions=contradictions,
        digital_source_type=_source_type(found),
        label_text=label,
        credentials=found.credentials,
        generation=found.generation,
        history=history,
        camera=_camera(found) or None,
        software=tuple(dict.fromkeys(text for _, text in programs)),
        times=_times(found),
        credit=_credit(found) or None,
        compression=found.compression,
        earlier_save=found.earlier_save,
        thumbnail=found.thumbnail,
        unread=found.cut
        + (found.credentials.problems if _unread(found.credentials) and found.credentials else ()),
    )


def _whole(credentials: Credentials | None) -> bool:
    return credentials is not None and credentials.state in ("trusted", "valid")


def _unread(credentials: Credentials | None) -> bool:
    return credentials is not None and credentials.state == "unread"


def _credential_signals(credentials: Credentials | None) -> Iterator[Signal]:
    if credentials is None:
        return
    c = credentials
    if c.state == "remote":
        text = f"Content credentials lie elsewhere, at {c.remote_url}; they were not fetched."
        yield Signal("c2pa", "unread", text)
        return
    if c.state == "unread":
        yield Signal(
            "c2pa", "unread", f"It has content credentials that were not read: {'; '.join(c.problems)}."
        )
        return
    by = (c.signer.organisation or c.signer.name) if c.signer else None
    signed = f"signed by {by}" if by else "signed"
    whole = {
        "trusted": f"{signed}, who is on your trust list",
        "valid": f"{signed}; the signature is whole, the name is not vouched for by a trust list of yours",
        "invalid": f"{signed}, do not fit the file: it was changed after signing, or they were moved here from another"
        f" ({', '.join(c.problems[:3]) or 'no reason given'})",
    }[c.state]
    types = [t for t in c.digital_source_types if t in SOURCE_TYPES]
    says, about = _of_types(types)
    claim = f" They say: {about}." if about else ""
    says = "edited" if c.state == "invalid" else says or "technical"
    yield Signal("c2pa", says, f"Content credentials (C2PA), {whole}.{claim}")
    steps = [a.action for a in c.actions]
    changing = [s for s in dict.fromkeys(steps) if s not in ("created", "opened", "published", "converted")]
    if changing:
        text = f"The credentials name {len(steps)} step{'s' if len(steps) != 1 else ''}: {', '.join(changing[:8])}."
        yield Signal("c2pa", "edited", text)
    for ingredient in c.ingredients:
        if ingredient.digital_source_type in names.GENERATED:
            name = ingredient.title or "a part without a name"
            yield Signal("c2pa", "ai_edited", f"The credentials name a part made by AI: {name}.")
    if c.identity:
        yield Signal("c2pa", "technical", "The credentials carry a signed identity, which was not checked.")


def _of_types(types: list[str]) -> tuple[Says | None, str]:
    """Return what digital source types amount to, and in words."""
    about = ", ".join(dict.fromkeys(SOURCE_TYPES[t] for t in types))
    if any(t in names.GENERATED for t in types):
        mixed = any(t in names.PARTLY_GENERATED | names.CAPTURED for t in types)
        return ("ai_edited" if mixed else "generated"), about
    if any(t in names.PARTLY_GENERATED for t in types):
        return "ai_edited", about
    if any(t in names.CAPTURED for t in types):
        return "captured", about
    return None, about


def _stated_signals(found: Found) -> Iterator[Signal]:
    """Yield what the file states in so many words: digital source type, generator's parameters, marks by law."""
    stated = _stated_type(found)
    if stated:
        says, about = _of_types([stated])
        yield Signal(
            "xmp", says or "technical", f"The metadata state the source: {about} ({stated}). {_FORGEABLE}"
        )
    if found.generation is not None:
        place: Place = "text" if found.texts else "exif"
        prompt = found.generation.parameters.get("prompt", "")
        asked = f' for "{prompt[:120]}{"…" if len(prompt) > 120 else ""}"' if prompt else ""
        yield Signal(place, "generated", f"It carries the parameters of {found.generation.name}{asked}.")
    if found.aigc is not None:
        by = f" by {found.aigc[1]}" if found.aigc[1] else ""
        yield Signal(
            "text", "generated", f"It is marked{by} as content that {_AIGC[found.aigc[0]]} (GB 45438)."
        )
    credit = _credit(found)
    name = known(credit)
    if name and name[1] in ("generator", "ai_editor"):
        says = "generated" if name[1] == "generator" else "ai_edited"
        yield Signal("iptc", says, f'The credit line reads "{credit}".')
    if found.iptc.get("instructions", "").startswith("FBMD"):
        text = "It carries a mark of Facebook or Instagram (FBMD): it was downloaded from there."
        yield Signal("iptc", "technical", text)


def _programs(found: Found) -> list[tuple[Place, str]]:
    """Return the programs that fields for programs name, with where they stand."""
    listed: list[tuple[Place, str]] = []
    if found.exif is not None:
        listed += [("exif", found.exif.software), ("exif", found.exif.host)]
    if found.xmp is not None:
        listed.append(("xmp", found.xmp.get("xmp:CreatorTool")))
        listed += [("xmp", step.get("softwareAgent", "")) for step in found.xmp.history]
    program = f"{found.iptc.get('program', '')} {found.iptc.get('program_version', '')}".strip()
    listed.append(("iptc", program))
    for key, text in found.texts:
        if key.lower() in ("software", "source", "creator", "creatortool", "comment"):
            listed.append(("text", text[:200]))
    for key in (
        "encoder",
        "software",
        "com.apple.quicktime.software",
        "handler_name",
        "comment",
        "encoded_by",
    ):
        listed.append(("container", found.tags.get(key, "")))
    if found.credentials is not None and found.credentials.generator:
        listed.append(("c2pa", found.credentials.generator))
        listed += [("c2pa", a.software or "") for a in found.credentials.actions]
    wanted = [(place, text.strip()) for place, text in listed if text.strip()]
    kept = {text: place for place, text in reversed(wanted) if _is_program(place, text)}
    return [(place, text) for text, place in reversed(kept.items())][:20]


def _is_program(place: Place, text: str) -> bool:
    """Tell names of programs from free texts: in those, only known names count."""
    free = place in ("text", "container") and not text.lower().startswith(("lav", "adobe"))
    return not free or known(text) is not None


_ROLES: Final[Mapping[str, tuple[Says, str]]] = {
    "generator": ("generated", "It names {0}, which makes pictures by AI"),
    "ai_editor": ("ai_edited", "It names {0}, which changes pictures with AI"),
    "editor": ("edited", "It was written by {0}, an editor"),
    "converter": ("technical", "It was written by {0}, which converts and re-encodes"),
}


def _program_signals(programs: list[tuple[Place, str]]) -> Iterator[Signal]:
    seen = set()
    for place, text in programs:
        name = known(text)
        if name is None or name[0] in seen or place == "c2pa":
            continue
        seen.add(name[0])
        says, words = _ROLES[name[1]]
        yield Signal(place, says, f'{words.format(name[0])} ("{text[:80]}").')


def _camera(found: Found) -> str:
    if found.exif is not None and found.exif.camera:
        return found.exif.camera
    for maker, model in (
        ("com.apple.quicktime.make", "com.apple.quicktime.model"),
        ("make", "model"),
        ("com.android.manufacturer", "com.android.model"),
    ):
        if found.tags.get(model):
            return f"{found.tags.get(maker, '')} {found.tags[model]}".strip()
    return ""


def _camera_signals(found: Found) -> Iterator[Signal]:
    camera = _camera(found)
    if not camera:
        return
    exif = found.exif
    when = f", taken {_date(exif.taken)}" if exif is not None and exif.taken else ""
    proof = ""
    if exif is not None and exif.camera:
        parts = [
            w
            for w, there in (("exposure", exif.exposure), ("the maker's own notes", exif.maker_note))
            if there
        ]
        proof = f" (with {' and '.join(parts)})" if parts else " (without exposure)"
    place: Place = "exif" if exif is not None and exif.camera else "container"
    yield Signal(place, "captured", f"The metadata name a camera: {camera}{when}{proof}. {_FORGEABLE}")


def _saving_signals(found: Found) -> Iterator[Signal]:
    if found.xmp is not None and found.xmp.steps:
        steps = found.xmp.steps
        text = f"Its edit history has {steps} step{'s' if steps != 1 else ''}"
        agents = list(dict.fromkeys(s["softwareAgent"] for s in found.xmp.history if s.get("softwareAgent")))
        yield Signal("xmp", "edited", f"{text}{', by ' + ', '.join(agents[:3]) if agents else ''}.")
    thumbnail = found.thumbnail
    if thumbnail is not None and thumbnail.differs:
        text = (
            "The small picture inside the file shows something else, or another crop: see both side by side."
        )
        yield Signal("thumbnail", "edited", text)
    if found.compression is not None:
        c = found.compression
        whose = {"standard": "standard", "photoshop": "Photoshop's", "own": "own"}[c.family]
        about = "" if c.family == "standard" else "about "
        colours = f", colours {c.subsampling}" if c.subsampling else ""
        yield Signal("jpeg", "technical", f"JPEG with {whose} tables, quality {about}{c.quality}{colours}.")
    if found.earlier_save is not None:
        text = f"It was a JPEG of lower quality (about {found.earlier_save.quality}) before it was saved as it is."
        yield Signal("jpeg", "technical", text)


def _contradictions(found: Found, signals: list[Signal]) -> Iterator[str]:
    credentials, exif = found.credentials, found.exif
    says = {s.says: s for s in signals if s.says in ("generated", "ai_edited", "captured")}
    camera = _camera(found)
    if camera and "generated" in says:
        yield f"It names a camera ({camera}) and says it was made by AI: the two do not go together."
    types = credentials.digital_source_types if credentials is not None and _whole(credentials) else ()
    captured = any(t in names.CAPTURED for t in types)
    if captured and "generated" in says and says["generated"].place != "c2pa":
        yield "Its content credentials say a camera took it, other metadata that AI made it."
    if credentials is not None and credentials.state == "invalid":
        yield "Its content credentials do not fit the content any more; what they say cannot be relied on."
    if found.thumbnail is not None and found.thumbnail.differs:
        yield "The small picture inside differs from the picture: it was changed after the small one was made."
    told = (exif.width, exif.height) if exif is not None and camera else (0, 0)
    if all(told) and found.width and set(told) != {found.width, found.height}:
        size = f"{found.width} x {found.height}"
        yield f"EXIF says {told[0]} x {told[1]} pixels, the picture has {size}: it was cropped or scaled."
    if exif is not None and exif.taken and exif.modified and exif.modified < exif.taken:
        yield f"It was last changed ({_date(exif.modified)}) before it was taken ({_date(exif.taken)})."


def _history(xmp: Xmp | None) -> Iterator[Action]:
    for step in xmp.history[:50] if xmp is not None else ():
        yield Action(
            step.get("action", "unknown"),
            step.get("softwareAgent"),
            step.get("when"),
            source_type(step.get("digitalSourceType", "")),
            step.get("parameters") or step.get("changed"),
        )


def _stated_type(found: Found) -> str | None:
    if found.xmp is None:
        return None
    return source_type(found.xmp.get("Iptc4xmpExt:DigitalSourceType"))


def _source_type(found: Found) -> str | None:
    """Return the digital source type: of whole content credentials, else of the metadata."""
    if found.credentials is not None and _whole(found.credentials):
        types = found.credentials.digital_source_types
        ranked = [t for t in (*names.PARTLY_GENERATED, *names.GENERATED) if t in types]
        if ranked or any(t in SOURCE_TYPES for t in types):
            return ranked[0] if ranked else next(t for t in types if t in SOURCE_TYPES)
    return _stated_type(found)


def _credit(found: Found) -> str:
    in_xmp = found.xmp.get("photoshop:Credit", "photoshop:Source") if found.xmp is not None else ""
    return in_xmp or found.iptc.get("credit", "") or found.iptc.get("source", "")


def _times(found: Found) -> dict[str, str]:
    exif, xmp = found.exif or Exif(), found.xmp or Xmp()
    times = {
        "taken": _date(exif.taken) or xmp.get("photoshop:DateCreated"),
        "created": xmp.get("xmp:CreateDate") or found.tags.get("creation_time", "")[:32],
        "modified": _date(exif.modified) or xmp.get("xmp:ModifyDate"),
    }
    return {name: text for name, text in times.items() if text}


def _date(text: str) -> str:
    """Return EXIF's ``2024:05:01 10:00:00`` as ``2024-05-01 10:00:00``."""
    return text[:10].replace(":", "-") + text[10:] if text[:4].isdigit() else ""


def _summary(signals: list[Signal], contradictions: tuple[str, ...]) -> str:
    says = [s.says for s in signals if s.says not in ("technical",)]
    if contradictions:
        return f"The file contradicts itself. {contradictions[0]}"
    if "generated" in says:
        return "The file says it was made by AI. " + next(s.text for s in signals if s.says == "generated")
    if "ai_edited" in says:
        return "The file says AI had a part in it. " + next(s.text for s in signals if s.says == "ai_edited")
    if "captured" in says and "edited" in says:
        return "The file names a camera and traces of editing. Neither says whether a face was manipulated."
    if "captured" in says:
        return next(s.text for s in signals if s.says == "captured")
    if "edited" in says:
        return "The file shows traces of editing, and does not say what was changed."
    if "unread" in says:
        return next(s.text for s in signals if s.says == "unread")
    return ABSENT
