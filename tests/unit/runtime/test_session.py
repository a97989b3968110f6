"""ONNX Runtime as FakeWeb starts it."""

import os
import subprocess
import sys

import pytest


@pytest.mark.parametrize("wish", [None, "1"])
def test_nothing_is_reported_and_nothing_left_behind(tmp_path, wish):
    """Without being told, ONNX Runtime 1.29 and later write an identifier and report to their maker on import."""
    env = {k: v for k, v in os.environ.items() if k not in ("CI", "ORT_DISABLE_TELEMETRY")}
    if wish is not None:
        env["ORT_DISABLE_TELEMETRY"] = wish
    code = (
        "import os, numpy; from fakeweb import Scanner; Scanner().scan(numpy.zeros((64, 64, 3), numpy.uint8));"
        "print(os.environ['ORT_DISABLE_TELEMETRY'])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=600, check=True, cwd=tmp_path,
        env={**env, "TMPDIR": str(tmp_path), "HOME": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path)},
    )  # fmt: skip
    assert done.stdout.strip() == "1"
    assert list(tmp_path.rglob("*")) == []
