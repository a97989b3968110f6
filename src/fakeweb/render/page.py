"""A report to hand on: one HTML page that needs nothing beside it, for a picture, a clip, or many of them.

The page loads nothing and runs nothing but one line of its own: its policy (CSP) names the hashes of its style and of
its script and forbids all else. Without scripts everything can be read; the script only moves the mesh's strength.
Every text from a file or a report is escaped; files are called by their names, never by their paths.
"""

from __future__ import annotations

import hashlib
from base64 import b64encode
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from typing import Final

from fakeweb.render.impact import impact_words, viewer_warnings
from fakeweb.render.origin import UNKNOWN, label_line, origin_lines
from fakeweb.render.page_style import SCRIPT, STYLE
from fakeweb.render.report_words import (
    HEADLINES,
    MEANS,
    About,
    by_rarity,
    counted,
    face_number,
    face_sentences,
    quote,
    sentence,
)
from fakeweb.render.timeline import timeline
from fakeweb.render.words import clock, file_name, percent
from fakeweb.types import FaceResult, Impact, Report

MOST_CARDS: Final = 60
"""So many faces of one picture get a card; the others stand in a line."""
_PRINTED_CARDS: Final = 4
_PRINTED_NOTES: Final = 8


@dataclass(frozen=True, eq=False)
class Shown:
    """One picture or clip of a page.

    Attributes:
        report: What was said of it.
        picture: JPEG of the picture, perhaps shrunk; None for clips.
        drawn: JPEG of the same with the mesh; None where nothing is drawn.
        small: JPEG of the picture at the size of the thumbnail inside the file, where that differs.
        crops: JPEG of faces by their number.
        sheet: JPEG of a clip's telling moments.
        impact: Where a reach was given.
    """

    report: Report
    picture: bytes | None = None
    drawn: bytes | None = None
    small: bytes | None = None
    crops: Mapping[int, bytes] = field(default_factory=dict)
    sheet: bytes | None = None
    impact: Impact | None = None

    @property
    def name(self) -> str:
        """The file's name without its folders."""
        return file_name(self.report.source)


def to_html(shown: Shown, about: About) -> str:
    """Write the page of one picture or clip."""
    report = shown.report
    name, verdict = escape(shown.name), report.verdict
    p_text = "" if verdict.p_fake is None else f" <b>{percent(verdict.p_fake)}</b>"
    parts = [
        f'<header class="{verdict.label}"><p class="file">{name}</p>',
        f"<h1>{HEADLINES[verdict.label]}{p_text}</h1><p>{counted(report)}</p></header>",
        *_picture(shown),
        f"<p>{MEANS[verdict.label]}</p>",
        *(f"<p>{_sentence(reason)}</p>" for reason in verdict.reasons),
        *_warnings(shown),
        f'<section class="quote"><h2>To quote</h2><blockquote>{escape(quote(report, about))}</blockquote></section>',
        *_origin(shown),
        *_cards(shown),
        *_notes(report),
        _foot(report, about),
    ]
    return _page(shown.name, parts)


def album_to_html(
    title: str, items: Sequence[Shown], about: About, *, left_out: int = 0, failed: Sequence[str] = ()
) -> str:
    """Write the page of many pictures and clips: a table, then each on its own.

    Args:
        title: Of the page.
        items: The most suspicious first.
        about: For its foot.
        left_out: How many more were scanned that the page does not show.
        failed: What could not be read, one line each.
    """
    counts = {label: sum(s.report.verdict.label == label for s in items) for label in HEADLINES}
    told = ", ".join(f"{n} {label.replace('_', ' ')}" for label, n in counts.items() if n) or "nothing"
    rows = "".join(_row(number, shown) for number, shown in enumerate(items, 1))
    parts = [
        f"<header><h1>{escape(title)}</h1><p>{len(items)} shown: {told}. The most suspicious come first.</p></header>",
        f"<p>{left_out} more were scanned and are not shown here.</p>" if left_out else "",
        "<table><thead><tr><th></th><th>file</th><th>verdict</th><th>P(fake)</th><th>faces</th><th>origin</th></tr>"
        f"</thead><tbody>{rows}</tbody></table>",
        *(f'<p class="note">Not read: {escape(line)}</p>' for line in failed[:100]),
        *(f"<p>and {len(failed) - 100} more.</p>" for _ in range(len(failed) > 100)),
        *(_entry(number, shown) for number, shown in enumerate(items, 1)),
    ]
    parts.append(_foot(items[0].report if items else None, about, of_one=False))
    return _page(title, parts)


def _picture(shown: Shown) -> Iterator[str]:
    report = shown.report
    if shown.picture is not None:
        size = f'width="{report.width}" height="{report.height}"'
        yield f'<figure class="stage"><img {size} alt="{escape(shown.name)}" src="{_jpeg(shown.picture)}">'
        if shown.drawn is not None:
            alt = "the same with a mesh over faces that look manipulated"
            yield f'<img id="drawn" {size} alt="{alt}" src="{_jpeg(shown.drawn)}">'
        yield "</figure>"
        if shown.drawn is not None:
            yield (
                '<p class="slide" id="slide" hidden><label>Strength of the mesh '
                '<input id="opacity" type="range" min="0" max="100" value="100"></label></p>'
            )
    if report.video is not None:
        video = report.video
        yield f'<figure class="timeline">{timeline(report).to_svg()}</figure>'
        yield (
            f"<p>{video['frames_examined']} of {video['frames']} frames of {clock(video['duration_s'])} were looked at;"
            f" the longest stretch without a look is {video['longest_gap_s']:.1f} s.</p>"
        )
    if shown.sheet is not None:
        yield f'<figure class="sheet"><img alt="telling moments of each person" src="{_jpeg(shown.sheet)}"></figure>'


def _warnings(shown: Shown) -> Iterator[str]:
    warnings = viewer_warnings(shown.report)
    if not warnings and shown.impact is None:
        return
    yield '<section class="viewers"><h2>For viewers</h2>'
    if shown.impact is not None:
        yield f"<p>Impact {impact_words(shown.impact)}.</p>"
    for warning in warnings:
        yield f"<p><b>{escape(warning.title)}.</b> {escape(warning.text)}</p>"
    yield "</section>"


def _origin(shown: Shown) -> Iterator[str]:
    report = shown.report
    found = report.provenance
    if found is None:
        return
    yield '<section class="origin"><h2>Where the file says it comes from</h2>'
    yield '<p class="quiet">These signals stand beside the score and are no part of it.</p><ul>'
    lines = origin_lines(report)
    for place, line in enumerate(lines):
        kinds = ["against"] * line.startswith("contradiction:") + ["later"] * (place >= _PRINTED_NOTES)
        yield (
            f'<li class="{" ".join(kinds)}">{_sentence(line)}</li>'
            if kinds
            else f"<li>{_sentence(line)}</li>"
        )
    yield "</ul>"
    if len(lines) > _PRINTED_NOTES:
        yield _only_here(len(lines) - _PRINTED_NOTES, "note")
    if label := label_line(found):
        yield f"<p><b>{escape(label)}</b></p>"
    thumbnail = found.get("thumbnail")
    if isinstance(thumbnail, Mapping) and isinstance(thumbnail.get("jpeg"), str):
        data = f"data:image/jpeg;base64,{escape(thumbnail['jpeg'])}"
        yield f'<figure class="inside"><img alt="the small picture inside the file" src="{data}">'
        if shown.small is not None:
            yield f'<img alt="the picture at that size" src="{_jpeg(shown.small)}">'
        yield "<figcaption>Left the small picture inside the file, right the picture as it is.</figcaption></figure>"
    yield "</section>"


def _cards(shown: Shown) -> Iterator[str]:
    report = shown.report
    if not report.faces:
        return
    ordered = by_rarity(report)
    noun = "People" if report.video is not None else "Faces"
    yield f'<section class="cards"><h2>{noun}, the rarest score first</h2>'
    for place, result in enumerate(ordered[:MOST_CARDS]):
        yield _card(shown, result, hidden_in_print=place >= _PRINTED_CARDS)
    if len(ordered) > MOST_CARDS:
        yield f"<p>and {len(ordered) - MOST_CARDS} more, with lower or no scores.</p>"
    if len(ordered) > _PRINTED_CARDS:
        yield _only_here(len(ordered) - _PRINTED_CARDS, "card")
    yield "</section>"


def _card(shown: Shown, result: FaceResult, *, hidden_in_print: bool) -> str:
    report, verdict = shown.report, result.verdict
    number = face_number(report, result)
    crop = shown.crops.get(report.faces.index(result) + 1)
    image = f'<img alt="" src="{_jpeg(crop)}">' if crop is not None else ""
    p_text = "not scored" if verdict.p_fake is None else percent(verdict.p_fake)
    word = "Person" if report.video is not None else "Face"
    told = "".join(f"<p>{escape(line)}</p>" for line in face_sentences(result))
    return (
        f'<article class="card {verdict.label}{" later" if hidden_in_print else ""}">{image}<div>'
        f"<h3>{word} {number}: {verdict.label} <b>{p_text}</b></h3>{_scale(result, report)}{told}</div></article>"
    )


def _only_here(count: int, noun: str) -> str:
    """Say on paper what stands on the screen alone."""
    told = f"1 more {noun} stands" if count == 1 else f"{count} more {noun}s stand"
    return f'<p class="printed">{told} in the page itself.</p>'


def _scale(result: FaceResult, report: Report) -> str:
    """Draw where a score lies between real and fake."""
    p = result.verdict.p_fake
    if p is None:
        return ""
    low, high = 200 * report.thresholds.real, 200 * report.thresholds.fake
    return (
        '<svg class="scale" viewBox="-4 0 208 16" width="208" height="16" role="img" '
        f'aria-label="score {percent(p)}"><rect x="0" y="6" width="{low:.1f}" height="5" fill="#3f8f86"/>'
        f'<rect x="{low:.1f}" y="6" width="{high - low:.1f}" height="5" fill="#a9aab2"/>'
        f'<rect x="{high:.1f}" y="6" width="{200 - high:.1f}" height="5" fill="#c2182c"/>'
        f'<circle cx="{200 * p:.1f}" cy="8.5" r="4.5" fill="#fff" stroke="#111" stroke-width="2"/></svg>'
    )


def _notes(report: Report) -> Iterator[str]:
    if report.warnings or report.thresholds.source == "user":
        yield "<section><h2>To know about the file</h2><ul>"
        yield from (f"<li>{_sentence(w)}</li>" for w in report.warnings)
        if report.thresholds.source == "user":
            yield "<li>The line for fake was moved by hand: the measured error rates do not hold for it.</li>"
        yield "</ul></section>"


def _foot(report: Report | None, about: About, *, of_one: bool = True) -> str:
    models = escape(", ".join(report.models)) if report is not None else ""
    finder = escape(report.finder) if report is not None else ""
    digest = ""
    if report is not None and of_one:
        digest = f"<dt>SHA-256 of the file</dt><dd><code>{report.media_sha256}</code></dd>"
    limits = "".join(f"<li>{escape(text)}</li>" for text in about.limits)
    moved = report is not None and report.thresholds.source == "user"
    rates = "" if moved else about.rates
    return (
        f"<footer><h2>How this was found</h2><dl><dt>Program</dt><dd>FakeWeb {escape(about.version)}</dd>"
        f"<dt>Models</dt><dd>{models}; finder {finder}</dd>{digest}"
        f"<dt>Made</dt><dd>{escape(about.date)}</dd></dl>"
        f"<p>{escape(rates)} A probability is an estimate and no proof; use it to decide what to look at, never"
        f" to accuse somebody.</p>{f'<h3>Where the model fails</h3><ul>{limits}</ul>' if limits else ''}</footer>"
    )


def _row(number: int, shown: Shown) -> str:
    verdict = shown.report.verdict
    p_text = "" if verdict.p_fake is None else percent(verdict.p_fake)
    told = [line for line in origin_lines(shown.report) if not line.startswith(("JPEG with", UNKNOWN))]
    return (
        f'<tr><td>{number}</td><td><a href="#n{number}">{escape(shown.name)}</a></td>'
        f'<td class="{verdict.label}">{verdict.label.replace("_", " ")}</td><td>{p_text}</td>'
        f"<td>{counted(shown.report)}</td><td>{escape(told[0]) if told else 'unknown'}</td></tr>"
    )


def _entry(number: int, shown: Shown) -> str:
    """Write one picture of an album: small, with its faces and signals."""
    report = shown.report
    verdict = report.verdict
    image = shown.drawn or shown.picture or shown.sheet
    picture = f'<img alt="" src="{_jpeg(image)}">' if image is not None else ""
    p_text = "" if verdict.p_fake is None else f" <b>{percent(verdict.p_fake)}</b>"
    lines = [*verdict.reasons, *(f"warning: {w}" for w in report.warnings)]
    faces = "; ".join(
        f"{i}: {r.verdict.label}" + ("" if r.verdict.p_fake is None else f" {percent(r.verdict.p_fake)}")
        for i, r in enumerate(report.faces[:20], 1)
    )
    lines_of_origin = filter(None, (*origin_lines(report), label_line(report.provenance)))
    told = "".join(f"<li>{_sentence(line)}</li>" for line in lines_of_origin)
    return (
        f'<article class="entry {verdict.label}" id="n{number}">{picture}<div><h3>{number}. {escape(shown.name)}: '
        f"{verdict.label.replace('_', ' ')}{p_text}</h3><p>{counted(report)}{f' ({faces})' if faces else ''}</p>"
        f"{''.join(f'<p>{_sentence(line)}</p>' for line in lines)}<ul>{told}</ul>"
        f"<p><code>{report.media_sha256}</code></p></div></article>"
    )


def _page(title: str, parts: Sequence[str]) -> str:
    policy = (
        f"default-src 'none'; img-src data:; style-src '{_hash(STYLE)}'; script-src '{_hash(SCRIPT)}'; "
        "base-uri 'none'; form-action 'none'"
    )
    body = "\n".join(part for part in parts if part)
    return (
        f'<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        f'<meta name="viewport" content="width=device-width">\n<meta name="referrer" content="no-referrer">\n'
        f"<title>FakeWeb: {escape(title)}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<main>\n{body}\n</main>\n"
        f"<script>{SCRIPT}</script>\n</body>\n</html>\n"
    )


def _hash(text: str) -> str:
    return f"sha256-{b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


def _jpeg(data: bytes) -> str:
    return f"data:image/jpeg;base64,{b64encode(data).decode()}"


def _sentence(text: str) -> str:
    return escape(sentence(text))
