"""A plain web server for the static site, in a folder of its own, as anybody might run one: no headers, no service."""

import contextlib
import functools
import http.server
import threading
from pathlib import Path

SITE = Path(__file__).parents[2] / "dist" / "site"


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass

    def do_POST(self):  # nothing may be sent here; if it is, the test sees it
        self.server.posted.append(self.path)
        self.send_error(405)


@contextlib.contextmanager
def serving(folder: Path):
    """Serve a folder; yields (address, paths of what was posted, stop)."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(_Quiet, directory=folder))
    server.posted = []
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()

    def stop():
        server.shutdown()
        server.server_close()

    try:
        yield f"http://127.0.0.1:{server.server_port}", server.posted, stop
    finally:
        with contextlib.suppress(OSError):
            stop()
