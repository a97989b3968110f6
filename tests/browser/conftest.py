"""A real Chromium, driven by Playwright; everything in this folder carries the marker ``browser``."""

import os
import shutil
from pathlib import Path

import pytest

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
    from playwright.sync_api import sync_playwright

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
