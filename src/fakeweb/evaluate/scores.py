"""One row per model, view and picture, written as it comes, so that a killed run goes on where it stopped."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TextIO

from fakeweb.datasets.csvfile import cells_of, header_of, read_csv, to_csv, write_csv
from fakeweb.errors import UsageError
from fakeweb.media import write_atomically

State = Literal["judged", "no_face", "unreadable"]


@dataclass(frozen=True)
class Row:
    """What one model said about one view of one picture.

    Attributes:
        model: ``name@version``.
        view: ``plain``, or a degraded one, see :mod:`.degrade`; ``clip`` is a video file as a whole.
        path: Relative to the data set where it lies below it.
        source, label, kind, split, group, half: From the sample; the kind of reals is empty, the half is A or B.
        clip: Frames of one video share it.
        state: ``judged``; ``no_face``; ``unreadable``.
        verdict: ``fake``, ``uncertain``, ``real`` or ``no_face``, as FakeWeb says it with the model's own thresholds.
        said: The likeliest kind of manipulation, were it one; empty where the model names none.
        p_fake, logit: NaN where nothing was judged.
        faces: How many were found in the picture.
        time_s: Of a frame in its video file; NaN for pictures and whole clips.
        tone_deg, face_px, brightness, sharpness: See :class:`.conditions.Conditions`; NaN without a face.
    """

    model: str
    view: str
    path: str
    source: str
    label: int
    kind: str
    split: str
    group: str
    half: str
    clip: str
    state: State
    verdict: str
    said: str
    p_fake: float
    logit: float
    faces: int
    time_s: float
    tone_deg: float
    face_px: float
    brightness: float
    sharpness: float


class ScoreFile:
    """The rows of one run in one folder: ``scores.csv`` and ``run.json``, which says of what run.

    Args:
        folder: Made if needed.
        run: What the scores depend on; plain JSON values.
        rows_per_picture: How many rows belong to a file by its path, those of a video's frames aside, which come
            before; with fewer, it is judged again.

    Raises:
        UsageError: The folder holds the scores of another run, or cannot be written to.
    """

    def __init__(self, folder: Path, run: dict[str, Any], rows_per_picture: dict[str, int]) -> None:
        self.path = folder / "scores.csv"
        about = folder / "run.json"
        text = json.dumps(run, indent=2, ensure_ascii=False, sort_keys=True) + "\n"
        if about.is_file() and self.path.is_file() and about.read_text(encoding="utf-8") != text:
            raise UsageError(
                f"{folder} holds another evaluation", hint="name another --out, or delete the folder"
            )
        rows = read_rows(self.path) if self.path.is_file() else []
        have = Counter(row.path for row in rows if math.isnan(row.time_s))
        self.done = {path for path, count in have.items() if count == rows_per_picture.get(path)}
        self.rows = [row for row in rows if row.path in self.done]
        write_atomically(about, text.encode())
        write_csv(self.path, [header_of(Row), *map(cells_of, self.rows)])
        self._stream: TextIO | None = None

    def add(self, rows: Sequence[Row]) -> None:
        """Keep the rows of one picture, on disk too before this returns."""
        if self._stream is None:
            self._stream = self.path.open("a", newline="", encoding="utf-8", errors="surrogateescape")
        self._stream.write(to_csv(map(cells_of, rows)))
        self._stream.flush()
        self.rows.extend(rows)

    def close(self) -> None:
        """Close the file."""
        if self._stream is not None:
            self._stream.close()
            self._stream = None


def read_rows(path: Path) -> list[Row]:
    """Read rows back; a last line that was cut off is passed over.

    Raises:
        UsageError: The file is none of ours.
    """
    rows = read_csv(path, Row)
    if rows is None:
        raise UsageError(f"{path} is no table of scores", hint="name another --out")
    return rows
