"""The page to hand on, in a Chromium: it breaks no policy, its slider works, and it prints on two pages."""

import re
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from fakeweb import Scanner, read_image
from fakeweb.scanner import html_of
from fakeweb.types import Impact


@pytest.fixture(scope="module")
def address(tmp_path_factory, portrait_path):
    scanner = Scanner(threshold=0.001)
    page = html_of(portrait_path, scanner.scan(portrait_path), classifier=scanner.classifier)
    path = tmp_path_factory.mktemp("page") / "report.html"
    path.write_text(page, encoding="utf-8")
    assert read_image(portrait_path).image.width == 512
    return path.as_uri()


@pytest.fixture
def page(browser):
    context = browser.new_context()
    yield context.new_page()
    context.close()


def test_nothing_is_loaded_and_the_slider_works(page, address):
    told = []
    page.on("console", lambda message: told.append(message.text))
    page.on("request", lambda request: told.append(request.url) if request.url.startswith("http") else None)
    page.goto(address)
    assert page.locator("#slide").is_visible()
    page.locator("#opacity").fill("30")
    assert page.locator("#drawn").evaluate("e => getComputedStyle(e).opacity") == "0.3"
    assert told == []


def test_all_can_be_read_without_scripts(browser, address):
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(address)
    assert page.locator("h1").inner_text().startswith("This looks manipulated")
    assert not page.locator("#slide").is_visible()
    assert page.locator("#drawn").is_visible()
    context.close()


def test_it_prints_on_two_pages(page, address):
    page.goto(address)
    pdf = page.pdf(prefer_css_page_size=True)
    assert len(re.findall(rb"/Type\s*/Page\b", pdf)) == 2


def worst(portrait, provenance_maker) -> bytes:
    """A picture of twelve faces whose file tells of all there is, and contradicts itself."""
    m = provenance_maker
    tile = np.ascontiguousarray(np.tile(portrait.pixels[20:260, 100:340], (3, 4, 1)))
    inside = m.jpeg(np.ascontiguousarray(portrait.pixels[::-1][:120, :160]))
    exif = m.exif({**m.CAMERA, 305: "Adobe Photoshop 25.0"}, m.EXPOSURE, inside)
    steps = m.history(*[("saved", "Adobe Photoshop 25.0")] * 9)
    xmp = m.xmp(m.source_type("trainedAlgorithmicMedia") + ' xmp:CreatorTool="Adobe Firefly"', steps)
    credit = m.iptc(credit=f"Made with Google AI {'and much more ' * 20}", instructions="FBMD01000")
    return m.with_segment(m.jpeg(tile, exif=exif, xmp=xmp), credit)


def test_the_longest_report_prints_on_two_pages_too(page, portrait, provenance_maker, tmp_path, shot):
    picture = worst(portrait, provenance_maker)
    scanner = Scanner(threshold=0.001)
    found = scanner.scan(picture)
    kinds = ("swap", "reenacted", "retouch", "generated")
    faces = tuple(
        replace(face, score=replace(face.score, kinds={kinds[i % 4]: 1.0}))
        for i, face in enumerate(found.faces)
    )
    report = replace(found, faces=faces, warnings=("its colour profile is damaged",) * 3)
    html = html_of(picture, report, classifier=scanner.classifier, impact=Impact(4.6, "critical", 124_800.0))
    (tmp_path / "worst.html").write_text(html, encoding="utf-8")
    page.goto((tmp_path / "worst.html").as_uri())
    assert page.locator(".viewers b").count() == 4
    assert page.locator(".against").count() >= 2
    pdf = page.pdf(prefer_css_page_size=True, path=tmp_path / "worst.pdf")
    assert len(re.findall(rb"/Type\s*/Page\b", pdf)) == 2
    shot(page, "worst-report")


def test_no_accessibility_fault(page, address):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright")
    context = page.context.browser.new_context(bypass_csp=True)
    other = context.new_page()
    other.goto(address)
    found = axe.Axe().run(other)
    context.close()
    assert found.violations_count == 0, found.generate_report()


def test_the_page_of_a_folder_fits_a_telephone(
    browser, address, portrait_path, provenance_maker, portrait, tmp_path, shot
):
    credit = provenance_maker.iptc(credit=f"Made with Google AI {'Z' * 150}")
    (tmp_path / "a.jpg").write_bytes(
        provenance_maker.with_segment(provenance_maker.jpeg(portrait.pixels), credit)
    )
    (tmp_path / "b.jpg").write_bytes(portrait_path.read_bytes())
    html = tmp_path / "album.html"
    ran = subprocess.run(
        [sys.executable, "-m", "fakeweb", "scan", str(tmp_path), "--html", str(html)], timeout=120
    )
    assert ran.returncode == 0
    context = browser.new_context(viewport={"width": 390, "height": 800}, color_scheme="dark")
    page = context.new_page()
    page.goto(html.as_uri())
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    assert page.locator("tbody tr").first.bounding_box()["height"] < 300, "a column is a letter wide"
    shot(page, "album-phone")
    context.close()
