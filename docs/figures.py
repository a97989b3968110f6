"""Figures that prose repeats, each from its one source: a card, a measured table, a manifest, the code.

A place is a page and the words around the figure, ``{}`` being the figure. ``docs/drift.py`` fails where a page says
another one, ``--write`` mends it; where the words changed, this table changes with them.
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fakeweb.render.impact import FOLLOWER_SHARE, STARTS
from fakeweb.runtime.weights import weights_table
from fakeweb.scanner import decide
from fakeweb.server.settings import Settings
from fakeweb.types.report import KINDS, SCHEMA_VERSION

ROOT = Path(__file__).parents[1]
README, INDEX, GUIDE, REFERENCE = "README.md", "docs/index.md", "docs/guide", "docs/reference"
_FIGURE = r"([\d.,]*\d(?: to [\d.,]*\d)?|[a-z]+(?:-[a-z]+)?)"
_NUMBERS = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen"
)
_WORDS = dict(enumerate(_NUMBERS.split())) | {17: "seventeen", 18: "eighteen", 19: "nineteen", 20: "twenty"}
_WORDS |= {25: "twenty-five", 33: "thirty-three", 50: "fifty"}
_PARTS = {3: "third", 4: "quarter", 5: "fifth", 6: "sixth", 7: "seventh", 8: "eighth", 10: "tenth"}

CONSTANTS = (
    (
        "extension/manifest.json",
        r'"minimum_chrome_version": "(\d+)"',
        "docs/guide/extension.md",
        "Edge ({} or newer)",
    ),
    (
        "extension/manifest.json",
        r'"strict_min_version": "(\d+)',
        "docs/guide/extension.md",
        "Firefox ({} or newer)",
    ),
    (
        "extension/background/settings.js",
        r"minSide: (\d+)",
        "docs/guide/extension.md",
        "shorter side has at least {} p",
    ),
    (
        "extension/background/checker.js",
        r"MOST_FINDINGS = (\d+)",
        "docs/guide/extension.md",
        "(at most {}), so that",
    ),
    ("web/src/keep/history.ts", r"const MOST = (\d+)", "docs/guide/page.md", "the latest {}, on this"),
    ("web/src/keep/small.ts", r"SIDE_PX = (\d+)", "docs/guide/page.md", "a copy of at most {} px"),
    (
        "src/fakeweb/agents/answers.py",
        r"MOST_FACES: Final = (\d+)",
        "docs/guide/agents.md",
        "are told and {} listed",
    ),
    (
        "src/fakeweb/render/report_words.py",
        r"_MOST_FACES: Final = (\d+)",
        "docs/guide/agents.md",
        "most {} faces are",
    ),
    (
        "src/fakeweb/render/origin.py",
        r"MOST_NOTES: Final = (\d+)",
        "docs/guide/provenance.md",
        "At most {} notes are",
    ),
    ("src/fakeweb/cli/keys.py", r"\] = (\d+)", "docs/guide/service.md", "batch counts; {} a minute unless"),
    (
        "src/fakeweb/adapt/examples.py",
        r"LEAST: Final = (\d+)",
        "docs/guide/adapt.md",
        "class has fewer than {} pictures",
    ),
    (
        "src/fakeweb/adapt/examples.py",
        r"LEAST_GROUPS: Final = (\d+)",
        "docs/guide/adapt.md",
        "shows fewer than {} per",
    ),
)
"""File, how the figure stands there, page, words around it."""


@dataclass(frozen=True)
class Figure:
    """What the source says, as prose writes it, and where it is repeated.

    Attributes:
        value: The figure, such as ``1.8`` or ``78 to 97``.
        places: Page to the words around it, or to several.
    """

    value: str
    places: Mapping[str, str | tuple[str, ...]]


def figures() -> Iterator[Figure]:
    """Yield all of them."""
    yield from _judged()
    yield from _content()
    yield from _recipes()
    yield from _data_sets()
    yield from _defaults()
    for path, pattern, page, words in CONSTANTS:
        found = _first(pattern, path)
        spelt = _pattern(words).search((ROOT / page).read_text("utf-8"))
        yield Figure(_word(int(found)) if spelt and spelt[1].isalpha() else found, {page: words})


def _judged() -> Iterator[Figure]:
    card = _json("src/fakeweb/models/fast.json")
    scores = {k: 100 * v for k, v in card["details"]["scores"]["validation_B"].items() if k != "faces"}
    reals = [v for k, v in scores.items() if k.startswith("real_called_fake_")]
    generated = [scores[f"fake_called_fake_{s}"] for s in ("stylegan1_ffhq", "stylegan2_sfhq", "sdxl")]
    accused, judge, limits = f"{GUIDE}/accused.md", f"{REFERENCE}/judge.md", f"{GUIDE}/limits.md"
    yield Figure(
        f"{scores['real_called_fake']:.1f}",
        {
            README: "| genuine | {} % |",
            INDEX: "| genuine | {} % |",
            accused: "that it was measured on, {} % were called fake",
        },
    )
    yield Figure(
        f"{min(reals):.0f} to {max(reals):.0f}",
        {README: "| by source {} %; ", INDEX: "| by source {} %; ", accused: "[{} %](../reference/judge.md"},
    )
    elsewhere = _first(rf"\| fast {card['version']} \| ([\d.]+) % \[", judge)
    yield Figure(
        elsewhere,
        {README: "%; {} % of faces of 24", INDEX: "%; {} % of faces of 24", accused: "new to it, [{} %]"},
    )
    yield Figure(f"{100 / float(elsewhere):.0f}", {accused: "were: one in {}, most"})
    yield Figure(
        _first(r"genuine faces of (\d+) sources", judge),
        dict.fromkeys((README, INDEX, accused), "aces of {} sources"),
    )
    yield Figure(
        _word(round(1 / card["decision"]["false_alarms"])),
        {accused: ("fake: about one in {}.", "At the threshold it is about one in {},")},
    )
    yield Figure(
        _word(round(10 * scores["real_called_fake"])),
        {"docs/tutorial/check.md": "[about {}](../guide/accused.md"},
    )
    yield Figure(
        f"{scores['fake_called_fake_dfdc']:.0f}",
        {
            README: "| DFDC face swaps | {} % |",
            INDEX: "| face swaps (DFDC) | {} % |",
            judge: "(groups B): dfdc {} %",
        },
    )
    yield Figure(
        f"{min(generated):.0f} to {max(generated):.0f}",
        {README: "| generated faces | {} % |", INDEX: "| generated | {} % |"},
    )
    yield Figure(
        f"{scores['fake_called_fake_ciplab']:.0f}",
        {README: "| expert Photoshop edits | {} % |", INDEX: "| retouched by experts | {} % |"},
    )
    yield Figure(
        _PARTS.get(round(100 / scores["uncertain"]), "part"),
        {README: "A {} of all faces stays uncertain", INDEX: "A {} of all faces stays `uncertain`"},
    )
    yield Figure(card["version"], {README: "What the model (`fast` {}) says"})
    for share, words in (
        (card["decision"]["false_alarms"], "that at most {} % of the genuine calibration faces"),
        (
            card["details"]["recipe"]["calibration"]["missed"],
            "at most {} % of the manipulated calibration faces",
        ),
    ):
        yield Figure(f"{100 * share:g}", {README: words})
    told = " ".join(card["details"]["limits"])
    for words, places in {
        "AUC {} for DFDC's swaps": {
            README: "AUC {} where training saw no swap",
            INDEX: "of swap; AUC {} where",
        },
        "and {} for ciplab's retouches": {
            README: "| AUC {} where training saw none",
            INDEX: "% | AUC {} where",
        },
    }.items():
        yield Figure(_first(_pattern(words), told), places)
    yield Figure(
        f"{card['norms']['rarity']['measured_on']:,}",
        {f"{GUIDE}/video.md": "Of the {} genuine faces it was measured on"},
    )
    yield Figure(f"{card['norms']['small']['min_face_px']:.0f}", {limits: "Below {} px, blurred"})
    yield Figure(f"{decide._YAW_DEG[1]:.0f}", {limits: "by more than about {} degrees"})
    yield Figure(
        _word(len(KINDS)), {limits: "is a guess among {}.", "docs/tutorial/check.md": "a guess** among {},"}
    )

    folds = re.findall(
        r"\| (\w+), fake \| ([\d.]+) \|", _between(judge, "<!-- folds: begin -->", "<!-- folds: end -->")
    )
    makers = [float(auc) for source, auc in folds if source in ("sdxl", "stylegan1_ffhq", "stylegan2_sfhq")]
    yield Figure(
        f"{min(makers):.1f} to {max(makers):.1f}", {README: "AUC {} [for gen", INDEX: "AUC {} [for gen"}
    )
    every = [float(auc) for _, auc in folds]
    yield Figure(f"{min(every):.1f} to {max(every):.1f}", {limits: "from above 0.9 to {} ([measured]"})

    yield Figure(
        f"{weights_table()['clip-vit-b16'].size / 1e6:.0f}",
        {
            README: "# {} MB, once; then",
            f"{GUIDE}/adapt.md": "# once, {} MB",
            "docs/tutorial/adapt.md": "`fakeweb models fetch clip-vit-b16` ({} MB)",
        },
    )
    known = " ".join(_json("src/fakeweb/models/accurate.json")["details"]["limits"])
    yield Figure(
        _first(_pattern("and {} times the time of fast"), known),
        {README: "--model accurate: {} times the time"},
    )
    browser, site = f"{REFERENCE}/browser.md", f"{GUIDE}/site.md"
    yield Figure(_first(r"same label as .*?\*\*(\d+)\*\*", browser), {site: "the same label on {} of"})
    yield Figure(_first(r"same label as .*?, (\d+) validation", browser), {site: "of {} pictures.\n"})
    wire = float(_first(r"over the wire, all of the site \| ([\d.]+) MB", browser))
    yield Figure(f"{wire:.0f}", {site: "The page loads {} MB once"})


def _content() -> Iterator[Figure]:
    scores, page = _json("src/fakeweb/models/content.json")["details"]["scores"], f"{REFERENCE}/content.md"
    low, high = (f"{100 * v:.1f}" for v in scores["interval"])
    right = f"{100 * scores['accuracy']:.1f}"
    for value, words in (
        (str(scores["pictures"]), "Of all {} validation pictures"),
        (right, "of them faces, {} % ["),
        (low, f"of them faces, {right} % [{{}}, "),
        (high, f"of them faces, {right} % [{low}, {{}}]"),
        (f"{100 * scores['uncertain']:.0f}", "are right and {} % uncertain"),
        (f"{100 * scores['accuracy_of_answered']:.1f}", "uncertain; {} % of those answered"),
        (f"{scores['ece_half_b']:.3f}", "half not calibrated on: {}."),
    ):
        yield Figure(value, {page: words})


def _recipes() -> Iterator[Figure]:
    stages = len(tomllib.loads((ROOT / "recipes/fast.toml").read_text("utf-8"))["stage"])
    yield Figure(
        _word(stages),
        {
            f"{GUIDE}/train.md": "from ImageNet weights, in {} stages |",
            f"{GUIDE}/rebuild.md": ("recipes/fast.toml`, {} stages |", "All {} stages, resumable"),
            "docs/tutorial/rebuild.md": "the shipped model took {} such stages",
        },
    )


def _data_sets() -> Iterator[Figure]:
    manifests = {p.stem: tomllib.loads(p.read_text("utf-8")) for p in (ROOT / "manifests").glob("*.toml")}
    origins = {o.get("repository") for m in manifests.values() for o in m["origin"]} - {None}
    rebuild, datasets = f"{GUIDE}/rebuild.md", f"{GUIDE}/datasets.md"
    stills = {n for n in manifests if not n.startswith("clips_")}
    clips = f"{sum(sum(m['expected'].values()) for n, m in manifests.items() if n not in stills):,}"
    yield Figure(
        clips, {rebuild: ("sources, {} of them frames of clips", "(`manifests/clips_*.toml`), {} |")}
    )
    yield Figure(
        str(len(manifests)),
        {
            rebuild: (f"pictures of {{}} sources, {clips} of", "All {} in one command"),
            datasets: "(../reference/data.md)): {} sources of",
        },
    )
    yield Figure(str(len(stills)), {rebuild: "it is 14,443 pictures of {} sources"})
    yield Figure(
        str(len(origins)),
        {rebuild: "clone {} public repositories", datasets: "sources of {} repositories and"},
    )


def _defaults() -> Iterator[Figure]:
    settings = Settings(data_dir=Path("data"))
    service, site = f"{GUIDE}/service.md", f"{GUIDE}/site.md"
    levels = ("level is `low` below {}, then", "`moderate`, from {} `high`", "from {} `critical`")
    for words, start in zip(levels, STARTS, strict=True):
        yield Figure(str(start), {service: words})
    yield Figure(SCHEMA_VERSION, {service: '"report":{"schema_version":"{}",'})
    yield Figure(str(FOLLOWER_SHARE), {service: "max(views, {} x followers)"})
    for page in (ROOT / "docs").rglob("*.md"):
        for name in sorted(set(re.findall(r"`FAKEWEB_(\w+)` \([\d.]+\)", page.read_text("utf-8")))):
            default = f"{getattr(settings, name.lower()):g}"
            yield Figure(default, {page.relative_to(ROOT).as_posix(): f"`FAKEWEB_{name}` ({{}})"})
    for constant, unit, words in (
        ("MAX_BYTES", 1, "up to {} MB, "),
        ("MAX_PIXELS", 1_000_000, " MB, {} megapixels, "),
        ("MAX_SIDE_PX", 1, " megapixels, {} pixels a side"),
    ):
        value = int(_first(rf"{constant} = (\d[\d_]*)", "web/src/local/sniff.ts").replace("_", "")) // unit
        yield Figure(f"{value:,}", {site: words})


def pages(written: Mapping[Path, str]) -> tuple[dict[Path, str], list[str]]:
    """Return the pages with the figures of today, and what the table names and no page says any more.

    Args:
        written: Pages that something else has written already.
    """
    texts, lost = dict(written), []
    for figure in figures():
        for page, every in figure.places.items():
            path = ROOT / page
            for words in (every,) if isinstance(every, str) else every:
                text = texts.get(path) or path.read_text("utf-8")
                if not (pattern := _pattern(words)).search(text):
                    lost.append(f"{page} says no more '{words}': mend docs/figures.py")
                whole = words.replace("{}", figure.value)
                texts[path] = pattern.sub(lambda _, whole=whole: whole, text)
    return texts, lost


def _pattern(words: str) -> re.Pattern[str]:
    return re.compile(re.escape(words).replace(re.escape("{}"), _FIGURE))


def _first(pattern: str | re.Pattern[str], source: str) -> str:
    """Return what a pattern finds first in a file, or in a text that is none."""
    path = ROOT / source if source.count(" ") == 0 else None
    if found := re.search(pattern, path.read_text("utf-8") if path else source):
        return str(found[1])
    raise SystemExit(f"{source}: no '{pattern}' there any more; mend docs/figures.py")


def _word(number: int) -> str:
    return _WORDS.get(number, str(number))


def _json(path: str) -> dict[str, Any]:
    return json.loads((ROOT / path).read_text("utf-8"))


def _between(page: str, begin: str, end: str) -> str:
    return (ROOT / page).read_text("utf-8").partition(begin)[2].partition(end)[0]
