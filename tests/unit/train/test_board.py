"""TensorBoard events of a resumed training: one curve, without a gap and without the steps that were lost."""

import pytest

from fakeweb.train.logs import Logs

pytest.importorskip("torch", reason="needs the extra 'train'")
pytest.importorskip("torch.utils.tensorboard", reason="needs the extra 'train'", exc_type=ImportError)


def test_steps_beyond_the_resumed_one_are_replaced(tmp_path):
    accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    for first, last, loss in ((0, 50, 1.0), (20, 40, 2.0)):
        logs = Logs(tmp_path, first)
        for step in range(first + 1, last + 1):
            logs.step(step, loss, 0.1)
        logs.epoch(last // 20, last, {"score": loss})
        logs.close()
    events = accumulator.EventAccumulator(str(tmp_path / "tensorboard"))
    events.Reload()
    assert [(e.step, e.value) for e in events.Scalars("train/loss")] == [(10, 1), (20, 1), (30, 2), (40, 2)]
    assert [(e.step, e.value) for e in events.Scalars("val/score")] == [(40, 2)]
