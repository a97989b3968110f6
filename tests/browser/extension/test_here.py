"""Checks in the browser itself, without any server: as the extension comes."""

import numpy as np


def test_without_a_server_pictures_are_checked_here(driven, gallery, road, until, shot):
    driven.worker.evaluate("chrome.storage.local.clear()")  # as installed
    page = driven.open(gallery.url())
    with driven.popup(page) as popup:
        assert "in this browser: they are sent nowhere" in popup.text("#first")
    driven.switch(page, on=True)
    until(lambda: len(driven.labels(page)) >= 7 and not driven.tab(page)["waiting"], lambda: driven.tab(page))
    labels = driven.labels(page)
    assert labels.count("real") == 2
    assert labels.count("no_face") == 1
    assert "fake" in labels
    box = page.locator("#fake").bounding_box()
    place = (box["x"], box["y"], box["x"] + box["width"], box["y"] + box["height"])

    def mark() -> dict:
        return next((m for m in driven.marks(page) if np.allclose(m["box"], place, atol=1.5)), {})

    until(lambda: "fake" in mark().get("classes", []))
    page.locator("#fake").hover()
    until(lambda: mark().get("mesh"))
    page.wait_for_timeout(400)
    shot(page, "extension-here")
    assert "looks manipulated" in driven.card(page)
    assert "genuine faces it was measured on" in driven.card(page)
    assert road.headers == [], "nothing was sent to anybody"


def test_here_and_by_the_service_are_one_judgement(driven, gallery, road, until):
    """P(fake) in whole per cent, by the same picture judged in both places."""

    def findings(where: str) -> dict:
        known = driven.worker.evaluate("chrome.storage.session.get('findings')").get("findings", [])
        return {f["sha256"]: f["percent"] for key, f in known if key.startswith("here ") == (where == "here")}

    said = {}
    for where in ("here", "server"):
        driven.set(where=where)
        page = driven.open(gallery.url())
        driven.switch(page, on=True)
        until(lambda w=where: len(findings(w)) >= 7)
        said[where] = findings(where)
        page.close()
    assert said["here"].keys() == said["server"].keys()
    for name, percent in said["here"].items():
        other = said["server"][name]
        assert percent == other or abs(percent - other) <= 1, (percent, other)
