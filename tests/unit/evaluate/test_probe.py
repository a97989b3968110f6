"""Probes on cached features: fitting, leaving sources out, the head that ships."""

import hashlib
import json
from dataclasses import asdict

import numpy as np
import pytest
from typer.testing import CliRunner

from fakeweb.classifiers import OnnxClassifier
from fakeweb.datasets import Sample
from fakeweb.errors import DatasetError, UsageError
from fakeweb.evaluate.probe import cache
from fakeweb.evaluate.probe.cache import Features, Seen, cache_features, degraded, read_features
from fakeweb.evaluate.probe.fit import Pool, Probe, ProbeRecipe
from fakeweb.evaluate.probe.folds import Comparison, SourceFold, cross_validate, read_folds
from fakeweb.evaluate.probe.head import head_of
from fakeweb.media import write_atomically
from fakeweb.runtime import Composition, encoder, read_card, weights
from fakeweb.runtime.session import open_session
from fakeweb.types import Face, Image
from fakeweb.workshop.probe import command

pytest.importorskip("sklearn", reason="needs the extra 'evaluate'")

SIZE = 8


def rows(source, label, count, split="train", half="", view="plain"):
    return [
        Seen(
            f"{source}/{label}/{i}.jpg",
            source,
            label,
            "swap" if label else "",
            split,
            f"g{i}",
            half,
            view,
            100.0,
        )
        for i in range(count)
    ]


def features(*parts, seed=0):
    """Features of (rows, mean of the first column); the rest is noise."""
    rng = np.random.default_rng(seed)
    every, values = [], []
    for some, mean in parts:
        x = rng.normal(0, 1, (len(some), SIZE))
        x[:, 0] += mean
        every += some
        values.append(x)
    all_values = np.concatenate(values).astype(np.float16)
    return Features(
        tuple(every), all_values, all_values[:, 0].astype(np.float64) * 0 + np.arange(len(every)) % 2
    )


@pytest.fixture
def told():
    """Two sources that share what tells fakes, one source whose fakes look like its reals."""
    return features(
        (rows("one", 0, 60), 0), (rows("one", 1, 60), 3), (rows("two", 0, 60), 0), (rows("two", 1, 60), 3),
        (rows("odd", 0, 60), 0), (rows("odd", 1, 60), 0),
    )  # fmt: skip


ALONE = ProbeRecipe(base=0.0)


def fold(name, *sources):
    return SourceFold(name, sources, (Comparison(name, sources, sources),))


def test_a_probe_learns_and_says_genuine_faces_lie_around_nothing(told):
    probe = Pool(told, ALONE).fit()
    logits = probe(told)
    label = told.column("label")
    assert logits[label == 0].mean() == pytest.approx(0, abs=1e-3)
    assert logits[label == 0].std() == pytest.approx(1, abs=1e-2)
    assert logits[label == 1].mean() > 0.5


def test_what_tells_sources_apart_is_not_learned():
    told = features(
        (rows("one", 0, 60), 0), (rows("one", 1, 60), 3), (rows("photos", 0, 60), 0), (rows("made", 1, 60), 0),
    )  # fmt: skip
    for source, shift in (("photos", -8), ("made", 8)):
        told.values[told.column("source") == source, 1] += shift
    weights = np.abs(Pool(told, ALONE).fit().weights)
    assert weights[0] == weights.max()
    assert weights[1] < 0.1 * weights[0]


def test_class_tokens_alone_are_the_first_half(told):
    probe = Pool(told, ProbeRecipe(base=0.0, patches=False)).fit()
    assert len(probe.weights) == SIZE // 2


def test_what_was_left_out_is_told_only_where_it_shares_the_trace(told):
    found = cross_validate(told, [fold("seen", "one"), fold("unseen", "odd")], ALONE)
    assert found["folds"]["seen"]["seen"]["auc"]["value"] > 0.9
    assert 0.3 < found["folds"]["unseen"]["unseen"]["auc"]["value"] < 0.7
    assert set(found["genuine"]) == {"one", "odd"}
    assert found["refused"] == ""


def test_two_in_a_hundred_of_all_left_out_reals_lie_above_the_line():
    told = features((rows("one", 0, 200), 0), (rows("two", 0, 200), 1), (rows("fakes", 1, 50), 3))
    found = cross_validate(told, [SourceFold("cameras", ("two",), ())], ALONE)
    assert found["genuine"]["two"]["alarms"]["value"] == pytest.approx(0.02, abs=0.006)


def test_groups_b_are_not_looked_at():
    told = features(
        (rows("one", 0, 40), 0), (rows("one", 1, 40), 3), (rows("two", 0, 30, "val", "A"), 0),
        (rows("two", 1, 30, "val", "A"), 3), (rows("two", 0, 30, "val", "B"), 9),
    )  # fmt: skip
    found = cross_validate(told, [fold("two", "two")], ALONE)
    assert found["folds"]["two"]["two"]["reals"] == 30
    assert found["folds"]["two"]["two"]["auc"]["value"] > 0.9


def test_the_shipped_model_is_not_measured_on_what_it_was_trained_on(told):
    told = Features(told.rows + tuple(rows("one", 0, 20, "val", "A") + rows("one", 1, 20, "val", "A")),
                    np.concatenate([told.values, told.values[:40]]),
                    np.concatenate([told.logits, [0.0] * 20, [1.0] * 20]))  # fmt: skip
    found = cross_validate(told, [fold("one", "one")], None, known=["one"])["folds"]["one"]["one"]
    assert (found["reals"], found["fakes"], found["auc"]["value"]) == (20, 20, 1.0)


def test_who_judges_looks_alone_is_refused():
    def pictures(view):
        return [(rows("one", 0, 200, view=view), 0), (rows("one", 1, 200, view=view), 4)]

    equal = [(rows("copies", 0, 200), 0), (rows("copies", 1, 200), 0)]
    train = [(rows("other", 0, 40), 0), (rows("other", 1, 40), 4)]
    told = features(*pictures("plain"), *pictures("small"), *equal, *train)
    compared = (Comparison("equal", ("copies",), ("copies",)),)
    folds = [fold("one", "one"), SourceFold("copies", ("copies",), compared)]
    found = cross_validate(told, folds, ALONE)
    assert "told by look" in found["refused"]
    assert abs(found["folds"]["one"]["one"]["lost_small"]) < 0.02


def test_resampled_fakes_are_compared_with_reals_handled_alike():
    told = features(
        (rows("grid", 1, 40), 3), (rows("photos", 0, 40), 0), (rows("photos", 0, 40, view="degraded"), 3),
        (rows("other", 0, 40), 0), (rows("other", 1, 40), 3),
    )  # fmt: skip
    compared = (Comparison("grid", ("grid",), ("photos",), resampled=True),)
    found = cross_validate(told, [SourceFold("grid", ("grid", "photos"), compared)], ALONE)["folds"]["grid"][
        "grid"
    ]
    assert found["auc"]["value"] > 0.9
    assert found["auc_resampled"]["value"] < 0.7


def test_too_few_faces_of_a_class_are_no_training(told):
    with pytest.raises(DatasetError, match="ten faces"):
        Pool(told, ALONE).fit(without=("one", "two", "odd"))


@pytest.mark.parametrize("soft", [0.0, 2.0])
def test_the_head_that_ships_says_what_the_probe_says(told, tmp_path, tiny_model, soft):
    probe = Pool(told, ProbeRecipe(soft=soft)).fit()
    session = open_session(read_card(tiny_model(tmp_path, raw=head_of(probe))))
    logits = probe(told)
    for place in (0, 70, 200):
        row = np.concatenate([[told.logits[place]], told.values[place]]).astype(np.float32)
        assert float(session.run(row[None])["logit"][0]) == pytest.approx(logits[place], abs=1e-4)


@pytest.mark.parametrize(("own", "shipped"), [(9.0, 0.0), (0.0, 9.0)])
def test_joined_softly_either_alone_convinces(own, shipped):
    told = Features(tuple(rows("one", 0, 1)), np.full((1, 1), own, np.float16), np.array([shipped]))
    probe = Probe(np.ones(1, np.float32), 0.0, 1.0, soft=1.0)
    assert probe(told)[0] == pytest.approx(9, abs=0.01)


def test_a_fold_that_is_not_described_is_an_error():
    with pytest.raises(UsageError, match="not described"):
        read_folds({"swaps": {"compare": []}})


def test_degraded_crops_follow_from_the_group():
    image = Image(np.random.default_rng(0).integers(0, 256, (200, 160, 3), np.uint8))
    face = Face((40, 40, 120, 140))
    first, where = degraded(image, face, "a/1")
    again, _ = degraded(image, face, "a/1")
    other, _ = degraded(image, face, "a/2")
    assert np.array_equal(first.pixels, again.pixels)
    assert first.pixels.shape != other.pixels.shape or not np.array_equal(first.pixels, other.pixels)
    assert where.box[2] / first.width == pytest.approx(120 / 160, abs=0.02)


@pytest.fixture
def composed(tmp_path, monkeypatch, onnx_bytes, tiny_model):
    graph = onnx_bytes.token_encoder(28, 2)
    digest = hashlib.sha256(graph).hexdigest()
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "home"))
    entry = weights.Weights(name="colours", about="", licence="", package="c==1", file="c.onnx", sha256=digest,
                            size=len(graph), suffix=".onnx")  # fmt: skip
    monkeypatch.setattr(weights, "weights_table", lambda: {"colours": entry})
    plan = encoder.EncoderPlan(28, (0.0,) * 3, (1.0,) * 3, ("tokens",), 3)
    monkeypatch.setitem(encoder.ENCODERS, "colours", plan)
    write_atomically(entry.path, graph)
    base = tiny_model(tmp_path / "base", "tiny")
    return Composition(str(base), read_card(base).sha256, "colours", digest, patches=True)


def test_features_are_cached_once(tmp_path, composed, portrait_path, monkeypatch):
    samples = [
        Sample(portrait_path, 0, None, "val", "g", "one"),
        Sample(tmp_path / "no.jpg", 1, None, "val", "h", "one"),
    ]
    out = tmp_path / "features"
    assert cache_features(samples, portrait_path.parent, composed, out) == 1
    found = read_features([out])
    assert [row.view for row in found.rows] == ["plain", "small", "degraded"]
    assert found.rows[0].path == portrait_path.name
    assert found.values.shape == (3, 6)
    assert not np.array_equal(found.values[0], found.values[1])
    monkeypatch.setattr(cache._Watcher, "write", lambda *_: pytest.fail("read again"))
    assert cache_features(samples, portrait_path.parent, composed, out) == 0
    with pytest.raises(DatasetError, match="other models"):
        cache_features(
            samples, portrait_path.parent, Composition(**{**asdict(composed), "patches": False}), out
        )


def test_broken_or_missing_features_are_errors(tmp_path):
    with pytest.raises(DatasetError, match="no features"):
        read_features([tmp_path])
    (tmp_path / "about.json").write_text("{}")
    (tmp_path / "a.npz").write_bytes(b"PK")
    with pytest.raises(DatasetError, match="broken"):
        read_features([tmp_path])


RECIPE = """
[card]
name = "mine"
version = "1"
title = "a head"
licence = "none"
limits = ["tiny"]
licences = {{ others = "none" }}
[base]
name = {base}
trained_on = []
[encoder]
name = "colours"
sha256 = "{digest}"
[probe]
patches = true
[folds.one]
out = ["one"]
compare = [{{ name = "one", fakes = ["one"], reals = ["one"] }}]
[folds.two]
out = ["two"]
"""


def test_a_recipe_leads_from_features_to_a_model(tmp_path, composed, plain_crop):
    told = features((rows("one", 0, 60), 0), (rows("one", 1, 60), 3), (rows("two", 0, 60), 0), (rows("two", 1, 60), 3),
                    (rows("two", 0, 9, "val", "A"), 0), (rows("two", 1, 9, "val", "A"), 3))  # fmt: skip
    folder = tmp_path / "features"
    folder.mkdir()
    (folder / "about.json").write_text("{}")
    np.savez(folder / "a.npz", values=told.values[:, :6], logits=told.logits,
             rows=json.dumps([asdict(row) for row in told.rows]))  # fmt: skip
    recipe = tmp_path / "mine.toml"
    recipe.write_text(RECIPE.format(base=json.dumps(composed.base), digest=composed.encoder_sha256))
    shown = CliRunner().invoke(
        command, ["folds", str(recipe), str(folder), "--alone"], catch_exceptions=False
    )
    assert "one  one  60 fakes, 60 reals  AUC 0.9" in shown.output
    CliRunner().invoke(
        command, ["fit", str(recipe), str(folder), "--out", str(tmp_path / "out")], catch_exceptions=False
    )

    classifier = OnnxClassifier(tmp_path / "out" / "mine.json")
    assert classifier.card.details["training_data"][0] == {
        "source": "one",
        "real": 60,
        "fake": 60,
        "licence": "none",
    }
    (score,) = classifier.score([plain_crop((250, 9, 9))])
    assert score.kind == "swap"
    assert 0 < score.p_fake < 1
