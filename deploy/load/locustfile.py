"""Users of a platform: each sends a portrait, waits one to three seconds, and sends another.

Half of the pictures are repeated (sixteen files go round), half are unique (a comment inside the JPEG is counted up),
so that half can be answered from the cache and half cannot. A refusal (429 or 503 with Retry-After) is an answer; all
else but 200 is a failure.

    locust -f deploy/load/locustfile.py --headless -u 500 -r 100 -t 5m --host http://127.0.0.1:8000

Environment: LOAD_PICTURE (a JPEG; the example), LOAD_WAIT (seconds, "1,3"; with "0" a user who is refused waits as
long as Retry-After says), LOAD_UNIQUE (share of unique pictures, 0.5), LOAD_KEYS (a file of API keys, one a line, which
users take in turn).
"""

from __future__ import annotations

import itertools
import os
import random
from pathlib import Path

import gevent
from locust import between, constant, task
from locust.contrib.fasthttp import FastHttpUser

EXAMPLE = Path(__file__).parents[2] / "examples" / "collins.jpg"
PICTURE = Path(os.environ.get("LOAD_PICTURE", EXAMPLE)).read_bytes()
WAIT = tuple(float(s) for s in os.environ.get("LOAD_WAIT", "1,3").split(","))
UNIQUE = float(os.environ.get("LOAD_UNIQUE", "0.5"))
REPEATED = 16
BOUNDARY = "fakeweb-load"
RUN = os.urandom(6).hex()

KEYS = Path(os.environ["LOAD_KEYS"]).read_text().split() if "LOAD_KEYS" in os.environ else []

_numbers = itertools.count()
_keys = itertools.cycle([{"X-API-Key": key} for key in KEYS] or [{}])


def picture(number: int) -> bytes:
    """Return the picture with a comment that makes its bytes differ and its pixels not."""
    comment = f"{RUN}-{number:012d}".encode()
    return PICTURE[:2] + b"\xff\xfe" + (len(comment) + 2).to_bytes(2, "big") + comment + PICTURE[2:]


def form(data: bytes) -> bytes:
    """Return a multipart form with one file, as a browser sends it."""
    head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="portrait.jpg"\r\n'
    return f"{head}Content-Type: image/jpeg\r\n\r\n".encode() + data + f"\r\n--{BOUNDARY}--\r\n".encode()


_repeated = [form(picture(-1 - n)) for n in range(REPEATED)]


class Viewer(FastHttpUser):
    """One user. A connection stays open, as a browser's does."""

    wait_time = constant(0) if WAIT[-1] == 0 else between(*WAIT)
    connection_timeout = 30.0
    network_timeout = 30.0

    def on_start(self) -> None:
        """Take a key."""
        self.key = next(_keys)

    @task
    def predict(self) -> None:
        """Send one picture."""
        body = form(picture(next(_numbers))) if random.random() < UNIQUE else random.choice(_repeated)
        headers = {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}", **self.key}
        with self.client.post(
            "/v1/predict", data=body, headers=headers, name="lost", catch_response=True
        ) as answer:
            if answer.status_code == 200:
                cached = b'"cached":true' in answer.content
                answer.request_meta["name"] = "cached" if cached else "judged"
                if b'"label":"' in answer.content:
                    answer.success()
                else:
                    answer.failure("no verdict")
            elif answer.status_code in (429, 503) and answer.headers.get("Retry-After"):
                answer.request_meta["name"] = "refused"
                answer.success()
                if not WAIT[-1]:
                    gevent.sleep(float(answer.headers["Retry-After"]))
            else:
                answer.request_meta["name"] = f"failed {answer.status_code}"
                answer.failure(f"status {answer.status_code}: {answer.error}")
