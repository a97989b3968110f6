"""A short run of what ``deploy/load/fuzz.py`` does for long."""

import importlib.util
import json
import random
import subprocess
import sys
from pathlib import Path

import pytest

import fakeweb

LOAD = Path(__file__).parents[3] / "deploy" / "load"


def _load(name):
    spec = importlib.util.spec_from_file_location(f"fakeweb_load_{name}", LOAD / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


mutate, seeds = _load("mutations").mutate, _load("seeds")


def essence(report):
    return json.dumps({k: v for k, v in report.items() if k not in ("source", "timings_s")}, sort_keys=True)


def test_broken_pictures_harm_nobody_and_whole_ones_are_judged_right(service, api):
    rng = random.Random(7)
    whole = seeds.pictures()
    scanner = fakeweb.Scanner()
    expected = [essence(json.loads(json.dumps(scanner.scan(p).to_dict()))) for p in whole]
    workers = service.children()
    for number in range(150):
        which = rng.randrange(len(whole))
        if number % 10 == 0:
            answer = api.post("/v1/predict", content=whole[which], params={"overlay": True})
            assert answer.status_code == 200
            assert essence(answer.json()["report"]) == expected[which]
        else:
            answer = api.post("/v1/predict", content=mutate(whole[which], whole, rng))
            assert answer.status_code in (200, 413, 415, 422), answer.text
            if answer.status_code != 200:
                assert answer.json()["code"].startswith("media.")
    assert service.children() == workers, "no worker died"


@pytest.mark.slow
def test_broken_videos_harm_nobody(service):
    rng = random.Random(7)
    whole = seeds.videos()
    with service.client() as client:
        for number in range(16):
            which = rng.randrange(len(whole))
            body = whole[which] if number % 4 == 0 else mutate(whole[which], whole, rng)
            last = list(client.follow(client.create_video(body).id))[-1]
            assert last.state in ("done", "failed")
            assert number % 4 or last.state == "done"
            if last.problem:
                assert last.problem.code.startswith("media."), last.problem


@pytest.mark.slow
def test_requests_made_up_from_the_openapi_document(run_service, tmp_path):
    tool = Path(sys.executable).with_name("schemathesis")
    if not tool.is_file():
        pytest.skip("needs schemathesis: just setup server")
    service = run_service(max_jobs_waiting=1000)
    checks = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance"
    command = [
        tool,
        "run",
        f"{service.url}/v1/openapi.json",
        "--checks",
        checks,
        "--phases",
        "examples,coverage,fuzzing",
    ]
    command += [
        "--max-examples",
        "5",
        "--seed",
        "1",
        "--exclude-path-regex",
        "/events$",
        "--request-timeout",
        "60",
    ]
    command += ["--suppress-health-check", "all", "--continue-on-failure"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 0, done.stdout[-5000:]
