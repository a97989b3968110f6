"""The page to hand on, over the API: the one that the command line writes, for pictures and videos."""

import re
import subprocess
import sys
from dataclasses import replace
from urllib.parse import unquote

import numpy as np
import pytest

import fakeweb
from fakeweb.media import encode_clip, encode_png
from fakeweb.scanner import html_of
from fakeweb.types import Image, Report

HTML = {"Accept": "text/html"}
EVIL = '"><img src=x onerror=alert(1)><script>alert(2)</script>.jpg'


@pytest.fixture(scope="module")
def clip(portrait, tmp_path_factory):
    path = tmp_path_factory.mktemp("clip") / "clip.mp4"
    pixels = portrait.pixels[20:220, 110:330]
    frames = [(Image(np.ascontiguousarray(np.roll(pixels, n, 1))), n / 8) for n in range(12)]
    encode_clip(path, frames, fps=8, threads=1)
    return path


def timeless(page: str) -> str:
    return re.sub(r"<dt>Made</dt><dd>[^<]*</dd>", "", page)


def as_json(report: Report) -> Report:
    """Return a report with the digits that JSON has."""
    return Report.from_dict(report.to_dict())


def ended(client, job):
    last = list(client.follow(job.id))[-1]
    assert last.state == "done", last.problem
    return job.id


def test_a_picture_gives_the_page_that_the_scanner_gives(api, jpeg):
    scanner = fakeweb.Scanner(threshold=0.01, max_faces=100)
    report = as_json(replace(scanner.scan(jpeg), source="collins.jpg"))
    ours = html_of(jpeg, report, classifier=scanner.classifier)
    options = {"threshold": 0.01, "name": "collins.jpg"}
    known = api.post("/v1/predict", content=jpeg, params=options).json()
    answer = api.post("/v1/predict", content=jpeg, params=options, headers=HTML)
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/html")
    assert timeless(answer.text) == timeless(ours)
    assert answer.headers["x-fakeweb-id"] == known["id"]  # looked up, not judged again
    assert "filename*=UTF-8''collins.fakeweb.html" in answer.headers["content-disposition"]
    assert answer.headers["content-disposition"].startswith('attachment; filename="collins.fakeweb.html"')
    assert "default-src 'none'" in answer.headers["content-security-policy"]


def test_a_reach_stands_in_the_page_in_the_words_of_the_api(api, small):
    reach = {"views": 120000, "followers": 5000, "engagement_rate": 0.04}
    options = {"threshold": 0.01, "queue": False, **reach}
    judged = api.post("/v1/predict", content=small(60), params=options).json()
    asked = api.get("/v1/impact", params={"p_fake": judged["report"]["verdict"]["p_fake"], **reach}).json()
    assert asked["impact"] == judged["impact"]
    page = api.post("/v1/predict", content=small(60), params=options, headers=HTML).text
    assert f"Impact {asked['text']}." in page
    assert judged["viewer_warnings"][0]["title"] in page


def test_without_a_reach_there_is_no_impact(api):
    assert api.get("/v1/impact", params={"p_fake": 0.5}).json() == {"impact": None, "text": ""}


@pytest.mark.parametrize(
    "query", [{}, {"p_fake": 2}, {"p_fake": 0.5, "views": -1}, {"p_fake": 0.5, "veiws": 1}]
)
def test_an_impact_of_nonsense_is_a_problem(api, query):
    answer = api.get("/v1/impact", params=query)
    assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json")


def test_hostile_names_are_texts_and_paths_are_left_out(api, small):
    for name in (EVIL, "C:\\Users\\me\\secret\\photo.jpg", "/home/me/private/photo.jpg"):
        answer = api.post("/v1/predict", files={"file": (name, small(61), "image/jpeg")}, headers=HTML)
        assert answer.status_code == 200
        assert "<script>alert" not in answer.text
        assert "<img src=x" not in answer.text
        assert not re.search("secret|private|Users", answer.text)
        plain = answer.headers["content-disposition"].split('"')
        assert len(plain) == 3
        assert re.fullmatch("[A-Za-z0-9._-]+", plain[1])
        stem = unquote(answer.headers["content-disposition"].rpartition("''")[2])
        assert not re.search(r'["\\/<>]', stem)


def test_hostile_metadata_are_texts(api, portrait, provenance_maker):
    told = f"</li><script>alert(3)</script><a href='javascript:alert(4)'>{'x' * 5000}"
    picture = provenance_maker.png(portrait.pixels, [("parameters", f"{told}\nSteps: 20, Sampler: Euler a")])
    page = api.post("/v1/predict", content=picture, headers=HTML).text
    assert "alert(3)" in page
    assert "<script>alert" not in page
    assert "<a href='javascript" not in page
    assert "x" * 500 not in page


def test_errors_are_problems_whatever_was_asked_for(api):
    broken = api.post("/v1/predict", content=b"plain text", headers=HTML)
    assert (broken.status_code, broken.headers["content-type"]) == (422, "application/problem+json")
    neither = api.post("/v1/predict", content=b"x", headers={"Accept": "text/csv"})
    assert neither.status_code == 406
    assert "text/html" in neither.json()["detail"]


def test_a_video_gives_its_page_with_the_telling_moments(service, api, clip):
    with service.client() as client:
        job = ended(client, client.create_video(clip, threshold=0.001))
        answer = api.get(f"/v1/videos/{job}/result", params={"views": 120000}, headers=HTML)
    scanner = fakeweb.Scanner(threshold=0.001, max_faces=100)
    report = as_json(scanner.scan(clip))
    ours = html_of(clip, report, classifier=scanner.classifier)
    assert answer.status_code == 200
    assert "<p>Impact " in answer.text
    told = re.sub("<p>Impact [^<]*</p>\n", "", answer.text)
    sheets = [
        re.findall('figure class="sheet"><img alt="[^"]*" src="([^"]*)"', page) for page in (told, ours)
    ]
    assert len(sheets[0]) == 1
    assert sheets[0] == sheets[1]
    assert timeless(told) == timeless(ours)
    assert api.get(f"/v1/videos/{job}/result", headers={"Accept": "image/png"}).status_code == 406
    assert api.get(f"/v1/videos/{job}/result").json()["impact"] is None


def test_where_no_overlay_was_wanted_no_pixels_are_kept_for_the_page(service, api, clip):
    with service.client() as client:
        job = ended(client, client.create_video(clip, overlay=False))
    answer = api.get(f"/v1/videos/{job}/result", headers=HTML)
    assert answer.status_code == 200
    assert "<svg" in answer.text
    assert 'class="sheet"' not in answer.text
    assert not list((service.data_dir / "jobs" / job).iterdir())


def test_a_still_that_was_sent_as_a_video_shows_itself(service, api, portrait):
    with service.client() as client:
        job = ended(client, client.create_video(encode_png(portrait), threshold=0.001))
    page = api.get(f"/v1/videos/{job}/result", headers=HTML).text
    assert 'class="stage"' in page
    assert 'id="drawn"' in page


class TestTrust:
    def test_signers_on_the_operators_list_are_trusted(
        self, run_service, provenance_maker, portrait, clip, tmp_path
    ):
        pytest.importorskip("c2pa", reason="needs the extra 'provenance'")
        (tmp_path / "trust.pem").write_bytes(provenance_maker.certificates()[2])
        picture = provenance_maker.signed(provenance_maker.jpeg(portrait.pixels), "image/jpeg")
        video = provenance_maker.signed(clip.read_bytes(), "video/mp4")
        service = run_service(trust=tmp_path / "trust.pem")
        options = {"threshold": 0.01}  # another scanner than the first
        for params in ({}, options):
            found = service.predict(picture, params=params).json()["report"]["provenance"]
            assert found["credentials"]["state"] == "trusted"
        with service.client() as client:
            job = ended(client, client.create_video(video, overlay=False))
            found = client.video_result(job).report.provenance
        assert found["credentials"]["state"] == "trusted"

    @pytest.mark.parametrize("content", [None, b"-----BEGIN CERTIFICATE-----\nAA\n"])
    def test_a_wrong_list_is_told_at_the_start(self, content, tmp_path):
        pytest.importorskip("c2pa", reason="needs the extra 'provenance'")
        if content is not None:
            (tmp_path / "trust.pem").write_bytes(content)
        words = [
            "serve",
            "--port",
            "0",
            "--data-dir",
            str(tmp_path / "d"),
            "--trust",
            str(tmp_path / "trust.pem"),
        ]
        ran = subprocess.run(
            [sys.executable, "-m", "fakeweb", *words],
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert ran.returncode == 2
        assert "trust list" in ran.stderr
        assert "Traceback" not in ran.stderr
