"""A whole evaluation of a drawn data set, as a user runs it: figures, states, reports, resuming."""

import csv
import json
import re

import numpy as np
import pytest

from fakeweb.errors import DatasetError, UsageError
from fakeweb.evaluate import evaluate
from fakeweb.evaluate.protocol import Protocol

pytest.importorskip("sklearn", reason="needs the extra 'evaluate'")
pytest.importorskip("matplotlib", reason="needs the extra 'evaluate'")


@pytest.fixture
def protocol(drawn, brightness_model, middle):
    def build(**changes):
        return Protocol(**{"data": drawn, "models": (str(brightness_model),), "finder": middle, **changes})

    return build


@pytest.fixture
def result(protocol, tmp_path):
    return evaluate(protocol(robustness=8), tmp_path / "out")


def test_figures_states_and_reports(result):
    model = result.metrics["models"]["bright@1"]
    two = model["pooled_two_class"]
    assert model["two_class_sources"] == ["two"]
    assert two["auc"]["value"] == pytest.approx(1.0, abs=0.02)
    assert (two["real"], two["fake"], two["no_face"], two["unreadable"]) == (26, 24, 1, 1)
    assert two["log_loss_all"]["value"] > two["log_loss"]["value"]  # two pictures count as 0.5
    # the verdicts behind the shares are the card's own
    rows = [r for r in result.rows if r.view == "plain" and r.source == "two" and r.state == "judged"]
    called = np.array([r.verdict == "fake" for r in rows if r.label == 1])
    assert two["recall"]["value"] == pytest.approx(called.mean(), abs=1e-6)
    assert model["confusion"]["real"]["no_face"] == 2
    assert sum(model["confusion"]["fake"].values()) == 36
    assert model["sources"]["gen"]["auc"]["value"] is None  # one class only: no figure, not 0.5
    assert set(model["kinds"]) == {"swap"}
    assert model["conditions"]["face_px"]
    html = (result.folder / "report.html").read_text()
    assert "bright@1" in html
    assert not re.search(r"(src|href)=\"(?!data:)", html)  # nothing beside it is needed
    assert "| AUC" in (result.folder / "report.md").read_text()
    assert json.loads((result.folder / "metrics.json").read_text()) == result.metrics
    with (result.folder / "groups.csv").open() as stream:
        assert {r["group"] for r in csv.DictReader(stream)} >= {"g0", "h0"}


def test_robustness_is_measured_on_the_same_pictures_in_every_view(result):
    views = result.metrics["models"]["bright@1"]["robustness"]
    assert {"plain", "jpeg-30", "resize-0.25", "screenshot-3", "brightness-1.8"} <= set(views)
    assert len({(t["real"], t["fake"]) for t in views.values()}) == 1
    # a model of brightness is fooled by brightness and by nothing else
    assert (
        views["brightness-1.8"]["false_alarm_rate"]["value"] > views["jpeg-30"]["false_alarm_rate"]["value"]
    )
    assert views["jpeg-30"]["auc"]["value"] == pytest.approx(1.0, abs=0.05)


def test_the_shallow_baseline_sees_brightness_too(result):
    assert result.metrics["shallow"]["pooled_two_class"]["auc"]["value"] > 0.8
    against = result.metrics["models"]["bright@1"]["against_shallow"]["pooled"]
    assert not against["clearly"]  # so a model of brightness does not beat it clearly
    assert against["rows"] == 48


def test_fakes_without_reals_are_paired(protocol, tmp_path):
    from fakeweb.evaluate.matched import pair
    from fakeweb.evaluate.scores import read_rows

    result = evaluate(protocol(), tmp_path / "out")
    pairs = pair([r for r in read_rows(tmp_path / "out" / "scores.csv") if r.view == "plain"])
    assert not pairs  # 38 px faces are too small to be shrunk further
    assert result.metrics["models"]["bright@1"]["matched"] == {}


def test_a_killed_run_goes_on_and_ends_in_the_same_figures(protocol, tmp_path):
    whole = evaluate(protocol(), tmp_path / "whole")
    seen = []

    def stop(stage, done, _total):
        if stage == "judge" and done == 20:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        evaluate(protocol(), tmp_path / "cut", on_progress=stop)
    scores = tmp_path / "cut" / "scores.csv"
    scores.write_text(scores.read_text()[:-9])  # killed in the middle of a line
    again = evaluate(protocol(), tmp_path / "cut", on_progress=lambda s, d, t: seen.append((s, d)))
    assert seen[0][0] == "judge"
    assert 15 <= seen[0][1] <= 20
    assert again.metrics == whole.metrics
    assert scores.read_bytes() == (tmp_path / "whole" / "scores.csv").read_bytes()


def test_another_protocol_needs_another_folder(protocol, tmp_path):
    evaluate(protocol(limit=10), tmp_path / "out")
    with pytest.raises(UsageError, match="another evaluation"):
        evaluate(protocol(limit=12), tmp_path / "out")


def test_whole_scans_give_verdicts_of_pictures(protocol, tmp_path):
    result = evaluate(protocol(level="scan", mesher=None, only=("two",)), tmp_path / "out")
    model = result.metrics["models"]["bright@1"]
    assert model["pooled_two_class"]["auc"]["value"] == pytest.approx(1.0, abs=0.02)
    assert model["confusion_by_faces"]["none"]["real"]["no_face"] == 2


def test_what_cannot_be_is_refused(protocol, tmp_path):
    with pytest.raises(UsageError, match="no split"):
        protocol(part="valley")
    with pytest.raises(DatasetError, match="no labelled picture"):
        evaluate(protocol(part="test"), tmp_path / "out")
    with pytest.raises(UsageError, match="no source is called 'three'"):
        evaluate(protocol(only=("three",)), tmp_path / "out")
