"""A real Chromium, driven by Playwright; everything in this folder carries the marker ``browser``."""

import os
import shutil
from pathlib import Path

import numpy as np
import pytest

from fakeweb.media import encode_clip
from fakeweb.types import Image

WAIT_MS = 120_000
"""Five seconds, as usual, are too few for a busy machine."""
NAMES = ("chromium", "chromium-browser", "google-chrome")


def pytest_collection_modifyitems(items):
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.browser)


@pytest.fixture(scope="session")
def chromium() -> str:
    """The path of a Chromium; ``CHROMIUM`` in the environment goes before what is on the PATH."""
    pytest.importorskip("playwright", reason="needs playwright (`just setup`)")
    found = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None)
    if found is None:
        pytest.skip("no Chromium on this machine; on Debian: apt-get install chromium, or set CHROMIUM")
    return found


@pytest.fixture(scope="session")
def playwright():
    """Playwright's driver, without browsers of its own."""
    from playwright.sync_api import expect, sync_playwright

    expect.set_options(timeout=WAIT_MS)
    with sync_playwright() as driver:
        yield driver


@pytest.fixture(scope="session")
def launch(chromium, playwright):
    """Start a Chromium with more switches: ``launch("--use-fake-device-for-media-stream")``."""
    open_ones = []

    def start(*switches: str):
        # without a sandbox, since tests run as root in containers; the pages are our own
        browser = playwright.chromium.launch(
            executable_path=chromium, timeout=180_000, args=["--no-sandbox", "--disable-gpu", *switches]
        )
        open_ones.append(browser)
        return browser

    yield start
    for browser in open_ones:
        browser.close()


@pytest.fixture(scope="session")
def browser(launch):
    """The Chromium that most tests share."""
    return launch()


@pytest.fixture
def shot():
    """Keep a screenshot where SHOTS in the environment names a folder: ``shot(page, "name")``."""
    folder = os.environ.get("SHOTS")

    def take(page, name: str) -> None:
        if folder:
            Path(folder).mkdir(parents=True, exist_ok=True)
            page.screenshot(path=Path(folder, f"{name}.png"))

    return take


@pytest.fixture(scope="session")
def service(run_service):
    """The service as it is shipped."""
    return run_service()


@pytest.fixture(scope="session")
def strict(run_service):
    """A service whose operator calls every face fake, so that there is something to draw."""
    return run_service(threshold=0.001)


@pytest.fixture
def visit(browser):
    """Open the page of a service; whatever the browser complains about fails the test."""
    contexts, complaints = [], []

    def open_page(service, *, using=None, **options):
        context = (using or browser).new_context(**{"reduced_motion": "reduce", **options})
        context.set_default_timeout(WAIT_MS)
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on(
            "console",
            # a refused request is reported too; the page must tell of it, and that is tested
            lambda message: (
                complaints.append(message.text)
                if message.type == "error" and "Failed to load resource" not in message.text
                else None
            ),
        )
        page.goto(service.url)
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert not complaints


@pytest.fixture(scope="session")
def clip(portrait, tmp_path_factory) -> Path:
    """Three seconds of a portrait that drifts sideways."""
    path = tmp_path_factory.mktemp("clip") / "clip.mp4"
    pixels = portrait.pixels[20:220, 110:330]
    frames = [(Image(np.ascontiguousarray(np.roll(pixels, n % 5, 1))), n / 8) for n in range(24)]
    encode_clip(path, frames, fps=8, threads=1)
    return path
