"""What values look like as JSON: one description gives writing, reading with checks, JSON Schema and tables.

The description is the class itself: a dataclass or TypedDict whose fields have types, perhaps with marks such as
:class:`Within` (by ``Annotated``), and whose docstring explains them under ``Attributes:``.
"""

from __future__ import annotations

import inspect
import math
import numbers
import re
import reprlib
import types
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, is_dataclass
from typing import (
    Annotated,
    Any,
    Literal,
    Protocol,
    Union,
    get_args,
    get_origin,
    get_type_hints,
    is_typeddict,
)

import numpy as np

from fakeweb.errors import readable
from fakeweb.types.arrays import read_only

Schema = dict[str, Any]
Version = tuple[int, int]


@dataclass(frozen=True)
class Within:
    """Mark: numbers, or all numbers of an array, a row or a mapping, lie between these, both included."""

    least: float = -math.inf
    most: float = math.inf


@dataclass(frozen=True)
class Digits:
    """Mark: numbers are rounded to so many decimals when written."""

    count: int


@dataclass(frozen=True)
class Shape:
    """Mark: the sizes of an array of numbers; None where any will do."""

    sizes: tuple[int | None, ...]


@dataclass(frozen=True)
class Matches:
    """Mark: a string matches this regular expression."""

    pattern: str


@dataclass(frozen=True)
class Keys:
    """Mark: a mapping has no other keys than these, and at least one."""

    names: tuple[str, ...]


@dataclass(frozen=True)
class Since:
    """Mark: the version that brought a field, or gave it its meaning. Documents from before it have the default."""

    version: Version


@dataclass(frozen=True)
class Flat:
    """Mark: the fields of this value stand among those of its owner."""


@dataclass(frozen=True)
class Numbered:
    """Mark: each object of a list tells its position in it, from 1, as its field ``number``."""


class Form(Protocol):
    """What one kind of value looks like."""

    def read(self, value: Any, where: str, version: Version | None = None, /) -> Any:
        """Return the value, out of JSON or as it was given, in the type it has in Python.

        Args:
            value: JSON or Python's.
            where: Its place, for errors.
            version: Of the document, where there is one.

        Raises:
            ValueError: It is none of this form.
        """
        ...

    def write(self, value: Any) -> Any:
        """Return the JSON: only dict, list, str, float, int, bool and None."""
        ...

    def schema(self) -> Schema:
        """Return the JSON Schema (2020-12)."""
        ...

    def words(self) -> str:
        """Return the form in words, for tables in Markdown."""
        ...


def settle(owner: Any) -> None:
    """Check the fields of a dataclass that is being made, and give them their types: for ``__post_init__``.

    Raises:
        ValueError: A field is not what its annotation says.
    """
    called = type(owner).__name__
    for part in form_of(type(owner)).parts:
        value, name = getattr(owner, part.name), part.name
        if value is not None or type(part.form) is not _Nullable:
            object.__setattr__(owner, name, part.form.read(value, f"{called}.{name}"))


def plain(value: Any) -> Any:
    """Turn numpy values into Python's, numbers that JSON lacks into None, and text into what UTF-8 can hold."""
    if isinstance(value, str):
        return readable(value)
    if isinstance(value, Mapping):
        return {readable(str(k)): plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [plain(v) for v in value]
    if isinstance(value, np.generic | np.ndarray):
        return plain(value.tolist())
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def _several(words: str) -> str:
    return re.sub("^(number|string|integer|boolean)", r"\1s", words)


def _wrong(where: str, wanted: str, value: Any) -> ValueError:
    return ValueError(f"{where} must be {wanted}, got {reprlib.repr(value)}")


@dataclass(frozen=True)
class _Number:
    kind: type[int] | type[float]
    within: Within
    digits: int | None

    def read(self, value: Any, where: str, _version: Version | None = None, /) -> float | int:
        wanted = numbers.Integral if self.kind is int else numbers.Real
        if type(value) is not self.kind and (not isinstance(value, wanted) or isinstance(value, bool)):
            raise _wrong(where, "an integer" if self.kind is int else "a number", value)
        number = self.kind(value)  # type: ignore[arg-type]
        least, most = self.within.least, self.within.most
        if not (least <= number <= most and math.isfinite(number)):
            raise ValueError(f"{where} must {self._range() or 'be finite'}, got {number!r}")
        return number

    def write(self, value: Any) -> float | int:
        return value if self.digits is None else round(value, self.digits)  # type: ignore[no-any-return]

    def schema(self) -> Schema:
        edges = {"minimum": self.within.least, "maximum": self.within.most}
        finite = {k: int(v) if v == int(v) else v for k, v in edges.items() if math.isfinite(v)}
        return {"type": "integer" if self.kind is int else "number", **finite}

    def words(self) -> str:
        if self.within == Within(0, 1):
            return "number from 0 to 1"
        return "integer" if self.kind is int else "number"

    def _range(self) -> str:
        if math.isfinite(self.within.most):
            return f"lie in [{self.within.least:g}, {self.within.most:g}]"
        return f"be at least {self.within.least:g}" if math.isfinite(self.within.least) else ""


@dataclass(frozen=True)
class _Text:
    pattern: str | None

    def read(self, value: Any, where: str, _version: Version | None = None, /) -> str:
        if not isinstance(value, str):
            raise _wrong(where, "a string", value)
        if self.pattern is not None and not re.search(self.pattern, value):
            raise _wrong(where, f"a string like {self.pattern}", value)
        return readable(value)

    def write(self, value: Any) -> str:
        return str(value)

    def schema(self) -> Schema:
        return {"type": "string"} if self.pattern is None else {"type": "string", "pattern": self.pattern}

    def words(self) -> str:
        return "string"


@dataclass(frozen=True)
class _Choice:
    names: tuple[str, ...]

    def read(self, value: Any, where: str, _version: Version | None = None, /) -> str:
        if value not in self.names:
            raise _wrong(where, f"one of {self.names}", value)
        return str(value)

    def write(self, value: Any) -> str:
        return str(value)

    def schema(self) -> Schema:
        return {"type": "string", "enum": list(self.names)}

    def words(self) -> str:
        return " or ".join(f"`{name}`" for name in self.names)


@dataclass(frozen=True)
class _Flag:
    def read(self, value: Any, where: str, _version: Version | None = None, /) -> bool:
        if not isinstance(value, bool | np.bool_):
            raise _wrong(where, "true or false", value)
        return bool(value)

    def write(self, value: Any) -> bool:
        return bool(value)

    def schema(self) -> Schema:
        return {"type": "boolean"}

    def words(self) -> str:
        return "boolean"


@dataclass(frozen=True)
class _Array:
    """Numbers in rows; float32 and read-only in Python."""

    sizes: tuple[int | None, ...]
    within: Within
    digits: int

    def read(self, value: Any, where: str, _version: Version | None = None, /) -> Any:
        try:
            array = np.asarray(value, dtype=np.float32)
        except (TypeError, ValueError, OverflowError) as error:
            raise _wrong(where, "numbers in rows of one length", value) from error
        same_depth = array.ndim == len(self.sizes)
        if not same_depth or any(
            want not in (None, got) for want, got in zip(self.sizes, array.shape, strict=True)
        ):
            raise ValueError(f"{where} must have shape {self.sizes}, got {array.shape}")
        if not np.isfinite(array).all():
            raise ValueError(f"{where} must be finite")
        least, most = self.within.least, self.within.most
        if array.size and not (array.min() >= least and array.max() <= most):
            got = f"{array.min():.3g} to {array.max():.3g}"
            raise ValueError(f"{where} must lie in [{least:g}, {most:g}], got {got}")
        return read_only(array)

    def write(self, value: Any) -> Any:
        return np.round(value.astype(np.float64), self.digits).tolist()

    def schema(self) -> Schema:
        schema = _Number(float, self.within, None).schema()
        for size in reversed(self.sizes):
            fixed = {} if size is None else {"minItems": size, "maxItems": size}
            schema = {"type": "array", "items": schema, **fixed}
        return schema

    def words(self) -> str:
        return " x ".join("n" if size is None else str(size) for size in self.sizes) + " numbers"


@dataclass(frozen=True)
class _Row:
    """So many values of one form."""

    count: int
    item: Form

    def read(self, value: Any, where: str, version: Version | None = None, /) -> tuple[Any, ...]:
        if not isinstance(value, list | tuple | np.ndarray) or len(value) != self.count:
            raise _wrong(where, self.words(), value)
        return tuple(self.item.read(v, f"{where}[{i}]", version) for i, v in enumerate(value))

    def write(self, value: Any) -> list[Any]:
        return [self.item.write(v) for v in value]

    def schema(self) -> Schema:
        return {"type": "array", "items": self.item.schema(), "minItems": self.count, "maxItems": self.count}

    def words(self) -> str:
        return f"{self.count} {_several(self.item.words())}"


@dataclass(frozen=True)
class _List:
    kind: type[list[Any]] | type[tuple[Any, ...]]
    item: Form
    numbered: bool

    def read(self, value: Any, where: str, version: Version | None = None, /) -> list[Any] | tuple[Any, ...]:
        if not isinstance(value, list | tuple):
            raise _wrong(where, "an array", value)
        return self.kind(self.item.read(v, f"{where}[{i}]", version) for i, v in enumerate(value))

    def write(self, value: Any) -> list[Any]:
        items = [self.item.write(v) for v in value]
        return [{"number": i, **item} for i, item in enumerate(items, 1)] if self.numbered else items

    def schema(self) -> Schema:
        item = self.item.schema()
        if self.numbered:
            number = {"type": "integer", "minimum": 1, "description": "Position in the list, from 1."}
            item["properties"] = {"number": number, **item["properties"]}
            item["required"] = ["number", *item["required"]]
        return {"type": "array", "items": item}

    def words(self) -> str:
        return f"array of {_several(self.item.words())}"


@dataclass(frozen=True)
class _Map:
    item: Form
    keys: tuple[str, ...] | None

    def read(self, value: Any, where: str, version: Version | None = None, /) -> dict[str, Any]:
        if not isinstance(value, Mapping):
            raise _wrong(where, "an object", value)
        if self.keys is not None and (not value or not set(value) <= set(self.keys)):
            raise _wrong(where, f"an object with fields of {self.keys}", value)
        return {readable(str(k)): self.item.read(v, f"{where}.{k}", version) for k, v in value.items()}

    def write(self, value: Any) -> dict[str, Any]:
        return {k: self.item.write(v) for k, v in value.items()}

    def schema(self) -> Schema:
        item = self.item.schema()
        if self.keys is None:
            return {"type": "object", "additionalProperties": item}
        some = {"properties": dict.fromkeys(self.keys, item), "minProperties": 1}
        return {"type": "object", **some, "additionalProperties": False}

    def words(self) -> str:
        return f"object of {_several(self.item.words())}"


@dataclass(frozen=True)
class _Open:
    """An object with a version of its own, described elsewhere."""

    def read(self, value: Any, where: str, _version: Version | None = None, /) -> dict[str, Any]:
        if not isinstance(value, Mapping):
            raise _wrong(where, "an object", value)
        if "version" not in value:
            raise ValueError(f"{where} lacks the field 'version'")
        _Number(int, Within(1), None).read(value["version"], f"{where}.version")
        return plain(value)  # type: ignore[no-any-return]

    def write(self, value: Any) -> dict[str, Any]:
        return plain(value)  # type: ignore[no-any-return]

    def schema(self) -> Schema:
        number = {"type": "integer", "minimum": 1, "description": "Version of this object's form."}
        return {"type": "object", "properties": {"version": number}, "required": ["version"]}

    def words(self) -> str:
        return "object with `version`"


@dataclass(frozen=True)
class _Nullable:
    item: Form

    def read(self, value: Any, where: str, version: Version | None = None, /) -> Any:
        return None if value is None else self.item.read(value, where, version)

    def write(self, value: Any) -> Any:
        return None if value is None else self.item.write(value)

    def schema(self) -> Schema:
        return {"anyOf": [self.item.schema(), {"type": "null"}]}

    def words(self) -> str:
        return f"{self.item.words()} or null"


@dataclass(frozen=True)
class Part:
    """One field of a described class.

    Attributes:
        name: Its name.
        form: What it looks like.
        text: What it means.
        since: The version that brought it, or None.
        flat: Whether its own fields stand in its place.
    """

    name: str
    form: Form
    text: str
    since: Version | None
    flat: bool


@dataclass(frozen=True)
class Record:
    """The form of a described class: an object that has all its fields."""

    cls: Any
    parts: tuple[Part, ...]

    def read(self, value: Any, where: str, version: Version | None = None, /) -> Any:
        """See :class:`Form`; fields it does not know are passed over."""
        if not is_typeddict(self.cls) and isinstance(value, self.cls):
            return value
        if not isinstance(value, Mapping):
            raise _wrong(where, "an object", value)
        found = {}
        for part in self.parts:
            if part.flat:
                found[part.name] = part.form.read(value, where, version)
            elif part.name in value and not _before(version, part.since):
                found[part.name] = part.form.read(value[part.name], f"{where}.{part.name}", version)
            elif not _before(version, part.since):
                raise ValueError(f"{where} lacks the field {part.name!r}")
        try:
            return self.cls(**found)
        except ValueError as error:
            raise ValueError(f"{where}: {error}") from error

    def write(self, value: Any) -> dict[str, Any]:
        """See :class:`Form`."""
        written: dict[str, Any] = {}
        for part in self.parts:
            own = value[part.name] if isinstance(value, Mapping) else getattr(value, part.name)
            written |= part.form.write(own) if part.flat else {part.name: part.form.write(own)}
        return written

    def schema(self) -> Schema:
        """See :class:`Form`."""
        properties = {
            part.name: {**part.form.schema(), "description": part.text} for part in self.flattened()
        }
        return {
            "type": "object",
            "description": described(self.cls)[0],
            "properties": properties,
            "required": list(properties),
            "additionalProperties": False,
            **getattr(self.cls, "RULES", {}),
        }

    def words(self) -> str:
        """See :class:`Form`."""
        return f"[{self.title}](#{self.title.lower()})"

    @property
    def title(self) -> str:
        """What it is called in documents."""
        return str(self.cls.__name__).removesuffix("Result")

    def flattened(self) -> Iterator[Part]:
        """Yield the fields as they stand in JSON."""
        for part in self.parts:
            yield from part.form.flattened() if part.flat and isinstance(part.form, Record) else (part,)


def _before(version: Version | None, since: Version | None) -> bool:
    return version is not None and since is not None and version < since


_FORMS: dict[Any, Record] = {}


def form_of(cls: Any) -> Record:
    """Return the form of a described class."""
    if cls not in _FORMS:
        texts = described(cls)[1]
        hints = get_type_hints(cls, include_extras=True)
        names = [f.name for f in fields(cls)] if is_dataclass(cls) else list(hints)
        _FORMS[cls] = Record(cls, tuple(_part(name, hints[name], texts.get(name, "")) for name in names))
    return _FORMS[cls]


def _part(name: str, hint: Any, text: str) -> Part:
    marks = {type(mark): mark for mark in get_args(hint)[1:]} if get_origin(hint) is Annotated else {}
    since = marks[Since].version if Since in marks else None
    return Part(name, _form(hint, {}), text, since, Flat in marks)


def _form(hint: Any, marks: Mapping[type, Any]) -> Form:
    if get_origin(hint) is Annotated:
        hint, *more = get_args(hint)
        return _form(hint, {**marks, **{type(mark): mark for mark in more}})
    origin, inner = get_origin(hint), get_args(hint)
    within, digits = marks.get(Within, Within()), marks.get(Digits, Digits(4))
    if origin in (Union, types.UnionType):
        return _Nullable(_form(next(a for a in inner if a is not type(None)), marks))
    if hint in (int, float):
        return _Number(hint, within, digits.count if Digits in marks else None)
    if hint is str:
        return _Text(marks[Matches].pattern if Matches in marks else None)
    if hint is bool:
        return _Flag()
    if origin is Literal:
        return _Choice(inner)
    if origin is np.ndarray:
        return _Array(marks[Shape].sizes, within, digits.count)
    if origin is tuple and inner[1] is not Ellipsis:
        return _Row(len(inner), _form(inner[0], marks))
    if origin in (list, tuple):
        return _List(origin, _form(inner[0], marks), Numbered in marks)
    if origin is Mapping and inner[1] is not Any:
        return _Map(_form(inner[1], marks), marks[Keys].names if Keys in marks else None)
    return _Open() if origin is Mapping else form_of(hint)


def described(cls: Any) -> tuple[str, dict[str, str]]:
    """Return what the docstring of a class says: of the class in one paragraph, and of each attribute."""
    head, _, rest = inspect.cleandoc(cls.__doc__ or "").partition("Attributes:\n")
    texts = {}
    for entry in re.split(r"\n(?=    \w)", rest.partition("\n\n")[0].rstrip()):
        names, _, text = entry.strip().partition(": ")
        texts.update(dict.fromkeys(names.split(", "), _for_readers(text)))
    return _for_readers(head.partition("\n\n")[0]), texts


def _for_readers(text: str) -> str:
    """Turn a docstring's text into one for readers of JSON."""
    text = re.sub(r":\w+:`~?([\w.]+)`", r"`\1`", " ".join(text.split())).replace("``", "`")
    return re.sub(r"\bNone\b", "null", re.sub(r"(^|\. )None\b", r"\1Null", text))
