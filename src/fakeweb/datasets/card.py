"""Data cards: what a built data set holds, where it comes from, and what is doubtful about it (Markdown)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from fakeweb.datasets.build import Built, Made, outcome
from fakeweb.datasets.encoding import Encoding
from fakeweb.datasets.manifest import Manifest
from fakeweb.media import write_atomically
from fakeweb.media.limits import one_line

_SHOWN = 40


def write_card(path: Path, manifests: Sequence[Manifest], built: Built, encoding: Encoding) -> None:
    """Write a data set's card.

    Args:
        path: Of the file.
        manifests: What was asked for.
        built: What came of it.
        encoding: How pictures were written.
    """
    ordered = sorted(manifests, key=lambda m: m.source)
    gone = {id(m) for _, m, _ in built.dropped}
    low, high = encoding.quality
    again = (
        ", what its source had not resampled shrunk to 0.35 to 0.7 and enlarged" if encoding.resample else ""
    )
    scale = f"at most {encoding.longest_px} px" if encoding.longest_px else "each at its own scale"
    lines = [
        "# Data card",
        "",
        "Gathered from public repositories; never publish the pictures. Each source keeps its own licence, and a model"
        " trained on it must name it.",
        "",
        f"Every picture, whatever its class: decoded, up to 7 rows and columns cut off, {scale}, never enlarged{again},"
        f" JPEG 4:4:4 at a quality drawn from {low} to {high} (seed {encoding.seed}).",
        "",
        f"SHA-256 of index.csv: `{built.index_sha256}`",
        "",
        *_table(ordered, built, gone),
        "",
        "Left out as twins: pictures that look like a larger one of another source. All that was left out, and why:"
        " left_out.csv.",
        "",
        "## Sources",
        *(line for m in ordered for line in _source(m, built.made[m.source])),
    ]
    if built.differences:
        lines += ["", "## Not what the manifests say", "", *(f"- {line}" for line in built.differences)]
    lines += _twins("Look like a picture of another label", built.disputed)
    lines += _twins("Left out as twins", built.dropped)
    write_atomically(path, ("\n".join(lines) + "\n").encode("utf-8", "replace"))


def _table(manifests: Sequence[Manifest], built: Built, gone: set[int]) -> list[str]:
    lines = [
        "| source | pictures | kept | val | groups | shorter side, 5 / 50 / 95 % | resampled | licence | twins |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for manifest in manifests:
        taken = [m for m in built.made[manifest.source] if not m.why]
        kept = [m for m in taken if id(m) not in gone]
        counts = Counter(f"{m.label} {m.kind}" if m.label == "fake" else m.label for m in kept)
        sides = sorted(min(m.width, m.height) for m in kept) or [0]
        spread = " / ".join(str(sides[round(share * (len(sides) - 1))]) for share in (0.05, 0.5, 0.95))
        val = sum(manifest.split_of(m.group) == "val" for m in kept)
        cells = [
            manifest.source, manifest.picture, ", ".join(f"{n} {what}" for what, n in sorted(counts.items())), str(val),
            str(len({m.group for m in kept})), spread, "yes" if manifest.resampled else "no", manifest.licence,
            str(len(taken) - len(kept)),
        ]  # fmt: skip
        lines.append(f"| {' | '.join(cells)} |")
    return lines


def _source(manifest: Manifest, made: Sequence[Made]) -> list[str]:
    lines = ["", f"### {manifest.source}", "", manifest.about]
    if manifest.caveat:
        lines += ["", f"Doubtful: {manifest.caveat}"]
    if manifest.keep < 100:
        lines += [
            "",
            f"{manifest.keep} % of the files, by hash of the file name; the rest is left for tests.",
        ]
    lines += ["", *(f"- {o.name}{f' at {o.commit}' if o.commit else ''}" for o in manifest.origin)]
    reasons = Counter(m.why.partition(":")[0] for m in made if m.why)
    if reasons:
        lines += ["", "Left out: " + ", ".join(f"{n} {why}" for why, n in reasons.most_common()) + "."]
    return [*lines, "", f"SHA-256 of the outcome: `{outcome(manifest, made)}`"]


def _twins(title: str, pairs: Sequence[tuple[str, Made, str]]) -> list[str]:
    if not pairs:
        return []
    shown = [f"- {m.path} = {other} ({one_line(m.original)})" for _, m, other in pairs[:_SHOWN]]
    more = [f"- and {len(pairs) - _SHOWN} more"] if len(pairs) > _SHOWN else []
    return ["", f"## {title}: {len(pairs)}", "", *shown, *more]
