"""A training that was stopped anywhere and resumed ends like one that was not."""

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from fakeweb.errors import DatasetError, ModelCorrupt, UsageError
from fakeweb.train import run
from fakeweb.train.rules import read_recipe

torch = pytest.importorskip("torch", reason="needs the extra 'train'")
pytest.importorskip("onnxscript", reason="needs the extra 'train'")
task = pytest.importorskip("fakeweb.train.classifier.task")
checkpoint = pytest.importorskip("fakeweb.train.checkpoint")

LOGS = ("steps.csv", "epochs.csv")


class Killed(BaseException):
    """Stands for a kill: nothing may be saved on its way."""


@pytest.fixture(scope="module")
def finished(toy, toy_data, tmp_path_factory, early):
    """The folder of an uninterrupted training."""
    folder = tmp_path_factory.mktemp("finished")
    with pytest.MonkeyPatch.context() as patch:
        toy.register("train_toy", patch)
        patch.setattr(task, "finish", early)
        recipe = toy.write_recipe(folder / "toy.toml", checkpoint_s=0)
        run(recipe, toy_data, folder / "out", workers=0, threads=1)
    return folder / "out"


@pytest.fixture
def whole(finished, write_recipe, tmp_path, no_export, weights):
    """What an uninterrupted training leaves (also as the folder ``whole``): its recipe, weights and logs."""
    shutil.copytree(finished, tmp_path / "whole")
    return write_recipe(checkpoint_s=0), weights(finished), logs(finished)


def logs(out):
    return {name: (out / name).read_bytes() for name in LOGS}


def stop_at(error, **where):
    """Raise ``error`` at the first progress with these values."""

    def tell(progress):
        if all(getattr(progress, k) == v for k, v in where.items()):
            raise error

    return tell


PLACES = {
    "finding faces": {"stage": "faces", "done": 50},
    "the first step": {"stage": "train", "done": 1, "note": ""},
    "the middle of epoch 1": {"stage": "train", "epoch": 1, "done": 2},
    "the last step of epoch 1": {"stage": "train", "epoch": 1, "done": 3, "note": ""},
    "validation": {"stage": "validate", "done": 1},
    "after epoch 1": {"stage": "train", "epoch": 1, "done": 3, "loss": None},
    "the middle of epoch 2": {"stage": "train", "epoch": 2, "done": 2},
    "the last step of all": {"stage": "train", "epoch": 2, "done": 3, "note": ""},
    "after the last epoch": {"stage": "train", "epoch": 2, "done": 3, "loss": None},
    "export": {"stage": "export", "done": 0},
}


@pytest.mark.parametrize(
    ("place", "error"),
    [*((p, Killed) for p in PLACES), *((p, KeyboardInterrupt) for p in PLACES if "epoch 1" in p)],
)
def test_stopped_and_resumed_is_the_same(train, tmp_path, whole, weights, error, place):
    recipe, want, want_logs = whole
    with pytest.raises(error):
        train(recipe, tmp_path / "out", on_progress=stop_at(error, **PLACES[place]))
    train(recipe, tmp_path / "out", resume=True)
    assert weights(tmp_path / "out") == want
    assert logs(tmp_path / "out") == want_logs


def test_stopped_in_the_last_validation(train, tmp_path, whole, weights):
    recipe, want, want_logs = whole
    seen = []

    def tell(progress):
        seen.append(progress)
        if progress.stage == "validate" and any(p.epoch == 2 and p.done == 3 for p in seen):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(recipe, tmp_path / "out", on_progress=tell)
    assert weights(tmp_path / "out")["step"] == 6
    train(recipe, tmp_path / "out", resume=True)
    assert weights(tmp_path / "out") == want
    assert logs(tmp_path / "out") == want_logs


def test_stopped_at_every_step(train, tmp_path, whole, weights):
    recipe, want, want_logs = whole
    for _ in range(20):
        try:
            train(
                recipe,
                tmp_path / "out",
                resume=True,
                on_progress=stop_at(KeyboardInterrupt, stage="train", note=""),
            )
            break
        except KeyboardInterrupt:
            continue
    else:
        pytest.fail("it never ends")
    assert weights(tmp_path / "out") == want
    assert logs(tmp_path / "out") == want_logs


def test_ctrl_c_in_the_middle_of_a_step_waits_for_its_end(
    train, write_recipe, tmp_path, whole, weights, monkeypatch
):
    _, want, want_logs = whole
    recipe = write_recipe()  # no checkpoint but the one of the interrupt
    handler = signal.getsignal(signal.SIGINT)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    calls, loss = [], task.loss_of

    def interrupted(*arguments):
        calls.append(1)
        if len(calls) == 5:
            signal.raise_signal(signal.SIGINT)
        return loss(*arguments)

    monkeypatch.setattr(task, "loss_of", interrupted)
    try:
        with pytest.raises(KeyboardInterrupt):
            train(recipe, tmp_path / "out")
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    finally:
        signal.signal(signal.SIGINT, handler)
    assert weights(tmp_path / "out")["step"] == 5
    train(recipe, tmp_path / "out", resume=True)
    assert weights(tmp_path / "out") == want
    assert logs(tmp_path / "out") == want_logs


def test_a_finished_training_can_be_exported_again(train, tmp_path, whole, weights):
    recipe, want, want_logs = whole
    seen = []
    assert train(recipe, tmp_path / "whole", resume=True, on_progress=seen.append)
    assert not [p for p in seen if p.stage == "train" and not p.note]
    assert weights(tmp_path / "whole") == want
    assert logs(tmp_path / "whole") == want_logs


def test_resume_without_a_checkpoint_begins(train, tmp_path, whole, weights):
    recipe, want, _ = whole
    train(recipe, tmp_path / "out", resume=True)
    assert weights(tmp_path / "out") == want


def test_an_earlier_checkpoint_without_the_list_of_faces_is_taken(train, tmp_path, whole, weights):
    recipe, want, _ = whole
    path = tmp_path / "whole" / "checkpoint.pt"
    state = torch.load(path, weights_only=True)
    del state["faces"]
    torch.save(state, path)
    train(recipe, tmp_path / "whole", resume=True)
    assert weights(tmp_path / "whole") == want


def test_a_folder_that_holds_a_training_is_not_overwritten(train, tmp_path, whole):
    recipe, *_ = whole
    before = (tmp_path / "whole" / "checkpoint.pt").read_bytes()
    with pytest.raises(UsageError, match="already holds a training") as caught:
        train(recipe, tmp_path / "whole")
    assert "--resume" in caught.value.hint
    assert (tmp_path / "whole" / "checkpoint.pt").read_bytes() == before


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"lr": 0.01}, "optim.lr was 0.02, is 0.01"),
        ({"epochs": 3}, "optim.epochs was 2, is 3"),
        ({"seed": 1}, "seed was 0, is 1"),
        ({"data": 'skip_sources = ["mixed"]'}, "data.skip_sources was (), is ('mixed',)"),
        ({"net": "mobilenet_v2"}, "net.arch was 'toy', is 'mobilenet_v2'"),
        ({"lr": 0.01, "batch": 8}, "optim.batch was 16, is 8; optim.lr was 0.02, is 0.01"),
    ],
)
def test_another_recipe_is_refused_by_name_and_at_once(train, write_recipe, tmp_path, whole, change, named):
    seen = []
    with pytest.raises(UsageError) as caught:
        train(
            write_recipe(**{"checkpoint_s": 0, **change}),
            tmp_path / "whole",
            resume=True,
            on_progress=seen.append,
        )
    assert caught.value.message.endswith(f"was trained by another recipe: {named}")
    assert seen == []


def test_a_checkpoint_from_before_an_option_goes_on(write_recipe, tmp_path, whole):
    path = tmp_path / "whole" / "checkpoint.pt"
    state = torch.load(path, weights_only=True)
    del state["recipe"]["optim"]["sam"], state["recipe"]["augment"]["paired"]
    torch.save(state, path)
    assert (
        checkpoint.read_checkpoint(path, read_recipe(write_recipe(checkpoint_s=0)))["step"] == state["step"]
    )
    with pytest.raises(UsageError, match=r"another recipe: optim.sam was 0\.0, is 0\.05"):
        checkpoint.read_checkpoint(path, read_recipe(write_recipe(checkpoint_s=0, sam=0.05)))


def test_a_checkpoint_with_an_option_that_is_gone_says_so(write_recipe, tmp_path, whole):
    path = tmp_path / "whole" / "checkpoint.pt"
    state = torch.load(path, weights_only=True)
    state["recipe"]["loss"]["gamma"] = 2.0
    torch.save(state, path)
    with pytest.raises(UsageError, match=r"loss\.gamma was 2\.0, which this version does not know") as caught:
        checkpoint.read_checkpoint(path, read_recipe(write_recipe(checkpoint_s=0)))
    assert "begin anew" in caught.value.hint


def test_what_teaches_nothing_may_change(train, write_recipe, tmp_path, whole, weights):
    _, want, _ = whole
    recipe = write_recipe(
        checkpoint_s=7,
        data='[data.licences]\npairs = "CC0"',
        more="[calibration]\nfalse_alarms = 0.1",
    )
    train(recipe, tmp_path / "whole", resume=True)
    assert weights(tmp_path / "whole") == want


def test_other_pictures_are_refused(toy, train, tmp_path, whole):
    recipe, *_ = whole
    data = toy.make_index(tmp_path / "data")
    table = (data / "index.csv").read_text().splitlines(keepends=True)
    train(recipe, tmp_path / "whole", data=data, resume=True)  # the same ones elsewhere
    (data / "index.csv").write_text("".join(table[:1] + table[2:]))
    with pytest.raises(UsageError, match="was trained on other pictures"):
        train(recipe, tmp_path / "whole", data=data, resume=True)


DAMAGES = {
    "empty": lambda raw: b"",
    "cut": lambda raw: raw[: len(raw) // 2],
    "a few bytes": lambda raw: raw[:100],
    "text": lambda raw: b"hello",
    "zeros": lambda raw: bytes(len(raw)),
    "flipped": lambda raw: raw[:200] + bytes(b ^ 255 for b in raw[200:400]) + raw[400:],
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_a_damaged_checkpoint_is_an_error_of_one_line(train, tmp_path, whole, damage):
    recipe, *_ = whole
    path = tmp_path / "whole" / "checkpoint.pt"
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(ModelCorrupt, match=r"checkpoint\.pt (cannot be read|does not fit)") as caught:
        train(recipe, tmp_path / "whole", resume=True)
    assert "\n" not in caught.value.message


@pytest.mark.parametrize("content", [{}, {"recipe": {}}, [1], {"recipe": None}])
def test_a_checkpoint_of_something_else(train, tmp_path, whole, content):
    recipe, *_ = whole
    torch.save(content, tmp_path / "whole" / "checkpoint.pt")
    with pytest.raises(ModelCorrupt, match="cannot be read"):
        train(recipe, tmp_path / "whole", resume=True)


def test_a_checkpoint_of_another_network_of_the_same_name(train, tmp_path, whole, toy, monkeypatch):
    recipe, *_ = whole
    build = toy.build
    monkeypatch.setattr(toy, "build", lambda n, *_: torch.nn.Sequential(build(4), torch.nn.Linear(4, n)))
    with pytest.raises(ModelCorrupt, match="does not fit the network of 'toy'"):
        train(recipe, tmp_path / "whole", resume=True)


def test_a_failure_after_the_last_epoch_needs_no_new_training(train, tmp_path, whole, weights, monkeypatch):
    recipe, want, want_logs = whole

    def fail(*_):
        raise DatasetError("no")

    with monkeypatch.context() as patch:
        patch.setattr(task, "finish", fail)
        with pytest.raises(DatasetError):
            train(recipe, tmp_path / "out")
    seen = []
    train(recipe, tmp_path / "out", resume=True, on_progress=seen.append)
    assert not [p for p in seen if p.stage == "train" and not p.note]
    assert weights(tmp_path / "out") == want
    assert logs(tmp_path / "out") == want_logs


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="needs SIGKILL")
@pytest.mark.parametrize("line", ["train 1 3", "train 2 5", "train 2 16"])
def test_a_killed_process_resumed_gives_the_same_model(
    toy_data, train, write_recipe, tmp_path, weights, line
):
    recipe = write_recipe(faces_per_epoch=256, epochs=4, ema=0.9, checkpoint_s=0)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)}
    command = [sys.executable, str(Path(__file__).with_name("toy.py")), recipe, toy_data, tmp_path / "killed"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
        for said in process.stdout:
            if said.strip() == line:
                process.kill()
                break
        else:
            pytest.fail(f"it never said {line!r}")
    assert process.returncode == -signal.SIGKILL
    killed = weights(tmp_path / "killed")["step"]
    assert 1 <= killed < 64
    shutil.copytree(tmp_path / "killed", tmp_path / "copy")
    one = train(recipe, tmp_path / "killed", resume=True)
    two = train(recipe, tmp_path / "whole")
    assert weights(tmp_path / "killed") == weights(tmp_path / "whole")
    assert logs(tmp_path / "killed") == logs(tmp_path / "whole")
    assert one.with_suffix(".onnx").read_bytes() == two.with_suffix(".onnx").read_bytes()
