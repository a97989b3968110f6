"""Training logs: CSV always, TensorBoard where it is installed."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

from fakeweb.media import write_atomically


class Logs:
    """Writes ``steps.csv``, ``epochs.csv`` and TensorBoard events.

    Rows beyond a resumed step are dropped, and the row of an epoch that ends in it: that is validated again.

    Args:
        folder: Where they go.
        step: Step the training resumes from; 0 for a new one.
    """

    def __init__(self, folder: Path, step: int) -> None:
        self._steps, self._epochs = folder / "steps.csv", folder / "epochs.csv"
        _keep_until(self._steps, step)
        _keep_until(self._epochs, step - 1)
        self._stream = self._steps.open("a", newline="", encoding="utf-8")
        if self._stream.tell() == 0:
            self._stream.write("step,loss,lr\n")
        self._board: Any = None
        try:
            from torch.utils.tensorboard import SummaryWriter
        except ImportError:
            return
        self._board = SummaryWriter(str(folder / "tensorboard"), purge_step=step + 1)

    def step(self, step: int, loss: float, lr: float) -> None:
        """Record one step."""
        self._stream.write(f"{step},{loss:.6f},{lr:.3e}\n")
        if self._board is not None and step % 10 == 0:
            self._board.add_scalar("train/loss", loss, step)
            self._board.add_scalar("train/lr", lr, step)

    def epoch(self, epoch: int, step: int, figures: dict[str, float]) -> None:
        """Record an epoch's validation figures."""
        new = not self._epochs.is_file() or self._epochs.stat().st_size == 0
        with self._epochs.open("a", newline="", encoding="utf-8", errors="surrogateescape") as stream:
            writer = csv.writer(stream, lineterminator="\n")
            if new:
                writer.writerow(["step", "epoch", *figures])
            writer.writerow([step, epoch, *(f"{v:.5f}" for v in figures.values())])
        self.flush()
        if self._board is not None:
            for name, value in figures.items():
                self._board.add_scalar(f"val/{name}", value, step)

    def flush(self) -> None:
        """Bring the rows of ``steps.csv`` to the disk; a checkpoint must not be ahead of them."""
        self._stream.flush()

    def close(self) -> None:
        """Flush and close."""
        self._stream.close()
        if self._board is not None:
            self._board.close()


class NoLogs(Logs):
    """Writes nothing: for the processes beside the first."""

    def __init__(self) -> None:
        pass

    def step(self, step: int, loss: float, lr: float) -> None:
        """Do nothing."""

    def epoch(self, epoch: int, step: int, figures: dict[str, float]) -> None:
        """Do nothing."""

    def flush(self) -> None:
        """Do nothing."""

    def close(self) -> None:
        """Do nothing."""


def _keep_until(path: Path, step: int) -> None:
    """Keep the header and the whole rows up to a step; nothing, where no row is left."""
    if not path.is_file():
        return
    text = path.read_text(encoding="utf-8", errors="surrogateescape")
    head, *rows = text.splitlines(keepends=True) or [""]
    numbers = [(row.partition(",")[0], row) for row in rows if row.endswith("\n")]
    kept = [row for number, row in numbers if number.isdigit() and int(number) <= step]
    write_atomically(path, "".join([head, *kept]).encode("utf-8", "surrogateescape") if kept else b"")
