"""The CSV logs: whole rows, one header, nothing beyond the step resumed from. Needs no torch."""

import sys

import pytest

from fakeweb.train.logs import Logs

FIGURES = {"score": 0.5, "auc_a": 0.25}


@pytest.fixture(autouse=True)
def _no_board(monkeypatch):
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)


def write(folder, first, last, *, per_epoch=2):
    logs = Logs(folder, first)
    if first and first % per_epoch == 0:
        logs.epoch(first // per_epoch, first, FIGURES)
    for step in range(first + 1, last + 1):
        logs.step(step, 1 / step, 0.1)
        if step % per_epoch == 0:
            logs.epoch(step // per_epoch, step, FIGURES)
    logs.close()
    return (folder / "steps.csv").read_bytes(), (folder / "epochs.csv").read_bytes()


def test_rows_and_headers(tmp_path):
    steps, epochs = write(tmp_path, 0, 4)
    assert steps == b"step,loss,lr\n" + b"".join(b"%d,%.6f,1.000e-01\n" % (i, 1 / i) for i in (1, 2, 3, 4))
    assert epochs == b"step,epoch,score,auc_a\n2,1,0.50000,0.25000\n4,2,0.50000,0.25000\n"


@pytest.mark.parametrize("resumed", range(6))
def test_resumed_logs_are_those_of_one_run(tmp_path, resumed):
    (tmp_path / "one").mkdir()
    (tmp_path / "two").mkdir()
    write(tmp_path / "two", 0, 5)
    assert write(tmp_path / "two", resumed, 6) == write(tmp_path / "one", 0, 6)


def test_a_row_cut_by_a_kill_is_dropped(tmp_path):
    write(tmp_path, 0, 30)
    (tmp_path / "steps.csv").write_bytes((tmp_path / "steps.csv").read_bytes() + b"3")
    Logs(tmp_path, 30).close()
    assert (tmp_path / "steps.csv").read_bytes().endswith(b"\n30,0.033333,1.000e-01\n")


def test_a_new_training_gets_a_new_header(tmp_path):
    (tmp_path / "epochs.csv").write_text("step,epoch,score,auc_old\r\n2,1,0.5,0.5\r\n")
    assert write(tmp_path, 0, 2)[1].startswith(b"step,epoch,score,auc_a\n")


def test_flush_brings_rows_to_the_disk(tmp_path):
    logs = Logs(tmp_path, 0)
    logs.step(1, 0.5, 0.1)
    logs.flush()
    assert (tmp_path / "steps.csv").read_bytes().endswith(b"\n1,0.500000,1.000e-01\n")
    logs.close()
