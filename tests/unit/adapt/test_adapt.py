"""Examples -> a model, or the reason why not; and nothing written then."""

import json
import shutil
import sys

import numpy as np
import pytest

import fakeweb.adapt.summary as kept
from fakeweb.adapt import adapt
from fakeweb.cli.app import run
from fakeweb.errors import DatasetError, ModelIncompatible, ModelMissing, UsageError
from fakeweb.runtime import find_card
from fakeweb.scanner import Scanner


def refused(folder, out, parent, match, error=DatasetError):
    with pytest.raises(error, match=match) as found:
        adapt([folder], out, str(parent))
    assert found.value.hint
    assert not out.exists()
    assert not out.with_suffix(".onnx").exists()


def test_ten_examples_make_a_model_for_every_scan(parent, examples, tmp_path):
    folder, out = examples(), tmp_path / "my.json"
    (folder / "real" / "notes.txt").write_text("not a picture")
    made = adapt([folder], out, str(parent))
    assert len(made.left_out) == 1
    assert "notes.txt" in made.left_out[0]
    assert made.figures["own"]["auc"][1] > 0.9 > made.figures["own"]["auc"][0]
    card = find_card(out)
    told = card.details["adapted"]
    assert (told["parent"], told["parent_digest"]) == ("head@1", find_card(parent).digest())
    assert [len(e["sha256"]) for e in told["examples"]] == [64] * 12
    assert card.details["limits"]
    scanner = Scanner(model=out)
    said = {w: scanner.scan(folder / w / f"{w}0.jpg").verdict for w in ("real", "fake")}
    assert said["fake"].p_fake > said["real"].p_fake
    adapt([folder], out, str(parent))  # written anew, since it is ours


def test_a_table_and_what_the_queue_decided_are_read_too(parent, examples, tmp_path):
    folder = examples()
    rows = [f"{w}/{w}{i}.jpg,{w}" for w in ("real", "fake") for i in range(6)]
    (folder / "mine.csv").write_text("path,label\n" + "\n".join(rows))
    by_table = adapt([folder / "mine.csv"], tmp_path / "a.json", str(parent))
    pages = []
    for state, word in (("accepted", "fake"), ("rejected", "real"), ("open", "real")):
        items = [{"state": state, "reference": f"{word}/{word}{i}.jpg"} for i in range(6)]
        (folder / f"{state}.json").write_text(json.dumps({"items": items, "total": 6}))
        pages.append(folder / f"{state}.json")
    by_queue = adapt(pages, tmp_path / "b.json", str(parent))
    assert by_table.figures["own"] == by_queue.figures["own"]


@pytest.mark.parametrize(("real", "fake", "match"), [(6, 0, "0 fake"), (3, 6, "3 real")])
def test_too_few_of_a_class(parent, examples, tmp_path, real, fake, match):
    refused(examples(real, fake), tmp_path / "my.json", parent, match)


def test_the_same_picture_as_both(parent, examples, tmp_path):
    folder = examples()
    shutil.copy(folder / "real" / "real0.jpg", folder / "fake" / "again.jpg")
    refused(folder, tmp_path / "my.json", parent, "once real and once fake")


def test_a_copy_counts_once(parent, examples, tmp_path):
    folder = examples(4, 6)
    shutil.copy(folder / "real" / "real0.jpg", folder / "real" / "again.jpg")
    refused(folder, tmp_path / "my.json", parent, "4 real different pictures")


def test_a_picture_that_is_none(parent, examples, tmp_path):
    folder = examples()
    (folder / "real" / "real0.jpg").write_bytes(b"\xff\xd8\xff no")
    refused(folder, tmp_path / "my.json", parent, "real0.jpg")


def test_no_face(parent, tmp_path, plain):
    from PIL import Image as Pillow

    dice = np.random.default_rng(0)
    for word in ("real", "fake"):
        (tmp_path / "x" / word).mkdir(parents=True)
        for i in range(6):
            noise = dice.integers(0, 255, (200, 200, 3), np.uint8)
            Pillow.fromarray(noise).save(tmp_path / "x" / word / f"{word}{i}.jpg")
    refused(tmp_path / "x", tmp_path / "my.json", parent, "was found in 0 of the real")


def test_formats_that_part_the_classes_are_named(parent, examples, tmp_path):
    folder = examples(suffix=(".jpg", ".png"))
    refused(folder, tmp_path / "my.json", parent, "format: jpeg of all reals, png of all fakes")
    many = examples(9, 9, suffix=(".jpg", ".png"), name="many")
    refused(many, tmp_path / "my.json", parent, "give themselves away")


def test_examples_that_teach_nothing(parent, examples, tmp_path):
    refused(examples(red=0), tmp_path / "my.json", parent, "nothing was learned that holds")


def test_genuine_faces_elsewhere_that_would_pay(parent, examples, tmp_path, monkeypatch):
    monkeypatch.setattr("fakeweb.adapt.run.WORST_ALARMS", -1.0)
    refused(examples(), tmp_path / "my.json", parent, "genuine faces of one kind would pay")


def test_one_person_only(parent, examples, tmp_path):
    folder = examples()
    (folder / "real" / "ann").mkdir()
    for path in (folder / "real").glob("*.jpg"):
        path.rename(folder / "real" / "ann" / path.name)
    refused(folder, tmp_path / "my.json", parent, "1 person or source")


def test_a_parent_that_does_not_fit(parent, examples, tmp_path, monkeypatch):
    folder, out = examples(), tmp_path / "my.json"
    refused(folder, out, "fast", "no features", ModelIncompatible)
    refused(folder, out, "mesh", "not a classifier", ModelIncompatible)
    adapt([folder], out, str(parent))
    with pytest.raises(ModelIncompatible, match="learned from examples already"):
        adapt([folder], tmp_path / "twice.json", str(out))
    monkeypatch.setattr(kept, "path_of", lambda card: tmp_path / "none.npz")
    refused(folder, tmp_path / "my2.json", parent, "nothing is kept", ModelMissing)


def test_where_it_may_be_written(parent, examples, tmp_path):
    (tmp_path / "package.json").write_text('{"name": "mine"}')
    with pytest.raises(UsageError, match="there already"):
        adapt([tmp_path], tmp_path / "package.json", str(parent))
    assert json.loads((tmp_path / "package.json").read_text()) == {"name": "mine"}
    refused(tmp_path, tmp_path / "my.txt", parent, "does not end", UsageError)
    refused(tmp_path, tmp_path / "nowhere" / "my.json", parent, "no folder", UsageError)


@pytest.mark.parametrize(
    "text", ["{", "[]", '{"items": 3}', '{"items": [{"state": "accepted", "reference": "gone.jpg"}]}']
)
def test_an_export_that_is_none(parent, tmp_path, text):
    (tmp_path / "q.json").write_text(text)
    refused(tmp_path / "q.json", tmp_path / "my.json", parent, "export|no file|0 real")


def test_the_command_says_what_was_learned_and_what_it_costs(parent, examples, tmp_path, monkeypatch, capsys):
    out = tmp_path / "my.json"
    arguments = ["fakeweb", "adapt", str(examples()), "--out", str(out), "--parent", str(parent)]
    monkeypatch.setattr(sys, "argv", arguments)
    with pytest.raises(SystemExit) as ended:
        run()
    told = capsys.readouterr()
    assert ended.value.code == 0
    assert "head@1, corrected by 12 examples" in told.out
    assert "6 real, 6 fake" in told.out
    assert "elsewhere" in told.out
    assert f"--model {out}" in told.err


def test_the_command_without_the_encoder_says_how_to_get_it(parent, examples, tmp_path, monkeypatch, capsys):
    (tmp_path / "home" / "fakeweb" / "weights" / "colours.onnx").unlink()
    arguments = [
        "fakeweb",
        "adapt",
        str(examples()),
        "--out",
        str(tmp_path / "my.json"),
        "--parent",
        str(parent),
    ]
    monkeypatch.setattr(sys, "argv", arguments)
    with pytest.raises(SystemExit) as ended:
        run()
    assert ended.value.code == 3
    assert "fakeweb models fetch colours" in capsys.readouterr().err
    assert not (tmp_path / "my.json").exists()


def test_a_table_that_names_a_file_that_is_not_there(parent, examples, tmp_path):
    folder = examples(1, 1)
    (folder / "mine.csv").write_text("path,label\nreal/real0.jpg,real\nfake/gone.jpg,fake\n")
    refused(folder / "mine.csv", tmp_path / "my.json", parent, "gone.jpg")
