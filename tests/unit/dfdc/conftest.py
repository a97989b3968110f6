"""A small faithful replica of DFDC: parts as zip files and as a folder, with metadata.json, fakes of originals."""

import json
import zipfile

import numpy as np
import pytest

from fakeweb.types import Face


class Centre:
    """A finder that finds a face in the middle of every bright enough frame: quick, and the same every time."""

    name = "centre"

    def find(self, image):
        if image.pixels.mean() < 20:
            return []
        w, h = image.width, image.height
        return [Face((w * 0.3, h * 0.25, w * 0.7, h * 0.75), 0.9)]


@pytest.fixture(scope="session")
def clip_bytes(clip_maker, portrait):
    face = portrait.pixels[20:220, 120:320]

    def build(seed=0, count=8, brightness=1.0):
        rng = np.random.default_rng(seed)
        frames = []
        for i in range(count):
            x, y = (3 * i + rng.integers(0, 4, 2)) % 20
            frames.append((face[y : y + 180, x : x + 180] * brightness).astype(np.uint8))
        return clip_maker.encode(frames, fps=8)

    return build


@pytest.fixture(scope="session")
def replica(tmp_path_factory, clip_bytes):
    """Two parts: one zip, one folder; seven clips, of which one is broken and one dark."""
    root = tmp_path_factory.mktemp("dfdc")
    clips = {f"aa{i}.mp4": clip_bytes(i) for i in range(4)}
    table = {
        "aa0.mp4": {"label": "REAL", "split": "train"},
        "aa1.mp4": {"label": "FAKE", "split": "train", "original": "aa0.mp4"},
        "aa2.mp4": {"label": "FAKE", "split": "train", "original": "aa0.mp4"},
        "aa3.mp4": {"label": "REAL", "split": "train"},
    }
    with zipfile.ZipFile(root / "dfdc_train_part_00.zip", "w") as archive:
        for name, data in clips.items():
            archive.writestr(f"dfdc_train_part_0/{name}", data)
        archive.writestr("dfdc_train_part_0/metadata.json", json.dumps(table))
    folder = root / "dfdc_train_part_1"
    folder.mkdir()
    (folder / "bb0.mp4").write_bytes(clip_bytes(9))
    (folder / "bb1.mp4").write_bytes(clip_bytes(10, brightness=0.05))
    (folder / "bb2.mp4").write_bytes(b"\0\0\0\x20ftypisom" + b"\0" * 300)
    (folder / "metadata.json").write_text(
        json.dumps({f"bb{i}.mp4": {"label": "REAL" if i else "FAKE", "split": "train"} for i in range(3)})
    )
    return root


@pytest.fixture
def quick(monkeypatch):
    """Let every finder be the quick one."""
    from fakeweb.tracks import extract

    monkeypatch.setattr(extract, "make_finder", lambda *_: Centre())
