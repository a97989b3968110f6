"""Output files of one clip: timeline, contact sheet, overlay under a name of its own."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from fakeweb.cli.targets import Target
from fakeweb.errors import UsageError
from fakeweb.media import encode_jpeg, encode_png, kind_of, write_atomically
from fakeweb.media.address import shown
from fakeweb.render import timeline
from fakeweb.scanner import Scanner, contact_sheet_of, html_of
from fakeweb.types import Report


@dataclass(frozen=True)
class ClipFiles:
    """Where to write what; None: nowhere."""

    timeline: Path | None = None
    sheet: Path | None = None
    overlay: Path | None = None

    @property
    def only_clips(self) -> bool:
        """Whether something was asked for that only a clip can give."""
        return self.timeline is not None or self.sheet is not None

    def aim(self, targets: Sequence[Target]) -> list[Target]:
        """Check the files against the inputs, before anything is scanned; give the overlay its name.

        Raises:
            UsageError: Several inputs, a suffix that says nothing, or a file that is an input.
        """
        wanted = {
            "--timeline": (self.timeline, (".svg", ".png", ".html")),
            "--sheet": (self.sheet, (".jpg", ".jpeg", ".png")),
            "--overlay-to": (self.overlay, (".mp4", ".png")),
        }
        if not any(path for path, _ in wanted.values()):
            return list(targets)
        if len(targets) != 1:
            raise UsageError(
                "--timeline, --sheet and --overlay-to take one input",
                hint="scan them one by one, or use --out",
            )
        source = targets[0].source
        for option, (path, suffixes) in wanted.items():
            if path is None:
                continue
            if path.suffix.lower() not in suffixes:
                raise UsageError(f"{option} {path} has no known suffix", hint=f"use {', '.join(suffixes)}")
            if os.path.realpath(path) == os.path.realpath(source):
                raise UsageError(f"{option} {path} is the input itself", hint="choose another name")
        if self.overlay is None:
            return list(targets)
        suffix = ".mp4" if kind_of(source) == "clip" else ".png"
        if source != "-" and self.overlay.suffix.lower() != suffix:
            raise UsageError(f"the overlay of {source} is a {suffix} file", hint=f"name it so: *{suffix}")
        return [replace(targets[0], overlay=self.overlay)]

    def write(self, content: Callable[[], Any], report: Report, scanner: Scanner) -> list[str]:
        """Write what was asked for about a scanned clip; return a line for each.

        Args:
            content: Gives the clip, to be read from its start.
            report: Of the clip.
            scanner: What scanned it.
        """
        lines, limits = [], scanner.limits
        if self.timeline is not None:
            suffix = self.timeline.suffix.lower()
            if suffix == ".html":
                data = html_of(content(), report, classifier=scanner.classifier, limits=limits).encode()
            elif suffix == ".svg":
                data = timeline(report).to_svg().encode()
            else:
                data = encode_png(timeline(report).to_image(), drawn=True)
            write_atomically(self.timeline, data)
            lines.append(f"timeline: {shown(self.timeline)}")
        if self.sheet is not None:
            picture = contact_sheet_of(content(), report, limits=limits)
            png = self.sheet.suffix.lower() == ".png"
            data = encode_png(picture, drawn=True) if png else encode_jpeg(picture, 92, drawn=True)
            write_atomically(self.sheet, data)
            lines.append(f"sheet: {shown(self.sheet)}")
        return lines
