"""A real ``fakeweb serve`` in a process of its own, on a free port."""

import contextlib
import http.client
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import httpx

from fakeweb.client import Client


class Running:
    """A service under test."""

    def __init__(self, data_dir: Path, **settings: object) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.data_dir = data_dir
        self.log = data_dir.parent / f"{data_dir.name}.log"
        self.settings = settings
        self.process: subprocess.Popen | None = None

    def start(self, *, wait: bool = True) -> "Running":
        own = {
            "data_dir": self.data_dir,
            "port": self.port,
            "workers": 1,
            "deadline_s": 300,
            "max_wait_s": 300,
        }
        own |= {"shutdown_s": 300, **self.settings}
        env = {k: v for k, v in os.environ.items() if not k.startswith("FAKEWEB_")}
        env |= {f"FAKEWEB_{k.upper()}": str(v) for k, v in own.items()}
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "fakeweb", "serve"], env=env, stdout=log, stderr=log
            )
        deadline = time.monotonic() + 600
        while wait:
            assert self.process.poll() is None, self.log.read_text()
            assert time.monotonic() < deadline, self.log.read_text()
            try:
                if httpx.get(self.url + "/readyz", timeout=60).status_code == 200:
                    break
            except httpx.TransportError:
                pass
            time.sleep(0.1)
        return self

    def stop(self) -> int:
        """Ask it to stop, as an operator would; return its exit status."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(600)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait(120)

    def client(self, **options) -> Client:
        return Client(self.url, **options)

    def raw(self) -> contextlib.closing[http.client.HTTPConnection]:
        return contextlib.closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=300))

    def get(self, path: str, **options) -> httpx.Response:
        return httpx.get(self.url + path, timeout=300, **options)

    def predict(self, picture: bytes, **options) -> httpx.Response:
        return httpx.post(self.url + "/v1/predict", content=picture, timeout=300, **options)

    def children(self) -> list[int]:
        path = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        found = set()
        for task in Path(f"/proc/{self.process.pid}/task").iterdir():
            found |= {int(p) for p in (task / path.name).read_text().split()}
        return sorted(found)
