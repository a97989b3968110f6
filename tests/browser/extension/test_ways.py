"""Every way a page may show a picture, in a real Chromium; what the marks cost a page of three hundred pictures."""

import json

import numpy as np
import pytest


@pytest.fixture(scope="session")
def service(run_service):
    """Forgeries are far above, the portrait far below this line, however they are shrunk."""
    return run_service(threshold=0.5)


def marked(driven, page, ways) -> set[str]:
    """The ways whose place carries a frame at this moment, by the boxes of both."""
    places = page.evaluate(
        """names => Object.fromEntries(names.flatMap((name) => {
            const element = document.getElementById(name);
            if (!element) return [];
            const { left, top, right, bottom } = element.getBoundingClientRect();
            return [[name, [left, top, right, bottom]]];
        }))""",
        [*ways.first, *ways.more, "genuine"],
    )
    left, top, *_ = places["before"]
    places["before"] = [left + 10, top + 10, left + 140, top + 140]
    left, top, *_ = places["after"]
    places["after"] = [left, top, left + 130, top + 120]
    for name in ("frame", "foreign-frame", "srcdoc"):
        places.pop(name, None)
    marks = [m["box"] for m in driven.marks(page) if "fake" in m["classes"]]
    return {
        name for name, place in places.items() if any(np.allclose(place, mark, atol=1.5) for mark in marks)
    }


def framed(driven, page) -> set[str]:
    """The frames in which something carries a mark."""
    found = set()
    for name in ("frame", "foreign-frame", "srcdoc"):
        handle = page.query_selector(f"#{name}").content_frame()
        if handle.evaluate("document.querySelectorAll('fakeweb-marks').length"):
            found.add(name)
    return found


def test_every_way_to_show_a_picture_is_looked_at(driven, ways, road, until, shot):
    page = driven.open(ways.url)
    driven.switch(page, on=True)
    found: set[str] = set()
    wanted = (ways.first | ways.more) - {"tiny", "dialog"}

    def look() -> bool:
        for y in (0, 700, 1400):
            page.evaluate("y => scrollTo(0, y)", y)
            page.wait_for_timeout(1500)
            found.update(marked(driven, page, ways), framed(driven, page))
        return wanted <= found

    until(look, lambda: f"not marked: {sorted(wanted - found)}; {driven.tab(page)}")
    for y in (0, 800):
        page.evaluate("y => scrollTo(0, y)", y)
        page.wait_for_timeout(700)
        shot(page, f"extension-ways-{y}")
    page.evaluate("scrollTo(0, 0); document.querySelector('#box').showModal()")
    until(lambda: "dialog" in marked(driven, page, ways))
    assert "genuine" not in found
    assert len(found & ways.first) + 1 >= 31
    assert page.evaluate("window.shift") == 0, page.evaluate("window.moved")
    with driven.popup(page) as popup:
        assert "smaller than 80 pixels" in popup.text("#reasons")
        shot(popup, "extension-ways-popup")


COUNT = 300


def test_a_page_of_three_hundred_pictures_stays_smooth(driven, gallery, until, tmp_path):
    """No task of the page's thread computes for more than 50 ms while 300 pictures are found, marked, scrolled past."""
    pictures = "".join(
        f'<img src="/fake-small.jpg?{n}" width="200" height="200" alt="">' for n in range(COUNT)
    )
    gallery.files["/many-mixed.html"] = f"""<!doctype html><meta charset="utf-8"><title>Many</title>
<style>main {{ display: grid; grid-template-columns: repeat(5, 200px); gap: 12px; }} img {{ display: block; }}</style>
<main>{pictures}</main><script>window.shift = 0;
new PerformanceObserver((list) => list.getEntries().forEach((e) => window.shift += e.value)).observe(
  {{ type: "layout-shift", buffered: true }});</script>""".encode()
    page = driven.open(gallery.url("/many-mixed.html"))
    page.wait_for_timeout(1500)
    trace = tmp_path / "trace.json"
    categories = ["toplevel", "devtools.timeline", "blink.user_timing"]
    driven.context.browser.start_tracing(page=page, path=trace, categories=categories)
    page.evaluate("performance.mark('this thread')")
    driven.switch(page, on=True)
    until(lambda: driven.icon(page) == "1" and not driven.tab(page)["waiting"])
    page.mouse.move(400, 400)
    for _ in range(40):
        page.mouse.wheel(0, 320)
        page.wait_for_timeout(60)
    page.wait_for_timeout(700)
    driven.context.browser.stop_tracing()
    assert len([m for m in driven.marks(page) if "fake" in m["classes"]]) == COUNT
    tasks = main_thread_tasks(json.loads(trace.read_text()))
    assert len(tasks) > 100
    for name, which in (("CPU", 0), ("wall", 1)):
        print(f"longest tasks, {name} ms:", sorted((round(t[which], 1) for t in tasks), reverse=True)[:5])
    assert max(cpu for cpu, _ in tasks) <= 50, tasks
    assert page.evaluate("window.shift") == 0


def main_thread_tasks(trace) -> list[tuple[float, float]]:
    """Milliseconds of processor time, and on the clock, of every task of the page's thread."""
    events = trace["traceEvents"]
    thread = next((e["pid"], e["tid"]) for e in events if e["name"] == "this thread")
    return [
        (e["tdur"] / 1000, e["dur"] / 1000)
        for e in events
        if (e["pid"], e["tid"]) == thread and e["name"].endswith("RunTask") and e["ph"] == "X"
    ]
