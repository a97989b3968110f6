"""Golden vectors of the checks in the browser are what this package says; ``npm test`` tries TypeScript by them."""

import gzip
import importlib.util
import json
from pathlib import Path

import pytest

WEB = Path(__file__).parents[2] / "web"
GOLDEN = WEB / "tests" / "golden"


@pytest.fixture(scope="module")
def golden():
    spec = importlib.util.spec_from_file_location("golden", WEB / "golden.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_committed_vectors_are_current(golden):
    told = json.loads((GOLDEN / "vectors.json").read_text(encoding="utf-8"))
    again = "run: PYTHONPATH=src python web/golden.py"
    assert gzip.decompress((GOLDEN / "group.rgb.gz").read_bytes()) == golden.picture().pixels.tobytes(), again
    assert_same(json.loads(json.dumps(golden.vectors())), told, again)


def assert_same(made, told, at):
    if isinstance(told, float):
        assert made == pytest.approx(told, abs=0.011), at
    elif isinstance(told, dict):
        assert made.keys() == told.keys(), at
        for key, value in told.items():
            if key != "crops":  # of meshes that another processor rounds otherwise
                assert_same(made[key], value, f"{at} {key}")
    elif isinstance(told, list):
        assert len(made) == len(told), at
        for one, other in zip(made, told, strict=True):
            assert_same(one, other, at)
    else:
        assert made == told, at
