"""XMP: an RDF packet -> the properties of known schemas, and the edit history.

The parser is the standard library's expat, fed at most a MiB: a document type (the way to entities that multiply) ends
it at once, and depth, number of elements and length of every text are bounded. What was read before the end or before
a fault counts.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final
from xml.parsers import expat

from fakeweb.media.limits import one_line

_MAX_DEPTH: Final = 48
_MAX_ELEMENTS: Final = 40_000
_MAX_TEXT: Final = 2000
_MAX_VALUES: Final = 400
MAX_HISTORY: Final = 200
"""No more steps of an edit history are kept."""

_RDF: Final = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
_SCHEMAS: Final = {
    "http://ns.adobe.com/xap/1.0/": "xmp",
    "http://ns.adobe.com/xap/1.0/mm/": "xmpMM",
    "http://ns.adobe.com/xap/1.0/sType/ResourceEvent#": "stEvt",
    "http://ns.adobe.com/xap/1.0/sType/ResourceRef#": "stRef",
    "http://ns.adobe.com/photoshop/1.0/": "photoshop",
    "http://ns.adobe.com/tiff/1.0/": "tiff",
    "http://ns.adobe.com/exif/1.0/": "exif",
    "http://ns.adobe.com/camera-raw-settings/1.0/": "crs",
    "http://iptc.org/std/Iptc4xmpExt/2008-02-29/": "Iptc4xmpExt",
    "http://purl.org/dc/elements/1.1/": "dc",
    "http://purl.org/dc/terms/": "dcterms",
    "http://www.tc260.org.cn/ns/AIGC/1.0/": "TC260",
}


@dataclass
class Xmp:
    """What XMP says.

    Attributes:
        values: First value of each known property by ``schema:name``, such as ``xmp:CreatorTool``.
        history: Steps of the edit history: ``action``, ``softwareAgent``, ``when``, ``changed`` as far as given.
        steps: How many steps there are, kept or not.
        whole: False where the packet is broken or was too large to be read to its end.
    """

    values: dict[str, str] = field(default_factory=dict)
    history: list[dict[str, str]] = field(default_factory=list)
    steps: int = 0
    whole: bool = True

    def get(self, *names: str) -> str:
        """Return the first of these properties that has a value, or an empty text."""
        return next((self.values[n] for n in names if self.values.get(n)), "")


class _Stop(Exception):
    """The packet asks for more than it gets."""


def read_xmp(packet: bytes) -> Xmp | None:
    """Read an XMP packet; None where it is whole and there is nothing of a known schema.

    Args:
        packet: XML, perhaps cut off, perhaps with something before or behind it; several packets in a row are read.
    """
    found = Xmp()
    for part in _packets(packet):
        _read_one(part, found)
    return found if found.values or found.steps or not found.whole else None


def _packets(packet: bytes) -> list[bytes]:
    """Cut out what lies between the outermost tags, for each packet; extended XMP follows the main one."""
    parts: list[bytes] = []
    for tag in (b"x:xmpmeta", b"rdf:RDF"):
        start = packet.find(b"<" + tag)
        while start >= 0 and len(parts) < 4:
            end = packet.find(b"</" + tag, start)
            stop = packet.find(b">", end) + 1 if end >= 0 else len(packet)
            parts.append(packet[start : stop or len(packet)])
            start = packet.find(b"<" + tag, stop) if end >= 0 else -1
        if parts:
            break
    if not parts and packet.strip():
        parts.append(packet)  # other prefixes, or another encoding: expat finds out
    return parts


def _read_one(part: bytes, found: Xmp) -> None:
    reader = _Reader(found)
    parser = expat.ParserCreate(namespace_separator=" ")
    parser.buffer_text = True
    parser.StartDoctypeDeclHandler = reader.refuse
    parser.EntityDeclHandler = reader.refuse
    parser.StartElementHandler = reader.start
    parser.EndElementHandler = reader.end
    parser.CharacterDataHandler = reader.text
    try:
        parser.Parse(part, True)
    except (expat.ExpatError, _Stop, ValueError):
        found.whole = False


class _Reader:
    def __init__(self, found: Xmp) -> None:
        self.found = found
        self.path: list[str] = []  # known names only; others and RDF's own are empty
        self.words: list[str] = []
        self.length = self.elements = 0

    def refuse(self, *_: Any) -> None:
        raise _Stop

    def start(self, name: str, attributes: dict[str, str]) -> None:
        self.elements += 1
        if len(self.path) >= _MAX_DEPTH or self.elements > _MAX_ELEMENTS:
            raise _Stop
        self.path.append(_known(name))
        self.words, self.length = [], 0
        if self._in_history() and name == f"{_RDF} li":
            self._new_step()
        for key, value in attributes.items():
            if key == f"{_RDF} resource":
                self._put(self.path[-1], value)
            else:
                self._put(_known(key), value)

    def text(self, data: str) -> None:
        if self.length < _MAX_TEXT:
            self.words.append(data)
            self.length += len(data)

    def end(self, _: str) -> None:
        value = "".join(self.words).strip()
        if value:
            self._put(next((p for p in reversed(self.path) if p), ""), value)
        self.words, self.length = [], 0
        self.path.pop()

    def _in_history(self) -> bool:
        return "xmpMM:History" in self.path

    def _new_step(self) -> None:
        self.found.steps += 1
        if len(self.found.history) < MAX_HISTORY:
            self.found.history.append({})

    def _put(self, name: str, value: str) -> None:
        if not name:
            return
        value = one_line(value, _MAX_TEXT)
        if self._in_history():
            if name.startswith("stEvt:") and self.found.history and self.found.steps <= MAX_HISTORY:
                self.found.history[-1].setdefault(name[6:], value)
        elif (
            not any(p.startswith("xmpMM:") and p != name for p in self.path)
            and len(self.found.values) < _MAX_VALUES
        ):
            self.found.values.setdefault(name, value)


def _known(name: str) -> str:
    space, _, local = name.rpartition(" ")
    schema = _SCHEMAS.get(space)
    return f"{schema}:{local[:60]}" if schema else ""
