"""What the benchmarks share: arguments, validation samples, tables, pages, shares, what was measured before."""

from __future__ import annotations

import argparse
import hashlib
import json
import platform
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, TypeVar

import cv2

from fakeweb.datasets import Sample, half_of_group
from fakeweb.datasets.index import IndexLayout
from fakeweb.media import write_atomically
from fakeweb.metrics import wilson
from fakeweb.scanner import Scanner

ROOT = Path(__file__).resolve().parents[1]
REFERENCE = ROOT / "docs" / "reference"
EXAMPLE = ROOT / "examples" / "collins.jpg"
PEOPLE = ("ciplab", "lfw")
"""Lists of people who stand under several groups or in several sources."""
GENUINE = ("dfdc", "stylegan1_ffhq", "ciplab", "pixabay", "scut", "prajnasb", "lfw")
"""Sources of genuine faces for clips."""
SECONDS = (2.0, 4.0, 8.0, 16.0, 32.0, 120.0)
"""Lengths of genuine clips, taken in turn."""
LABELS = ("fake", "uncertain", "real")
_T = TypeVar("_T")


def arguments(doc: str | None, *flags: str, out: str = "") -> argparse.ArgumentParser:
    """Return a parser with ``--data``, further flags that take a path, and ``--out`` below ``runs/``; one thread.

    Args:
        doc: The benchmark's docstring.
        flags: Such as ``"--clips folder of genuine clips"``.
        out: Folder for what is kept.
    """
    cv2.setNumThreads(1)
    parser = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data")
    for flag in flags:
        name, _, text = flag.partition(" ")
        parser.add_argument(name, type=Path, help=text)
    if out:
        parser.add_argument("--out", type=Path, default=ROOT / "runs" / out)
    return parser


def validation(data: Path, half: str | None = None) -> list[Sample]:
    """Return the validation samples, or those of half of their groups."""
    samples = [s for s in IndexLayout().index(data) if s.split == "val"]
    return [s for s in samples if half in (None, half_of_group(s.source, s.group))]


def clips_below(folder: Path | None) -> list[Path]:
    """Return the files of a folder of clips; none where no folder is given."""
    found = () if folder is None else folder.rglob("*")
    return sorted(p for p in found if p.is_file() and p.suffix not in (".csv", ".json"))


def kept(
    out: Path, name: str, scanner: Scanner, what: object, scan: Callable[[], Iterable[Any]]
) -> list[Any]:
    """Return what was scanned before with the same scanner, or scan now and keep it."""
    key = hashlib.sha256(f"{scanner.digest()} {what}".encode()).hexdigest()[:12]
    path = out / f"{name}-{key}.json"
    if not path.is_file():
        write_atomically(path, json.dumps(list(scan())).encode())
    found: list[Any] = json.loads(path.read_text(encoding="utf-8"))
    return found


def shown(what: str, items: Sequence[_T]) -> Iterator[_T]:
    """Yield the items and show progress."""
    for number, item in enumerate(items, 1):
        yield item
        show(what, number, len(items))


def show(what: str, done: int, total: int) -> None:
    """Show progress."""
    if done % 20 == 0 or done == total:
        sys.stderr.write(f"\r{what}: {done} of {total}   ")
        sys.stderr.flush()


def share(hits: Iterable[bool]) -> str:
    """Return a share with its 95 % interval (Wilson)."""
    found = list(hits)
    if not found:
        return ""
    low, high = wilson(sum(found), len(found), 1.96)
    return f"{100 * sum(found) / len(found):.1f} % [{100 * low:.1f}, {100 * high:.1f}]"


def shares(verdicts: Iterable[str], labels: Sequence[str] = LABELS) -> str:
    """Return the shares of some labels, as cells of a table."""
    found = list(verdicts)
    return " | ".join(share(v == label for v in found) for label in labels)


def line(*cells: object) -> str:
    """Return one line of a Markdown table."""
    return "| " + " | ".join(map(str, cells)) + " |"


def head(*cells: object) -> list[str]:
    """Return the first two lines of a Markdown table."""
    return [line(*cells), "|" + "---|" * len(cells)]


def write(page: str, lines: Iterable[str]) -> None:
    """Write a page of the reference, and print it."""
    text = "\n".join(lines) + "\n"
    (REFERENCE / page).write_text(text, encoding="utf-8")
    sys.stdout.write(text)


def put(page: str, part: str, lines: Sequence[str]) -> None:
    """Put lines between a part's markers in a page of the reference, and print them."""
    path = REFERENCE / page
    begin, end = f"<!-- {part}: begin -->", f"<!-- {part}: end -->"
    before, rest = path.read_text(encoding="utf-8").split(begin)
    text = "\n".join(lines)
    path.write_text(f"{before}{begin}\n{text}\n{end}{rest.split(end)[1]}", encoding="utf-8")
    print(text)


def processor() -> str:
    """Return what the processor calls itself."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        return next(line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or "this machine"
