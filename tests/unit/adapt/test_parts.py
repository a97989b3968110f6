"""The parts of adapting: the correction, the summary, the graft, the lines."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from fakeweb.adapt import summary as kept
from fakeweb.adapt.examples import Example, doubts, leaks
from fakeweb.adapt.fit import Correction, fit, left_out
from fakeweb.adapt.graft import OUTPUT, grafted
from fakeweb.adapt.line import elsewhere, relined
from fakeweb.adapt.summary import Cell, Summary, fold, read_summary, unfold, write_summary
from fakeweb.errors import ModelCorrupt, ModelIncompatible, ModelMissing
from fakeweb.evaluate.files import FileFacts
from fakeweb.evaluate.probe.fit import Probe
from fakeweb.evaluate.probe.head import head_of
from fakeweb.runtime import find_card, open_session

LINE = (1.0, 0.0)


def drawn(count, apart, seed=0, dimensions=128):
    dice = np.random.default_rng(seed)
    labels = np.arange(2 * count) % 2
    u = dice.normal(size=(2 * count, dimensions))
    u[:, 0] += apart * (2 * labels - 1)
    return np.zeros(2 * count), u, labels


def test_what_tells_the_classes_apart_is_learned_from_few():
    logits, u, labels = drawn(10, 3.0)
    correction = fit(logits, u, labels, LINE)
    _, more, asked = drawn(200, 3.0, seed=1)
    said = correction(more)
    assert (said[asked == 1][:, None] > said[asked == 0]).mean() > 0.9


def test_where_nothing_is_to_be_learned_little_is_changed():
    logits, u, labels = drawn(10, 0.0)
    _, more, _ = drawn(200, 0.0, seed=1)
    assert np.std(fit(logits, u, labels, LINE)(more)) < 1.5


def test_figures_are_of_examples_not_learned_from():
    logits, u, labels = drawn(12, 0.0)
    groups = [str(i // 2) for i in range(24)]
    inside = logits + fit(logits, u, labels, LINE)(u)
    outside = left_out(logits, u, labels, groups, LINE)
    apart = [float((z[labels == 1][:, None] > z[labels == 0]).mean()) for z in (inside, outside)]
    assert apart[0] > 0.95 > apart[1]


def test_a_logit_that_is_right_already_is_kept():
    _, u, labels = drawn(20, 0.0)
    logits = 6.0 * (2 * labels - 1)
    correction = fit(logits, u, labels, LINE)
    assert np.abs(correction(u)).max() < 1


def test_folding_keeps_distances_and_its_transpose_keeps_weights():
    dice = np.random.default_rng(0)
    values = dice.normal(size=(40, 9000)).astype(np.float32)
    folded = fold(values, 1024)
    assert np.linalg.norm(folded, axis=1) == pytest.approx(np.linalg.norm(values, axis=1), rel=0.2)
    weights = dice.normal(size=1024)
    assert folded @ weights == pytest.approx(values @ unfold(weights, 9000), rel=1e-3, abs=1e-2)
    assert fold(values[:, :100], 1024).shape == (40, 100)


def told(means, spread=1.0):
    """A summary of two sources whose logits have these means; K = 2, the second feature follows the logit."""
    cells = (Cell("a", 0, "plain", 500), Cell("b", 0, "plain", 500), Cell("a", 1, "plain", 500))
    edges = np.linspace(-8, 8, 129)
    middle = (edges[1:] + edges[:-1]) / 2
    histogram = np.array([np.exp(-((middle - m) ** 2) / (2 * spread**2)) for m in means])
    covariance = np.array([[1.0, 0, 0.5], [0, 1.0, 0], [0.5, 0, 1.0]])
    return Summary(
        "m@1", "0" * 64, np.ones(2, np.float32), np.zeros(2, np.float32), np.eye(2, dtype=np.float32), cells,
        np.array([[m, 0, 0] for m in means], float), np.tile(covariance, (3, 1, 1)),
        histogram / histogram.sum(1, keepdims=True), edges, LINE,
    )  # fmt: skip


def test_shares_above_a_line_are_those_of_drawn_faces():
    summary = told((-1.0, 0.0, 2.0))
    weights = np.array([0.7, -0.4])
    said = summary.above(weights, 0.3, [1.0])[:, 0]
    dice = np.random.default_rng(0)
    for at, mean in enumerate((-1.0, 0.0, 2.0)):
        points = dice.multivariate_normal([mean, 0, 0], summary.covariance[at], 200_000)
        now = points[:, 0] + points[:, 1:] @ weights + 0.3
        assert said[at] == pytest.approx((now > 1).mean(), abs=0.01)
    assert summary.above(np.zeros(2), 0.0, [1.0])[0, 0] == pytest.approx(0.0228, abs=0.003)


def test_false_alarms_elsewhere_rise_by_less_than_half_a_point():
    summary, card = told((-1.0, 0.0, 2.0)), find_card("fast")
    correction = Correction(np.array([0.8, 0.5]), 1.0)
    own = np.array([-2.0, -1.5, -1.0, -0.5, 0.0, 2.0, 2.5, 3.0, 3.5, 4.0])
    calibration, decision = relined(card, summary, correction, own, np.repeat([0, 1], 5))
    harm = elsewhere(summary, correction, card.decision.fake_logit(), decision.fake_logit())
    assert harm.alarms[1] <= harm.alarms[0] + 0.005
    assert calibration.probability(decision.fake_logit()) >= 0.5
    assert decision.real <= 0.5


def test_a_summary_is_the_same_when_read_again(tmp_path, monkeypatch):
    monkeypatch.setattr(kept, "path_of", lambda card: tmp_path / "s.npz")
    card, wanted = find_card("accurate"), told((-1.0, 0.0, 2.0))
    with pytest.raises(ModelMissing):
        read_summary(card)
    write_summary(wanted, tmp_path / "s.npz")
    with pytest.raises(ModelIncompatible, match="not about this"):
        read_summary(card)
    object.__setattr__(wanted, "sha256", card.sha256)
    write_summary(wanted, tmp_path / "s.npz")
    found = read_summary(card)
    assert found.cells == wanted.cells
    assert found.mean == pytest.approx(wanted.mean, abs=1e-2)
    assert found.covariance == pytest.approx(wanted.covariance, abs=1e-2)
    (tmp_path / "s.npz").write_bytes(b"no")
    with pytest.raises(ModelCorrupt):
        read_summary(card)


def test_the_shipped_summary_is_about_the_shipped_model_and_small():
    card = find_card("accurate")
    assert kept.path_of(card).stat().st_size <= 300_000
    found = read_summary(card)
    assert min(cell.count for cell in found.cells) >= 15
    assert {cell.label for cell in found.cells} == {0, 1}
    assert found.histogram.sum(1) == pytest.approx(np.ones(len(found.cells)), abs=1e-2)


def test_a_grafted_head_says_its_logit_and_the_correction(tmp_path, tiny_model):
    head = head_of(Probe(np.array([1.0, 2.0], np.float32), 0.5, 3.0))
    weights = np.array([0.0, -1.0, 4.0], np.float32)
    card = find_card(tiny_model(tmp_path, "grafted", raw=grafted(head, weights, 0.25)))
    out = open_session(card).run(np.array([[2.0, 1.0, 1.0]], np.float32))
    assert out["logit"][0] == pytest.approx(9.5)
    assert out[OUTPUT][0] == pytest.approx(9.5 + 3 + 0.25)


def files(real, fake, count=9):
    """Examples of files that all are the same but for what is given of each class."""
    same = FileFacts("x", format="jpeg", width=400, height=400, quantiser=9.0, sampling="2x2", segments="e0")
    told = []
    for label, given in ((0, real), (1, fake)):
        camera = given.pop("camera", "")
        told += [
            Example(Path("x"), label, f"{label}{i}", replace(same, **given), camera) for i in range(count)
        ]
    return told


@pytest.mark.parametrize("count", [5, 9])
@pytest.mark.parametrize(
    ("real", "fake", "named"),
    [
        ({"quantiser": 4.0}, {"quantiser": 7.5}, "quantiser"),
        ({"width": 640, "height": 640}, {"width": 1024, "height": 1024}, "width"),
        ({"camera": "Apple iPhone"}, {"camera": ""}, "Apple iPhone"),
        ({"camera": "Apple iPhone"}, {"camera": "Google Pixel"}, "camera"),
    ],
)
def test_how_files_were_made_is_named(real, fake, named, count):
    found = leaks(files(dict(real), dict(fake), count))
    assert any(named in words for words in found)
    assert not leaks(files({}, {}, count))


def test_traces_that_a_manipulation_leaves_too_are_doubts_alone():
    told = files({"slope": -2.0}, {"slope": -4.0})
    assert not leaks(told)
    assert doubts(told)[0].startswith("spectral slope")
