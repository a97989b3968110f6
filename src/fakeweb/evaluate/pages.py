"""A report as blocks, written as one HTML file that needs nothing else, and as Markdown beside its plots."""

from __future__ import annotations

import base64
import html
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fakeweb.media import write_atomically

NONE = "\N{EN DASH}"
"""What stands in a cell without a value."""


@dataclass(frozen=True)
class Heading:
    """A heading; level 1 is the title."""

    text: str
    level: int = 2


@dataclass(frozen=True)
class Text:
    """A paragraph, plain."""

    text: str


@dataclass(frozen=True)
class Table:
    """A table; the first column is text, the others are numbers as text."""

    header: Sequence[str]
    rows: Sequence[Sequence[str]]


@dataclass(frozen=True)
class Plot:
    """A picture: SVG bytes, a file name without suffix, and what it shows."""

    name: str
    svg: bytes
    alt: str


@dataclass(frozen=True)
class Side:
    """Plots side by side."""

    plots: Sequence[Plot]


Block = Heading | Text | Table | Plot | Side

_STYLE = """
:root { color-scheme: light dark; }
body { font: 15px/1.5 system-ui, sans-serif; max-width: 92rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.7rem; } h2 { font-size: 1.25rem; margin-top: 2.2rem; border-bottom: 1px solid #8884; }
h3 { font-size: 1.05rem; margin-bottom: .3rem; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-size: .88rem; margin: .6rem 0; font-variant-numeric: tabular-nums; }
th, td { padding: .2rem .5rem; text-align: right; border-bottom: 1px solid #8883; white-space: nowrap; }
th:first-child, td:first-child { text-align: left; }
thead th { border-bottom: 2px solid #8886; }
figure { margin: .6rem 0; display: inline-block; max-width: 100%; }
img { max-width: 100%; background: #fff; border-radius: 4px; }
""".strip()


def write_json(path: Path, value: Any) -> None:
    """Write plain values as JSON."""
    text = json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False)
    write_atomically(path, (text + "\n").encode("utf-8", "replace"))


def write_page(folder: Path, name: str, blocks: Sequence[Block]) -> None:
    """Write ``<name>.html`` and ``<name>.md``, the latter's plots in ``plots/``."""
    plots = [
        p for b in blocks for p in (b.plots if isinstance(b, Side) else [b] if isinstance(b, Plot) else [])
    ]
    for plot in plots:
        write_atomically(folder / "plots" / f"{plot.name}.svg", plot.svg)
    write_atomically(folder / f"{name}.html", to_html(blocks).encode("utf-8", "replace"))
    write_atomically(folder / f"{name}.md", to_markdown(blocks).encode("utf-8", "replace"))


def to_html(blocks: Sequence[Block]) -> str:
    """Return one page with everything in it: no script, no address, no file beside it."""
    title = next((b.text for b in blocks if isinstance(b, Heading)), "FakeWeb")
    body = "\n".join(map(_html_of, blocks))
    head = '<meta charset="utf-8"><meta name="viewport" content="width=device-width">'
    head += f"<title>{html.escape(title)}</title><style>{_STYLE}</style>"
    return f'<!doctype html>\n<html lang="en"><head>{head}</head>\n<body>\n{body}\n</body></html>\n'


def _html_of(block: Block) -> str:
    match block:
        case Heading(text, level):
            return f"<h{level}>{html.escape(text)}</h{level}>"
        case Text(text):
            return f"<p>{html.escape(text)}</p>"
        case Table(header, rows):
            head = "".join(f"<th>{html.escape(c)}</th>" for c in header)
            lines = ("<tr>" + "".join(f"<td>{html.escape(c)}</td>" for c in row) + "</tr>" for row in rows)
            table = f"<table><thead><tr>{head}</tr></thead><tbody>{''.join(lines)}</tbody></table>"
            return f'<div class="wide">{table}</div>'
        case Plot(_, svg, alt):
            data = base64.b64encode(svg).decode()
            return f'<figure><img alt="{html.escape(alt)}" src="data:image/svg+xml;base64,{data}"></figure>'
        case Side(plots):
            return "<div>" + "\n".join(map(_html_of, plots)) + "</div>"


def to_markdown(blocks: Sequence[Block]) -> str:
    """Return the same as Markdown; plots are links into ``plots/``."""
    return "\n\n".join(map(_markdown_of, blocks)) + "\n"


def _markdown_of(block: Block) -> str:
    match block:
        case Heading(text, level):
            return f"{'#' * level} {_plain(text)}"
        case Text(text):
            return _plain(text)
        case Table(header, rows):
            lines = [list(header), ["---"] + ["---:"] * (len(header) - 1), *rows]
            return "\n".join(
                "| " + " | ".join(_plain(c).replace("|", "\\|") for c in line) + " |" for line in lines
            )
        case Plot(name, _, alt):
            return f"![{_plain(alt)}](plots/{name}.svg)"
        case Side(plots):
            return "\n".join(map(_markdown_of, plots))


def _plain(text: str) -> str:
    """Keep names of files from becoming markup."""
    for mark in ("\\", "*", "_", "<", "`", "["):
        text = text.replace(mark, f"\\{mark}")
    return " ".join(text.split())
