"""The client against a server that answers what the test says."""

import http.server
import json
import threading
from pathlib import Path

import pytest

from fakeweb.client import Client
from fakeweb.client import wire as wire_module
from fakeweb.errors import Busy, FakeWebError, Unreachable, Unreadable, UsageError

OLD = Path(__file__).parents[2] / "reports_1_1"
MODELS = {"models": [], "finder": "haar", "limits": {}}


@pytest.fixture
def served():
    """Answers from a list, one per request: (status, headers, body); keeps what was asked."""
    answers, asked = [], []

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _answer(self):
            length = int(self.headers.get("Content-Length") or 0)
            asked.append((self.command, self.path, dict(self.headers), self.rfile.read(length)))
            status, headers, body = answers.pop(0)
            if status == 0:  # hang up
                self.close_connection = True
                return
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_POST = do_PATCH = do_DELETE = _answer  # noqa: N815

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", answers, asked
    server.shutdown()
    thread.join()
    server.server_close()


def problem(code, status):
    body = json.dumps({"code": code, "detail": "it broke", "hint": "mend it", "status": status}).encode()
    return status, {"Content-Type": "application/problem+json"}, body


def test_it_waits_as_long_as_it_is_told(served, monkeypatch):
    url, answers, asked = served
    slept = []
    monkeypatch.setattr(wire_module.time, "sleep", slept.append)
    status, headers, body = problem("service.busy", 503)
    answers += [(status, {**headers, "Retry-After": "4"}, body)] * 2 + [
        (200, {}, json.dumps(MODELS).encode())
    ]
    with Client(url, key="fw_x") as client:
        assert client.models() == MODELS
        answers += [(status, {**headers, "Retry-After": "-3"}, body), (200, {}, json.dumps(MODELS).encode())]
        assert client.models() == MODELS
        assert slept.pop() == 0.0, "time does not go back"
        del asked[3:]
    assert len(asked) == 3
    assert all(4 <= s <= 5 for s in slept)
    assert len(slept) == 2
    assert asked[0][2]["Authorization"] == "Bearer fw_x"


def test_its_patience_has_an_end(served):
    url, answers, _ = served
    status, headers, body = problem("service.busy", 503)
    answers.append((status, {**headers, "Retry-After": "9"}, body))
    with Client(url, patience_s=5) as client, pytest.raises(Busy) as busy:
        client.models()
    assert busy.value.retry_after_s >= 9


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (problem("media.unreadable", 422), Unreadable),
        (problem("media.of_the_future", 400), FakeWebError),
        ((502, {}, b"<html>bad gateway</html>"), Unreachable),
        ((500, {}, b"[]"), Unreachable),
        ((0, {}, b""), Unreachable),
    ],
)
def test_what_goes_wrong_becomes_our_errors(served, answer, kind):
    url, answers, _ = served
    answers += [answer] * 2
    with Client(url, patience_s=0) as client, pytest.raises(kind):
        client.models()


def judgement(**changes):
    """The answer of a service of 0.7.0."""
    report = json.loads((OLD / "service.json").read_text("utf-8"))
    answer = {
        "id": "1", "cached": False, "report": report, "queue_id": None, "overlay": None,
        "impact": {"score": 1.5, "level": "moderate", "audience": 99.0},
        "viewer_warnings": [{"kind": "swap", "title": "a", "text": "b", "faces": [1]}],
    }  # fmt: skip
    return {**answer, **changes}


def test_an_earlier_service_and_a_later_minor_version_are_understood(served):
    url, answers, _ = served
    later = judgement(new=1, impact={**judgement()["impact"], "new": 1})
    later["report"] |= {"schema_version": "2.9", "new": 1, "whole": None, "signature": None}
    later["report"]["faces"] = []
    for data in (judgement(), later):
        answers.append((200, {}, json.dumps(data).encode()))
        with Client(url) as client:
            answer = client.predict(b"x")
        assert (answer.report.width, answer.impact.level, answer.viewer_warnings[0].faces) == (
            512,
            "moderate",
            (1,),
        )


WRONG = {
    "a page": (b"<html>welcome</html>", "Expecting value"),
    "a list": (b"[]", "list indices"),
    "nothing": (b"", "not subscriptable"),
    "another major version": (
        json.dumps(judgement(report={"schema_version": "3.0"})).encode(),
        "report.schema_version must be 2.1, got '3.0'",
    ),
    "no report": (json.dumps({"id": "1", "impact": None, "viewer_warnings": [], "overlay": None}).encode(), "lacks"),
    "impact": (json.dumps(judgement(impact={"score": -1})).encode(), "impact.score must be at least 0"),
    "warnings": (json.dumps(judgement(viewer_warnings=[{}])).encode(), "lacks the field 'kind'"),
    "overlay": (json.dumps(judgement(overlay="§")).encode(), "ASCII"),
}  # fmt: skip


@pytest.mark.parametrize(("body", "message"), WRONG.values(), ids=WRONG)
def test_an_answer_that_is_not_understood_is_one_clear_error(served, body, message):
    url, answers, _ = served
    answers.append((200, {}, body))
    with Client(url) as client, pytest.raises(Unreachable, match=message):
        client.predict(b"x")


def test_items_of_the_queue_are_checked_too(served):
    url, answers, _ = served
    answers += [(200, {}, b'{"items": [{"id": "1"}]}'), (200, {}, b"{}")]
    with Client(url) as client:
        with pytest.raises(Unreachable, match="item lacks the field 'state'"):
            client.queue()
        with pytest.raises(Unreachable, match="it lacks 'items'"):
            client.queue()


def test_a_connection_that_was_closed_while_idle_is_made_anew(served):
    url, answers, asked = served
    good = (200, {}, json.dumps(MODELS).encode())
    answers += [good, (0, {}, b""), good]
    with Client(url) as client:
        assert client.models() == client.models() == MODELS
    assert len(asked) == 3


def test_nobody_there_is_one_clear_error():
    with Client("http://127.0.0.1:9") as client, pytest.raises(Unreachable, match=r"127\.0\.0\.1:9"):
        client.models()
    for wrong in ("127.0.0.1:8000", "ftp://x", "http://"):
        with pytest.raises(UsageError):
            Client(wrong)


def test_options_and_names_are_sent_and_a_missing_file_is_an_error(served, tmp_path):
    url, answers, asked = served
    answers.append(problem("media.unreadable", 422))
    path = tmp_path / "ä b.jpg"
    path.write_bytes(b"xy")
    with Client(url + "/base/") as client:
        with pytest.raises(Unreadable):
            client.predict(path, threshold=0.5, overlay=True, queue=False)
        with pytest.raises(Unreadable, match="cannot be read"):
            client.predict(tmp_path / "none.jpg")
    method, target, headers, body = asked[0]
    assert (method, body, headers["Content-Length"]) == ("POST", b"xy", "2")
    assert target == "/base/v1/predict?threshold=0.5&overlay=true&queue=false&name=%C3%A4+b.jpg"
