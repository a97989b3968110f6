"""The extension in a real Firefox, spoken to by WebDriver BiDi without anything in between."""

import base64
import json
import os
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
ID = "fakeweb@fakeweb.example"
UUID = "0f0e0d0c-0b0a-4908-8706-050403020100"  # chosen here, so that the options page has an address
WAIT_S = 180


class Firefox:
    """A Firefox with the packed extension, its options page in the first tab."""

    def __init__(self, program: str, profile: Path, package: Path) -> None:
        websocket = pytest.importorskip("websocket", reason="needs websocket-client (`just setup server`)")
        profile.mkdir()
        uuids = json.dumps(json.dumps({ID: UUID}))
        (profile / "user.js").write_text(f'user_pref("extensions.webextensions.uuids", {uuids});\n')
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        # system access: to open the extension's own pages, and to click on its icon
        command = [
            program,
            "--headless",
            "--no-remote",
            "--profile",
            str(profile),
            "--remote-allow-system-access",
        ]
        self.process = subprocess.Popen(
            [*command, f"--remote-debugging-port={port}"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        deadline = time.monotonic() + WAIT_S
        while True:
            try:
                address = f"ws://127.0.0.1:{port}/session"
                self._socket = websocket.create_connection(address, timeout=WAIT_S, suppress_origin=True)
                break
            except OSError:
                assert time.monotonic() < deadline
                time.sleep(0.3)
        self._number = 0
        self.send("session.new", capabilities={})
        self.send("webExtension.install", extensionData={"type": "archivePath", "path": str(package)})
        self.chrome = self.contexts(**{"moz:scope": "chrome"})[0]
        self.own = self.contexts()[0]
        self.go(self.own, f"moz-extension://{UUID}/options/options.html")

    def send(self, method: str, **params):
        self._number += 1
        self._socket.send(json.dumps({"id": self._number, "method": method, "params": params}))
        while True:
            answer = json.loads(self._socket.recv())
            if answer.get("id") == self._number:
                assert answer["type"] == "success", answer
                return answer["result"]

    def contexts(self, **which) -> list[str]:
        return [context["context"] for context in self.send("browsingContext.getTree", **which)["contexts"]]

    def go(self, context: str, url: str) -> None:
        self.send("browsingContext.navigate", context=context, url=url, wait="complete")

    def open(self, url: str) -> str:
        context = self.send("browsingContext.create", type="tab")["context"]
        self.send("browsingContext.setViewport", context=context, viewport={"width": 1180, "height": 800})
        self.go(context, url)
        return context

    def ask(self, script: str, context: str | None = None):
        """Evaluate a script, in the options page unless another one is named; what it gives must be JSON."""
        target = {"context": context or self.own}
        asked = f"(async () => JSON.stringify(await ({script})))()"
        answer = self.send("script.evaluate", expression=asked, target=target, awaitPromise=True)
        assert answer["type"] == "success", answer
        return json.loads(answer["result"].get("value", "null"))

    def switch(self, url: str) -> None:
        """Switch a tab on with the message that the popup sends, then click on the icon."""
        self.ask(
            f"""browser.tabs.query({{}}).then((tabs) => {{
                const {{ id }} = tabs.find((tab) => tab.url === {json.dumps(url)});
                return browser.runtime.sendMessage({{ type: "switch", tabId: id, on: true }});
            }})"""
        )
        self.ask(
            """new Promise((done) => {
                const { CustomizableUI } = ChromeUtils.importESModule("moz-src:///browser/components/customizableui/CustomizableUI.sys.mjs");
                CustomizableUI.addWidgetToArea("fakeweb_fakeweb_example-browser-action", "nav-bar");
                setTimeout(() => { document.getElementById("fakeweb_fakeweb_example-BAP").click(); done(1); }, 500);
            })""",
            self.chrome,
        )

    def tab(self) -> dict:
        """What the extension knows about the tab that is on."""
        every = self.ask("browser.storage.session.get('tabs').then(({ tabs }) => tabs ?? [])")
        return next((tab for _, tab in every if tab["on"]), {})

    def boxes(self, context: str) -> list[list[float]]:
        """Where red frames stand, in coordinates of the page, read from the closed tree."""
        answer = self.send(
            "script.evaluate",
            expression="document.querySelector('html > fakeweb-marks')",
            target={"context": context},
            awaitPromise=False,
            serializationOptions={"includeShadowTree": "all", "maxDomDepth": 3},
        )
        found = []
        tree = answer["result"].get("value", {}).get("shadowRoot")
        for node in (tree or {}).get("value", {}).get("children", []):
            attributes = node["value"].get("attributes", {})
            if "clip fake" not in attributes.get("class", "") or "display: none" in attributes.get(
                "style", ""
            ):
                continue
            style = dict(
                part.strip().split(": ", 1) for part in attributes["style"].split(";") if ": " in part
            )
            left, top = (float(x.strip(" px")) for x in style["transform"][10:-1].split(","))
            found.append([left, top, float(style["width"][:-2]), float(style["height"][:-2])])
        return found

    def screenshot(self, context: str, path: Path) -> None:
        path.write_bytes(
            base64.b64decode(self.send("browsingContext.captureScreenshot", context=context)["data"])
        )

    def close(self) -> None:
        self._socket.close()
        self.process.terminate()
        self.process.wait(60)


@pytest.fixture(scope="session")
def service(run_service):
    """Forgeries are far above, the portrait far below this line, however they are shrunk."""
    return run_service(threshold=0.5)


@pytest.fixture
def firefox(tmp_path):
    program = os.environ.get("FIREFOX") or shutil.which("firefox-esr") or shutil.which("firefox")
    if program is None:
        pytest.skip("no Firefox on this machine; on Debian: apt-get install firefox-esr, or set FIREFOX")
    made = subprocess.run(
        [sys.executable, ROOT / "extension" / "pack.py"], check=True, capture_output=True, text=True
    )
    package = ROOT / next(line.split()[0] for line in made.stdout.splitlines() if "firefox" in line)
    one = Firefox(program, tmp_path / "firefox", package)
    yield one
    one.close()


def test_firefox_looks_at_every_way_too(firefox, ways, road, until):
    firefox.ask(f"browser.storage.local.set({{ server: {json.dumps(road.url)} }})")
    page = firefox.open(ways.url)
    firefox.switch(ways.url)
    found: set[str] = set()
    wanted = (ways.first | ways.more) - {"tiny", "dialog", "frame", "foreign-frame", "srcdoc"}
    where = """Object.fromEntries(NAMES.flatMap((name) => {
        const element = document.getElementById(name);
        if (!element) return [];
        const { left, top, width, height } = element.getBoundingClientRect();
        return [[name, [left + scrollX, top + scrollY, width, height]]];
    }))""".replace("NAMES", json.dumps(sorted({*wanted, "genuine"})))

    def look() -> bool:
        for y in (0, 400, 800, 1200, 1600):
            firefox.ask(f"scrollTo(0, {y})", page)
            time.sleep(0.4)
            places = firefox.ask(where, page)
            left, top, *_ = places["before"]
            places["before"] = [left + 10, top + 10, 130, 130]
            places["after"][2:] = [130, 120]
            boxes = firefox.boxes(page)
            for name, place in places.items():
                if any(all(abs(a - b) < 2 for a, b in zip(place, box, strict=True)) for box in boxes):
                    found.add(name)
        return wanted <= found

    try:
        until(look, lambda: f"not marked: {sorted(wanted - found)}; {firefox.tab()}")
    finally:
        if folder := os.environ.get("SHOTS"):
            firefox.screenshot(page, Path(folder) / "extension-firefox.png")
    assert "genuine" not in found


def test_firefox_checks_without_a_server(firefox, gallery, road, until):
    page = firefox.open(gallery.url("/"))
    firefox.switch(gallery.url("/"))
    until(lambda: len(firefox.tab().get("pictures", {})) >= 7 and not firefox.tab()["waiting"], firefox.tab)
    assert "fake" in firefox.tab()["pictures"].values()
    until(lambda: firefox.boxes(page) != [])
    assert road.headers == [], "nothing was sent to anybody"
