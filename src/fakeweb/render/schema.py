"""The JSON Schema of a report, and ``python -m fakeweb.render.schema``, which writes it to standard output.

The schema is strict: it knows every field of this version and no other. A field that later versions add
raises the minor number of ``schema_version``, and this schema with it. What no part of FakeWeb fills yet is
null.
"""

from __future__ import annotations

import json
import sys
from typing import Any

from fakeweb.types import SCHEMA_VERSION, Report
from fakeweb.types.form import form_of


def _report() -> dict[str, Any]:
    schema = form_of(Report).schema()
    version = {"type": "string", "description": "Version of this form.", "const": SCHEMA_VERSION}
    schema["properties"] = {"schema_version": version, **schema["properties"]}
    schema["required"] = ["schema_version", *schema["required"]]
    return schema


REPORT_SCHEMA: dict[str, Any] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "$id": f"urn:fakeweb:report:{SCHEMA_VERSION}",
    "title": "FakeWeb report",
    **_report(),
}
"""JSON Schema (2020-12) of ``Report.to_dict()``; treat it as read-only."""


def schema_text() -> str:
    """Return the schema as the text of docs/reference/report.schema.json."""
    return json.dumps(REPORT_SCHEMA, indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    sys.stdout.write(schema_text())
