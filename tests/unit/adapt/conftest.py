"""A tiny head over a tiny encoder, its summary, and examples that a finder finds faces in."""

import hashlib

import cv2
import numpy as np
import pytest
from PIL import Image as Pillow

from fakeweb.adapt import run, summary
from fakeweb.adapt.summary import Cell, Summary
from fakeweb.evaluate.probe.fit import Probe
from fakeweb.evaluate.probe.head import head_of
from fakeweb.runtime import encoder, find_card, weights

SIDE, CELLS = 28, 2


@pytest.fixture
def parent(tmp_path, monkeypatch, tiny_model, onnx_bytes):
    """The card of a head that says 0 of every face; its features are mean colours, class token first."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "home"))
    graph = onnx_bytes.token_encoder(SIDE, CELLS)
    entry = weights.Weights(
        name="colours", about="mean colours", licence="CC0-1.0", package="colours==1", file="colours.onnx",
        sha256=hashlib.sha256(graph).hexdigest(), size=len(graph), suffix=".onnx",
    )  # fmt: skip
    monkeypatch.setattr(weights, "weights_table", lambda: {"colours": entry})
    plan = encoder.EncoderPlan(SIDE, (0.0, 0.0, 0.0), (1.0, 1.0, 1.0), ("tokens",), 3)
    monkeypatch.setitem(encoder.ENCODERS, "colours", plan)
    entry.path.parent.mkdir(parents=True)
    entry.path.write_bytes(graph)
    base = tiny_model(tmp_path / "base", "tiny")
    composed = {
        "base": str(base), "base_sha256": find_card(base).sha256, "encoder": "colours",
        "encoder_sha256": entry.sha256, "patches": True,
    }  # fmt: skip
    content = head_of(Probe(np.zeros(6, np.float32), 0.0, 0.0))
    path = tiny_model(tmp_path / "head", "head", raw=content, composed=composed)
    monkeypatch.setattr(summary, "path_of", lambda card: tmp_path / "summary.npz")
    monkeypatch.setattr(run, "DEFAULT_PARENT", str(path))
    summary.write_summary(about(find_card(path)), tmp_path / "summary.npz")
    return path


def about(card, *, wide=0.15):
    """A summary of a validation on faces of all colours, which the model told apart a little."""
    cells = tuple(Cell(f"source {i // 2}", i % 2, "plain", 200) for i in range(6))
    mean = np.array([[2 * c.label - 1, 0.5, 0.4, 0.35] for c in cells], float)
    edges = np.linspace(-6, 6, 65)
    middle = (edges[1:] + edges[:-1]) / 2
    histogram = np.array([np.exp(-((middle - m[0]) ** 2) / 2) for m in mean])
    return Summary(
        card.reference, card.sha256, np.ones(3, np.float32), np.zeros(3, np.float32), np.eye(3, dtype=np.float32),
        cells, mean, np.tile(np.diag([1.0, wide**2, wide**2, wide**2]), (6, 1, 1)),
        histogram / histogram.sum(1, keepdims=True), edges, (1.0, 0.0),
    )  # fmt: skip


@pytest.fixture
def examples(tmp_path, portrait):
    """Write a folder of real and fake portraits, the fake ones with more red, each before a ground of its own."""

    def write(real=6, fake=6, *, red=60, suffix=(".jpg", ".jpg"), name="examples"):
        folder, dice = tmp_path / name, np.random.default_rng(7)
        small = cv2.resize(np.asarray(portrait.pixels), (288, 288), interpolation=cv2.INTER_AREA)
        for label, (word, count) in enumerate((("real", real), ("fake", fake))):
            (folder / word).mkdir(parents=True, exist_ok=True)
            for number in range(count):
                ground = cv2.resize(
                    dice.integers(0, 255, (6, 6, 3), np.uint8), (400, 400), interpolation=cv2.INTER_CUBIC
                )
                x, y = dice.integers(0, 112, 2)
                ground[y : y + 288, x : x + 288] = small
                more = np.array([red * label + dice.normal(0, 4), 0, 0])
                picture = np.clip(ground + more, 0, 255).astype(np.uint8)
                Pillow.fromarray(picture).save(folder / word / f"{word}{number}{suffix[label]}", quality=92)
        return folder

    return write
