"""What a training says without a terminal: from the search for faces on, and not with every step."""

import io

from rich.console import Console
from rich.progress import Progress as Bar

from fakeweb.train import Progress
from fakeweb.workshop import train


def test_lines_before_the_first_epoch_and_twice_a_minute(monkeypatch):
    said, now = io.StringIO(), [0.0]
    monkeypatch.setattr(train, "ERRORS", Console(file=said, force_terminal=False, width=200))
    monkeypatch.setattr(train.time, "monotonic", lambda: now[0])
    show = train.show_progress(Bar(disable=True))
    for done in range(100):
        show(Progress("faces", done, 100))
    assert said.getvalue().splitlines() == ["faces: 0 of 100"]
    for step in range(1, 101):
        now[0] += 1
        show(Progress("train", step, 100, 1, 4, 0.7))
    lines = said.getvalue().splitlines()[1:]
    assert lines[0] == "train epoch 1/4: 1 of 100, loss 0.700"
    assert len(lines) == 4  # in a hundred seconds
    show(Progress("train", 100, 100, 1, 4, note="score 0.900, loss 0.300"))
    assert said.getvalue().splitlines()[-1] == "epoch 1/4: score 0.900, loss 0.300"
