"""A gallery page, a road to a real service that counts what passes, and a Chromium with the extension in it."""

import base64
import hashlib
import http.client
import json
import re
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

import cv2
import numpy as np
import pytest

from fakeweb import Scanner, registry
from fakeweb.demo.examples import landscape
from fakeweb.media import encode_jpeg, encode_png, read_image
from fakeweb.types import Image

ROOT = Path(__file__).parents[3]
WAIT_S = 180  # for whatever must come; a busy machine takes its time
POLICY = "default-src 'none'; img-src 'self' blob:; style-src 'self'; script-src 'self'; frame-src 'self'"

GALLERY = """<!doctype html><html lang="en"><head><meta charset="utf-8"><title>The Evening Paper</title>
<link rel="stylesheet" href="/style.css"><script src="/script.js" defer></script></head><body>
<h1>The Evening Paper</h1>
<main>
<figure><img id="genuine" src="/genuine.jpg" alt=""><figcaption>The pilot, 1993</figcaption></figure>
<figure><img id="fake" src="/fake.jpg" alt=""><figcaption>The pilot, as posted</figcaption></figure>
<figure><img id="unsure" src="/uncertain.jpg" alt=""><figcaption>The pilot, again</figcaption></figure>
<figure><img id="landscape" src="/landscape.png" alt=""><figcaption>Evening</figcaption></figure>
<figure><img id="set" srcset="/fake-small.jpg 256w, /fake-large.jpg 1024w" sizes="240px" alt="">
<figcaption>One of several sizes</figcaption></figure>
<figure><div id="background"></div><figcaption>A background</figcaption></figure>
<figure><img id="copy" src="/copy-of-fake.jpg" alt=""><figcaption>The same bytes elsewhere</figcaption></figure>
<figure><shadow-picture id="shadow"></shadow-picture><figcaption>In a component</figcaption></figure>
</main>
<p><img class="icon" src="/icon.png" alt=""><img class="icon" src="/genuine.jpg?tiny" alt="">
<img src="/drawing.svg" alt=""></p>
<div id="far"></div>
<figure><img id="lazy" loading="lazy" src="/lazy.jpg" alt=""><figcaption>Far below</figcaption></figure>
</body></html>"""
STYLE = """body { font: 16px sans-serif; margin: 24px; background: #faf9f6; color: #222; }
h1 { font-family: serif; border-bottom: 3px double #222; }
main { display: grid; grid-template-columns: repeat(4, 260px); gap: 18px; } figure { margin: 0; }
img, #background, shadow-picture { width: 260px; height: 220px; object-fit: cover; display: block; }
#background { background: url("/background.jpg") center / cover no-repeat; }
.icon { width: 32px; height: 32px; display: inline-block; } #far { height: 6000px; } #lazy { width: 300px; }
figcaption { font-size: 13px; color: #666; padding: 4px 0; }"""
SCRIPT = """customElements.define("shadow-picture", class extends HTMLElement {
  connectedCallback() {
    const picture = document.createElement("img");
    picture.src = "/shadow.jpg"; picture.width = 260; picture.height = 220;
    this.attachShadow({ mode: "open" }).append(picture);
  }
});
addEventListener("message", async ({ data }) => {
  const picture = document.createElement("img");
  picture.id = "added";
  if (data === "blob") {
    const canvas = new OffscreenCanvas(512, 512);
    canvas.getContext("2d").drawImage(document.getElementById("genuine"), 0, 0);
    picture.src = URL.createObjectURL(await canvas.convertToBlob());
  } else picture.src = data;
  document.querySelector("main").append(picture);
});"""


def _serve(handler) -> ThreadingHTTPServer:
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def answer(self, status, body, headers):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


@dataclass
class Gallery:
    """A web site of a few pages and pictures."""

    files: dict[str, bytes]
    asked: list[tuple[str, str | None]] = field(default_factory=list)
    needs: dict[str, tuple[str, str]] = field(default_factory=dict)
    """Files that are given only where a header holds a text: path -> header, text."""
    moved: dict[str, str] = field(default_factory=dict)
    port: int = 0

    def url(self, path="/", host="127.0.0.1") -> str:
        return f"http://{host}:{self.port}{path}"

    def digest(self, name: str) -> str:
        return hashlib.sha256(self.files[name]).hexdigest()


KINDS = {".html": "text/html", ".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml",
         ".jpg": "image/jpeg", ".png": "image/png"}  # fmt: skip


@contextmanager
def serving(files: dict[str, bytes]):
    gallery = Gallery(files)

    class Handler(_Handler):
        def do_GET(self):
            path = urlsplit(self.path).path
            gallery.asked.append((path, self.headers.get("Cookie")))
            body = gallery.files.get("/index.html" if path == "/" else gallery.moved.get(path, path))
            header, text = gallery.needs.get(path, ("Host", ""))
            if text not in self.headers.get(header, ""):
                self.answer(403, b"not for you", {"Content-Type": "text/plain"})
                return
            if path in gallery.moved:
                self.answer(302, b"", {"Location": gallery.moved[path]})
                return
            kind = KINDS.get(Path(path).suffix, "text/html")
            headers = {
                "Content-Type": kind,
                "Content-Security-Policy": "" if "mixed" in path else POLICY,
                "Cache-Control": "no-store",
                "Set-Cookie": "who=reader",
            }
            self.answer(200 if body else 404, body or b"", headers)

    server = _serve(Handler)
    gallery.port = server.server_port
    yield gallery
    server.shutdown()
    server.server_close()


@dataclass
class Road:
    """Stands before a service and notes what passes."""

    target: str
    delay_s: float = 0.0
    pictures: list[str] = field(default_factory=list)
    """SHA-256 of every picture that was sent to be judged, in order."""
    overlays: list[str] = field(default_factory=list)
    statuses: list[int] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    busy: int = 0
    busiest: int = 0
    port: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


@contextmanager
def road_to(target: str):
    road = Road(target)

    class Handler(_Handler):
        def do_GET(self):
            self.pass_on(b"")

        def do_POST(self):
            self.pass_on(self.rfile.read(int(self.headers["Content-Length"])))

        def pass_on(self, body):
            with road.lock:
                road.busy += 1
                road.busiest = max(road.busiest, road.busy)
                if self.command == "POST":
                    seen = road.overlays if "overlay=true" in self.path else road.pictures
                    seen.append(hashlib.sha256(body).hexdigest())
                    road.headers.append({k.lower(): v for k, v in self.headers.items()})
            try:
                time.sleep(road.delay_s)
                there = http.client.HTTPConnection(urlsplit(road.target).netloc, timeout=120)
                there.request(self.command, self.path, body or None, dict(self.headers))
                answer = there.getresponse()
                content = answer.read()
                there.close()
            finally:
                with road.lock:
                    road.busy -= 1
            if self.command == "POST":
                road.statuses.append(answer.status)
            left_out = ("content-length", "connection", "transfer-encoding", "date", "server")
            self.answer(
                answer.status, content, {k: v for k, v in answer.getheaders() if k.lower() not in left_out}
            )

    server = _serve(Handler)
    road.port = server.server_port
    yield road
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="session")
def service(run_service, forged):
    return run_service(threshold=forged.threshold)


@pytest.fixture
def road(service):
    with road_to(service.url) as one:
        yield one


@dataclass
class Forged:
    """Forgeries of the portrait, and the threshold that separates them.

    Which one the shipped model finds most suspicious differs from model to model, and a mild one may stay below the
    model's own threshold. The tests are about what is shown of a verdict, so the service is told a threshold that the
    most suspicious one passes in every file it comes in, and another does not.
    """

    fake: dict[str, bytes]
    uncertain: bytes
    threshold: float


@pytest.fixture(scope="session")
def forged(portrait) -> Forged:
    scanner = Scanner()

    def p_of(content: bytes) -> float:
        return scanner.scan(content).verdict.p_fake or 0.0

    face = scanner.scan(portrait.pixels).faces[0].face
    made = []
    for way, seed in WAYS:
        method = registry.load("forge", way)(strength=(1.0, 1.0))
        made.append(method(portrait, face, np.random.default_rng(seed)).image)
    made.sort(key=lambda image: p_of(encode_jpeg(image, 95)), reverse=True)
    fake = {name: encode_jpeg(made[0], quality) for name, quality in FILES.items()}
    threshold = min(map(p_of, fake.values())) - 0.01
    real = scanner.scan(portrait.pixels).thresholds.real
    others = [*made[1:], *(mixed(portrait, made[0], share) for share in np.linspace(0.1, 0.9, 9))]
    files = [encode_jpeg(image, 95) for image in others]
    uncertain = [content for content in files if real + 0.05 < p_of(content) < threshold - 0.05]
    assert uncertain, f"no second forgery between {real:.2f} and {threshold:.2f}"
    return Forged(fake, uncertain[0], threshold)


def mixed(portrait: Image, forged: Image, share: float) -> Image:
    """Blend a forgery into the portrait, so that somewhere on the way the model is of two minds."""
    pixels = (1 - share) * portrait.pixels.astype(np.float32) + share * forged.pixels.astype(np.float32)
    return Image(np.round(pixels).astype(np.uint8))


WAYS = (
    ("beauty", 1),
    ("beauty", 2),
    ("beauty", 7),
    ("retouch", 1),
    ("smooth", 1),
    ("jaw", 1),
)
FILES = {"/fake.jpg": 95, "/fake-large.jpg": 94, "/background.jpg": 93, "/lazy.jpg": 92, "/added.jpg": 91}


@pytest.fixture(scope="session")
def pictures(portrait_path, portrait, forged) -> dict[str, bytes]:
    """The gallery's files."""
    whole = read_image(forged.fake["/fake.jpg"]).image.pixels
    small = Image(np.ascontiguousarray(cv2.resize(whole, (256, 256), interpolation=cv2.INTER_AREA)))
    return {
        "/index.html": GALLERY.encode(),
        "/style.css": STYLE.encode(),
        "/script.js": SCRIPT.encode(),
        "/genuine.jpg": portrait_path.read_bytes(),
        **forged.fake,
        "/copy-of-fake.jpg": forged.fake["/fake.jpg"],
        "/uncertain.jpg": forged.uncertain,
        "/landscape.png": encode_png(landscape()),
        "/fake-small.jpg": encode_jpeg(small, 95),
        "/shadow.jpg": encode_jpeg(portrait, 93),
        "/icon.png": encode_png(Image(np.ascontiguousarray(portrait.pixels[60:124, 190:254]))),
        "/drawing.svg": b'<svg xmlns="http://www.w3.org/2000/svg" width="300" height="300"><circle r="90"/></svg>',
    }


@pytest.fixture
def gallery(pictures):
    with serving(dict(pictures)) as one:
        yield one


SVG = """<svg xmlns="http://www.w3.org/2000/svg" width="600" height="600"><rect width="600" height="600" fill="#333"/>
<image href="DATA" width="600" height="600"/></svg>"""


@dataclass
class Ways:
    """A page that shows one forgery in every way, each under the id that stands below it."""

    url: str
    first: set[str]
    """The thirty-four ways of the first count. The one below 80 px stays as it is: the options say so."""
    more: set[str]


@pytest.fixture
def ways(gallery) -> Ways:
    picture = gallery.files["/fake.jpg"]
    inside = f"data:image/jpeg;base64,{base64.b64encode(picture).decode()}"
    page = Path(__file__).with_name("ways.html").read_text("utf-8")
    names = {
        more: set(re.findall(rf"<figure{more}>.*<figcaption>([\w-]+)", page))
        for more in ("", ' class="more"')
    }
    page = page.replace("DATA", inside).replace("OTHER", gallery.url("", host="localhost"))
    gallery.files |= {
        "/ways-mixed.html": page.encode(),
        "/frame-mixed.html": b'<img src="/fake.jpg" style="width: 120px; height: 120px" alt="">',
        "/photo.svg": SVG.replace("DATA", inside).encode(),
        "/for-readers.jpg": picture + b"1",
        "/for-this-page.jpg": picture + b"2",
    }
    gallery.moved["/moved.jpg"] = "/fake.jpg"
    gallery.needs |= {
        "/for-readers.jpg": ("Cookie", "who=reader"),
        "/for-this-page.jpg": ("Referer", "127.0.0.1"),
    }
    return Ways(gallery.url("/ways-mixed.html"), *names.values())


@pytest.fixture(scope="session")
def packed() -> Path:
    """The extension as `just extension` packs it."""
    subprocess.run([sys.executable, ROOT / "extension" / "pack.py"], check=True, capture_output=True)
    return ROOT / "dist" / "extension"


def _popup_target(session):
    targets = session.send("Target.getTargets")["targetInfos"]
    return next((t for t in targets if t["url"].endswith("/popup/popup.html")), None)


class Popup:
    """The open popup. Playwright gives no page for it, so it is spoken to as a debugger would."""

    def __init__(self, page, session) -> None:
        self._page, self._session = page, session
        self._answers: dict[int, dict] = {}
        self._number = 0
        until(lambda: _popup_target(session) is not None)
        session.on("Target.receivedMessageFromTarget", self._hear)
        target = _popup_target(session)["targetId"]
        self._id = session.send("Target.attachToTarget", {"targetId": target, "flatten": False})["sessionId"]
        until(lambda: self.text("#where") != "")

    def _hear(self, event) -> None:
        message = json.loads(event["message"])
        if "id" in message:
            self._answers[message["id"]] = message

    def send(self, method: str, **params):
        self._number += 1
        message = json.dumps({"id": self._number, "method": method, "params": params})
        self._session.send("Target.sendMessageToTarget", {"sessionId": self._id, "message": message})
        deadline = time.monotonic() + WAIT_S
        while self._number not in self._answers:
            assert time.monotonic() < deadline, method
            self._page.wait_for_timeout(15)
        answer = self._answers.pop(self._number)
        assert "error" not in answer, answer
        return answer["result"]

    def ask(self, script: str):
        """Evaluate a script."""
        return self.send("Runtime.evaluate", expression=script, returnByValue=True)["result"].get("value")

    def text(self, selector: str) -> str:
        """What a person can read in an element; nothing where it is hidden."""
        return self.ask(f"document.querySelector({json.dumps(selector)})?.innerText ?? ''")

    def click(self, selector: str) -> None:
        """Click with the mouse, so that the browser counts it as a person's."""
        box = self.ask(
            f"(() => {{ const r = document.querySelector({json.dumps(selector)}).getBoundingClientRect();"
            "return [r.left + r.width / 2, r.top + r.height / 2, r.width]; })()"
        )
        assert box[2] > 0, f"{selector} is hidden"
        for kind in ("mousePressed", "mouseReleased"):
            self.send("Input.dispatchMouseEvent", type=kind, x=box[0], y=box[1], button="left", clickCount=1)

    def screenshot(self, path: Path) -> None:
        height = self.ask("document.documentElement.scrollHeight")
        clip = {"x": 0, "y": 0, "width": 340, "height": height, "scale": 2}
        path.write_bytes(base64.b64decode(self.send("Page.captureScreenshot", clip=clip)["data"]))


class Driven:
    """A Chromium with the extension, and what a person would do with it."""

    def __init__(self, context, worker) -> None:
        self.context = context
        self.worker = worker
        self.id = urlsplit(worker.url).netloc

    def set(self, **settings) -> None:
        self.worker.evaluate("s => chrome.storage.local.set(s)", settings)

    def open(self, url: str):
        page = self.context.new_page()
        page.set_viewport_size({"width": 1180, "height": 800})
        page.goto(url)
        page.wait_for_load_state("load")
        return page

    def options(self, server: str):
        """The options page, once it has read its settings: before that it hears no click."""
        page = self.context.new_page()
        page.set_viewport_size({"width": 900, "height": 1250})
        page.goto(f"chrome-extension://{self.id}/options/options.html")
        until(lambda: page.locator("#server").input_value() == server)
        return page

    @contextmanager
    def popup(self, page):
        """Open the popup over a page by a click on the icon, which also lets the extension see this page's screen."""
        page.bring_to_front()
        session = self.context.new_cdp_session(page)
        browser = self.context.browser.new_browser_cdp_session()
        tabs = browser.send("Target.getTargets", {"filter": [{"type": "tab"}]})["targetInfos"]
        front = next(t["targetId"] for t in tabs if t["embedderData"]["tabActive"])
        browser.send("Extensions.triggerAction", {"id": self.id, "targetId": front})
        browser.detach()
        yield Popup(page, session)
        session.send("Target.closeTarget", {"targetId": _popup_target(session)["targetId"]})
        until(lambda: _popup_target(session) is None)
        session.detach()

    def switch(self, page, *, on: bool = True) -> None:
        """Flip the switch in the popup."""
        with self.popup(page) as popup:
            assert popup.ask("document.querySelector('#on').checked") is not on
            popup.click("#on")
            until(lambda: popup.ask("document.querySelector('#on').checked") is on)
            until(lambda: self.tab(page)["on"] is on)

    def tab(self, page) -> dict:
        """What the extension knows about a page's tab."""
        return self.worker.evaluate(
            """async url => {
                const [tab] = await chrome.tabs.query({ url: url.split("#")[0] });
                const { tabs } = await chrome.storage.session.get("tabs");
                return (tabs ?? []).find(([id]) => id === tab?.id)?.[1] ?? { on: false, pictures: {}, waiting: 0 };
            }""",
            page.url,
        )

    def icon(self, page) -> str:
        """What stands on the icon."""
        return self.worker.evaluate(
            """async url => {
                const [tab] = await chrome.tabs.query({ url: url.split("#")[0] });
                return chrome.action.getBadgeText({ tabId: tab.id });
            }""",
            page.url,
        )

    def labels(self, page) -> list[str]:
        return sorted(self.tab(page)["pictures"].values())

    def marks(self, page) -> list[dict]:
        """What is drawn over a page: class, text and box of every mark, read by the debugger from the closed tree."""
        from playwright.sync_api import Error

        session = self.context.new_cdp_session(page)
        root = session.send("DOM.getDocument", {"depth": -1, "pierce": True})["root"]
        found = []
        for host in _nodes(root, lambda n: n["nodeName"].lower() == "fakeweb-marks"):
            for node in host["shadowRoots"][0].get("children", []):
                names = _attribute(node, "class").split()
                if "clip" not in names or "display: none" in _attribute(node, "style"):
                    continue
                try:
                    box = session.send("DOM.getBoxModel", {"nodeId": node["nodeId"]})["model"]["border"]
                except Error:  # taken away meanwhile
                    continue
                found.append(
                    {
                        "classes": names,
                        "text": _text(node),
                        "box": (box[0], box[1], box[4], box[5]),
                        "mesh": bool(_nodes(node, lambda n: n["nodeName"] == "CANVAS")),
                    }
                )
        session.detach()
        return sorted(found, key=lambda m: (m["box"][1], m["box"][0]))

    def boxes(self, page, name: str) -> list[tuple[float, float, float, float]]:
        """Where everything of a class is drawn that can be seen, from left to right."""
        from playwright.sync_api import Error

        session = self.context.new_cdp_session(page)
        root = session.send("DOM.getDocument", {"depth": -1, "pierce": True})["root"]
        found = []
        for node in _nodes(root, lambda n: name in _attribute(n, "class").split()):
            try:
                box = session.send("DOM.getBoxModel", {"nodeId": node["nodeId"]})["model"]["border"]
            except Error:  # not drawn
                continue
            found.append((box[0], box[1], box[4], box[5]))
        session.detach()
        return sorted(found)

    def card(self, page) -> str:
        """The words of the open card, or nothing."""
        session = self.context.new_cdp_session(page)
        root = session.send("DOM.getDocument", {"depth": -1, "pierce": True})["root"]
        cards = _nodes(root, lambda n: "card" in _attribute(n, "class").split())
        session.detach()
        return " ".join(_text(c) for c in cards if "hidden" not in c.get("attributes", [])[::2])

    def pick(self, page, path: str) -> None:
        """Pick a picture in the context menu: the event that the browser's menu fires."""
        self.worker.evaluate(
            """async ([url, src]) => {
                const [tab] = await chrome.tabs.query({ url });
                chrome.contextMenus.onClicked.dispatch(
                    { menuItemId: "check", srcUrl: src, frameId: 0, mediaType: "image", pageUrl: url, editable: false },
                    tab);
            }""",
            [page.url, path],
        )


@pytest.fixture(scope="session", name="until")
def _until():
    return until


def until(true, say=lambda: "") -> None:
    """Wait for something to become true."""
    deadline = time.monotonic() + WAIT_S
    while not true():
        assert time.monotonic() < deadline, f"not within {WAIT_S} s: {say()}"
        time.sleep(0.15)


def _nodes(node, fits) -> list[dict]:
    children = [*node.get("children", []), *node.get("shadowRoots", [])]
    if "contentDocument" in node:
        children.append(node["contentDocument"])
    return ([node] if fits(node) else []) + [n for child in children for n in _nodes(child, fits)]


def _attribute(node, name: str) -> str:
    pairs = node.get("attributes", [])
    return dict(zip(pairs[::2], pairs[1::2], strict=True)).get(name, "")


def _text(node) -> str:
    if node["nodeName"] == "#text":
        return node["nodeValue"]
    return " ".join(filter(None, (_text(c).strip() for c in node.get("children", []))))


@pytest.fixture
def driven(playwright, chromium, packed, road, tmp_path):
    """A fresh Chromium with the unchanged extension, set to the road before the service."""
    context = playwright.chromium.launch_persistent_context(
        tmp_path / "profile",
        executable_path=chromium,
        headless=False,
        timeout=1000 * WAIT_S,
        args=[
            "--headless=new",
            "--no-sandbox",
            "--disable-gpu",
            "--enable-unsafe-extension-debugging",  # to click on the icon
            f"--disable-extensions-except={packed}",
            f"--load-extension={packed}",
        ],
    )
    context.set_default_timeout(1000 * WAIT_S)
    worker = (
        context.service_workers[0] if context.service_workers else context.wait_for_event("serviceworker")
    )
    one = Driven(context, worker)
    one.set(server=road.url)
    yield one
    context.close()
