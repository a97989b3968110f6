"""Pictures that cost far more than they weigh, and files that end who reads them."""

import io
import os
import signal
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from PIL import Image

from fakeweb.media import encode_png
from fakeweb.types import Image as Drawn


def slow(portrait, number):
    """A picture whose many faces take a worker a second or so."""
    tile = np.roll(portrait.pixels[20:260, 100:340], number, 0)
    return encode_png(Drawn(np.ascontiguousarray(np.tile(tile, (5, 5, 1)))))


def restarts(service):
    line = next(
        x for x in service.get("/metrics").text.splitlines() if x.startswith("fakeweb_worker_restarts ")
    )
    return float(line.split()[1])


def test_a_file_that_took_a_worker_too_long_is_not_read_again(run_service, portrait, small):
    service = run_service(deadline_s=0.4)
    service.predict(small(80_001))  # the first one takes a new worker longer
    answers = [service.predict(slow(portrait, 3))]
    while answers[-1].status_code == 503:  # twice, where others kept the worker from it
        assert answers[-1].json()["code"] == "service.overdue"
        assert len(answers) < 20, "and now and then no worker was there in time"
        while service.get("/readyz").status_code != 200:
            time.sleep(0.05)
        answers.append(service.predict(slow(portrait, 3)))
    assert (answers[-1].status_code, answers[-1].json()["code"]) == (422, "media.harmful")
    assert "an hour" in answers[-1].json()["detail"]
    assert len(answers) > 1
    ended = restarts(service)
    assert service.predict(slow(portrait, 3)).json()["code"] == "media.harmful"
    assert restarts(service) == ended
    service.stop()
    later = run_service(data_dir=service.data_dir, deadline_s=0.4)  # it is remembered
    assert later.predict(slow(portrait, 3)).json()["code"] == "media.harmful"
    assert restarts(later) == 0


@pytest.mark.parametrize(
    ("end", "codes"),
    [(signal.SIGSEGV, ["worker.died", "media.harmful"]), (signal.SIGKILL, ["worker.died", None])],
)
def test_a_crash_counts_at_once_and_a_kill_from_outside_twice(run_service, portrait, end, codes):
    service = run_service()
    (worker,) = service.children()
    picture = slow(portrait, int(end))
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(service.predict, picture)
        while "fakeweb_inside 1.0" not in service.get("/metrics").text:
            time.sleep(0.01)
        time.sleep(0.2)
        os.kill(worker, end)
        assert answer.result().json()["code"] == codes[0]
    assert service.predict(picture).json().get("code") == codes[1]


def encoded(pixels, kind, **options):
    target = io.BytesIO()
    Image.fromarray(pixels).save(target, kind, **options)
    return target.getvalue()


@pytest.fixture(scope="module")
def bombs():
    """Small files with 36 million pixels, each of which takes seconds to judge."""
    even = np.full((6000, 6000, 3), 128, np.uint8)
    progressive = encoded(even, "JPEG", progressive=True)
    at = progressive.rindex(b"\xff\xda")
    return {
        "PNG": encoded(even, "PNG"),
        "AVIF": encoded(even, "AVIF", speed=10),
        "WebP": encoded(even, "WebP", lossless=True, method=0),
        "J2K": encoded(even, "JPEG2000"),
        "scans": progressive[:-2] + progressive[at:-2] * 180 + progressive[-2:],
    }


def test_costly_pictures_are_refused_before_they_reach_a_worker_where_time_is_short(run_service, bombs):
    service = run_service(deadline_s=2)
    for name, data in bombs.items():
        begun = time.monotonic()
        answer = service.predict(data)
        assert (name, answer.status_code, answer.json()["code"]) == (name, 413, "media.too_large")
        assert time.monotonic() - begun < 1.0
    assert restarts(service) == 0


def test_scans_that_pass_over_a_picture_again_and_again_are_refused(service, bombs):
    begun = time.monotonic()
    answer = service.predict(bombs["scans"])
    assert (answer.status_code, answer.json()["code"]) == (422, "media.unreadable")
    assert "too often" in answer.json()["detail"]
    assert time.monotonic() - begun < 2.0


def test_a_costly_picture_counts_for_what_it_costs(run_service, bombs, small):
    """Its sender waits for it; somebody who sends one while it is judged is let in."""
    service = run_service(max_wait_s=1, deadline_s=60)
    service.predict(small(80_002))
    with ThreadPoolExecutor(1) as pool:
        costly = pool.submit(service.predict, bombs["PNG"])
        while "fakeweb_inside 1.0" not in service.get("/metrics").text:
            time.sleep(0.01)
        time.sleep(0.3)
        second = service.predict(small(80_003))
        assert (second.status_code, second.json()["code"]) == (503, "service.busy")
        assert int(second.headers["retry-after"]) >= 2
        assert costly.result().status_code == 200


def test_what_decoders_say_of_a_file_does_not_fill_the_log(run_service):
    """libtiff complains on standard error of codes that come too early."""
    service = run_service()
    data = bytearray(
        encoded(
            np.random.default_rng(0).integers(0, 255, (64, 64, 3), np.uint8), "TIFF", compression="tiff_lzw"
        )
    )
    strips = int.from_bytes(data[4:8], "little")
    for at in range(8 + 40, min(strips, len(data)) - 8, 97):
        data[at : at + 4] = b"\xff\xff\xff\xff"
    assert service.predict(bytes(data)).status_code == 422
    assert ".tif" not in service.log.read_text()
