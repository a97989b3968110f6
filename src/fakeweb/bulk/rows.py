"""Parquet schema: the columns of both tables, and a report as rows of them.

A table of another ``SCHEMA`` is refused, never added to. A new column is a new number.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from fakeweb.errors import missing_extra
from fakeweb.types import Report

SCHEMA: Final = 1
"""Version of the tables' columns."""
FILES: Final = {
    "id": "string",
    "path": "string",
    "size_bytes": "int64",
    "modified_ns": "int64",
    "sha256": "string",
    "medium": "string",
    "width": "int32",
    "height": "int32",
    "duration_s": "double",
    "frames_examined": "int32",
    "verdict": "string",
    "p_fake": "double",
    "faces": "int32",
    "fake": "int32",
    "uncertain": "int32",
    "reasons": "list<string>",
    "warnings": "list<string>",
    "code": "string",
    "message": "string",
    "hint": "string",
    "tries": "int32",
}
"""One row per file; those that could not be judged, the dead letters, have a ``code`` and no ``verdict``."""
FACES: Final = {
    "id": "string",
    "path": "string",
    "face": "int32",
    "track": "int32",
    "x0": "double",
    "y0": "double",
    "x1": "double",
    "y1": "double",
    "label": "string",
    "p_fake": "double",
    "logit": "double",
    "kind": "string",
    "one_in": "double",
    "weighed": "bool",
    "reasons": "list<string>",
}
"""One row per face, or per person of a clip."""
TABLES: Final = {"files": FILES, "faces": FACES}


def file_row(report: Report) -> dict[str, Any]:
    """Return what a report says of a whole file."""
    video = report.video
    return {
        "sha256": report.media_sha256,
        "medium": "picture" if video is None else "clip",
        "width": report.width,
        "height": report.height,
        "duration_s": None if video is None else video["duration_s"],
        "frames_examined": None if video is None else video["frames_examined"],
        "verdict": report.verdict.label,
        "p_fake": report.verdict.p_fake,
        "faces": len(report.faces),
        "fake": report.count("fake"),
        "uncertain": report.count("uncertain"),
        "reasons": list(report.verdict.reasons),
        "warnings": list(report.warnings),
    }


def face_rows(report: Report) -> list[dict[str, Any]]:
    """Return what a report says of each face."""
    return [
        {
            "face": number,
            "track": result.face.track,
            **dict(zip(("x0", "y0", "x1", "y1"), result.face.box, strict=True)),
            "label": result.verdict.label,
            "p_fake": result.verdict.p_fake,
            "logit": None if result.score is None else result.score.logit,
            "kind": None if result.score is None else result.score.kind,
            "one_in": None if result.rarity is None else result.rarity.one_in,
            "weighed": result.weighed,
            "reasons": list(result.verdict.reasons),
        }
        for number, result in enumerate(report.faces, 1)
    ]


def arrow() -> Any:
    """Import pyarrow.

    Raises:
        MissingExtra: It is not installed.
    """
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError as error:
        raise missing_extra("batch", "fakeweb batch") from error
    return pyarrow


def arrow_schema(table: str, metadata: Mapping[str, str]) -> Any:
    """Return a table's columns as pyarrow has them, with the run's metadata."""
    pa = arrow()
    kinds = {"list<string>": pa.list_(pa.string()), "double": pa.float64(), "bool": pa.bool_()}
    columns = [(n, kinds[k] if k in kinds else getattr(pa, k)()) for n, k in TABLES[table].items()]
    return pa.schema(columns, metadata={"fakeweb.schema": str(SCHEMA), **metadata})
