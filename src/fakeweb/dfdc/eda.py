"""Statistics of shards: counts, balance, sizes, light, faces per clip, originals, and some faces of each label."""

from __future__ import annotations

import base64
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np

from fakeweb.datasets.shards import decode_crop, read_shard, read_sidecars
from fakeweb.evaluate.pages import Block, Heading, Plot, Table, Text
from fakeweb.media import encode_jpeg
from fakeweb.media.storage import Storage
from fakeweb.render.drawing import Area, Drawing, Words
from fakeweb.render.style import Colour
from fakeweb.types import Image

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


def examples(out: str, per_label: int = 4) -> dict[str, list[Image]]:
    """Return a face of some clips of each label, spread over all of them: the middle crop of the first track.

    Raises:
        DatasetError: A shard is damaged.
    """
    store = Storage(out)
    sidecars = read_sidecars(store)
    found: dict[str, list[Image]] = {}
    for label, name in _NAMES.items():
        clips = [
            (shard, clip["clip"])
            for shard, sidecar in sorted(sidecars.items())
            for clip in sidecar["clips"]
            if clip["label"] == label and clip["tracks"]
        ]
        if clips:
            places = np.linspace(0, len(clips) - 1, min(per_label, len(clips))).round().astype(int)
            found[name] = [_face(store, sidecars, *clips[place]) for place in places]
    return found


def _face(store: Storage, sidecars: Mapping[str, Mapping[str, Any]], shard: str, clip: str) -> Image:
    sample = next(s for s in read_shard(store, shard, sidecars[shard]) if s.meta["clip"] == clip)
    return decode_crop(sample.crops[len(sample.crops) // 2])


def report(
    clips: Sequence[Mapping[str, Any]], faces: Mapping[str, Sequence[Image]]
) -> tuple[list[Block], list[Plot]]:
    """Write the report.

    Args:
        clips: From :func:`read_clips`.
        faces: From :func:`examples`.

    Returns:
        Its blocks, and those of them that are drawings.
    """
    read = [c for c in clips if not c["error"]]
    light = [c["brightness"] for c in read if c["brightness"] is not None]
    widths = [w for c in read for t in c["tracks"] for w in t["width_px"]]
    fakes = list(Counter(str(c["original"]) for c in read if c["original"]).values())
    plots = [
        *(
            Plot(f"faces_{name}", _sheet(name, shown), f"faces of {name} clips")
            for name, shown in faces.items()
        ),
        _plot("brightness", _histogram(light, "mean brightness of a clip, 0 to 255")),
        _plot("face_width", _histogram(widths, "width of faces in pixels")),
        _plot("fakes_per_original", _histogram(fakes, "fakes of one original")),
    ]
    rows = [[key.replace("_", " "), _cell(value)] for key, value in summarise(clips).items()]
    blocks: list[Block] = [Heading("What is in the clips", 1), Table(["what", "number"], rows), *plots]
    errors = [c for c in clips if c["error"]]
    if errors:
        blocks.append(Heading("Clips that could not be read"))
        blocks.append(Table(["clip", "why"], [[f"{c['part']}/{c['clip']}", c["error"]] for c in errors[:50]]))
        blocks += [Text(f"and {len(errors) - 50} more")] if len(errors) > 50 else []
    return blocks, plots


def _plot(name: str, svg: str) -> Plot:
    return Plot(name, svg.encode(), name.replace("_", " "))


def _sheet(name: str, faces: Sequence[Image], side: int = 128) -> bytes:
    """Return faces side by side as SVG."""
    pictures = (
        f'<image x="{i * (side + 4)}" y="18" width="{side}" height="{side}"'
        f' href="data:image/jpeg;base64,{base64.b64encode(encode_jpeg(face, 85)).decode()}"/>'
        for i, face in enumerate(faces)
    )
    width, height = len(faces) * (side + 4), side + 18
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}">'
        f'<text x="0" y="13" font-family="sans-serif" font-size="12">{name}</text>{"".join(pictures)}</svg>'
    ).encode()


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
