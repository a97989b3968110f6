"""HTML report on a run: counts, histogram of scores, the most suspicious files, folders, dead letters."""

from __future__ import annotations

import base64
import heapq
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from html import escape
from typing import Any, Final

from fakeweb.bulk.dest import Destination
from fakeweb.bulk.items import Item, open_item
from fakeweb.errors import FakeWebError
from fakeweb.media import encode_jpeg, read_image
from fakeweb.render.page_style import STYLE
from fakeweb.render.words import percent
from fakeweb.scanner.pages import shrunk

TOP: Final = 40
_LETTERS: Final = 500
_FOLDERS: Final = 200
_BINS: Final = 20
_THUMBNAIL_PX: Final = 240
_VERDICTS: Final = ("fake", "uncertain", "real", "no_face", "failed")


@dataclass
class _Seen:
    """What one pass over the rows gathers."""

    counts: Counter[str] = field(default_factory=Counter)
    bins: list[int] = field(default_factory=lambda: [0] * _BINS)
    folders: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    dead: list[dict[str, Any]] = field(default_factory=list)
    top: list[tuple[float, str, dict[str, Any]]] = field(default_factory=list)
    faces: int = 0

    def add(self, row: dict[str, Any]) -> None:
        verdict = row["verdict"] or "failed"
        self.counts[verdict] += 1
        self.folders[row["path"].rpartition("/")[0] or "."][verdict] += 1
        self.faces += row["faces"] or 0
        if verdict == "failed" and len(self.dead) < _LETTERS:
            self.dead.append(row)
        if row["p_fake"] is not None:
            self.bins[min(_BINS - 1, int(row["p_fake"] * _BINS))] += 1
            push = heapq.heappush if len(self.top) < TOP else heapq.heappushpop
            push(self.top, (row["p_fake"], row["path"], row))


def report_page(destination: Destination) -> str:
    """Return a self-contained page about a run.

    Raises:
        UsageError: There is no run, or a shard of another schema.
    """
    progress, _ = destination.progress()
    seen = _Seen()
    for row in destination.rows("files"):
        seen.add(row)
    counts = [(v, seen.counts[v]) for v in _VERDICTS if seen.counts[v]]
    parts = [
        f"<header><h1>{sum(seen.counts.values())} files, {seen.faces} faces</h1>"
        f"<p class=file>{escape(destination.place)}, {progress.state}, {progress.done} of {progress.total}</p>"
        "</header>",
        _table(("verdict", "files"), counts),
        "<h2>P(fake) of the files</h2>",
        _histogram(seen.bins),
        "<h2>Most suspicious</h2>",
        *map(_entry, sorted(seen.top, key=lambda held: held[:2], reverse=True)),
        "<h2>Folders</h2>",
        _folders(seen.folders),
    ]
    if seen.counts["failed"]:
        parts.append(f"<h2>Dead letters</h2>{_more(seen.counts['failed'], len(seen.dead), 'files')}")
        letters = ((r["path"], r["code"], r["message"], r["hint"], r["tries"]) for r in seen.dead)
        parts.append(_table(("path", "code", "what", "hint", "tries"), letters))
    body = "\n".join(parts)
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        '<meta http-equiv="Content-Security-Policy" content="default-src \'none\'; img-src data:; style-src'
        f" 'unsafe-inline'\"><title>FakeWeb batch</title><style>{STYLE}</style><main>{body}</main></html>\n"
    )


def _table(names: Iterable[str], rows: Iterable[Iterable[Any]]) -> str:
    head = "".join(f"<th>{escape(name)}</th>" for name in names)
    lines = ("".join(f"<td>{escape('' if v is None else str(v))}</td>" for v in row) for row in rows)
    body = "".join(f"<tr>{line}</tr>" for line in lines)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _histogram(bins: list[int]) -> str:
    """Draw counts as bars of square roots, so that few beside many can be seen."""
    most, width, height = max([*bins, 1]) ** 0.5, 30, 120
    bars = []
    for i, count in enumerate(bins):
        tall = round(height * count**0.5 / most)
        title = f"{i / _BINS:.2f} to {(i + 1) / _BINS:.2f}: {count}"
        bars.append(
            f'<rect x="{i * width}" y="{height - tall}" width="{width - 2}" height="{tall}" fill="currentColor">'
            f"<title>{title}</title></rect>"
        )
    total = width * _BINS
    return (
        f'<figure><svg viewBox="0 0 {total} {height + 20}" width="{total}" role="img" aria-label="P(fake)">'
        f'{"".join(bars)}<text x="0" y="{height + 16}" fill="currentColor">0</text>'
        f'<text x="{total}" y="{height + 16}" text-anchor="end" fill="currentColor">1</text></svg>'
        "<figcaption>Heights are square roots of counts.</figcaption></figure>"
    )


def _entry(held: tuple[float, str, dict[str, Any]]) -> str:
    row = held[2]
    shown = "".join(_thumbnail(row))
    reasons = "".join(f"<li>{escape(r)}</li>" for r in row["reasons"] or ())
    return (
        f'<section class="entry {escape(row["verdict"])}">{shown}<div><h3>{escape(row["verdict"])}'
        f" {percent(row['p_fake'])}</h3><p class=file>{escape(row['path'])}</p><ul>{reasons}</ul></div></section>"
    )


def _thumbnail(row: dict[str, Any]) -> Iterator[str]:
    """Yield the picture itself, made small; nothing of clips, archives, and what is gone by now."""
    if row["medium"] != "picture" or "!/" in row["path"]:
        return
    try:
        image = read_image(open_item(Item(row["path"])), name=row["path"]).image
    except FakeWebError:
        return
    data = base64.b64encode(encode_jpeg(shrunk(image, _THUMBNAIL_PX), 80)).decode()
    yield f'<img alt="" src="data:image/jpeg;base64,{data}">'


def _folders(folders: dict[str, Counter[str]]) -> str:
    ranked = sorted(folders.items(), key=lambda f: (-f[1]["fake"], -f[1].total(), f[0]))
    rows = ((name, counts.total(), *(counts[v] for v in _VERDICTS)) for name, counts in ranked[:_FOLDERS])
    return _more(len(ranked), _FOLDERS, "folders") + _table(("folder", "files", *_VERDICTS), rows)


def _more(total: int, most: int, noun: str) -> str:
    return f"<p class=quiet>{most} of {total} {noun} are shown.</p>" if total > most else ""
