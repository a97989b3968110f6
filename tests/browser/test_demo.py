"""``fakeweb demo`` in a real Chromium: examples, an own picture, and nothing from elsewhere."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from fakeweb.media import read_image

if find_spec("gradio") is None:  # importing it takes seconds
    pytest.skip("needs the extra 'demo'", allow_module_level=True)
httpx = pytest.importorskip("httpx", reason="`just setup demo` brings it")

EXAMPLES = {
    "genuine: Eileen Collins": "No sign of manipulation found",
    "a drawn landscape": "No face found",
}


@pytest.fixture(scope="module")
def temp(tmp_path_factory) -> Path:
    """The folder for temporary files of the demo."""
    return tmp_path_factory.mktemp("demo")


@pytest.fixture(scope="module")
def running(temp):
    """The demo in a process of its own: its address and the process."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    log = temp / "log"
    with log.open("wb") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", "fakeweb", "demo", "--port", str(port)],
            env={**os.environ, "TMPDIR": str(temp)},
            stdout=out,
            stderr=out,
        )
    url = f"http://127.0.0.1:{port}/"
    try:
        _wait(url, process, log)
        yield url, process
    finally:
        process.kill()
        process.wait(60)


def _wait(url: str, process: subprocess.Popen, log: Path) -> None:
    deadline = time.monotonic() + 600  # importing Gradio takes long on a busy machine
    while True:
        assert process.poll() is None, log.read_text()
        assert time.monotonic() < deadline, log.read_text()
        try:
            with urllib.request.urlopen(url, timeout=30):
                return
        except OSError:
            time.sleep(0.3)


@pytest.fixture
def page(browser, running, shot):
    """The page, and under ``page.elsewhere`` whatever it asked of other addresses."""
    one = browser.new_page(viewport={"width": 1180, "height": 960})
    one.set_default_timeout(180_000)
    elsewhere: list[str] = []
    one.on(
        "request",
        lambda r: None if r.url.startswith((running[0], "data:", "blob:")) else elsewhere.append(r.url),
    )
    one.goto(running[0], timeout=180_000)
    one.get_by_text("Was this face manipulated?").wait_for()
    yield one
    one.wait_for_timeout(500)
    assert elsewhere == []
    one.close()


def answer(page) -> str:
    return page.locator(".answer").inner_text()


def turn(page, slider: str, value: str) -> None:
    field = page.get_by_label(f"number input for {slider}")
    field.fill(value)
    field.press("Enter")
    field.blur()


def drawn(page, portrait) -> float:
    """How much of the picture shown is ink: the mean change per channel."""
    source = page.locator("img[alt='']").last.get_attribute("src")
    shown = read_image(page.request.get(source).body()).image.pixels.astype(int)
    return float(np.abs(shown - portrait.pixels).mean())


@pytest.mark.parametrize("example", EXAMPLES)
def test_an_example_is_judged(page, example):
    page.get_by_text(example).first.click()
    page.locator(".answer h2").wait_for()
    assert EXAMPLES[example] in answer(page)
    assert "It is not proof" in answer(page)


def test_forged_examples_are_offered_and_judged_honestly(page, shot):
    page.get_by_text("beauty filter").first.click()
    page.locator(".answer h2").wait_for()
    text = answer(page)
    suspicion = int(re.search(r"suspicion (\d+) of 100", text)[1])
    assert 1 <= suspicion <= 99
    assert "genuine faces it was measured on" in text
    assert "Where the file says it comes from" in text
    assert "JPEG with standard tables" in text
    page.get_by_role("img").last.wait_for()
    page.wait_for_timeout(500)
    shot(page, "demo")


def test_a_group_with_one_fake_and_a_video_are_judged(page, clip, shot):
    page.get_by_text("one of them swapped").first.click()
    page.get_by_text("1 of 6 faces looks manipulated").wait_for()
    page.get_by_role("tab", name="Video").click()
    page.locator("input[type=file][accept*=video]").set_input_files(clip)
    page.get_by_role("button", name="Check the video").click()
    page.locator(".answer h2:visible").wait_for()
    assert "No sign of manipulation found" in page.locator(".answer:visible").inner_text()
    page.locator("video[src*='fakeweb.mp4']").wait_for(state="attached")
    shot(page, "demo-video")


@pytest.mark.parametrize(
    ("path", "headers", "status"),
    [
        ("", {}, 200),
        ("", {"Host": "localhost"}, 200),
        ("", {"Host": "evil.example"}, 403),  # a name that was pointed here after the page was loaded
        ("gradio_api/upload", {}, 200),
        ("gradio_api/upload", {"Origin": "https://evil.example"}, 403),
        ("gradio_api/upload", {"Sec-Fetch-Site": "cross-site"}, 403),
        ("gradio_api/call/scan", {"Origin": "null"}, 403),
    ],
)
def test_a_strangers_page_is_not_answered(running, portrait_path, path, headers, status):
    files = {"files": ("a.jpg", portrait_path.read_bytes(), "image/jpeg")}
    if path.endswith("upload"):
        answered = httpx.post(running[0] + path, files=files, headers=headers, timeout=60)
    elif path:
        answered = httpx.post(running[0] + path, json={"data": [None, 0.5, 100]}, headers=headers, timeout=60)
    else:
        answered = httpx.get(running[0], headers=headers, timeout=60)
    assert answered.status_code == status
    assert "content-security-policy" in answered.headers


def test_an_own_picture_is_judged_as_it_came_and_leaves_with_the_demo(
    page, portrait_path, running, temp, portrait
):
    page.locator("input[type=file]").first.set_input_files(portrait_path)
    page.locator(".answer h2").wait_for()
    assert "No sign of manipulation found" in answer(page)
    page.get_by_text("The whole report").click()
    page.get_by_text(
        "f5724aea6d926c89b191192877e8d879de8d5be509645935dbf684f6278fe275"
    ).wait_for()  # of the file
    page.get_by_text("Move the line").click()
    turn(page, "Call a face manipulated", "0.02")
    page.get_by_text("This face looks manipulated").wait_for()
    assert "You moved the line" in answer(page)
    assert drawn(page, portrait) > 0.5
    turn(page, "Strength of the mesh", "0")
    deadline = time.monotonic() + 120
    while drawn(page, portrait) > 0:
        assert time.monotonic() < deadline
        page.wait_for_timeout(100)


def test_what_is_no_picture_is_refused_in_words(page, portrait_path, tmp_path):
    odd = tmp_path / "half.jpg"
    odd.write_bytes(portrait_path.read_bytes()[:60_000])
    page.locator("input[type=file]").first.set_input_files(odd)
    page.get_by_text(re.compile("half.jpg")).first.wait_for()  # what is wrong with it, and its name
    assert page.locator(".answer").count() == 0


def test_nothing_is_left_at_the_end(running, temp):
    process = running[1]
    assert list(temp.glob("fakeweb-demo-*")), "while it runs, pictures lie there"
    process.send_signal(signal.SIGTERM)
    assert process.wait(180) == 0
    assert not list(temp.glob("fakeweb-demo-*"))
