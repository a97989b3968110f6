"""Videos through the service are judged and drawn as the Scanner judges and draws them."""

import io
import json

import httpx
import numpy as np
import pytest
from PIL import Image as Pillow

import fakeweb
from fakeweb.media import encode_clip, open_clip
from fakeweb.types import Image


@pytest.fixture(scope="session")
def clip(portrait, tmp_path_factory):
    """One and a half seconds of a portrait that drifts sideways."""
    path = tmp_path_factory.mktemp("clip") / "clip.mp4"
    pixels = portrait.pixels[20:220, 110:330]
    frames = [(Image(np.ascontiguousarray(np.roll(pixels, n, 1))), n / 8) for n in range(12)]
    encode_clip(path, frames, fps=8, threads=1)
    return path


def test_a_video_is_judged_and_drawn(service, clip, tmp_path):
    with service.client() as client:
        job = client.create_video(clip, threshold=0.001, views=5000, reference="clip")
        seen = list(client.follow(job.id))
        assert seen[-1].state == "done", seen[-1].problem
        assert {"judging", "drawing"} & {j.stage for j in seen}
        assert [j.progress for j in seen] == sorted(j.progress for j in seen)
        answer = client.video_result(job.id)
        ours = fakeweb.Scanner(threshold=0.001).scan(clip).to_dict()
        theirs = answer.report.to_dict()
        for report in (ours, theirs):
            del report["timings_s"], report["source"]
        assert json.dumps(theirs) == json.dumps(ours)
        assert answer.report.verdict.label == "fake"
        assert answer.report.timeline
        assert answer.impact.score > 0
        assert answer.viewer_warnings
        drawn = client.video_overlay(job.id, tmp_path / "o.mp4")
        with open_clip(clip) as before, open_clip(drawn) as after:
            assert len(after.times_s) == len(before.times_s)
        again = client.video_result(job.id)
        assert again.id == answer.id


def test_an_animated_picture_is_a_video_too(service):
    frames = [np.full((60, 80, 3), shade, np.uint8) for shade in (40, 90, 140)]

    out = io.BytesIO()
    first, *rest = [Pillow.fromarray(f) for f in frames]
    first.save(out, "GIF", save_all=True, append_images=rest, duration=200)
    with service.client() as client:
        job = client.create_video(out.getvalue(), overlay=False)
        last = list(client.follow(job.id))[-1]
        assert last.state == "done", last.problem
        assert not last.has_overlay
        assert client.video_result(job.id).report.verdict.label == "no_face"
    assert httpx.get(f"{service.url}/v1/videos/{job.id}/overlay", timeout=300).status_code == 404


@pytest.mark.slow
def test_limits_of_a_video_hold(run_service, clip):
    service = run_service(max_duration_s=1, max_video_bytes=1_000_000)
    with service.client() as client:
        last = list(client.follow(client.create_video(clip).id))[-1]
        assert (last.state, last.problem.code) == ("failed", "media.too_large")


def test_half_a_video_is_judged_or_fails_but_ends(service, clip):
    data = clip.read_bytes()
    with service.client() as client:
        for cut in (len(data) // 2, 400):
            last = list(client.follow(client.create_video(data[:cut]).id))[-1]
            assert last.state in ("done", "failed")
            if last.problem:
                assert last.problem.code.startswith("media.")
