"""Run ``fakeweb`` the way a user does."""

import io
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from fakeweb.cli.app import run

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Result:
    code: int
    out: str
    err: str


class _Stdin:
    def __init__(self, data: bytes) -> None:
        self.buffer = io.BytesIO(data)

    def isatty(self) -> bool:
        return False


@pytest.fixture
def cli(monkeypatch, capsys) -> Callable[..., Result]:
    """Call ``fakeweb`` in this process: ``cli("scan", path, stdin=b"...")``."""

    def call(*args: object, stdin: bytes = b"") -> Result:
        monkeypatch.setattr(sys, "argv", ["fakeweb", *map(str, args)])
        monkeypatch.setattr(sys, "stdin", _Stdin(stdin))
        capsys.readouterr()
        with pytest.raises(SystemExit) as end:
            run()
        captured = capsys.readouterr()
        return Result(int(end.value.code or 0), captured.out, captured.err)

    return call


@pytest.fixture
def example(tmp_path) -> Path:
    """A copy of the example picture in a folder of its own."""
    path = tmp_path / "photo.jpg"
    path.write_bytes((ROOT / "examples" / "collins.jpg").read_bytes())
    return path
