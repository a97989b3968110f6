"""``fakeweb evaluate``, ``fakeweb data`` and ``fakeweb models add``, as a user types them."""

import json
import shutil

import numpy as np
import pytest

from fakeweb.media import encode_jpeg, encode_png
from fakeweb.types import Image

needs_extra = pytest.mark.usefixtures("extra")


@pytest.fixture
def extra():
    pytest.importorskip("sklearn", reason="needs the extra 'evaluate'")
    pytest.importorskip("matplotlib", reason="needs the extra 'evaluate'")


@pytest.fixture
def portraits(tmp_path, portrait):
    """Plain folders: the portrait in six shades as real, brighter ones as fake."""
    root = tmp_path / "portraits"
    for label, gains in (("real", (0.5, 0.55, 0.6)), ("fake", (1.0, 1.1, 1.2))):
        (root / label).mkdir(parents=True)
        for i, gain in enumerate(gains):
            pixels = np.clip(portrait.pixels[::2, ::2] * gain, 0, 255).astype(np.uint8)
            (root / label / f"{label}{i}.jpg").write_bytes(encode_jpeg(Image(pixels)))
    return root


@needs_extra
def test_evaluate_writes_a_report_and_says_the_main_figures(cli, portraits, tmp_path, tiny_model):
    card = tiny_model(tmp_path / "model", "bright", gain=0.2, bias=-20)
    result = cli("evaluate", card, portraits, "--split", "all", "--out", tmp_path / "report")
    assert result.code == 0, result.err
    assert "bright@1  AUC" in result.out
    assert "report:" in result.out
    metrics = json.loads((tmp_path / "report" / "metrics.json").read_text())
    assert metrics["models"]["bright@1"]["pooled_all"]["auc"]["value"] == 1
    assert (tmp_path / "report" / "report.html").is_file()
    again = cli("evaluate", card, portraits, "--split", "all", "--limit", 4, "--out", tmp_path / "report")
    assert again.code == 2
    assert "another evaluation" in again.err


@needs_extra
@pytest.mark.parametrize("command", [("evaluate", "fast"), ("data", "inspect")])
def test_a_report_is_not_lost_in_a_folder_called_like_an_address(
    cli, portraits, tmp_path, monkeypatch, command
):
    pytest.importorskip("fsspec", reason="needs the extra 's3'")
    monkeypatch.chdir(tmp_path)
    result = cli(*command, portraits, "--out", "s4://bucket/report")
    assert result.code == 2
    assert "s4://bucket/report: there is no storage of kind s4" in result.err
    assert not (tmp_path / "s4:").exists()


@needs_extra
def test_a_picture_that_is_real_and_fake_stops_an_evaluation_unless_allowed(
    cli, portraits, tmp_path, tiny_model
):
    card = tiny_model(tmp_path / "model", "bright", gain=0.2, bias=-20)
    rows = [f"{p.relative_to(portraits)},{p.parent.name}" for p in sorted(portraits.rglob("*.jpg"))]
    rows += ["real/real0.jpg,fake", "real/real1.jpg,real"]
    (portraits / "mine.csv").write_text("\n".join(["path,label", *rows]))
    out = tmp_path / "report"
    wanted = ("evaluate", card, portraits, "--layout", "csv", "--split", "all", "--out", out)
    result = cli(*wanted)
    assert result.code == 2
    assert "contradicts itself: labelled both real and fake: real/real0.jpg" in result.err
    assert "--allow-conflicts" in result.err
    assert not out.exists()
    allowed = cli(*wanted, "--allow-conflicts")
    assert allowed.code == 0, allowed.err
    assert "left out, labelled both real and fake: real/real0.jpg" in allowed.err
    assert "left out, listed more than once, counted once: real/real1.jpg" in allowed.err
    metrics = json.loads((out / "metrics.json").read_text())
    assert (
        metrics["models"]["bright@1"]["pooled_all"]["auc"]["value"] == 1
    )  # each file once, with its first label


@needs_extra
def test_several_data_sets_make_one_table(cli, portraits, tmp_path, tiny_model):
    card = tiny_model(tmp_path / "model", "bright", gain=0.2, bias=-20)
    again = portraits.rename(tmp_path / "first").parent / "second"
    again.symlink_to(tmp_path / "first", target_is_directory=True)
    sets = ("--data", tmp_path / "first", "--data", again, "--split", "all", "--out", tmp_path / "report")
    refused = cli("evaluate", card, *sets, "--folds")
    assert refused.code == 2
    result = cli("evaluate", card, *sets, "--matched-handling")
    assert result.code == 2
    assert "two data sets go by one name" in result.err  # a link is the folder it leads to
    again.unlink()
    shutil.copytree(tmp_path / "first", again)
    result = cli("evaluate", card, *sets, "--matched-handling")
    assert result.code == 0, result.err
    assert "first  bright@1  AUC 1.000 [0." in result.out
    assert "table.html" in result.out
    assert "handled alike" in (tmp_path / "report" / "table.md").read_text()


@needs_extra
def test_folds_are_judged_on_what_they_never_saw(cli, portraits, tmp_path, tiny_model):
    folds = tmp_path / "folds"
    folds.mkdir()
    (folds / "folds.json").write_text(json.dumps({"folds": [{"number": 1, "held_out": ["portraits"]}]}))
    tiny_model(folds / "fold1", "one")
    result = cli("evaluate", folds, portraits, "--folds", "--out", tmp_path / "report")
    assert result.code == 0, result.err
    assert "fold 1  portraits  AUC" in result.out
    assert json.loads((tmp_path / "report" / "metrics.json").read_text())["folds"]["fold 1"]["fake"] == 3


@needs_extra
def test_inspect_tells_what_is_there(cli, portraits, tmp_path):
    (portraits / "real" / "twin.png").write_bytes(encode_png(Image(np.zeros((9, 9, 3), np.uint8))))
    (portraits / "fake" / "broken.jpg").write_bytes(b"\xff\xd8")
    result = cli("data", "inspect", portraits, "--out", tmp_path / "inspection")
    assert result.code == 0, result.err
    assert "8 pictures in 1 sources (layout folders)" in result.out
    assert "cannot be read: 1" in result.out


def test_a_foreign_model_is_added_and_scans(cli, onnx_bytes, example, tmp_path, monkeypatch):
    for name in ("XDG_DATA_HOME", "LOCALAPPDATA", "HOME"):
        monkeypatch.setenv(name, str(tmp_path / "home"))
    nodes = [onnx_bytes.node("ReduceMean", ["x"], ["mean"], axes=[1, 2, 3], keepdims=0)]
    values = [
        onnx_bytes.value_info(n, onnx_bytes.FLOAT, s) for n, s in (("x", ("n", 32, 32, 3)), ("mean", ("n",)))
    ]
    (tmp_path / "net.onnx").write_bytes(onnx_bytes.model(nodes, [], values[:1], values[1:]))
    added = cli("models", "add", tmp_path / "net.onnx", "--std", "0.1", "--mean", "0.5")
    assert added.code == 0, added.err
    assert "NOT CALIBRATED" in added.out
    assert "net@1" in cli("models").out
    report = json.loads(cli("scan", "--json", "--no-overlay", "--model", "net", example).out)
    assert report["models"][0] == "net@1"
    wrong = cli("models", "add", tmp_path / "net.onnx", "--name", "other", "--meaning", "odds")
    assert wrong.code == 2
    assert "meaning must be one of" in wrong.err


def test_wrong_words_are_answered_with_a_hint(cli, tmp_path):
    assert "unknown" in cli("models", "fist").err or "did you mean" in cli("models", "fist").err
    assert cli("evaluate", tmp_path, "--split", "valley").code == 2
    assert cli("data", "folds", tmp_path, "--recipe", "x.toml", "--out", tmp_path / "o").code == 2
