"""Checkpoint of a scan of many files: what a killed ``fakeweb scan --out FOLDER`` had judged is not judged again."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from fakeweb.cli.scan_one import Options, Outcome
from fakeweb.cli.targets import Target
from fakeweb.media.address import address_of
from fakeweb.render.impact import impact
from fakeweb.types import Report

_NAME: Final = ".fakeweb-scan.jsonl"


class Resume:
    """Reports of an interrupted scan, by file, size, time and all that decides them; gone when a scan is finished.

    Args:
        out: Folder of the overlays; None, or an address, keeps nothing.
        options: Of the scan.
        digest: Of the scanner.
    """

    def __init__(self, out: Path | None, options: Options, digest: str) -> None:
        one_file = options.page or options.files.only_clips or options.files.overlay
        keeps = out is not None and address_of(out) is None and not one_file
        self._path = out / _NAME if keeps and out is not None else None
        self._options = options
        self._key = f"{digest} {options.opacity} {options.pace}"
        self._stream: Any = None

    def known(self, targets: Sequence[Target]) -> dict[Target, Outcome]:
        """Return what became of targets in a scan that was interrupted."""
        if self._path is None or not self._path.is_file():
            return {}
        reports: dict[str, Any] = {}
        for line in self._path.read_text("utf-8", "replace").splitlines():
            with suppress(ValueError, KeyError, TypeError):  # the last line may be cut off
                told = json.loads(line)
                reports[told["id"]] = Report.from_dict(told["report"])
        found = {}
        for target in targets:
            report = reports.get(self._id(target))
            if report is None or (target.overlay is not None and not target.overlay.exists()):
                continue
            written = () if target.overlay is None else (target.wrote(),)
            reach = self._options.reach
            found[target] = Outcome(report, written=written, impact=impact(report.verdict.p_fake, reach))
        return found

    def add(self, target: Target, outcome: Outcome) -> None:
        """Keep what became of a target; errors are tried again."""
        name = self._id(target)
        if self._path is None or not name or outcome.report is None or outcome.error is not None:
            return
        with suppress(OSError):  # a scan does not fail for want of what would only spare work
            if self._stream is None:
                self._path.parent.mkdir(parents=True, exist_ok=True)
                self._stream = self._path.open("a", encoding="utf-8")
            self._stream.write(json.dumps({"id": name, "report": outcome.report.to_dict()}) + "\n")
            self._stream.flush()

    def close(self, *, finished: bool) -> None:
        """Forget all where the scan came to its end."""
        if self._stream is not None:
            self._stream.close()
        if finished and self._path is not None:
            self._path.unlink(missing_ok=True)

    def _id(self, target: Target) -> str:
        """Return what a report must have been about; empty for what has no size and time."""
        try:
            status = os.stat(target.source)  # noqa: PTH116
        except (OSError, ValueError):
            return ""
        told = f"{self._key}\0{target.source}\0{status.st_size}\0{status.st_mtime_ns}\0{target.overlay}"
        return hashlib.sha256(told.encode("utf-8", "surrogateescape")).hexdigest()[:32]
