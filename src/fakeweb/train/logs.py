"""Training logs: CSV always, TensorBoard where it is installed."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any


class Logs:
    """Writes ``steps.csv``, ``epochs.csv`` and TensorBoard events; rows beyond a resumed step are dropped.

    Args:
        folder: Where they go.
        step: Step the training resumes from; 0 for a new one.
    """

    def __init__(self, folder: Path, step: int) -> None:
        self._steps, self._epochs = folder / "steps.csv", folder / "epochs.csv"
        for path in (self._steps, self._epochs):
            _keep_until(path, step)
        self._stream = self._steps.open("a", newline="", encoding="utf-8")
        if self._stream.tell() == 0:
            self._stream.write("step,loss,lr\n")
        self._board: Any = None
        try:
            from torch.utils.tensorboard import SummaryWriter
        except ImportError:
            return
        self._board = SummaryWriter(str(folder / "tensorboard"), purge_step=step or None)

    def step(self, step: int, loss: float, lr: float) -> None:
        """Record one step."""
        self._stream.write(f"{step},{loss:.6f},{lr:.3e}\n")
        if self._board is not None and step % 10 == 0:
            self._board.add_scalar("train/loss", loss, step)
            self._board.add_scalar("train/lr", lr, step)

    def epoch(self, epoch: int, step: int, figures: dict[str, float]) -> None:
        """Record an epoch's validation figures."""
        new = not self._epochs.is_file() or self._epochs.stat().st_size == 0
        with self._epochs.open("a", newline="", encoding="utf-8") as stream:
            writer = csv.writer(stream)
            if new:
                writer.writerow(["step", "epoch", *figures])
            writer.writerow([step, epoch, *(f"{v:.5f}" for v in figures.values())])
        self._stream.flush()
        if self._board is not None:
            for name, value in figures.items():
                self._board.add_scalar(f"val/{name}", value, step)

    def close(self) -> None:
        """Flush and close."""
        self._stream.close()
        if self._board is not None:
            self._board.close()


def _keep_until(path: Path, step: int) -> None:
    if not path.is_file():
        return
    head, *rows = path.read_text(encoding="utf-8").splitlines() or [""]
    kept = [r for r in rows if r.partition(",")[0].isdigit() and int(r.partition(",")[0]) <= step]
    path.write_text("\n".join([head, *kept, ""]) if head else "", encoding="utf-8")
