"""The reference page of the report, and its example: tables out of the description, a real report beside them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from fakeweb.provenance import Provenance
from fakeweb.render import to_text
from fakeweb.types import SCHEMA_VERSION, Report
from fakeweb.types.form import Form, Record, described, form_of

PAGE = Path(__file__).parent / "reference" / "report.md"
EXAMPLE = PAGE.with_name("report.example.json")
"""What ``fakeweb scan --json src/fakeweb/examples/beautified.jpg`` says."""

_MARKS = (
    "<!-- written by `python docs/drift.py --write` from the code -->",
    "<!-- end of what is written -->",
)
_ROWS, _NUMBERS = 2, 6


def report_page() -> str:
    """Return the page, with everything between its marks written anew."""
    head, _, rest = PAGE.read_text(encoding="utf-8").partition(_MARKS[0])
    foot = rest.partition(_MARKS[1])[2]
    return "\n\n".join([f"{head}{_MARKS[0]}", *_tables(), *_example(), f"{_MARKS[1]}{foot}"])


def _tables() -> Iterator[str]:
    for record in [*_records(form_of(Report), []), *_records(form_of(Provenance), [])]:
        whole = record.cls is Report
        yield f"## {'The whole report' if whole else record.title}"
        yield described(record.cls)[0]
        rows = ["| field | type | meaning |", "|---|---|---|"]
        if whole:
            rows.append(f"| `schema_version` | string | Version of this form, `{SCHEMA_VERSION}`. |")
        if record.title == "Face":
            rows.append("| `number` | integer | Position in the list, from 1. |")
        rows += [f"| `{part.name}` | {part.form.words()} | {part.text} |" for part in record.flattened()]
        yield "\n".join(rows)


def _records(form: Form, seen: list[Record]) -> list[Record]:
    """Return the described classes in the order in which a reader meets them."""
    if isinstance(form, Record):
        if form in seen:
            return seen
        seen.append(form)
        for part in form.flattened():
            _records(part.form, seen)
    elif hasattr(form, "item"):
        _records(form.item, seen)
    return seen


def _example() -> Iterator[str]:
    data = json.loads(EXAMPLE.read_text(encoding="utf-8"))
    yield "## A worked example"
    yield f"A real one; long lists are cut here, [{EXAMPLE.name}]({EXAMPLE.name}) is the whole."
    yield f"```jsonc\n{_cut(data, '')}\n```"
    yield "The same report as text:"
    yield f"```text\n{to_text(Report.from_dict(data))}\n```"


def _cut(value: Any, indent: str) -> str:
    """Return JSON for people: lists of numbers on one line, long ones cut."""
    if isinstance(value, dict) and value:
        inner = f"{indent}  "
        fields = [f"{inner}{json.dumps(k)}: {_cut(v, inner)}" for k, v in value.items()]
        return "{\n" + ",\n".join(fields) + f"\n{indent}}}"
    if not isinstance(value, list) or not value:
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value[0], dict):
        return "[" + ", ".join(_cut(v, indent) for v in value) + "]"
    most = _ROWS if isinstance(value[0], list) else _NUMBERS
    more = [f"… {len(value) - most} more"] if len(value) > most else []
    return "[" + ", ".join([*(_cut(v, indent) for v in value[:most]), *more]) + "]"
