"""Fixtures of the evaluation: a drawn data set, a model that judges brightness, a finder of the middle."""

import numpy as np
import pytest

from fakeweb import registry
from fakeweb.media import encode_jpeg
from fakeweb.types import Face, Image

SIDE = 64


class MiddleFinder:
    """Sees one face in the middle of every picture that is not black."""

    name = "middle"

    def find(self, image):
        if image.pixels.mean() < 8:
            return []
        w, h = image.width, image.height
        points = np.array([[0.4, 0.42], [0.6, 0.42], [0.5, 0.55], [0.42, 0.68], [0.58, 0.68]]) * (w, h)
        return [Face((0.2 * w, 0.2 * h, 0.8 * w, 0.8 * h), 0.9, points=points)]


@pytest.fixture
def middle(monkeypatch):
    """The finder by its name."""
    import sys
    import types

    module = types.ModuleType("evaluate_toy_finder")
    module.MiddleFinder = MiddleFinder
    monkeypatch.setitem(sys.modules, module.__name__, module)
    monkeypatch.setitem(registry.BUILT_IN["finder"], "middle", "evaluate_toy_finder:MiddleFinder")
    return "middle"


def draw(brightness, seed):
    """A coarse pattern around a brightness; different seeds look different."""
    rng = np.random.default_rng(seed)
    coarse = brightness + rng.normal(0, 25, (8, 8, 3))
    fine = coarse.repeat(SIDE // 8, 0).repeat(SIDE // 8, 1) + rng.normal(0, 3, (SIDE, SIDE, 3))
    return Image(np.clip(fine, 10, 250).astype(np.uint8))


@pytest.fixture(scope="session")
def drawn(tmp_path_factory):
    """Source ``two`` of both classes (fakes are bright), ``gen`` of fakes only, a black picture, a broken one."""
    root = tmp_path_factory.mktemp("drawn")
    rows = ["path,source,label,kind,split,group"]
    seed = 0

    def add(source, label, kind, brightness, group):
        nonlocal seed
        seed += 1
        name = f"{source}/{label}/{seed:03}.jpg"
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(encode_jpeg(draw(brightness, seed)))
        rows.append(f"{name},{source},{label},{kind},val,{group}")

    for i in range(24):
        add("two", "real", "", 90 + 2 * (i % 12), f"g{i}")
        add("two", "fake", "swap", 145 + 2 * (i % 12), f"g{i}")
    for i in range(12):
        add("gen", "fake", "generated", 170, f"h{i}")
    (root / "two/real/black.jpg").write_bytes(encode_jpeg(Image(np.zeros((SIDE, SIDE, 3), np.uint8))))
    (root / "two/real/broken.jpg").write_bytes(b"\xff\xd8\xff\xe0 no picture")
    rows += ["two/real/black.jpg,two,real,,val,black", "two/real/broken.jpg,two,real,,val,broken"]
    (root / "index.csv").write_text("\n".join(rows) + "\n")
    return root


@pytest.fixture
def brightness_model(tiny_model, tmp_path):
    """A card whose P(fake) rises with brightness, one half at 128; calls fake from about 0.9 on."""
    return tiny_model(tmp_path / "model", "bright", gain=0.1, bias=-12.8)
