"""A clip's report as one HTML page that needs nothing beside it."""

from __future__ import annotations

from base64 import b64encode
from html import escape

from fakeweb.render.timeline import timeline
from fakeweb.render.words import clock, percent, rarity_words, stretch_words
from fakeweb.types import FaceResult, Report

_STYLE = """
:root { color-scheme: light dark; }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 62rem; margin: 2rem auto; padding: 0 1rem; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; padding: .3rem .8rem .3rem 0; border-bottom: 1px solid #8884; vertical-align: top; }
img, svg { max-width: 100%; height: auto; }
.fake { color: #c2182c; font-weight: 700; } .uncertain { color: #777; }
"""


def clip_to_html(report: Report, sheet_jpeg: bytes | None = None) -> str:
    """Write a clip's report as HTML: verdict, timeline, people, contact sheet, warnings.

    Args:
        report: Of a clip.
        sheet_jpeg: The contact sheet as JPEG, or None.

    Raises:
        ValueError: The report is not of a clip.
    """
    if report.video is None:
        raise ValueError("the report is not about a clip")
    video = report.video
    drawing = timeline(report).to_svg()
    verdict = report.verdict
    p_text = "" if verdict.p_fake is None else f", P(fake) {percent(verdict.p_fake)}"
    looked = (
        f"{video['frames_examined']} of {video['frames']} frames of {clock(video['duration_s'])} were looked at, no gap"
        f" longer than {video['longest_gap_s']:.1f} s."
    )
    notes = [*verdict.reasons, *(f"Warning: {w}" for w in report.warnings)]
    rows = "\n".join(
        _row(r, c["from_s"], c["to_s"]) for r, c in zip(report.faces, report.timeline or (), strict=True)
    )
    picture = ""
    if sheet_jpeg is not None:
        data = b64encode(sheet_jpeg).decode()
        picture = f'<h2>Telling moments</h2>\n<img alt="contact sheet" src="data:image/jpeg;base64,{data}">'
    return f"""<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>FakeWeb: {escape(report.source)}</title>
<style>{_STYLE}</style>
<h1>{escape(report.source)}</h1>
<p><strong class="{verdict.label}">{verdict.label.replace("_", " ")}</strong>{p_text}. {looked}</p>
{"".join(f"<p>{escape(note)}</p>" for note in notes)}
{drawing}
<table><tr><th>face</th><th>verdict</th><th>P(fake)</th><th>seen</th><th>why</th></tr>
{rows}</table>
{picture}
<p>A probability is no proof. Models: {escape(", ".join(report.models))}; finder: {escape(report.finder)};
SHA-256 of the clip: <code>{report.media_sha256}</code></p>
</html>
"""


def _row(result: FaceResult, from_s: float, to_s: float) -> str:
    verdict = result.verdict
    kind = result.score.kind if result.score is not None and verdict.label == "fake" else None
    when = stretch_words(result) if verdict.label != "real" else ""
    why = [*verdict.reasons, *([f"looks manipulated {when}"] if when else [])]
    if verdict.label == "fake" and result.rarity is not None:
        why.append(rarity_words(result.rarity))
    cells = (
        str(result.face.track),
        f'<span class="{verdict.label}">{verdict.label}</span>{f" ({escape(kind)})" if kind else ""}',
        "" if verdict.p_fake is None else percent(verdict.p_fake),
        f"{clock(from_s, 0.1)} to {clock(to_s, 0.1)}",
        escape("; ".join(why)),
    )
    return f"<tr>{''.join(f'<td>{c}</td>' for c in cells)}</tr>"
