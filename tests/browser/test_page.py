"""The web page, in a real Chromium before a real service."""

import base64
import csv
import io
import json
import re
import subprocess
import sys
import time
from pathlib import Path

import cv2
import numpy as np
import pytest

from fakeweb.media import encode_jpeg, read_image
from fakeweb.render import overlay
from fakeweb.types import Image, Report

pytest.importorskip("playwright", reason="needs playwright (`just setup`)")

from playwright.sync_api import expect

PHONE = {"viewport": {"width": 360, "height": 740}, "is_mobile": True, "has_touch": True}
WAIT_MS = 120_000
INK = """() => {
  const canvas = document.querySelector(".frame canvas");
  const pixels = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
  let sum = 0, red = 0, blue = 0;
  for (let i = 0; i < pixels.length; i += 4) {
    sum += pixels[i + 3];
    if (pixels[i + 3] > 128 && pixels[i] > 200 && pixels[i + 2] < 90) red++;
    if (pixels[i + 3] > 128 && pixels[i + 2] > 200 && pixels[i] < 120) blue++;
  }
  return { sum, red, blue };
}"""
GIVE = """([how, name, type, base64]) => {
  const bytes = Uint8Array.from(atob(base64), (c) => c.charCodeAt(0));
  const data = new DataTransfer();
  data.items.add(new File([bytes], name, { type }));
  const event = how === "paste"
    ? new ClipboardEvent("paste", { clipboardData: data, bubbles: true })
    : new DragEvent("drop", { dataTransfer: data, bubbles: true });
  document.body.dispatchEvent(event);
}"""


def give(page, *paths):
    page.locator("input[type=file]").set_input_files([str(p) for p in paths])


def verdict(page):
    heading = page.locator(".verdict h1")
    expect(heading).to_be_visible()
    return heading


def until(page, condition):
    """Wait for something to hold; Playwright's own way needs what the page's policy forbids."""
    wait_for(page, lambda: page.evaluate(condition), condition)


def wait_for(page, holds, what=""):
    """Wait for something to hold here, while the page's events come in."""
    deadline = time.monotonic() + WAIT_MS / 1000
    while not holds():
        assert time.monotonic() < deadline, what
        page.wait_for_timeout(50)


def ink(page):
    """Wait for the canvas, and tell how much is drawn on it."""
    until(page, "(document.querySelector('.frame canvas')?.width ?? 300) !== 300")
    return page.evaluate(INK)


# --- from upload to mesh


def test_a_genuine_portrait_is_left_as_it_is(visit, service, portrait_path):
    page = visit(service)
    give(page, portrait_path)
    expect(verdict(page)).to_have_text("No sign of manipulation found")
    expect(page.locator(".verdict")).to_contain_text("does not prove")
    expect(verdict(page)).to_be_focused()
    assert ink(page)["sum"] == 0
    expect(page.locator(".card .scale")).to_have_attribute("aria-label", re.compile(r"Score \d+ %"))


def test_a_face_called_fake_gets_its_mesh_and_nothing_else_is_touched(visit, strict, portrait_path):
    page = visit(strict)
    give(page, portrait_path)
    expect(verdict(page)).to_have_text("This looks manipulated")
    assert ink(page)["sum"] > 0
    box = strict.predict(portrait_path.read_bytes()).json()["report"]["faces"][0]["box"]
    inside, outside = page.evaluate(
        """([x0, y0, x1, y1]) => {
          const canvas = document.querySelector(".frame canvas");
          const scale = canvas.width / 512, margin = 0.2 * Math.max(x1 - x0, y1 - y0);
          const pixels = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
          let inside = 0, outside = 0;
          for (let y = 0; y < canvas.height; y++) for (let x = 0; x < canvas.width; x++) {
            if (!pixels[4 * (y * canvas.width + x) + 3]) continue;
            const u = x / scale, v = y / scale;
            if (u > x0 - margin - 2 && u < x1 + margin + 2 && v > y0 - margin - 2 && v < y1 + margin + 2) inside++;
            else outside++;
          }
          return [inside, outside];
        }""",
        box,
    )
    assert inside > 3000
    assert outside == 0
    expect(page.locator(".verdict")).to_contain_text("They moved that line")


CANVAS = """() => {
  const canvas = document.querySelector(".frame canvas");
  return [canvas.width, canvas.height, canvas.toDataURL().split(",")[1]];
}"""


@pytest.mark.parametrize("p_fake", [0.87, 0.95, 0.999])
def test_the_page_draws_as_the_scanner_draws(visit, strict, portrait_path, portrait, p_fake):
    """One report, two drawings: the same lines in the same colour and strength, whatever the probability."""
    data = strict.predict(portrait_path.read_bytes()).json()
    data["report"]["faces"][0]["verdict"]["p_fake"] = p_fake
    data["report"]["thresholds"].update({k: 0.85 for k in data["report"]["thresholds"] if "fake" in k})
    page = visit(strict, viewport={"width": 1400, "height": 776})  # so that the picture has its own size
    page.route("**/v1/predict*", lambda route: route.fulfill(json=data))
    give(page, portrait_path)
    verdict(page)
    assert ink(page)["sum"] > 0
    width, height, drawn = page.evaluate(CANVAS)
    assert (width, height) == (512, 512)
    lines = cv2.imdecode(np.frombuffer(base64.b64decode(drawn), np.uint8), cv2.IMREAD_UNCHANGED)
    colour, alpha = lines[..., 2::-1].astype(float), lines[..., 3:] / 255
    ours = alpha * colour + (1 - alpha) * portrait.pixels
    theirs = overlay(portrait, Report.from_dict(data["report"])).pixels.astype(float)
    x0, y0, x1, y1 = map(round, data["report"]["faces"][0]["box"])
    window = np.s_[y0:y1, x0:x1]
    inks = [(one - portrait.pixels)[window] for one in (ours, theirs)]
    assert np.abs(inks[1]).mean() > 5
    assert np.abs(inks[0] - inks[1]).mean() < 0.4 * np.abs(inks[1]).mean()
    assert inks[0].mean(axis=(0, 1)) == pytest.approx(inks[1].mean(axis=(0, 1)), abs=3)


@pytest.fixture
def group(strict, portrait):
    """A picture of three faces, and the service's judgement of it, to be changed for what a test is about."""
    pixels = np.concatenate([portrait.pixels[:300, 90:390]] * 3, axis=1)
    picture = encode_jpeg(Image(np.ascontiguousarray(pixels)), 95)
    data = strict.predict(picture).json()
    assert len(data["report"]["faces"]) == 3
    data["report"]["thresholds"] = {"real": 0.2, "fake": 0.86, "source": "model"}
    return picture, data


def answered(page, data, picture, tmp_path):
    """Give a picture that is answered so."""
    path = tmp_path / "group.jpg"
    path.write_bytes(picture)
    page.route("**/v1/predict*", lambda route: route.fulfill(json=data))
    give(page, path)
    return verdict(page)


def test_a_face_that_stands_out_is_called_so_and_says_how_rare_it_is(visit, strict, group, tmp_path, shot):
    picture, data = group
    out = "stands out: 1 of 3; in about one of six genuine pictures of 3 faces one would"
    for face, label, p in zip(
        data["report"]["faces"], ("real", "uncertain", "real"), (0.1, 0.7, 0.15), strict=True
    ):
        face["verdict"] = {"label": label, "p_fake": p, "reasons": [out] if label == "uncertain" else []}
        face["rarity"] = {"one_in": 241.0, "interval": [90.0, 700.0], "measured_on": 3310}
        face["neighbours"] = {"judged": 3, "z": 3.1, "one_in": 6.0 if label == "uncertain" else None}
    data["report"]["faces"][2]["weighed"] = False
    data["report"]["verdict"] = {"label": "uncertain", "p_fake": 0.7, "reasons": [f"face 2: {out}"]}
    page = visit(strict, permissions=["clipboard-read", "clipboard-write"])
    expect(answered(page, data, picture, tmp_path)).to_have_text(
        "FakeWeb cannot tell: 1 of 3 faces stands out"
    )
    expect(page.locator(".verdict .reason")).to_have_text(f"Face 2: {out}.")
    first = page.locator(".card.uncertain")
    expect(first.locator(".tag")).to_have_text("Stands out")
    rare = "Of the 3,310 genuine faces it was measured on, about 1 in 240 scored as high; on other cameras and websites"
    expect(first).to_contain_text(rare)
    expect(page.locator("main")).to_contain_text("does not rest on this face")
    assert page.locator("main").inner_text().count("about 1 in 240") == 1, "nothing of faces called real"
    expect(page.get_by_role("button", name="Face 2: stands out, 70 %")).to_be_visible()
    assert ink(page)["sum"] > 0, "a thin outline"
    assert ink(page)["red"] == 0
    page.get_by_role("button", name="Copy a summary").click()
    page.get_by_text("Copied").wait_for()
    assert "about 1 in 240" in page.evaluate("navigator.clipboard.readText()")
    shot(page, "page-stands-out")


def test_the_headline_says_what_the_answer_rests_on(visit, strict, group, tmp_path):
    picture, data = group
    report = data["report"]

    def headline(label, p, *reasons):
        report["verdict"] = {"label": label, "p_fake": p, "reasons": list(reasons)}
        return expect(answered(visit(strict), data, picture, tmp_path))

    report["faces"][0]["verdict"] = {"label": "fake", "p_fake": 0.97, "reasons": []}
    for face in report["faces"][1:]:
        face["verdict"] = {"label": "uncertain", "p_fake": None, "reasons": ["too small to judge"]}
    headline("fake", 0.97).to_have_text("1 of 3 faces looks manipulated")
    report["faces"][0]["verdict"] = {"label": "real", "p_fake": 0.1, "reasons": []}
    few, one = "only 1 of 3 faces could be judged", "1 of 3 faces could not be judged"
    headline("uncertain", 0.1, few).to_have_text(f"FakeWeb cannot tell: {few}")
    headline("real", 0.1, one).to_have_text(f"No sign of manipulation found; {one}")
    page = visit(strict)
    answered(page, data, picture, tmp_path)
    expect(page.locator(".verdict")).to_contain_text("some could not be settled either way")


@pytest.mark.parametrize("lines", [(0.2, 0.986), (0.01, 0.02), (0.5, 0.59)])
@pytest.mark.parametrize("size", [{}, PHONE], ids=["desktop", "phone"])
def test_the_scale_s_numbers_stay_on_one_line_inside_it(visit, strict, group, tmp_path, lines, size):
    picture, data = group
    data["report"]["thresholds"].update(real=lines[0], fake=lines[1])
    page = visit(strict, **size)
    answered(page, data, picture, tmp_path)
    heights = page.evaluate(
        """() => [...document.querySelectorAll(".scale")].map((scale) => {
          const all = scale.getBoundingClientRect();
          return [...scale.querySelectorAll(".scale-lines span")].map((number) => {
            const box = number.getBoundingClientRect();
            const line = parseFloat(getComputedStyle(number).lineHeight);
            return box.left >= all.left - 1 && box.right <= all.right + 1 && box.height < 1.5 * line;
          });
        }).flat()"""
    )
    assert heights
    assert all(heights)


def test_the_sliders_and_switches_change_what_is_drawn(visit, strict, portrait_path):
    page = visit(strict)
    give(page, portrait_path)
    verdict(page)
    full = ink(page)
    slider = page.get_by_label("Strength of the mesh")
    slider.fill("40")
    weak = ink(page)
    assert 0.2 * full["sum"] < weak["sum"] < 0.6 * full["sum"]
    slider.fill("0")
    assert ink(page)["sum"] == 0
    slider.fill("100")
    page.get_by_label("Colour by probability").click()
    plain = ink(page)
    assert plain["blue"] > 150 > full["blue"]

    page.get_by_label("Before and after").click()
    divider = page.get_by_label("How much of the mesh to show")
    canvas = page.locator(".frame .drawn")
    expect(canvas).to_have_css("clip-path", "inset(0px 0px 0px 50%)")
    divider.focus()
    page.keyboard.press("Home")
    expect(canvas).to_have_css("clip-path", "inset(0px 0px 0px 0%)")


# --- what can be given, and how


@pytest.mark.parametrize("how", ["paste", "drop"])
def test_a_picture_is_pasted_or_dropped(visit, service, portrait_path, how):
    page = visit(service)
    page.get_by_role("button", name="Choose files").wait_for()
    data = base64.b64encode(portrait_path.read_bytes()).decode()
    page.evaluate(GIVE, [how, "portrait.jpg", "image/jpeg", data])
    expect(verdict(page)).to_have_text("No sign of manipulation found")


def test_several_files_keep_their_own_answers(visit, service, portrait_path, tmp_path):
    empty = tmp_path / "wall.png"
    empty.write_bytes(encode_jpeg(Image(np.full((300, 400, 3), 120, np.uint8)), 90))
    text = tmp_path / "notes.jpg"
    text.write_text("no picture at all")
    page = visit(service)
    give(page, portrait_path, empty, text)
    table = page.locator(".files")
    expect(table.locator(".tag.real")).to_have_count(1)
    expect(table.locator(".tag.no_face")).to_have_count(1)
    expect(table.locator(".tag.failed")).to_have_count(1)
    expect(table.get_by_role("status")).to_have_text("1 real, 1 no face, 1 failed")
    with page.expect_download() as download:
        table.get_by_role("button", name="Save as CSV").click()
    lines = list(csv.DictReader(io.StringIO(Path(download.value.path()).read_text("utf-8"))))
    assert [(line["source"], line["verdict"], line["faces"]) for line in lines][::-1] == [
        ("notes.jpg", "", ""), ("wall.png", "no_face", "0"), ("collins.jpg", "real", "1")
    ]  # fmt: skip
    assert "is text" in lines[2]["error"] + lines[0]["error"]
    table.get_by_role("button", name="wall.png").click()
    expect(verdict(page)).to_have_text("No face found")
    page.locator(".strip").get_by_role("button", name="notes.jpg").click()
    expect(page.get_by_role("alert")).to_contain_text("is text, which FakeWeb does not read")
    expect(page.get_by_role("alert")).to_contain_text("media.unsupported")


def test_a_file_over_the_limit_is_not_even_sent(visit, run_service, portrait_path):
    page = visit(run_service(max_bytes=50_000))
    page.get_by_text("Pictures up to 50 kB").wait_for()
    sent = []
    page.on("request", lambda request: sent.append(request.url) if request.method == "POST" else None)
    give(page, portrait_path)
    expect(page.get_by_role("alert")).to_contain_text("this service takes 50 kB")
    assert not sent


def test_a_kind_of_picture_that_the_browser_cannot_show(visit, service, portrait, tmp_path):
    from PIL import Image as Pillow

    path = tmp_path / "scan.tiff"
    Pillow.fromarray(portrait.pixels).save(path)
    page = visit(service)
    give(page, path)
    expect(verdict(page)).to_have_text("No sign of manipulation found")
    shown = page.locator(".frame img")
    assert shown.evaluate("img => [img.complete, img.naturalWidth]") == [True, 512]


def test_an_example_is_tried(visit, service):
    page = visit(service)
    page.get_by_role("button", name="A genuine portrait").click()
    expect(verdict(page)).to_have_text("No sign of manipulation found")


def test_the_camera_takes_a_picture(visit, launch, service, portrait, tmp_path):
    frames = tmp_path / "camera.mjpeg"
    frames.write_bytes(encode_jpeg(portrait, 92) * 3)
    browser = launch(
        "--use-fake-device-for-media-stream",
        "--use-fake-ui-for-media-stream",
        f"--use-file-for-fake-video-capture={frames}",
    )
    page = visit(service, using=browser)
    page.get_by_role("button", name="Use the camera").click()
    page.get_by_role("button", name="Take the picture").click()
    verdict(page)
    expect(page.locator(".card")).not_to_have_count(0)
    browser.close()


def test_addresses_only_where_the_service_fetches_them(visit, service, run_service):
    page = visit(service)
    page.get_by_role("button", name="Choose files").wait_for()
    page.locator("#wrong .dots").first.wait_for()
    expect(page.get_by_label("Address of a picture")).to_have_count(0)
    page = visit(run_service(allow_url=1))
    page.get_by_label("Address of a picture").fill("http://127.0.0.1:1/a.jpg")
    page.get_by_role("button", name="Check the address").click()
    expect(page.get_by_role("alert")).to_contain_text("usage.refused")


# --- videos


def test_a_video_is_judged_played_and_found_on_its_timeline(visit, strict, clip, tmp_path):
    page = visit(strict)
    give(page, clip)
    expect(verdict(page)).to_have_text("This looks manipulated")
    player = page.locator(".player video")
    expect(player).to_have_attribute("aria-label", "clip.mp4, With mesh")
    until(page, "document.querySelector('.player video')?.readyState >= 2")
    assert page.locator(".curve circle").count() >= 3
    moments = page.locator(".stills span")
    expect(moments).to_have_count(3)  # a second apart, in order
    assert [float(text.split(", ")[1][2:]) for text in moments.all_inner_texts()] == pytest.approx(
        [0, 1, 2], abs=0.9
    )

    chart = page.locator(".chart")
    chart.click(position={"x": 0.75 * chart.bounding_box()["width"], "y": 60})
    at = player.evaluate("video => video.currentTime")
    assert 1.6 < at < 2.7
    slider = page.get_by_label("Position in the video")
    slider.focus()
    page.keyboard.press("Home")
    assert player.evaluate("video => video.currentTime") == 0
    assert re.search(r"0:00.0, Person 1 \d+ %", slider.get_attribute("aria-valuetext"))

    page.get_by_role("button", name=re.compile("Jump to its most suspicious moment")).click()
    moment = player.evaluate("video => video.currentTime")
    page.get_by_role("radio", name="Original").check()
    until(page, "document.querySelector('.player video')?.readyState >= 2")
    assert abs(player.evaluate("video => video.currentTime") - moment) < 0.2
    with page.expect_download() as download:
        page.get_by_role("button", name="Save the marked video").click()
    assert download.value.suggested_filename == "clip.fakeweb.mp4"


def test_stretches_are_named_and_shown_on_the_timeline(visit, strict, clip, shot):
    page = visit(strict)

    def shorten(route):
        answer = route.fetch()
        data = answer.json()
        face = data["report"]["faces"][0]
        face["stretches"] = [{"from_s": 0.5, "to_s": 1.25, "p_fake": 0.97}]
        route.fulfill(response=answer, json=data)

    page.route("**/v1/videos/*/result", shorten)
    give(page, clip)
    verdict(page)
    bar, chart = page.locator(".stretch .bar"), page.locator(".chart svg")
    expect(bar).to_have_count(1)
    inside, whole = bar.bounding_box(), chart.bounding_box()
    inner = whole["width"] - 34 - 26  # beside its numbers
    assert (inside["x"] - whole["x"] - 34) / inner == pytest.approx(0.5 / 3, abs=0.02)
    assert inside["width"] / inner == pytest.approx(0.25, abs=0.02)
    until(page, "document.querySelector('.player video')?.readyState >= 2")
    page.get_by_role("button", name="Looks manipulated from 0:00.5 to 0:01.3, 97 %").click()
    assert page.locator(".player video").evaluate("video => video.currentTime") == pytest.approx(0.5, abs=0.1)
    shot(page, "page-stretches")


def test_a_video_that_is_none(visit, service, tmp_path):
    path = tmp_path / "broken.mp4"
    path.write_bytes(b"\0\0\0\x18ftypmp42" + bytes(2000))
    page = visit(service)
    give(page, path)
    expect(page.get_by_role("alert")).to_contain_text("media.")


# --- what is taken along, kept and forgotten


def test_overlay_figures_and_summary_are_taken_along(visit, strict, portrait_path, portrait):
    page = visit(strict, permissions=["clipboard-read", "clipboard-write"])
    give(page, portrait_path)
    verdict(page)
    with page.expect_download() as download:
        page.get_by_role("button", name="Save the marked picture").click()
    overlay = read_image(Path(download.value.path())).image
    assert overlay.pixels.shape == portrait.pixels.shape
    assert (overlay.pixels != portrait.pixels).any()
    with page.expect_download() as download:
        page.get_by_role("button", name="Save all figures").click()
    report = json.loads(Path(download.value.path()).read_text())
    assert report["verdict"]["label"] == "fake"
    assert report["source"] == "collins.jpg"
    page.get_by_role("button", name="Copy a summary").click()
    page.get_by_text("Copied").wait_for()
    copied = page.evaluate("navigator.clipboard.readText()")
    assert report["media_sha256"] in copied
    assert "no proof" in copied


@pytest.fixture
def saved(browser, tmp_path):
    """Save the report of a result and open it where no script may run and nobody answers; return the page."""
    contexts = []

    def run(page, name):
        with page.expect_download() as download:
            page.get_by_role("button", name="Save report").click()
        assert download.value.suggested_filename == name
        path = tmp_path / "report.html"
        download.value.save_as(path)
        context = browser.new_context(java_script_enabled=False, offline=True)
        contexts.append(context)
        opened = context.new_page()
        opened.goto(path.as_uri())
        return opened

    yield run
    for context in contexts:
        context.close()


def printed_pages(page):
    return len(re.findall(rb"/Type\s*/Page\b", page.pdf(prefer_css_page_size=True)))


def test_a_report_is_saved_that_needs_nobody(visit, strict, saved, portrait_path, shot):
    page = visit(strict)
    give(page, portrait_path)
    verdict(page)
    page.get_by_text("How far does it go?").click()
    page.get_by_label("Views").fill("120000")
    page.get_by_label("Engagement rate").fill("0.04")
    told = page.locator(".viewers .impact")
    expect(told).to_contain_text("about 124,800 people may see it")
    warning = page.locator(".viewers strong").first.inner_text()
    shot(page, "save-report")
    report = saved(page, "collins.fakeweb.html")
    expect(report.locator("h1")).to_contain_text("This looks manipulated")
    expect(report.locator(".card.fake h3")).to_contain_text("Face 1")
    expect(report.locator("#slide")).to_be_hidden()  # it needs a script; without one the mesh is shown
    expect(report.locator("#drawn")).to_be_visible()
    expect(report.locator(".viewers")).to_contain_text(told.inner_text())
    expect(report.locator(".viewers")).to_contain_text(warning)
    expect(report.locator("blockquote")).to_contain_text("SHA-256 of the file")
    assert printed_pages(report) <= 2
    shot(report, "saved-report")


def test_words_and_report_of_a_video(visit, strict, saved, clip, shot):
    page = visit(strict)
    give(page, clip)
    verdict(page)
    page.get_by_text("How far does it go?").click()
    page.get_by_label("Followers").fill("50000")
    expect(page.locator(".viewers .impact")).to_contain_text("about 5,000 people may see it")
    report = saved(page, "clip.fakeweb.html")
    expect(report.locator(".timeline svg")).to_be_visible()
    expect(report.locator(".sheet img")).to_be_visible()
    expect(report.locator(".viewers")).to_contain_text("about 5,000 people may see it")
    assert printed_pages(report) <= 2
    shot(report, "saved-report-video")


def test_a_reach_that_makes_no_sense_is_told(visit, strict, portrait_path):
    page = visit(strict)
    give(page, portrait_path)
    verdict(page)
    page.get_by_text("How far does it go?").click()
    page.get_by_label("Engagement rate").fill("7")
    expect(page.locator(".viewers .impact")).to_contain_text("engagement_rate")
    page.get_by_label("Engagement rate").fill("")
    expect(page.locator(".viewers .impact")).to_be_hidden()


def test_page_saved_report_and_command_line_show_the_same_signals(
    visit, service, saved, portrait, provenance_maker, tmp_path, shot
):
    m = provenance_maker
    inside = m.jpeg(np.ascontiguousarray(portrait.pixels[::-1][:120, :160]))
    exif = m.exif({**m.CAMERA, 305: "Adobe Photoshop 25.0"}, m.EXPOSURE, inside)
    xmp = m.xmp(m.source_type("trainedAlgorithmicMedia"), m.history(("saved", "GIMP 2.10")))
    path = tmp_path / "told.jpg"
    path.write_bytes(
        m.with_segment(m.jpeg(portrait.pixels, exif=exif, xmp=xmp), m.iptc(credit="Made with Google AI"))
    )
    said = subprocess.run(
        [sys.executable, "-m", "fakeweb", "scan", "--no-overlay", str(path)],
        capture_output=True, text=True, check=True, timeout=120,
    ).stdout  # fmt: skip
    told = [line.partition("origin  ")[2] for line in said.splitlines() if line.startswith("  origin  ")]
    assert len(told) >= 6
    page = visit(service)
    give(page, path)
    verdict(page)
    assert [line.lower() for line in page.locator(".origin li").all_inner_texts()] == [
        t.lower() for t in told
    ]
    expect(page.locator(".origin")).to_contain_text(
        "could be labelled AI generated (trainedAlgorithmicMedia)"
    )
    expect(page.locator(".side-by-side img")).to_have_count(2)
    page.locator(".origin").scroll_into_view_if_needed()
    shot(page, "origin")
    report = saved(page, "told.fakeweb.html")
    assert [line.lower() for line in report.locator(".origin li").all_inner_texts()] == [
        t.lower() for t in told
    ]
    expect(report.locator(".inside img")).to_have_count(2)


def test_a_hostile_name_and_hostile_metadata_stay_texts_in_the_saved_report(
    visit, strict, browser, portrait, provenance_maker, tmp_path
):
    evil = "<img src=x onerror=document.title='gone'><script>document.title='gone'</script>"
    picture = provenance_maker.png(
        portrait.pixels,
        [("parameters", f"{evil}{'Z' * 200}\nSteps: 20, Sampler: Euler a"), ("Comment", "GIMP" + "Z" * 60)],
    )
    path = tmp_path / "&lt;b&gt;'onerror='\u202ex.png"
    path.write_bytes(picture)
    page = visit(strict)
    give(page, path)
    verdict(page)
    expect(page.locator(".origin")).to_contain_text("onerror")
    assert page.title() != "gone"
    assert "\u202e" not in page.locator("body").inner_text()
    page.set_viewport_size({"width": 390, "height": 800})
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    with page.expect_download() as download:
        page.get_by_role("button", name="Save report").click()
    download.value.save_as(tmp_path / "report.html")
    context = browser.new_context()  # with scripts
    report = context.new_page()
    complaints = []
    report.on("console", lambda message: complaints.append(message.text))
    report.goto((tmp_path / "report.html").as_uri())
    expect(report.locator(".origin")).to_contain_text("onerror")
    assert report.title().startswith("FakeWeb: ")
    assert report.locator("img[src='x']").count() == 0
    assert not complaints
    context.close()


def test_the_history_stays_in_this_browser_until_it_is_deleted(visit, strict, portrait_path):
    page = visit(strict)
    give(page, portrait_path)
    verdict(page)
    page.reload()
    page.get_by_role("link", name="History").click()
    page.get_by_role("button", name="Open collins.jpg").click()
    expect(verdict(page)).to_have_text("This looks manipulated")
    assert ink(page)["sum"] > 0
    page.get_by_role("link", name="History").click()
    page.get_by_role("button", name="Delete all").click()
    page.get_by_text("Nothing here yet").wait_for()
    page.get_by_label("Keep a history").click()
    page.get_by_role("link", name="Check", exact=True).click()
    give(page, portrait_path)
    verdict(page)
    page.reload()
    page.get_by_role("link", name="History").click()
    page.get_by_text("Nothing here yet").wait_for()


def test_forgetting_deletes_here_and_on_the_service(visit, service, portrait, tmp_path):
    path = tmp_path / "mine.jpg"
    path.write_bytes(encode_jpeg(Image(portrait.pixels[:400].copy()), 91))
    page = visit(service)
    with page.expect_response("**/v1/predict*") as answer:
        give(page, path)
    address = f"/v1/results/{answer.value.json()['id']}"
    verdict(page)
    assert service.get(address).status_code == 200
    page.get_by_role("button", name="Forget this").click()
    page.get_by_role("button", name="Choose files").wait_for()
    assert service.get(address).status_code == 404
    page.get_by_role("link", name="History").click()
    page.get_by_text("Nothing here yet").wait_for()


def test_a_key_is_asked_for_and_kept_in_the_tab_only(visit, run_service, portrait_path):
    locked = run_service(auth="required")
    words = [sys.executable, "-m", "fakeweb", "keys", "create", "page", "--data-dir", str(locked.data_dir)]
    key = subprocess.run(words, capture_output=True, text=True, check=True).stdout.strip()
    page = visit(locked)
    field = page.get_by_label("API key")
    field.fill("fw_wrong")
    page.get_by_role("button", name="Use this key").click()
    page.get_by_text("does not know this key").wait_for()
    field.fill(key)
    page.get_by_role("button", name="Use this key").click()
    expect(field).to_have_count(0)
    give(page, portrait_path)
    expect(verdict(page)).to_have_text("No sign of manipulation found")
    kept = page.evaluate("[JSON.stringify(localStorage), document.cookie, sessionStorage['fakeweb.key']]")
    assert key not in kept[0] + kept[1]
    assert kept[2] == key


# --- honesty


def test_the_error_rates_are_those_of_the_model(visit, service):
    models = service.get("/v1/models").json()["models"]
    (used,) = [m for m in models if m["in_use"]]
    (rates,) = [m for m in used["measured"] if m["on"] == "validation_B"]
    page = visit(service)
    section = page.locator("#wrong")
    expect(section).to_contain_text(used["reference"])
    alarms = section.locator(".hundred").first
    expect(alarms).to_contain_text(f"{100 * rates['real_called_fake']:.1f} % called fake")
    expect(alarms.locator(".dots .fake")).to_have_count(round(100 * rates["real_called_fake"]))
    expect(section.locator(".hundred").last).to_contain_text(
        f"{round(100 * rates['fake_called_fake'])} % called fake"
    )
    section.get_by_role("slider").fill("1")
    hits, false = 0.01 * rates["fake_called_fake"], 0.99 * rates["real_called_fake"]
    right = round(100 * hits / (hits + false))
    expect(section.locator(".answer")).to_contain_text(f"about {right} are manipulated, and {100 - right}")


def test_a_service_that_is_gone_is_told_apart_from_an_answer(visit, run_service, portrait_path):
    one = run_service()
    page = visit(one)
    page.locator("#wrong .dots").first.wait_for()
    one.kill()
    give(page, portrait_path)
    expect(page.get_by_role("alert")).to_contain_text("The service does not answer")


# --- for everybody


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [{}, PHONE], ids=["desktop", "phone"])
def test_no_barrier_and_nothing_sticks_out(visit, strict, portrait_path, scheme, size):
    from axe_playwright_python.sync_playwright import Axe

    page = visit(strict, color_scheme=scheme, **size)

    def check(where):
        found = [
            f"{where}: {v['id']} {v['nodes'][0]['html'][:160]} {v['nodes'][0]['failureSummary'][:300]}"
            for v in Axe().run(page).response["violations"]
            if v["impact"] in ("serious", "critical")
        ]
        assert not found
        wide = page.evaluate("document.documentElement.scrollWidth - innerWidth")
        assert wide <= 0, f"{where} is {wide} px too wide"

    page.locator("#wrong .dots").first.wait_for()
    check("landing")
    give(page, portrait_path)
    verdict(page)
    page.evaluate("document.querySelectorAll('.result details').forEach((one) => (one.open = true))")
    page.get_by_label("Views").fill("1000000000000")
    expect(page.locator(".viewers .impact")).to_contain_text("people may see it")
    check("result")
    page.get_by_role("link", name="History").click()
    page.get_by_role("button", name="Open collins.jpg").wait_for()
    check("history")
    page.get_by_role("link", name="Check", exact=True).click()
    page.get_by_role("button", name="Use the camera").click()
    page.get_by_role("heading", name="Take a picture").wait_for()
    check("camera")


@pytest.mark.parametrize(("scheme", "size"), [("light", PHONE), ("dark", {})], ids=["phone", "desktop"])
def test_no_barrier_in_a_clip_in_german(visit, strict, clip, scheme, size, shot):
    from axe_playwright_python.sync_playwright import Axe

    page = visit(strict, color_scheme=scheme, locale="de-DE", **size)
    give(page, clip)
    expect(verdict(page)).to_have_text("Das wirkt manipuliert")
    page.locator(".stills img").first.wait_for()
    page.evaluate("document.querySelectorAll('main details').forEach((one) => (one.open = true))")
    found = [
        f"{v['id']} {v['nodes'][0]['html'][:160]} {v['nodes'][0]['failureSummary'][:300]}"
        for v in Axe().run(page).response["violations"]
    ]
    assert not found
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
    shot(page, f"page-clip-de-{scheme}")


def test_everything_is_reached_with_the_keyboard(visit, strict, portrait_path):
    page = visit(strict)
    choosers = []
    # `expect_file_chooser` would ask the browser to tell of choosers in the moment before the key, and the key may
    # overtake it: listening from the start, the answers to the steps in between prove that the browser has heard
    page.on("filechooser", lambda chooser: choosers.append(chooser))
    page.get_by_role("button", name="Choose files").wait_for()
    page.keyboard.press("Tab")
    expect(page.get_by_text("Skip to the content")).to_be_focused()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    expect(page.get_by_role("button", name="Choose files")).to_be_focused()
    page.keyboard.press("Enter")
    wait_for(page, lambda: choosers)
    choosers[0].set_files(str(portrait_path))
    expect(verdict(page)).to_be_focused()
    before = ink(page)["sum"]
    for _ in range(12):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.type") == "range":
            break
    page.keyboard.press("Home")
    assert ink(page)["sum"] == 0 < before
    expect(page.get_by_role("status").first).to_contain_text("This looks manipulated")


def test_nothing_is_asked_of_anybody_else(visit, service, portrait_path):
    page = visit(service)
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    page.reload()
    give(page, portrait_path)
    verdict(page)
    own = (service.url, "blob:", "data:")
    assert asked
    assert not [url for url in asked if not url.startswith(own)]


def test_a_picture_of_a_phone_held_sideways_is_upright(visit, strict, portrait, tmp_path):
    from PIL import Image as Pillow

    turned = Pillow.fromarray(np.ascontiguousarray(np.rot90(portrait.pixels[:, :400])))
    exif = Pillow.Exif()
    exif[0x0112] = 6  # to be turned clockwise
    out = io.BytesIO()
    turned.save(out, "JPEG", quality=92, exif=exif)
    path = tmp_path / "phone.jpg"
    path.write_bytes(out.getvalue())
    page = visit(strict)
    give(page, path)
    expect(verdict(page)).to_have_text("This looks manipulated")
    frame = page.locator(".frame").bounding_box()
    assert abs(frame["width"] / frame["height"] - 400 / 512) < 0.02
