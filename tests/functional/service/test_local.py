"""What the page fetches to check pictures in the browser."""

import gzip
import hashlib

import httpx
import onnxruntime
import pytest

from fakeweb.errors import ModelIncompatible
from fakeweb.runtime import find_card, pack_models


def test_a_browser_gets_all_it_takes_and_can_prove_it(api):
    told = api.get("/local/parts.json")
    assert told.status_code == 200
    assert told.headers["cache-control"] == "no-cache"
    parts = told.json()
    assert parts.keys() == {"runtime", "finder", "mesh", "classifier"}
    for part in parts.values():
        answer = api.get(f"/local/{part['file']}")
        assert len(answer.content) == part["packed_bytes"]
        content = gzip.decompress(answer.content)
        assert hashlib.sha256(content).hexdigest() == part["sha256"]
    assert parts["classifier"]["card"]["calibration"] == find_card("fast").to_dict()["calibration"]
    assert "details" not in parts["classifier"]["card"]
    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    assert session.get_outputs()[0].name == "logit"
    assert "immutable" in answer.headers["cache-control"]


def test_the_page_is_isolated_and_may_run_webassembly(api):
    headers = api.get("/").headers
    assert headers["cross-origin-embedder-policy"] == "require-corp"
    assert headers["cross-origin-opener-policy"] == "same-origin"
    assert "script-src 'self' 'wasm-unsafe-eval';" in headers["content-security-policy"]
    assert "cross-origin-embedder-policy" not in api.get("/v1/models").headers


def test_other_models_and_files_are_not_handed_out(api, run_service):
    assert api.get("/local/models/fast.onnx").status_code == 404
    own = run_service(threshold=0.9)
    assert httpx.get(f"{own.url}/local/parts.json").status_code == 404
    with pytest.raises(ModelIncompatible, match="in a browser"):
        pack_models("accurate")
