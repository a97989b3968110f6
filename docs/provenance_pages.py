"""The guide's pages about provenance: examples are files that the tests' maker makes, and what is said of them."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import numpy as np

from fakeweb.media import read_image
from fakeweb.provenance import look_at
from fakeweb.render.origin import label_line, lines_of

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "docs" / "guide" / "provenance"
_MARKS = ("<!-- made by `python docs/drift.py --write` -->", "<!-- end of what is made -->")
_WEBUI = "portrait of a woman, studio light\nNegative prompt: lowres\nSteps: 20, Sampler: Euler a, Seed: 1234, Model: x"


def pages() -> dict[Path, str]:
    """Return each page with its examples made anew; none where the extra ``provenance`` is not installed."""
    if not importlib.util.find_spec("c2pa"):
        return {}
    maker = _maker()
    pixels = read_image(ROOT / "examples" / "collins.jpg").image.pixels
    made = {}
    for name, examples in _EXAMPLES.items():
        path = FOLDER / f"{name}.md"
        head, _, rest = path.read_text(encoding="utf-8").partition(_MARKS[0])
        foot = rest.partition(_MARKS[1])[2]
        blocks = "\n\n".join(_block(title, data) for title, data in examples(maker, pixels))
        made[path] = f"{head}{_MARKS[0]}\n\n{blocks}\n\n{_MARKS[1]}{foot}"
    return made


def _block(title: str, data: bytes) -> str:
    found = look_at(data, read_image(data).image).to_dict()
    lines = [f"origin  {line}" for line in lines_of(found)]
    lines += [f"label  {label}" for label in (label_line(found),) if label]
    return f"{title}:\n\n```\n" + "\n".join(lines) + "\n```"


def _maker() -> ModuleType:
    spec = importlib.util.spec_from_file_location("provenance_maker", ROOT / "tests" / "provenance_maker.py")
    if spec is None or spec.loader is None:
        raise FileNotFoundError("tests/provenance_maker.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


_Examples = Iterator[tuple[str, bytes]]


def _credentials(m: ModuleType, pixels: np.ndarray) -> _Examples:
    plain = m.jpeg(pixels)
    signed = m.signed(plain, "image/jpeg")
    changed = bytearray(signed)
    changed[-4000] ^= 1
    camera = m.created("digitalCapture", "Camera X")
    yield "A picture whose maker signed that AI made it", signed
    yield "The same with one byte of the picture changed afterwards", bytes(changed)
    yield (
        "Signed by a camera, then cropped",
        m.signed(plain, "image/jpeg", camera, {"action": "c2pa.cropped"}),
    )
    part = m.signed(plain, "image/jpeg", camera, ingredients=[("robot.jpg", "image/jpeg", signed)])
    yield "Signed by a camera, with a part made by AI", part
    yield (
        "Only the address of credentials",
        m.signed(plain, "image/jpeg", remote="https://example.org/a.c2pa", embed=False),
    )


def _metadata(m: ModuleType, pixels: np.ndarray) -> _Examples:
    history = m.history(("created", "Adobe Photoshop 25.0"), ("saved", "Adobe Photoshop 25.0"))
    yield "A camera", m.jpeg(pixels, exif=m.exif(m.CAMERA, m.EXPOSURE))
    yield "An edit history", m.jpeg(pixels, xmp=m.xmp('xmp:CreatorTool="Adobe Photoshop 25.0"', history))
    yield (
        "A digital source type",
        m.jpeg(pixels, xmp=m.xmp(m.source_type("compositeWithTrainedAlgorithmicMedia"))),
    )
    yield "A credit line", m.with_segment(m.jpeg(pixels), m.iptc(credit="Made with Google AI"))
    yield "The mark of a network it was on", m.with_segment(m.jpeg(pixels), m.iptc(instructions="FBMD01000a"))
    yield "Nothing", m.png(pixels[::3, ::3].copy())


def _generators(m: ModuleType, pixels: np.ndarray) -> _Examples:
    small = pixels[::3, ::3].copy()
    graph = '{"3": {"class_type": "KSampler", "inputs": {"seed": 5, "steps": 20}}, '
    graph += '"6": {"class_type": "CLIPTextEncode", "inputs": {"text": "a portrait"}}}'
    yield "AUTOMATIC1111 and its relatives", m.png(small, [("parameters", _WEBUI)])
    yield "ComfyUI", m.png(small, [("prompt", graph)])
    yield "Midjourney", m.png(small, [("Description", "a woman --ar 2:3 --v 6 Job ID: 01234567-89ab")])
    yield (
        "The mark by Chinese law",
        m.png(small, [("AIGC", '{"Label": "1", "ContentProducer": "Example Co"}')]),
    )


def _saving(m: ModuleType, pixels: np.ndarray) -> _Examples:
    small = pixels[::2, ::2].copy()
    once = read_image(m.jpeg(small, quality=60)).image.pixels
    yield "Saved once", m.jpeg(small, quality=85)
    yield "Saved at quality 60, opened, saved again at 92", m.jpeg(once, quality=92)
    yield "Saved as JPEG of quality 60, then as PNG", m.png(once)
    yield "With Photoshop's tables", m.jpeg(small, quality="high")


def _thumbnail(m: ModuleType, pixels: np.ndarray) -> _Examples:
    small = m.jpeg(np.ascontiguousarray(pixels[::4, ::4]))
    changed = pixels.copy()
    changed[60:180, 170:280] = pixels[300:420, 170:280]
    yield "The same picture", m.jpeg(pixels, exif=m.exif(m.CAMERA, thumbnail=small))
    yield "A face painted over, the thumbnail left", m.jpeg(changed, exif=m.exif(m.CAMERA, thumbnail=small))


def _contradictions(m: ModuleType, pixels: np.ndarray) -> _Examples:
    exif, ai = m.exif(m.CAMERA, m.EXPOSURE), m.xmp(m.source_type("trainedAlgorithmicMedia"))
    yield "A camera beside created by AI", m.jpeg(pixels, exif=exif, xmp=ai)
    yield (
        "Another size than the camera wrote",
        m.jpeg(pixels, exif=m.exif(m.CAMERA, {40962: 4000, 40963: 3000})),
    )
    yield (
        "Changed before it was taken",
        m.jpeg(pixels, exif=m.exif({**m.CAMERA, 306: "2020:01:01 00:00:00"}, m.EXPOSURE)),
    )


_EXAMPLES: dict[str, Callable[[ModuleType, np.ndarray], _Examples]] = {
    "credentials": _credentials,
    "metadata": _metadata,
    "generators": _generators,
    "saving": _saving,
    "thumbnail": _thumbnail,
    "contradictions": _contradictions,
}
