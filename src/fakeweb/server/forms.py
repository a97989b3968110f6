"""multipart/form-data taken apart while it arrives, at a cost its sender cannot raise.

Boundaries and ends of heads are searched by ``bytearray.find``, which is compiled and linear in any input; what is
left to Python is a few steps for each part, and parts, their heads and lines are counted before they are looked at,
with a name or without one.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import unquote_to_bytes

from fakeweb.errors import BadRequest

_MAX_HEAD_BYTES = 4096
_MAX_HEAD_LINES = 16
_MAX_BOUNDARY = 70
"""RFC 2046 allows no longer one."""
_MAX_PADDING = 64
_PARAMETER = re.compile(rb';\s*([\w!#$%&\'*+.^`|~-]+)\s*=\s*("(?:[^"\\]|\\.)*"|[^;\s]*)', re.DOTALL)


@dataclass(frozen=True)
class Part:
    """The head of a part.

    Attributes:
        field: Name of the form's field, empty where it has none.
        filename: As sent; None where the part is no file.
    """

    field: str
    filename: str | None


class FormParser:
    """Splits a form into parts.

    Args:
        boundary: From the Content-Type.
        max_parts: How many parts there may be, of whatever kind.
        on_part: Called with the head of a part; returns what takes its bytes.
        on_end: Called when a part is complete.

    Raises:
        BadRequest: The boundary is empty or too long.
    """

    def __init__(
        self,
        boundary: bytes,
        max_parts: int,
        on_part: Callable[[Part], Callable[[bytes], None]],
        on_end: Callable[[], None],
    ) -> None:
        if not 1 <= len(boundary) <= _MAX_BOUNDARY:
            raise BadRequest("the form has no boundary", hint="let your HTTP library write the Content-Type")
        self._delimiter = b"\r\n--" + boundary
        self._left = max_parts
        self._on_part = on_part
        self._on_end = on_end
        self._buffer = bytearray(b"\r\n")  # so that a form may begin with its first delimiter
        self._write: Callable[[bytes], None] | None = None
        self._step: Callable[[], bool] = self._data
        self.finished = False
        """Whether the last delimiter has come."""

    def feed(self, data: bytes) -> None:
        """Take bytes.

        Raises:
            BadRequest: Too many parts, or a head that is too long or makes no sense.
        """
        if self.finished:  # what follows the form means nothing
            return
        self._buffer += data
        while not self.finished and self._step():
            pass

    def _data(self) -> bool:
        """Pass on bytes of a part, or over those before the first one; tell whether a delimiter was found."""
        buffer = self._buffer
        at = buffer.find(self._delimiter)
        safe = at if at >= 0 else max(0, len(buffer) - len(self._delimiter) + 1)
        if safe and self._write is not None:
            self._write(bytes(memoryview(buffer)[:safe]))
        del buffer[: safe if at < 0 else at + len(self._delimiter)]
        if at < 0:
            return False
        if self._write is not None:
            self._write = None
            self._on_end()
        self._step = self._after_delimiter
        return True

    def _after_delimiter(self) -> bool:
        """Tell whether a part or the end follows."""
        buffer = self._buffer
        padding = len(buffer) - len(buffer.lstrip(b" \t"))
        if padding > _MAX_PADDING:
            raise BadRequest("the form is damaged: blanks after a boundary", hint="send it again")
        follows = bytes(buffer[padding : padding + 2])
        if len(follows) < 2:
            return False
        if follows == b"--" and not padding:
            self.finished = True
            buffer.clear()
            return False
        if follows != b"\r\n":
            raise BadRequest("the form is damaged: no line ends after a boundary", hint="send it again")
        if not self._left:
            raise BadRequest("the form has too many fields", hint="send fewer")
        self._left -= 1
        del buffer[:padding]  # the line end stays, since a head may be empty
        self._step = self._head
        return True

    def _head(self) -> bool:
        """Read the head of a part, once it is there."""
        at = self._buffer.find(b"\r\n\r\n", 0, _MAX_HEAD_BYTES)
        if at < 0:
            if len(self._buffer) >= _MAX_HEAD_BYTES:
                raise BadRequest("the head of a part of the form is too long", hint="send it again")
            return False
        lines = bytes(self._buffer[2:at]).split(b"\r\n") if at else []
        del self._buffer[: at + 4]
        self._write = self._on_part(_part(lines))
        self._step = self._data
        return True


def _part(lines: list[bytes]) -> Part:
    if len(lines) > _MAX_HEAD_LINES:
        raise BadRequest("a part of the form has too many header lines", hint="send it again")
    for line in lines:
        name, colon, value = line.partition(b":")
        if not colon:
            raise BadRequest("the form is damaged: a header line without a colon", hint="send it again")
        if name.strip().lower() == b"content-disposition":
            _, options = parse_options(value)
            field = options.get("name", b"").decode("utf-8", "replace")
            filename = options.get("filename")
            return Part(field, None if filename is None else filename.decode("utf-8", "surrogateescape"))
    return Part("", None)


def parse_options(value: bytes) -> tuple[bytes, dict[str, bytes]]:
    r"""Return a header's value in lower case, and its parameters; ``name*`` goes before ``name``.

    Example:
        >>> parse_options(b'form-data; name="file"; filename="a \\"b\\".jpg"')
        (b'form-data', {'name': b'file', 'filename': b'a "b".jpg'})
    """
    head = value.partition(b";")[0]
    found: dict[str, bytes] = {}
    for name, text in _PARAMETER.findall(value[len(head) :]):
        if text[:1] == text[-1:] == b'"':
            text = text[1:-1].replace(b'\\"', b'"').replace(b"\\\\", b"\\")
        found.setdefault(name.decode("latin-1").lower(), text)
    for name in [n for n in found if n.endswith("*")]:
        found[name[:-1]] = unquote_to_bytes(found.pop(name).rpartition(b"'")[2])
    return head.strip().lower(), found
