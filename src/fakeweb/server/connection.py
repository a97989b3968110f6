"""A connection, bounded while it is read: what a stranger sends costs little before anybody knows who it is.

uvicorn's protocol reads heads of any length, queues any number of requests that come without waiting for answers, and
takes a body in pieces of any size, and waits for ever for who does not read. Here bytes, lines and time of a head are
counted while they arrive, bodies that nobody wants are thrown away up to a limit, and answers that are not taken are
given up. What can be answered from the head alone is, without a task.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Iterable, MutableMapping
from typing import Any

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from fakeweb.errors import BadRequest, Busy, FakeWebError
from fakeweb.server.fair import party
from fakeweb.server.problems import problem_answer

HEAD_BYTES = 32 << 10
"""Longest head of a request: its first line and its headers."""
HEAD_LINES = 100
HEAD_S = 10.0
"""Time for a head to arrive."""
DRAINED_BYTES = 64 << 20
"""So much of the body of a refused request is read and thrown away, so that its sender sees the answer."""
REFUSED_S = 1.0
"""So long who sends no proper head waits for being told so: else the same comes again at once."""
STALLED_S = 10.0
"""Who takes less than ``_TAKEN_BYTES`` of an answer in so long is cut off."""
_TAKEN_BYTES = 64 << 10
_PIPELINED = 8
_SLICE_BYTES = 64 << 10
_BARREN_BYTES = 32 << 10
_FEW_PIECES = 4096
_PIECE_BYTES = 64
_LINGER_BYTES = 256 << 10
_LINGER_S = 1.0
_LOOKED_AT = 64
_UPGRADE = re.compile(rb"\nupgrade[ \t]*:", re.IGNORECASE)

AtOnce = Callable[[MutableMapping[str, Any]], bytes | None]
"""Returns the whole answer to a request, or None where that takes more than its head: :meth:`.gate.Gate.at_once`."""


class Crowd:
    """All open connections, by where they come from.

    Args:
        most: How many may be open. When all are taken, somebody new gets the place of a connection of whoever has
            most that is idle or whose answer is not taken.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._count = 0
        self._by_party: dict[str, dict[Connection, None]] = {}

    def enter(self, new: Connection) -> bool:
        """Count a connection; tell whether it may stay."""
        if self._count >= self._most and not self._make_room(new.party):
            return False
        self._by_party.setdefault(new.party, {})[new] = None
        self._count += 1
        return True

    def leave(self, gone: Connection) -> None:
        """Forget a connection."""
        mine = self._by_party.get(gone.party, {})
        if gone in mine:
            del mine[gone]
            self._count -= 1
            if not mine:
                del self._by_party[gone.party]

    def _make_room(self, newcomer: str) -> bool:
        largest = max(self._by_party, key=lambda name: len(self._by_party[name]))
        if len(self._by_party[largest]) <= len(self._by_party.get(newcomer, ())) + 1:
            return False
        for _, oldest in zip(range(_LOOKED_AT), list(self._by_party[largest]), strict=False):
            if oldest.spare:
                self.leave(oldest)
                oldest.transport.abort()
                return True
        return False


class Connection(HttpToolsProtocol):
    """uvicorn's protocol with limits for what it leaves open; see :func:`bounded`."""

    crowd: Crowd
    at_once: AtOnce | None = None
    timeout_keep_alive_task: asyncio.TimerHandle | None
    party = ""
    """Who is at the other end, see :func:`fakeweb.server.fair.party`."""
    drained_bytes = DRAINED_BYTES
    """How much of this request's body is thrown away once it is answered."""
    _timer: asyncio.TimerHandle | None = None
    _reader: asyncio.TimerHandle | None = None
    _took_some = False
    _why: FakeWebError | None = None
    _lingering = False
    _in_head = True
    _head_bytes = _head_lines = _barren = _pieces = _body_bytes = _drained = 0

    @property
    def idle(self) -> bool:
        """Whether no request is being answered."""
        return self.cycle is None or self.cycle.response_complete

    @property
    def spare(self) -> bool:
        """Whether little is lost with it: it is idle, or what it was answered is not taken."""
        return self.idle or self.flow.write_paused

    def connection_made(self, transport: Any) -> None:
        """Take a connection in, or say that there are too many."""
        super().connection_made(transport)
        self.party = party(self.client[0] if self.client else "")
        if self.crowd.enter(self):
            self._watch(HEAD_S)
        else:
            transport.write(_TOO_MANY)
            transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        """Make its place free."""
        self._unwatch()
        if self._reader is not None:
            self._reader.cancel()
        self.crowd.leave(self)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Parse what came, a slice at a time, and count it."""
        if self._lingering:
            self._throw_away(len(data))
            return
        at = 0
        while at < len(data) and not (self._lingering or self.transport.is_closing()):
            most = max(1, HEAD_BYTES - self._head_bytes) if self._in_head else _SLICE_BYTES
            self._parse(data[at : at + most] if at or len(data) > most else data)
            at += most
        if self.idle and self.cycle is not None and not self._lingering:
            self._after_answer()

    def _parse(self, piece: bytes) -> None:
        if self._in_head:
            self._head_bytes += len(piece)
            piece = _without_upgrade(piece)
        else:
            self._barren += len(piece)
        super().data_received(piece)
        if self._in_head and self._head_bytes >= HEAD_BYTES:
            self.refuse(_with_status(431, f"the head of the request has more than {HEAD_BYTES:,} bytes"))
        elif self._barren >= _BARREN_BYTES:
            self.refuse(BadRequest("the body of the request brings nothing", hint="send it anew"))

    def _after_answer(self) -> None:
        """Watch what comes after an answer: silence, a next head, or the rest of a body nobody wants."""
        if self.transport.is_closing():
            return
        if self._in_head and not self._head_bytes:
            if self.timeout_keep_alive_task is None:
                self.timeout_keep_alive_task = self.loop.call_later(
                    self.timeout_keep_alive, self.timeout_keep_alive_handler
                )
        elif self._timer is None:
            self._watch(HEAD_S if self._in_head else float(self.timeout_keep_alive))

    # what the parser calls

    def on_message_begin(self) -> None:
        """A request begins."""
        super().on_message_begin()
        self.scope["fakeweb.connection"] = self
        self.drained_bytes = DRAINED_BYTES
        self._head_lines = self._pieces = self._body_bytes = self._drained = 0
        self._watch(HEAD_S)

    def on_header(self, name: bytes, value: bytes) -> None:
        """Count a header, and keep it unless it comes after the body."""
        self._head_lines += 1
        if self._head_lines > HEAD_LINES:
            raise self._because(_with_status(431, f"the request has more than {HEAD_LINES} headers"))
        if self._in_head:  # trailers of a body come too late to mean anything
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """A request can be answered."""
        self._unwatch()
        self._in_head, self._barren = False, 0
        super().on_headers_complete()
        if len(self.pipeline) > _PIPELINED:
            raise self._because(BadRequest("too many requests at once", hint="wait for answers"))

    def on_body(self, body: bytes) -> None:
        """Pass on a piece of a body, or throw it away where the answer was given."""
        self._barren = 0
        self._pieces += 1
        self._body_bytes += len(body)
        if self._pieces > _FEW_PIECES and self._body_bytes < self._pieces * _PIECE_BYTES:
            raise self._because(BadRequest("the body comes in pieces that are too small", hint="buffer it"))
        if self.cycle.response_complete:
            self._drained += len(body)
            if self._drained > self.drained_bytes:
                self.transport.close()
        super().on_body(body)

    def on_message_complete(self) -> None:
        """A request ends; from here on the next head is read."""
        self._unwatch()
        self._in_head, self._head_bytes, self._barren = True, 0, 0
        super().on_message_complete()

    # what uvicorn calls

    def _start_asgi_task(self, cycle: Any, app: Any) -> None:
        """Answer at once where that is possible, without a task."""
        answer = self.at_once(cycle.scope) if self.at_once is not None and cycle.keep_alive else None
        if answer is None:
            super()._start_asgi_task(cycle, app)
            return
        cycle.response_started = cycle.response_complete = True
        date = b"".join(name + b": " + value + b"\r\n" for name, value in self.server_state.default_headers)
        self.transport.write(answer.replace(b"\r\n", b"\r\n" + date, 1))
        self.on_response_complete()

    def _unsupported_upgrade_warning(self) -> None:
        """End a connection whose parser takes all that follows for another protocol: it must not mean anything."""
        self.transport.close()

    # who reads

    def pause_writing(self) -> None:
        """More was answered than is taken."""
        super().pause_writing()
        self._watch_reader()

    def resume_writing(self) -> None:
        """It was taken."""
        self._took_some = True
        super().resume_writing()

    def on_response_complete(self) -> None:
        """Begin the next request; watch over an answer that still has to be taken."""
        super().on_response_complete()
        if self.transport.get_write_buffer_size():
            self._watch_reader()

    def _watch_reader(self) -> None:
        if self._reader is None:
            self._took_some = False
            left = self.transport.get_write_buffer_size()
            self._reader = self.loop.call_later(STALLED_S, self._look_at_reader, left)

    def _look_at_reader(self, before: int) -> None:
        self._reader = None
        left = self.transport.get_write_buffer_size()
        if left and not self._took_some and left > before - _TAKEN_BYTES:
            self.transport.abort()
        elif left:
            self._watch_reader()

    # saying no

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002  # uvicorn's words
        """Refuse what the parser did not like."""
        self.refuse(self._why or BadRequest("this is no HTTP request", hint="check the client"))

    def refuse(self, error: FakeWebError) -> None:
        """Answer a head with an error, after a while, and close once that can have been read; within a body at once."""
        if self._lingering:
            return
        self._unwatch()
        if not self.idle or not self._in_head:
            self.transport.close()
            return
        self._lingering, self._drained = True, 0
        self.flow.pause_reading()
        self._timer = self.loop.call_later(REFUSED_S, self._tell, _raw(error))

    def _tell(self, answer: bytes) -> None:
        self.transport.write(answer)
        self.flow.resume_reading()
        self._watch(_LINGER_S)

    def _because(self, error: FakeWebError) -> FakeWebError:
        self._why = error
        return error

    def _throw_away(self, count: int) -> None:
        self._drained += count
        if self._drained > _LINGER_BYTES and not self.transport.is_closing():
            self.transport.close()

    # time

    def _watch(self, seconds: float) -> None:
        self._unwatch()
        self._timer = self.loop.call_later(seconds, self._give_up)

    def _unwatch(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _give_up(self) -> None:
        self._timer = None
        if not self.transport.is_closing():
            self.transport.close()


def bounded(most: int, answer: AtOnce | None = None) -> type[Connection]:
    """Return the protocol of a service with so many connections, and what answers from heads alone."""

    class Bounded(Connection):
        crowd = Crowd(most)
        at_once = None if answer is None else staticmethod(answer)

    return Bounded


def _without_upgrade(piece: bytes) -> bytes:
    """Rename headers that ask for another protocol, which nobody here speaks: the parser would drop the body."""
    end = piece.find(b"\r\n\r\n") + 1 or len(piece)
    if _UPGRADE.search(piece, 0, end) is None:
        return piece
    return _UPGRADE.sub(b"\nignored:", piece[:end]) + piece[end:]


def _with_status(status: int, text: str) -> BadRequest:
    error = BadRequest(text, hint="send less in headers")
    error.http_status = status  # type: ignore[misc]  # of this one error
    return error


def _raw(error: FakeWebError) -> bytes:
    status, headers, body = problem_answer(error)
    lines: Iterable[tuple[bytes, bytes]] = (*headers, (b"connection", b"close"))
    head = b"".join(name + b": " + value + b"\r\n" for name, value in lines)
    return bytes(STATUS_LINE[status]) + head + b"\r\n" + body


_TOO_MANY = _raw(Busy("too many connections", hint="try again later", retry_after_s=2))
