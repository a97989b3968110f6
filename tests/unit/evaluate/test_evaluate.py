"""A whole evaluation of a drawn data set, as a user runs it: figures, states, reports, resuming."""

import csv
import json
import math
import re
from dataclasses import replace

import numpy as np
import pytest

from fakeweb.errors import DatasetError, UsageError
from fakeweb.evaluate import evaluate, figures
from fakeweb.evaluate.across import evaluate_sets
from fakeweb.evaluate.protocol import Protocol
from fakeweb.evaluate.scores import Row

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


def test_kinds_and_manipulations_are_told_apart():
    def row(path, label, kind, verdict="fake", said="", p=0.9):
        return Row("m@1", "plain", path, "s", label, kind, "val", path, "A", path, "judged", verdict, said, p, 0.0, 1,
                   math.nan, 0.0, 90.0, 100.0, 5.0)  # fmt: skip

    rows = [row(f"r{i}", 0, "", "real", "swap", 0.1) for i in range(3)] + [row("r3", 0, "", said="retouch")]
    rows += [row("ff/manipulated_sequences/Deepfakes/c23/a.png", 1, "swap", said="swap")]
    rows += [row("b.png", 1, "retouch", said="swap"), row("c.png", 1, "retouch", "uncertain", "retouch", 0.5)]
    found = figures.kind_confusion(rows)
    assert found["real"] == {"real": 3, "uncertain": 0, "retouch": 1, "swap": 0, "no_face": 0}
    assert found["swap"]["swap"] == 1
    assert (found["retouch"]["swap"], found["retouch"]["uncertain"]) == (1, 1)
    assert figures.kind_confusion([replace(r, said="") for r in rows]) == {}
    parts = figures.by_manipulation(rows)
    assert {k: (v["real"], v["fake"]) for k, v in parts.items()} == {"Deepfakes": (4, 1), "retouch": (4, 2)}


def test_all_pictures_are_handled_alike(protocol, tmp_path, monkeypatch):
    monkeypatch.setattr("fakeweb.evaluate.matched.ALIKE_PX", 40)  # the drawn faces are 38 px wide
    monkeypatch.setattr("fakeweb.evaluate.score_picture.ALIKE_PX", 40)
    result = evaluate(protocol(matched_handling=True), tmp_path / "out")
    alike = result.metrics["models"]["bright@1"]["alike"]
    assert alike["pooled_two_class"]["auc"]["value"] > 0.9  # brightness survives it
    assert alike["pooled_two_class"]["no_face"] == 1
    assert len([r for r in result.rows if r.view == "alike"]) == len(
        [r for r in result.rows if r.view == "plain"]
    )
    assert "handled alike" in (tmp_path / "out" / "report.md").read_text()


def test_a_face_too_small_to_be_shrunk_is_not_handled(protocol, tmp_path):
    alike = evaluate(protocol(matched_handling=True), tmp_path / "out").metrics["models"]["bright@1"]["alike"]
    assert alike["pooled_all"]["auc"]["value"] is None  # 38 px: enlarging would leave traces of its own


def test_one_table_over_sets_and_models(protocol, drawn, tmp_path, tiny_model):
    other = tmp_path / "other"
    other.symlink_to(drawn, target_is_directory=True)
    again = tmp_path / "again"
    again.mkdir()
    for path in drawn.iterdir():
        (again / path.name).symlink_to(path)
    dark = tiny_model(tmp_path / "dark", "dark", gain=-0.1, bias=12.8)
    wanted = protocol(limit=30)
    wanted = replace(wanted, models=(*wanted.models, str(dark)))
    with pytest.raises(UsageError, match="two data sets go by one name"):
        evaluate_sets(wanted, [drawn, other], tmp_path / "x")
    result = evaluate_sets(wanted, [drawn, again], tmp_path / "out")
    assert [(v["set"], v["model"]) for v in result["lines"]] == [
        (s, m) for s in (drawn.name, "again") for m in ("bright@1", "dark@1")
    ]
    assert result["means"]["bright@1"]["auc"] > 0.95
    assert result["means"]["dark@1"]["auc"] < 0.05
    assert {p["manipulation"] for p in result["manipulations"]} == {"swap", "generated"}
    text = (tmp_path / "out" / "table.md").read_text()
    assert "| set | model | genuine | fakes | AUC |" in text
    assert "| mean | dark@1 |" in text
    with (tmp_path / "out" / "table.csv").open() as stream:
        first = next(csv.DictReader(stream))
    assert float(first["auc"]) > 0.9
    assert float(first["auc_low"]) < float(first["auc"])
    assert (tmp_path / "out" / "again" / "report.html").is_file()
