"""One description of the drawing, for Python, the page and the extension."""

import json
import re
from pathlib import Path

import numpy as np
import pytest

import fakeweb.render
from fakeweb.render.paint import ramp, stroke
from fakeweb.render.style import STYLE

ROOT = Path(__file__).parents[3]
FILE = Path(fakeweb.render.__file__).with_name("style.json")
DATA = json.loads(FILE.read_text(encoding="utf-8"))
TRIPLE = re.compile(r"\[\s*(\d{1,3}),\s*(\d{1,3}),\s*(\d{1,3})\s*\]")


def test_python_draws_by_it():
    assert [list(ramp(at)) for at, _ in DATA["ramp"]] == [colour for _, colour in DATA["ramp"]]
    for name in ("contours", "net", "outline"):
        pen = getattr(STYLE, name)
        assert {k: getattr(pen, k) for k in ("least_px", "rim")} == {
            k: DATA[name][k] for k in ("least_px", "rim")
        }
        assert list(pen.width) == DATA[name]["width"]
        assert list(pen.opacity) == DATA[name]["opacity"]
    assert STYLE.contours.opacity[1] == 1.0, "at full strength a certain face's lines are opaque"


def test_the_page_is_built_with_it_and_has_no_colours_of_its_own():
    mesh = ROOT / "web" / "src" / "mesh"
    (imported,) = re.findall(r'from "(\S+style\.json)"', (mesh / "style.ts").read_text("utf-8"))
    assert (mesh / imported).resolve() == FILE.resolve()
    sources = [*mesh.glob("*.ts"), ROOT / "web" / "src" / "parts" / "MeanFace.tsx"]
    assert not [p.name for p in sources if TRIPLE.search(p.read_text("utf-8"))]
    built = "".join(p.read_text("utf-8") for p in (ROOT / "src/fakeweb/server/page/assets").glob("*.js"))
    for _, colour in DATA["ramp"]:
        assert ",".join(map(str, colour)) in built.replace(" ", "")


def test_the_extension_has_the_same_colours():
    text = (ROOT / "extension" / "background" / "style.js").read_text("utf-8")
    assert [list(map(int, found)) for found in TRIPLE.findall(text)] == [c for _, c in DATA["ramp"]]
    assert not TRIPLE.search((ROOT / "extension" / "content" / "marks.js").read_text("utf-8"))


@pytest.mark.parametrize("width_px", [0.5, 0.8, 1.4, 2.0, 3.3, 6.0, 12.0, 20.0])
def test_lines_are_as_wide_as_asked(width_px):
    """OpenCV's own are wider, by up to two pixels."""
    line = np.array([[50.0, 60.0], [250.0, 97.0]])
    mask = stroke((300, 160), [line], width_px)
    assert mask.sum() / 255 / np.linalg.norm(line[1] - line[0]) == pytest.approx(width_px, rel=0.12)


def test_faint_lines_are_fainter():
    lines = np.array([[[10.0, 20.0], [90.0, 20.0]], [[10.0, 40.0], [90.0, 40.0]]])
    mask = stroke((100, 60), lines, 2.0, np.array([1.0, 0.25]))
    assert mask[40].max() == pytest.approx(mask[20].max() / 4, abs=3)
