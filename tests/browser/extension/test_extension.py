"""The extension in a real Chromium, over a gallery page and a real service."""

import numpy as np
import pytest

from fakeweb.media import read_image

ALL = ("/genuine.jpg", "/fake.jpg", "/uncertain.jpg", "/landscape.png", "/background.jpg", "/shadow.jpg")


def shown(page, selector: str) -> tuple[float, float, float, float]:
    box = page.locator(selector).bounding_box()
    return box["x"], box["y"], box["x"] + box["width"], box["y"] + box["height"]


def is_marked(driven, page, selector: str, kind="") -> bool:
    """Whether a mark stands on an element, of a kind where one is named."""
    box = shown(page, selector)
    return any(
        np.allclose(m["box"], box, atol=1.5) and kind in ("", *m["classes"]) for m in driven.marks(page)
    )


def pixels(page, selector: str) -> np.ndarray:
    return read_image(page.locator(selector).screenshot()).image.pixels.astype(int)


def wait_for_verdicts(driven, page, until):
    """Wait until everything is judged that was on the page at first."""
    until(
        lambda: len(driven.labels(page)) >= 7 and not driven.tab(page)["waiting"],
        lambda: driven.tab(page),
    )


@pytest.fixture
def looked(driven, gallery, road, until):
    """The gallery, switched on, everything judged that was on the page at first."""
    page = driven.open(gallery.url())
    driven.switch(page, on=True)
    wait_for_verdicts(driven, page, until)
    until(lambda: len(road.overlays) >= 2)  # meshes are fetched right after the verdicts
    return page


def test_nothing_is_sent_before_the_switch(driven, gallery, road):
    page = driven.open(gallery.url())
    before = [
        path for path, _ in gallery.asked if path != "/favicon.ico"
    ]  # the browser's own, whenever it likes
    page.wait_for_timeout(1500)
    with driven.popup(page) as popup:
        text = popup.text("#first")
        assert "Nothing is sent before" in text
        assert "127.0.0.1" in text
        page.wait_for_timeout(500)
    assert road.pictures == []
    assert road.headers == []
    after = [path for path, _ in gallery.asked if path != "/favicon.ico"]
    assert after == before, "no picture was fetched again"
    assert driven.icon(page) == ""
    assert driven.marks(page) == []


def test_every_picture_of_useful_size_is_sent_once_and_small_ones_never(looked, driven, gallery, road):
    sent = set(road.pictures)
    assert {gallery.digest(name) for name in ALL} <= sent
    assert len(road.pictures) == len(sent), "no bytes twice, though two places show the same ones"
    assert gallery.digest("/icon.png") not in sent
    assert gallery.digest("/drawing.svg") not in sent
    assert gallery.digest("/lazy.jpg") not in sent, "the browser has not loaded it yet"
    assert len(sent & {gallery.digest("/fake-small.jpg"), gallery.digest("/fake-large.jpg")}) == 1, (
        "the one shown"
    )
    labels = driven.labels(looked)
    assert labels.count("real") == 2
    assert labels.count("no_face") == 1
    assert labels.count("uncertain") >= 1


def test_no_cookie_and_no_address_of_the_page_leaves(looked, gallery, road):
    page_cookies = [cookie for path, cookie in gallery.asked if path == "/style.css"]
    assert page_cookies == ["who=reader"], "the page itself has one"
    without = {path for path, cookie in gallery.asked if cookie is None}
    assert without >= set(ALL), "what the extension fetches again, it fetches without"
    for headers in road.headers:
        assert not {"cookie", "referer"} & headers.keys()
        assert str(gallery.port) not in str(headers)


def test_frames_stand_on_what_looks_manipulated_and_nothing_on_the_rest(looked, driven, until, shot):
    page = looked
    for selector, kind in (("#fake", "fake"), ("#background", "fake"), ("#copy", "fake"), ("#unsure", "")):
        until(lambda s=selector, k=kind: is_marked(driven, page, s, k), lambda s=selector: s)
    until(lambda: driven.icon(page) == str(driven.labels(page).count("fake")))
    shot(page, "extension-gallery")
    marks = driven.marks(page)
    fakes = [m for m in marks if "fake" in m["classes"]]
    assert all("looks manipulated" in m["text"] and "%" in m["text"] for m in fakes)
    assert {m["text"] for m in marks if "fake" not in m["classes"]} == {"?"}
    assert not is_marked(driven, page, "#unsure", "fake")
    for selector in ("#genuine", "#landscape", "#shadow"):
        assert not is_marked(driven, page, selector), selector


def test_the_popup_says_what_was_found_and_promises_nothing(looked, driven, until, shot):
    with driven.popup(looked) as popup:
        fakes, labels = driven.labels(looked).count("fake"), driven.labels(looked)
        assert f"{fakes} of {len(labels)} pictures look manipulated" in popup.text("#headline")
        assert "without a face, not judged" in popup.text("#counts")
        assert "not proof" in popup.text("footer")
        assert "(this computer)" in popup.text("#where")
        shot(popup, "extension-popup")
        popup.click("#next")
        until(lambda: "looks manipulated" in driven.card(looked))


def test_popup_and_card_tell_rarity_and_what_files_say(
    driven, gallery, until, shot, provenance_maker, portrait
):
    evil = "<img src=x onerror=alert(1)><b>bold</b>"
    told = [("parameters", f"{evil}{'x' * 5000}\nSteps: 20, Sampler: Euler a")]
    gallery.files["/told.png"] = provenance_maker.png(portrait.pixels, told)
    gallery.files["/told.html"] = (
        b'<title>t</title><img id="told" src="/told.png" width="300"><img src="/fake.jpg" width="300">'
    )
    page = driven.open(gallery.url("/told.html"))
    driven.switch(page, on=True)
    until(lambda: len(driven.labels(page)) == 2 and not driven.tab(page)["waiting"])
    with driven.popup(page) as popup:
        until(lambda: popup.ask("document.querySelectorAll('#told article').length") == 2)
        text = popup.text("#told")
        assert text.index("fake.jpg") < text.index("told.png")
        assert "looks manipulated" in text
        assert "genuine faces it was measured on" in text
        assert "It carries the parameters of" in text
        assert evil in text
        assert "x" * 301 not in text
        assert popup.ask("document.querySelectorAll('#told img, #told b').length") == 0
        shot(popup, "extension-told")
    driven.pick(page, gallery.url("/told.png"))
    until(lambda: "It carries the parameters of" in driven.card(page), lambda: driven.card(page))
    assert evil in driven.card(page)


@pytest.mark.parametrize("selector", ["#fake", "#background"])
def test_the_mesh_comes_with_the_pointer_and_goes_with_it(looked, driven, shot, until, selector):
    page = looked
    page.mouse.move(5, 5)
    page.wait_for_timeout(300)
    before = pixels(page, selector)
    page.locator(selector).hover()
    until(lambda: any({"fake", "lit"} <= set(m["classes"]) and m["mesh"] for m in driven.marks(page)))
    height, width = before.shape[:2]
    middle = np.s_[height // 8 : -height // 8, width // 8 : -width // 8]

    def change() -> np.ndarray:
        return np.abs(pixels(page, selector) - before).max(-1)[middle]

    until(lambda: (change() > 24).mean() > 0.005)
    page.wait_for_timeout(400)  # it fades in
    shot(page, f"extension-hover-{selector[1:]}")
    assert (change() > 24).mean() < 0.6, "lines over the face, not a second picture beside it"
    card = driven.card(page)
    assert "looks manipulated" in card
    assert "not proof" in card
    page.mouse.move(5, 5)
    until(lambda: change().mean() < 1)
    until(lambda: driven.card(page) == "")


ALBUM = """<!doctype html><meta charset="utf-8"><body style="margin: 30px">
<img id="under" src="/fake.jpg" width="620" height="620" alt="">
<dialog id="box" style="padding: 20px"><h2>Larger</h2>
<img id="large" src="/fake-large.jpg" width="400" height="400" alt=""></dialog>"""


def edge(page, selector: str) -> float:
    """How red the lower edge of a picture is, where its frame would be: share of pixels far from the picture's own."""
    row = pixels(page, selector)[-3:-1, 8:-8].reshape(-1, 3)
    return float(((row[:, 0] > 200) & (row[:, 1] < 210) & (row[:, 2] < 80)).mean())


def test_a_picture_in_a_dialog_is_marked_above_it(driven, gallery, road, until, shot):
    """Lightboxes are modal dialogs, which browsers draw above whatever the page's own layers hold."""
    gallery.files["/album.html"] = ALBUM.encode()
    page = driven.open(gallery.url("/album.html"))
    page.evaluate("document.querySelector('#box').showModal()")
    driven.switch(page, on=True)
    until(lambda: is_marked(driven, page, "#large", "fake"))
    until(lambda: edge(page, "#large") > 0.9)
    shot(page, "extension-dialog")
    left, top, _, bottom = shown(page, "#large")
    over = page.screenshot(clip={"x": left - 15, "y": top - 60, "width": 300, "height": 30})
    page.mouse.click(left + 30, bottom - 20)
    until(lambda: "looks manipulated" in driven.card(page))
    (card,) = driven.boxes(page, "card")
    at = page.evaluate("([x, y]) => document.elementFromPoint(x, y)?.localName", [card[0] + 40, card[1] + 20])
    assert at == "fakeweb-marks", "the card lies on top, and can be clicked"
    page.keyboard.press("Escape")

    page.evaluate("const box = document.querySelector('#box'); box.close(); box.showModal();")
    until(lambda: edge(page, "#large") > 0.9)
    again = page.screenshot(clip={"x": left - 15, "y": top - 60, "width": 300, "height": 30})
    assert (read_image(over).image.pixels == read_image(again).image.pixels).all(), (
        "the page's frame stays below"
    )
    page.evaluate("document.querySelector('#box').close()")
    until(lambda: edge(page, "#under") > 0.9)
    until(lambda: not driven.boxes(page, "card"))


def test_badges_fit_on_thumbnails(driven, gallery, until, shot):
    sides = (80, 110, 140, 200, 260)
    pictures = "".join(f'<img src="/fake.jpg" width="{s}" height="{s}" alt=""> ' for s in sides)
    gallery.files["/thumbnails.html"] = f"<!doctype html><body>{pictures}".encode()
    page = driven.open(gallery.url("/thumbnails.html"))
    driven.switch(page, on=True)
    until(lambda: len(driven.boxes(page, "percent")) == len(sides))
    page.wait_for_timeout(700)
    shot(page, "extension-thumbnails")
    marks = sorted(m["box"] for m in driven.marks(page) if "fake" in m["classes"])
    for side, mark, badge, number in zip(
        sides, marks, driven.boxes(page, "badge"), driven.boxes(page, "percent"), strict=True
    ):
        assert mark[2] - mark[0] == pytest.approx(side, abs=1)
        assert mark[0] <= badge[0] <= number[0], side
        assert number[2] <= badge[2] <= mark[2], side
        area = (badge[2] - badge[0]) * (badge[3] - badge[1])
        assert area < 0.17 * side * side, "the picture stays to be seen"
    assert len(driven.boxes(page, "words")) == 1, "only the largest has room for words"


def test_a_badge_opens_the_card_for_good_and_escape_closes_it(looked, driven, until):
    page = looked
    until(lambda: is_marked(driven, page, "#fake", "fake"))
    left, _, _, bottom = shown(page, "#fake")
    page.mouse.click(left + 30, bottom - 20)
    page.mouse.move(5, 5)
    until(lambda: "looks manipulated" in driven.card(page))
    page.wait_for_timeout(300)
    assert "looks manipulated" in driven.card(page), "it stays when the pointer has gone"
    page.keyboard.press("Escape")
    until(lambda: driven.card(page) == "")


def test_pictures_that_come_later_are_checked_too(looked, driven, gallery, road, until):
    page = looked
    page.locator("#lazy").scroll_into_view_if_needed()
    until(lambda: gallery.digest("/lazy.jpg") in road.pictures)
    page.evaluate("scrollTo(0, 0)")
    page.evaluate("postMessage('/added.jpg')")
    until(lambda: gallery.digest("/added.jpg") in road.pictures)
    until(lambda: is_marked(driven, page, "#added"))
    page.evaluate("document.querySelector('#added').src = '/genuine.jpg'")
    until(lambda: not is_marked(driven, page, "#added"))


def test_a_picture_in_the_pages_memory_is_checked(looked, driven, road, until):
    sent = len(road.pictures)
    looked.evaluate("postMessage('blob')")
    until(lambda: len(road.pictures) == sent + 1)
    until(lambda: not driven.tab(looked)["waiting"])
    assert "failed" not in driven.labels(looked)


def test_answers_are_remembered_over_pages_and_forgotten_on_demand(looked, driven, road, until):
    sent = len(road.pictures)
    looked.reload()
    until(lambda: len(driven.labels(looked)) >= 7 and not driven.tab(looked)["waiting"])
    assert len(road.pictures) == sent, "all of it was known by its hash"
    until(lambda: is_marked(driven, looked, "#fake", "fake"), lambda: "known, but not marked")
    options = driven.options(road.url)
    options.get_by_role("button", name="Forget all answers now").click()
    options.get_by_role("button", name="Forgotten").wait_for()
    options.close()
    looked.reload()
    until(lambda: len(road.pictures) > sent)


def test_switching_off_takes_everything_away(looked, driven, road, until):
    until(lambda: is_marked(driven, looked, "#fake", "fake"))
    driven.switch(looked, on=False)
    until(lambda: driven.marks(looked) == [])
    until(lambda: driven.icon(looked) == "")
    sent = len(road.pictures)
    looked.evaluate("postMessage('/added.jpg')")
    looked.wait_for_timeout(1500)
    assert len(road.pictures) == sent


def test_a_tab_that_goes_to_a_site_off_the_list_pauses(looked, driven, gallery, road, until):
    page, sent = looked, len(road.pictures)
    assert driven.worker.evaluate("chrome.storage.local.get('sites')")["sites"] == ["127.0.0.1"]
    gallery.files["/other.jpg"] = gallery.files["/fake.jpg"] + b" "
    gallery.files["/other.html"] = b"<!doctype html><img src='/other.jpg' width=300 height=300>"
    page.goto(gallery.url("/other.html", host="localhost"))
    page.wait_for_timeout(1500)
    assert len(road.pictures) == sent
    assert driven.marks(page) == []
    until(lambda: driven.icon(page) == "")
    page.goto(gallery.url("/other.html"))
    until(lambda: gallery.digest("/other.jpg") in road.pictures)
    driven.set(sites=[])
    until(lambda: driven.marks(page) == [])
    page.reload()
    page.wait_for_timeout(1000)
    assert driven.marks(page) == []


def test_one_picture_from_the_context_menu(driven, gallery, road, until, shot):
    page = driven.open(gallery.url())
    driven.pick(page, gallery.url("/fake.jpg"))
    until(lambda: "looks manipulated" in driven.card(page), lambda: driven.card(page))
    assert road.pictures == [gallery.digest("/fake.jpg")], "this one and no other"
    driven.pick(page, gallery.url("/genuine.jpg"))
    until(lambda: "No sign of manipulation found" in driven.card(page))
    assert "does not prove" in driven.card(page)
    shot(page, "extension-menu")
    driven.pick(page, gallery.url("/landscape.png"))
    until(lambda: "No face found" in driven.card(page))
    assert "says nothing about this picture" in driven.card(page)
    assert driven.icon(page) == "", "the tab is still off"
    driven.pick(page, gallery.url("/gone.jpg"))  # no such picture on the page: nothing to say, nothing broken
    page.wait_for_timeout(300)


def test_no_more_at_a_time_than_allowed(driven, gallery, road, until):
    road.delay_s = 0.3
    driven.set(parallel=2)
    page = driven.open(gallery.url())
    driven.switch(page, on=True)
    until(lambda: len(road.pictures) >= 5)
    assert road.busiest == 2


def test_a_service_that_asks_for_patience_gets_it(driven, gallery, road, run_service, until):
    road.target = run_service(anonymous_per_minute=12).url  # two at once, then one every five seconds
    page = driven.open(gallery.url())
    driven.switch(page, on=True)
    wait_for_verdicts(driven, page, until)
    assert 429 in road.statuses
    assert "failed" not in driven.labels(page)
    assert road.statuses.count(429) <= 30, "it waits instead of hammering"


def test_a_key_is_sent_where_one_is_needed(driven, gallery, road, run_service, until, tmp_path):
    keyed = run_service(auth="required", data_dir=tmp_path / "keyed")
    road.target = keyed.url
    page = driven.open(gallery.url())
    driven.switch(page, on=True)
    until(lambda: driven.icon(page) == "!")
    with driven.popup(page) as popup:
        assert "API key" in popup.text("#problem")
    driven.set(key=_make_key(keyed))
    until(lambda: "real" in driven.labels(page), lambda: driven.tab(page))
    assert road.headers[-1]["authorization"].startswith("Bearer fw_")


def _make_key(service) -> str:
    import os
    import subprocess
    import sys

    env = {**os.environ, "FAKEWEB_DATA_DIR": str(service.data_dir)}
    command = [sys.executable, "-m", "fakeweb", "keys", "create", "extension", "--scopes", "predict"]
    made = subprocess.run(command, env=env, check=True, capture_output=True, text=True)
    return next(word for word in made.stdout.split() if word.startswith("fw_"))


def test_without_a_server_it_says_so_and_goes_on_when_there_is_one(driven, gallery, road, until, shot):
    driven.set(server="http://127.0.0.1:9")
    page = driven.open(gallery.url())
    driven.switch(page, on=True)
    until(lambda: driven.icon(page) == "!")
    with driven.popup(page) as popup:
        assert "No FakeWeb server answers at http://127.0.0.1:9" in popup.text("#problem")
        assert "fakeweb serve" in popup.text("#problem")
        shot(popup, "extension-offline")
    driven.set(server=road.url)
    until(lambda: "fake" in driven.labels(page))
    until(lambda: driven.icon(page) not in ("!", ""))


def test_pictures_of_other_hosts_wait_for_a_permission(driven, gallery, until):
    gallery.files["/mixed.html"] = (
        f"<!doctype html><img src='http://another.localhost:{gallery.port}/fake.jpg' width=300 height=300>".encode()
    )
    page = driven.open(gallery.url("/mixed.html"))
    driven.switch(page, on=True)
    until(
        lambda: driven.tab(page).get("blocked") == ["http://another.localhost/*"],
        lambda: driven.tab(page),
    )
    with driven.popup(page) as popup:
        assert "another.localhost" in popup.text("#blocked-text")
        assert popup.text("#allow") == "Let FakeWeb read them"
    assert driven.labels(page) == []


def test_the_options_page(driven, road, shot):
    page = driven.options(road.url)
    page.locator("#server").fill(road.url.removeprefix("http://") + "/")
    page.get_by_role("button", name="Save and test").click()
    page.locator("output.good").wait_for()
    assert "model fast@" in page.locator("output").inner_text()
    page.locator("#site").fill("https://news.example.org/page")
    page.get_by_role("button", name="Add").click()
    page.locator("#sites li", has_text="news.example.org").wait_for()
    shot(page, "extension-options")
    page.get_by_role("button", name="Remove news.example.org").click()
    page.locator("#no-sites").wait_for()
    page.locator("#server").fill("http://fw.example")
    page.locator("#open-road").wait_for()
    page.locator("#server").fill("ftp://fw.example")
    page.get_by_role("button", name="Save and test").click()
    page.locator("output", has_text="no address").wait_for()
    stored = driven.worker.evaluate("chrome.storage.local.get()")
    assert stored["server"] == road.url


def test_no_accessibility_fault(driven, road, shot):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    page = driven.options(road.url)
    for name in ("options", "popup"):
        page.goto(f"chrome-extension://{driven.id}/{name}/{name}.html")
        page.wait_for_timeout(500)
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme)
            found = axe.run(page)
            shot(page, f"extension-{name}-{scheme}")
            assert found.violations_count == 0, found.generate_report()


def test_the_next_one_by_keyboard(looked, driven, until):
    """The shortcut's event is fired as the browser does; from there on with keys alone."""
    page = looked
    until(lambda: is_marked(driven, page, "#fake", "fake"))
    driven.worker.evaluate(
        """async url => {
            const [tab] = await chrome.tabs.query({ url });
            chrome.commands.onCommand.dispatch("next", tab);
        }""",
        page.url,
    )
    until(lambda: "looks manipulated" in driven.card(page))
    assert page.evaluate("document.activeElement.localName") == "fakeweb-marks", "the badge has the focus"
    page.keyboard.press("Escape")
    page.keyboard.press("Enter")
    until(lambda: "looks manipulated" in driven.card(page))
