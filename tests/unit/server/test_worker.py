"""The process that judges pictures."""

from __future__ import annotations

from fakeweb import Scanner
from fakeweb.server.settings import Settings
from fakeweb.server.worker import WorkerScanner

_KEYS = (
    "finder", "finder_model", "model", "threshold", "max_bytes", "max_pixels", "max_side_px", "max_video_bytes",
    "max_duration_s", "max_faces", "trust",
)  # fmt: skip


def _parts(scanner: Scanner) -> tuple[object, ...]:
    return scanner.finder, scanner.mesher, scanner.classifier


def test_requests_with_other_options_open_no_network_again() -> None:
    settings = Settings()
    own = WorkerScanner({key: getattr(settings, key) for key in _KEYS})
    first, second = own.scanner(None, None), own.scanner(0.9, 3)
    assert all(a is b for a, b in zip(_parts(first), _parts(second), strict=True))
    assert second.threshold == 0.9
    assert second.max_faces == 3
