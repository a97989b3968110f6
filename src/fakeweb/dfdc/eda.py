"""Statistics of shards: counts, balance, sizes, light, faces per clip, originals. Reads sidecars only, no pixel."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np

from fakeweb.datasets.shards import read_sidecars
from fakeweb.media.storage import Storage
from fakeweb.render.drawing import Area, Drawing, Words
from fakeweb.render.style import Colour

_BLUE: Final[Colour] = (40, 90, 170)
_INK: Final[Colour] = (40, 42, 48)
_NAMES: Final = {0: "real", 1: "fake", None: "unknown"}


def read_clips(out: str) -> list[dict[str, Any]]:
    """Return the record of every clip in finished shards.

    Raises:
        DatasetError: A sidecar is broken.
    """
    return [clip for sidecar in read_sidecars(Storage(out)).values() for clip in sidecar["clips"]]


def summarise(clips: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Count everything worth knowing of extracted clips; a value per line of the report."""
    read = [c for c in clips if not c["error"]]
    tracks = [t for c in read for t in c["tracks"]]
    per_original = Counter(str(c["original"]) for c in read if c["original"])
    return {
        "clips": len(clips),
        "unreadable": len(clips) - len(read),
        "labels": dict(Counter(_NAMES[c["label"]] for c in clips)),
        "parts": dict(Counter(str(c["part"]) for c in clips)),
        "faces_per_clip": dict(sorted(Counter(len(c["tracks"]) for c in read).items())),
        "faces_per_clip_by_label": {
            name: dict(sorted(Counter(len(c["tracks"]) for c in read if _NAMES[c["label"]] == name).items()))
            for name in ("real", "fake")
        },
        "sizes": dict(Counter(f"{c['width']} x {c['height']}" for c in read).most_common(10)),
        "codecs": dict(Counter(str(c["codec"]) for c in read)),
        "with_sound": sum(bool(c["has_sound"]) for c in read),
        "duration_s": _spread([c["duration_s"] for c in read]),
        "fps": _spread([c["fps"] for c in read]),
        "frames": _spread([c["frames"] for c in read]),
        "brightness": _spread([c["brightness"] for c in read if c["brightness"] is not None]),
        "dark_clips": sum((c["brightness"] or 255) < 40 for c in read),
        "face_width_px": _spread([w for t in tracks for w in t["width_px"]]),
        "sightings_per_track": _spread([len(t["frames"]) for t in tracks]),
        "originals": len(per_original),
        "fakes_per_original": _spread(list(per_original.values())),
        "without_a_face": sum(not c["tracks"] for c in read),
    }


def _spread(values: Sequence[float]) -> dict[str, float] | None:
    if not values:
        return None
    names = {"least": 0, "quarter": 25, "median": 50, "three_quarters": 75, "most": 100}
    found = np.percentile(values, list(names.values()))
    return {name: round(float(value), 2) for name, value in zip(names, found, strict=True)}


def report(clips: Sequence[Mapping[str, Any]]) -> tuple[str, dict[str, str]]:
    """Write the report.

    Returns:
        Markdown, and the SVG drawings it shows by file name.
    """
    read = [c for c in clips if not c["error"]]
    lines = ["# What is in the clips", "", "| what | number |", "|---|---|"]
    lines += [f"| {key.replace('_', ' ')} | {_cell(value)} |" for key, value in summarise(clips).items()]
    light = [c["brightness"] for c in read if c["brightness"] is not None]
    widths = [w for c in read for t in c["tracks"] for w in t["width_px"]]
    fakes = list(Counter(str(c["original"]) for c in read if c["original"]).values())
    drawings = {
        "brightness.svg": _histogram(light, "mean brightness of a clip, 0 to 255"),
        "face_width.svg": _histogram(widths, "width of faces in pixels"),
        "fakes_per_original.svg": _histogram(fakes, "fakes of one original"),
    }
    for name in drawings:
        lines += ["", f"![{name.removesuffix('.svg').replace('_', ' ')}]({name})"]
    errors = [c for c in clips if c["error"]]
    if errors:
        lines += ["", "## Clips that could not be read", ""]
        lines += [f"- {c['part']}/{c['clip']}: {c['error']}" for c in errors[:50]]
        lines += [f"- and {len(errors) - 50} more"] if len(errors) > 50 else []
    return "\n".join(lines) + "\n", drawings


def _cell(value: Any) -> str:
    if value is None:
        return "none"
    if isinstance(value, Mapping):
        return ", ".join(f"{str(k).replace('_', ' ')}: {_cell(v)}" for k, v in value.items()) or "none"
    return f"{value:,}" if isinstance(value, int) else str(value)


def _histogram(values: Sequence[float], title: str, bins: int = 24) -> str:
    """Return a bar chart as SVG."""
    width, height, floor = 480, 180, 150
    drawing = Drawing(width, height, title, [Words((12, 18), title, _INK, 12)])
    if values:
        counts, edges = np.histogram(values, bins=bins)
        step = (width - 24) / bins
        for i, count in enumerate(counts.tolist()):
            top = floor - (floor - 30) * count / max(1, int(counts.max()))
            drawing.parts.append(Area((12 + i * step, top, 10 + (i + 1) * step, floor), _BLUE))
        drawing.parts.append(Words((12, floor + 16), f"{edges[0]:.3g}", _INK, 11))
        drawing.parts.append(Words((width - 12, floor + 16), f"{edges[-1]:.3g}", _INK, 11, "end"))
    return drawing.to_svg()
