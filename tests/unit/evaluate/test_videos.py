"""Video files in an evaluation: their frames, the clips, broken ones, and going on after a kill."""

import math

import numpy as np
import pytest

from fakeweb.evaluate import evaluate
from fakeweb.evaluate.protocol import Protocol
from fakeweb.evaluate.scores import read_rows
from fakeweb.media import encode_jpeg
from fakeweb.types import Image

pytest.importorskip("sklearn", reason="needs the extra 'evaluate'")
pytest.importorskip("matplotlib", reason="needs the extra 'evaluate'")

FRAMES = 12


@pytest.fixture(scope="session")
def clips(tmp_path_factory, clip_maker):
    """Twelve dark real clips, twelve bright fake ones, each with one frame of the other brightness; a broken one."""
    root = tmp_path_factory.mktemp("clips")
    for label, base in (("real", 60), ("fake", 190)):
        (root / label).mkdir()
        for number in range(12):
            rng = np.random.default_rng([number, base])
            texture = rng.normal(0, 6, (64, 64, 3))
            shades = [base] * FRAMES
            shades[number % FRAMES] = 250 - base
            frames = [np.clip(shade + texture, 10, 250).astype(np.uint8) for shade in shades]
            (root / label / f"c{number}.mp4").write_bytes(clip_maker.encode(frames, gop=1))
    black = [np.zeros((64, 64, 3), np.uint8)] * FRAMES
    (root / "real" / "black.mp4").write_bytes(clip_maker.encode(black))
    (root / "fake" / "broken.mp4").write_bytes(b"\0\0\0\x18ftypisom no clip")
    (root / "real" / "still.jpg").write_bytes(encode_jpeg(Image(np.full((64, 64, 3), 60, np.uint8))))
    return root


@pytest.fixture
def protocol(clips, brightness_model, middle):
    def build(**changes):
        usual = {"data": clips, "models": (str(brightness_model),), "finder": middle, "part": "all"}
        return Protocol(**{**usual, "mesher": None, "frames": FRAMES, **changes})

    return build


@pytest.mark.parametrize("level", ["crop", "video"])
def test_frames_and_clips_get_figures_of_their_own(protocol, tmp_path, level):
    result = evaluate(protocol(level=level), tmp_path / "out")
    model = result.metrics["models"]["bright@1"]
    frames, whole = model["pooled_all"], model["video"]["pooled_all"]
    # 12 clips and a black one of 12 frames, and a still; the broken one stands for itself
    assert (frames["real"], frames["fake"]) == (13 * FRAMES + 1, 12 * FRAMES + 1)
    assert (frames["no_face"], frames["unreadable"]) == (FRAMES, 1)
    assert (whole["real"], whole["fake"], whole["no_face"], whole["unreadable"]) == (14, 13, 1, 1)
    # one frame in twelve is of the other class's brightness: frames are mixed up, clips are not
    assert frames["auc"]["value"] == pytest.approx(11 / 12, abs=0.03)
    assert whole["auc"]["value"] == 1
    assert model["video"]["confusion"]["real"]["fake"] == 0
    times = sorted({r.time_s for r in result.rows if r.path.endswith("c3.mp4") and r.view == "plain"})
    assert times == pytest.approx([n / 10 for n in range(FRAMES)], abs=0.002)
    assert "clips, all" in (tmp_path / "out" / "report.md").read_text()


def test_the_frames_asked_for_are_judged(protocol, tmp_path):
    result = evaluate(protocol(frames=4), tmp_path / "out")
    rows = [r for r in result.rows if r.path == "real/c1.mp4"]
    assert [math.isnan(r.time_s) for r in rows] == [False] * 4 + [True]
    assert [r.view for r in rows] == ["plain"] * 4 + ["clip"]


def test_damage_is_done_to_pictures_only(protocol, tmp_path):
    result = evaluate(protocol(robustness=5), tmp_path / "out")
    assert {r.path for r in result.rows if r.view not in ("plain", "clip")} == {"real/still.jpg"}


def test_a_killed_run_judges_a_half_written_clip_again(protocol, tmp_path):
    whole = evaluate(protocol(), tmp_path / "whole")

    def stop(stage, done, _total):
        if stage == "judge" and done == 9:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        evaluate(protocol(), tmp_path / "cut", on_progress=stop)
    scores = tmp_path / "cut" / "scores.csv"
    lines = scores.read_text().splitlines(keepends=True)
    scores.write_text("".join(lines[:-4]))  # the last clip lost its verdict and three frames
    again = evaluate(protocol(), tmp_path / "cut")
    assert again.metrics == whole.metrics
    assert len(read_rows(scores)) == len(whole.rows)
    assert scores.read_bytes() == (tmp_path / "whole" / "scores.csv").read_bytes()
