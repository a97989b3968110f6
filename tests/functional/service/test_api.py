"""What a caller of the API sees."""

import base64
import hashlib
import json
import re
from pathlib import Path

import httpx
import jsonschema
import numpy as np
import pytest

import fakeweb
from fakeweb.media import encode_png, read_image
from fakeweb.render import REPORT_SCHEMA
from fakeweb.runtime import find_card
from fakeweb.types import Image, Report

ROOT = Path(__file__).parents[3]
FORM = "multipart/form-data"
CUT = {"content": b"--a\r\n", "headers": {"Content-Type": f"{FORM}; boundary=a"}}


def test_a_picture_is_judged_as_the_scanner_judges_it(api, jpeg):
    answer = api.post("/v1/predict", content=jpeg, params={"name": "collins.jpg"})
    assert answer.status_code == 200
    body = answer.json()
    ours, theirs = fakeweb.scan(jpeg).to_dict(), dict(body["report"])
    assert theirs.pop("source") == "collins.jpg"
    for report in (ours, theirs):
        report.pop("source", None)
        report.pop("timings_s")
    assert theirs == ours
    assert body["impact"] is None
    assert body["viewer_warnings"] == []
    assert body["overlay"] is None


@pytest.mark.parametrize("path", ["/predict", "/v1/predict"])
@pytest.mark.parametrize("field", ["file", "image"])
def test_a_form_does_as_well(api, jpeg, path, field):
    answer = api.post(path, files={field: ("a b.jpg", jpeg, "image/jpeg")})
    assert answer.status_code == 200
    assert answer.json()["report"]["source"] == "a b.jpg"


def test_the_same_bytes_are_judged_once(api, small):
    first, second = (api.post("/v1/predict", content=small(1)).json() for _ in range(2))
    assert (first["cached"], second["cached"]) == (False, True)
    assert first["id"] == second["id"]
    other = api.post("/v1/predict", content=small(1), params={"threshold": 0.01}).json()
    assert other["cached"] is False
    assert other["id"] != first["id"]


def test_options_stand_in_the_query_or_in_the_form(api, small):
    in_query = api.post("/v1/predict", content=small(2), params={"threshold": 0.01}).json()
    in_form = api.post("/v1/predict", files={"file": small(2)}, data={"threshold": "0.01"}).json()
    assert in_query["id"] == in_form["id"]
    assert in_query["report"]["thresholds"]["source"] == "user"
    assert in_query["report"]["verdict"]["label"] == "fake"


def test_the_overlay_comes_as_base64_or_as_png(api, small):
    options = {"threshold": 0.01}
    body = api.post("/v1/predict", content=small(3), params={**options, "overlay": True}).json()
    drawn = base64.b64decode(body["overlay"])
    answer = api.post("/v1/predict", content=small(3), params=options, headers={"Accept": "image/png"})
    assert answer.headers["content-type"] == "image/png"
    assert answer.content == drawn
    assert answer.headers["x-fakeweb-verdict"] == "fake"
    assert 0 < float(answer.headers["x-fakeweb-p-fake"]) < 1
    before, after = read_image(small(3)).image.pixels, read_image(drawn).image.pixels
    assert after.shape == before.shape
    assert (after != before).any()
    faint = api.post(
        "/v1/predict", content=small(3), params={**options, "opacity": 0}, headers={"Accept": "image/png"}
    )
    assert (read_image(faint.content).image.pixels == before).all()


def test_at_most_so_many_faces(api, portrait):
    two = np.ascontiguousarray(np.hstack([portrait.pixels[:320, 60:380]] * 2))
    picture = encode_png(Image(two))
    every = api.post("/v1/predict", content=picture).json()["report"]["faces"]
    one = api.post("/v1/predict", content=picture, params={"faces": 1}).json()["report"]["faces"]
    assert [len(every), len(one)] == [2, 2]
    assert [f["score"] is None for f in every] == [False, False]
    assert sorted(f["score"] is None for f in one) == [False, True]


def test_no_face_is_an_answer(api, plain):
    answer = api.post("/v1/predict", content=encode_png(plain(90)))
    assert answer.status_code == 200
    assert answer.json()["report"]["verdict"]["label"] == "no_face"


def test_a_batch_answers_each_picture_in_its_order(api, small):
    files = [
        ("files", ("a.jpg", small(4))),
        ("files", ("b.txt", b"hello there, reader")),
        ("files", ("c.jpg", small(5))),
    ]
    items = api.post("/v1/predict/batch", files=files).json()["items"]
    assert [(i["name"], i["status"]) for i in items] == [("a.jpg", 200), ("b.txt", 415), ("c.jpg", 200)]
    assert items[1]["problem"]["code"] == "media.unsupported"
    assert items[2]["judgement"]["report"]["media_sha256"] == hashlib.sha256(small(5)).hexdigest()


@pytest.mark.parametrize(
    ("content", "status", "code"),
    [
        (b"", 422, "media.unreadable"),
        (b"\xff\xd8\xff\xe0" + bytes(40), 422, "media.unreadable"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", 415, "media.unsupported"),
        (b"%PDF-1.7 and more of it", 415, "media.unsupported"),
    ],
)
def test_bad_pictures_are_problems(api, content, status, code):
    answer = api.post("/v1/predict", content=content)
    problem = answer.json()
    assert answer.status_code == problem["status"] == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert problem["code"] == code
    assert problem["type"] == f"urn:fakeweb:{code}"
    assert problem["hint"]
    assert problem["instance"].endswith(answer.headers["x-request-id"])


def test_a_cut_picture_and_a_bomb_are_refused(api, jpeg):
    assert api.post("/v1/predict", content=jpeg[:-9000]).json()["code"] == "media.unreadable"
    ihdr = b"IHDR" + (30000).to_bytes(4, "big") * 2 + b"\x08\x02\0\0\0"
    import zlib

    bomb = (
        b"\x89PNG\r\n\x1a\n"
        + (13).to_bytes(4, "big")
        + ihdr
        + zlib.crc32(ihdr).to_bytes(4, "big")
        + bytes(20)
    )
    assert api.post("/v1/predict", content=bomb).json()["code"] == "media.too_large"


@pytest.mark.parametrize(
    ("method", "path", "request_", "status", "code"),
    [
        ("POST", "/v1/predict?treshold=1", {"content": b"x"}, 422, "service.invalid_option"),
        ("POST", "/v1/predict?threshold=2", {"content": b"x"}, 422, "service.invalid_option"),
        ("POST", "/v1/predict?threshold=nan", {"content": b"x"}, 422, "service.invalid_option"),
        ("POST", "/v1/predict?threshold=.1&threshold=.2", {"content": b"x"}, 422, "service.invalid_option"),
        ("POST", "/v1/predict", {"files": {"other": (None, "x")}}, 422, "media.unreadable"),
        ("POST", "/v1/predict", {"content": b"x", "headers": {"Content-Type": FORM}}, 400, "service.bad_request"),
        ("POST", "/v1/predict", CUT, 400, "service.bad_request"),
        ("POST", "/v1/predict", {"content": b"x", "headers": {"Accept": "text/csv"}}, 406, "service.not_acceptable"),
        ("POST", "/v1/urls", {"json": {"url": "https://example.org/a.jpg"}}, 400, "usage.refused"),
        ("POST", "/v1/urls", {"content": b"{"}, 422, "service.invalid_option"),
        ("GET", "/v1/nothing", {}, 404, "service.not_found"),
        ("GET", "/predict", {}, 405, "service.bad_request"),
        ("GET", "/v1/videos/none", {}, 404, "service.not_found"),
        ("GET", "/v1/queue?limit=0", {}, 422, "service.invalid_option"),
        ("GET", "/v1/queue/none", {}, 404, "service.not_found"),
        ("PATCH", "/v1/queue/none", {"json": {"decision": "perhaps"}}, 422, "service.invalid_option"),
        ("GET", "/v1/results/none", {}, 404, "service.not_found"),
        ("DELETE", "/v1/media/none", {}, 422, "service.invalid_option"),
        ("GET", "/docs/../../pyproject.toml", {}, 404, "service.not_found"),
    ],
)  # fmt: skip
def test_wrong_requests_are_problems(api, method, path, request_, status, code):
    answer = api.request(method, path, **request_)
    assert answer.headers["content-type"] == "application/problem+json"
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert "Traceback" not in answer.text


def test_impact_warnings_and_the_queue_put_the_worst_first(api, small):
    assert api.get("/v1/queue").json()["total"] == 0
    reaches = {"small": {"views": 100}, "large": {"views": 2_000_000}, "middle": {"followers": 50_000}}
    ids = {}
    for number, (name, reach) in enumerate(reaches.items()):
        options = {"threshold": 0.01, "reference": name, **reach}
        answer = api.post("/v1/predict", content=small(20 + number), params=options).json()
        p = answer["report"]["verdict"]["p_fake"]
        audience = {"small": 100, "large": 2_000_000, "middle": 5000}[name]
        assert answer["impact"]["score"] == pytest.approx(p * np.log10(1 + audience), abs=1e-5)
        warning = answer["viewer_warnings"][0]
        assert warning["faces"] == [1]
        assert warning["kind"] in ("swap", "retouch", "generated")
        ids[name] = answer["queue_id"]
    unnoticed = api.post("/v1/predict", content=small(23), params={"threshold": 0.01}).json()
    real = api.post("/v1/predict", content=small(24), params={"threshold": 0.99, "views": 10}).json()
    assert unnoticed["queue_id"] is None
    assert (real["queue_id"] is None) == (real["report"]["verdict"]["label"] == "real")
    items = [i for i in api.get("/v1/queue").json()["items"] if i["reference"]]
    assert [i["reference"] for i in items] == ["large", "middle", "small"]
    assert items[0]["result_id"]

    decided = api.patch(
        f"/v1/queue/{ids['large']}", json={"decision": "accept", "note": "swap, see source"}
    ).json()
    assert (decided["state"], decided["note"]) == ("accepted", "swap, see source")
    assert decided["decided_at"]
    assert [i["reference"] for i in api.get("/v1/queue?limit=1").json()["items"]] == ["middle"]
    assert [i["id"] for i in api.get("/v1/queue?state=accepted").json()["items"]] == [ids["large"]]
    again = api.patch(f"/v1/queue/{ids['large']}", json={"decision": "reopen"}).json()
    assert (again["state"], again["note"], again["decided_at"]) == ("open", "swap, see source", None)


def test_the_same_post_stands_in_the_queue_once_with_its_latest_reach(api, small):
    options = {"threshold": 0.01, "reference": "grows"}
    first = api.post("/v1/predict", content=small(30), params={**options, "views": 10}).json()
    second = api.post("/v1/predict", content=small(30), params={**options, "views": 10_000}).json()
    assert first["queue_id"] == second["queue_id"]
    assert api.get(f"/v1/queue/{first['queue_id']}").json()["views"] == 10_000


def test_results_can_be_read_and_everything_forgotten(api, small):
    picture = small(40)
    answer = api.post("/v1/predict", content=picture, params={"threshold": 0.01, "views": 5}).json()
    stored = api.get(f"/v1/results/{answer['id']}").json()
    assert Report.from_dict(stored["report"]).verdict.label == "fake"
    assert stored["report"]["source"] == "upload"
    digest = hashlib.sha256(picture).hexdigest()
    assert api.delete(f"/v1/media/{digest}").json() == {"results": 1, "jobs": 0, "queue_items": 1}
    assert api.get(f"/v1/results/{answer['id']}").status_code == 404
    assert api.get(f"/v1/queue/{answer['queue_id']}").status_code == 404
    assert api.post("/v1/predict", content=picture, params={"threshold": 0.01}).json()["cached"] is False
    one = api.post("/v1/predict", content=picture).json()
    assert api.delete(f"/v1/results/{one['id']}").status_code == 204
    assert api.delete(f"/v1/results/{one['id']}").status_code == 404


def test_pictures_leave_no_trace_on_the_disk(service, api, small):
    picture = small(50)
    api.post("/v1/predict", content=picture, params={"overlay": True})
    for path in service.data_dir.rglob("*"):
        assert not path.is_file() or picture[100:400] not in path.read_bytes(), path


def test_security_headers_are_everywhere(api):
    for path in ("/", "/docs", "/livez", "/v1/nothing", "/v1/models", "/v1/openapi.json"):
        headers = api.get(path).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["x-frame-options"] == "DENY"
        assert "default-src 'none'" in headers["content-security-policy"]
        assert "'unsafe-eval'" not in headers["content-security-policy"]
        assert "server" not in headers


def test_the_page_comes_with_the_service_and_needs_nothing_from_outside(api):
    page = api.get("/")
    assert page.headers["cache-control"] == "no-cache"
    assert "http://" not in page.text
    assert "https://" not in page.text
    assert "camera=(self)" in page.headers["permissions-policy"]  # the page may ask; the API may not
    assert "camera=()" in api.get("/v1/models").headers["permissions-policy"]
    found = re.findall(r'(?:src|href)="(/[^"]+)"', page.text)
    assert len(found) >= 3
    for address in found:
        part = api.get(address)
        assert part.status_code == 200, address
        assert ("immutable" in part.headers["cache-control"]) == address.startswith("/assets/")
    assert api.head("/").status_code == 200
    assert api.get("/examples/portrait.jpg").content == (ROOT / "examples" / "collins.jpg").read_bytes()
    assert api.get("/built-from.json").status_code == 404


def test_the_page_does_not_swallow_addresses_of_the_api(api):
    assert api.get("/v1/predict").status_code == 405
    assert api.post("/v1/nothing").status_code == 404
    assert api.post("/").status_code == 405


def test_models_tell_their_lines_and_how_often_they_are_wrong(api):
    answer = api.get("/v1/models").json()
    assert answer["fetches_addresses"] is False
    (used,) = [model for model in answer["models"] if model["in_use"]]
    assert 0 < used["lines"]["real"] < used["lines"]["fake"] < 1
    card = json.loads((ROOT / "src/fakeweb/models/fast.json").read_text())
    for measured in used["measured"]:
        scores = card["details"]["scores"][measured["on"]]
        assert measured["real_called_fake"] == scores["real_called_fake"]
        assert measured["fake_called_fake"] == scores["fake_called_fake"]
        real, fake = measured["real_faces"], measured["fake_faces"]
        unsure = (1 - measured["real_called_fake"] - measured["real_called_real"]) * real
        unsure += (1 - measured["fake_called_fake"] - measured["fake_called_real"]) * fake
        assert unsure / (real + fake) == pytest.approx(scores["uncertain"], abs=1e-3)
    assert used["measured"]


def test_the_documentation_needs_nothing_from_outside(api):
    page = api.get("/docs")
    assert page.status_code == 200
    assert "http://" not in page.text
    assert "https://" not in page.text
    assert "<script>" not in page.text  # the policy forbids inline scripts
    for name in ("swagger-ui-bundle.js", "swagger-ui.css", "start.js", "favicon-32x32.png", "LICENSE"):
        assert name == "LICENSE" or f"/docs/{name}" in page.text
        assert api.get(f"/docs/{name}").status_code == 200


def test_the_openapi_document_is_the_committed_one(api):
    committed = json.loads((ROOT / "docs/reference/openapi.json").read_text())
    assert api.get("/v1/openapi.json").json() == committed


def test_health_models_and_metrics(api, jpeg):
    assert api.get("/livez").json()["status"] == api.get("/readyz").json()["status"] == "ok"
    models = api.get("/v1/models").json()
    assert [m["reference"] for m in models["models"] if m["in_use"]] == [find_card("fast").reference]
    assert models["limits"]["max_bytes"] == 20 << 20
    api.post("/v1/predict", content=jpeg)
    page = api.get("/metrics").text
    assert 'fakeweb_requests_total{route="predict",status="200"}' in page
    assert "fakeweb_workers_ready 1.0" in page


def test_file_names_are_made_safe(api, small):
    form = (
        b'--x\r\nContent-Disposition: form-data; name="file"; filename="../../etc/<b>\x1b[31m.jpg"\r\n\r\n'
        + small(60) + b"\r\n--x--\r\n"
    )  # fmt: skip
    answer = api.post("/v1/predict", content=form, headers={"Content-Type": f"{FORM}; boundary=x"})
    assert answer.json()["report"]["source"] == "_b__[31m.jpg"


@pytest.mark.parametrize("sent", [b'filename="\xff\xfe.jpg"', b"filename*=UTF-8''%FF%FE.jpg"])
def test_a_name_that_is_no_utf8_is_shown_as_the_command_line_shows_it(api, small, sent):
    form = (
        b'--x\r\nContent-Disposition: form-data; name="file"; '
        + sent
        + b"\r\n\r\n"
        + small(61)
        + b"\r\n--x--\r\n"
    )
    answer = api.post("/v1/predict", content=form, headers={"Content-Type": f"{FORM}; boundary=x"})
    assert answer.json()["report"]["source"] == "\\xff\\xfe.jpg"


def test_a_page_of_another_origin_may_call_only_when_allowed(run_service, api):
    there = {"Origin": "https://app.example"}
    assert "access-control-allow-origin" not in api.get("/livez", headers=there).headers
    allowed = run_service(cors_origins="https://app.example", max_bytes=1000)
    preflight = {
        **there,
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization",
    }
    with httpx.Client(base_url=allowed.url, timeout=300) as other:
        assert other.options("/v1/predict", headers=preflight).status_code == 200
        assert (
            other.get("/livez", headers=there).headers["access-control-allow-origin"] == "https://app.example"
        )
        refused = other.post("/v1/predict", content=bytes(200_000), headers=there)
        assert refused.status_code == 413
        assert refused.headers["access-control-allow-origin"] == "https://app.example"
        evil = other.get("/livez", headers={"Origin": "https://evil.example"})
        assert "access-control-allow-origin" not in evil.headers


def test_a_report_is_the_same_whichever_way_it_is_asked_for(api, small):
    """New, from memory, stored, in a batch: the same bytes but for the name, and as the schema says."""
    params = {"threshold": 0.01, "name": "a.jpg"}
    first, again = (api.post("/v1/predict", content=small(70), params=params).json() for _ in range(2))
    files = [("files", ("b.jpg", small(70), "image/jpeg"))]
    batch = api.post("/v1/predict/batch", files=files, data={"threshold": "0.01"}).json()["items"][0][
        "judgement"
    ]
    stored = api.get(f"/v1/results/{first['id']}").json()
    told = {"a.jpg": first, "b.jpg": batch, "upload": stored}
    for name, answer in told.items():
        jsonschema.validate(answer["report"], REPORT_SCHEMA)
        assert answer["report"] == {**first["report"], "source": name}
        assert answer["viewer_warnings"] == first["viewer_warnings"] != []
    assert (again["report"], again["cached"], batch["cached"]) == (first["report"], True, True)
