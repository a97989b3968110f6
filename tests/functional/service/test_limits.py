"""What one request may hold on to, whatever it asks for."""

import hashlib
import socket
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from fakeweb.errors import TooLarge
from fakeweb.media import encode_png
from fakeweb.server.pictures import Judged
from fakeweb.server.routes import predict
from fakeweb.types import Image

JSON = b"Host: localhost\r\nContent-Type: application/json\r\n"


def raw(service, *parts, timeout_s=10):
    """Send bytes until cut off; return the first bytes of the answer."""
    with socket.create_connection(("127.0.0.1", service.port), timeout=timeout_s) as connection:
        try:
            for part in parts:
                connection.sendall(part)
        except OSError:
            pass
        return connection.recv(4096)


@pytest.mark.parametrize("line", [b"PATCH /v1/queue/x", b"POST /v1/urls", b"POST /v1/videos/x/cancel"])
def test_a_body_that_is_no_upload_is_small(service, line):
    chunked = line + b" HTTP/1.1\r\n" + JSON + b"Transfer-Encoding: chunked\r\n\r\n"
    blanks = b"8000\r\n" + b" " * 0x8000 + b"\r\n"
    assert raw(service, chunked, blanks, blanks, blanks)[9:12] == b"413"


def test_a_body_that_is_no_upload_comes_in_time(service):
    head = b"POST /v1/urls HTTP/1.1\r\n" + JSON + b"Content-Length: 100\r\n\r\n"
    assert raw(service, head, b"{")[9:12] == b"408"


def test_a_picture_in_a_request_for_another_protocol_is_judged(service, jpeg):
    head = b"POST /v1/predict HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n"
    assert raw(service, head + b"Content-Length: %d\r\n\r\n" % len(jpeg), jpeg, timeout_s=60)[9:12] == b"200"


def test_overlays_of_one_answer_are_bounded():
    judged = Judged("1", None, "a.png", cached=False, drawn=b"a" * 10)
    with pytest.raises(TooLarge, match="overlays"):
        predict._hold(None, judged, 9)


def test_what_is_erased_while_it_is_judged_is_not_stored(api, portrait):
    tile = np.roll(portrait.pixels[20:260, 100:340], 41, 0)
    picture = encode_png(Image(np.ascontiguousarray(np.tile(tile, (5, 5, 1)))))
    address = f"/v1/media/{hashlib.sha256(picture).hexdigest()}"
    with ThreadPoolExecutor(1) as pool:
        post = pool.submit(api.post, "/v1/predict", content=picture, params={"views": 10, "queue": True})
        while "fakeweb_inside 0.0" in api.get("/metrics").text:
            time.sleep(0.01)
        time.sleep(0.2)
        api.delete(address)
        answer = post.result().json()
    assert (answer["id"], answer["stored"], answer["queue_id"]) == (None, False, None)
    assert api.delete(address).status_code == 404
    assert api.post("/v1/predict", content=picture).json()["cached"] is False
