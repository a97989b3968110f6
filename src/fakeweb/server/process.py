"""Running the application: connections, file descriptors, signals, logs."""

from __future__ import annotations

import asyncio
import gc
import logging
import socket
from types import FrameType
from typing import Any

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from fakeweb.errors import Busy, FakeWebError, UsageError
from fakeweb.server.app import create_app
from fakeweb.server.problems import problem_answer
from fakeweb.server.service import Service
from fakeweb.server.settings import Settings

LOG = logging.getLogger("fakeweb.server")
_RESERVED_FILES = 128
_BACKLOG = 4096
_HEADERS_S = 10.0
_SOFT_DEFAULT = 1024
_NEW_OBJECTS = 10_000
"""So many objects more than before are made between two looks of the garbage collector."""


def run(settings: Settings) -> None:
    """Serve until told to stop."""
    logging.basicConfig(format="%(asctime)s %(levelname)s %(name)s: %(message)s", level=logging.WARNING)
    LOG.setLevel(logging.INFO)
    connections = connection_limit(settings.max_connections)
    app = create_app(settings)
    config = uvicorn.Config(
        app,
        host=settings.host,
        port=settings.port,
        http=_protocol(connections),
        ws="none",
        lifespan="off",  # begun and ended by the server below, so that errors stay errors
        backlog=_BACKLOG,
        timeout_keep_alive=int(settings.keep_alive_s),
        timeout_graceful_shutdown=int(settings.shutdown_s),
        server_header=False,
        access_log=False,
        log_config=None,
    )
    LOG.info(
        "http://%s:%d with %d workers, up to %d connections, API keys %s, data in %s",
        settings.host,
        settings.port,
        settings.worker_count,
        connections,
        "asked for" if settings.needs_key else "not asked for",
        settings.data_dir,
    )
    server = _Server(config, app.service)
    try:
        server.run()
    except SystemExit as end:
        where = f"{settings.host}:{settings.port}"
        raise UsageError(
            f"the service cannot listen on {where}", hint="is the port taken? see the log"
        ) from end
    if server.failure is not None:
        raise server.failure


def connection_limit(wanted: int) -> int:
    """Raise this process's limit for open files as far as it goes; return how many connections fit.

    Args:
        wanted: How many are wanted; 0: as many as fit.
    """
    try:
        import resource
    except ImportError:
        return wanted or _SOFT_DEFAULT - _RESERVED_FILES
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = hard if hard != resource.RLIM_INFINITY else 1 << 20
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
        soft = most
    except (ValueError, OSError):
        LOG.warning("the limit for open files stays at %d", soft)
    room = max(16, soft - _RESERVED_FILES)
    if wanted > room:
        LOG.warning("%d connections need more open files than the system allows; %d fit", wanted, room)
    return min(wanted or room, room)


def rest_the_collector() -> None:
    """Leave what lives as long as the process to itself: the collector looks at new objects only, and seldom."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(_NEW_OBJECTS, 20, 50)


class _Server(uvicorn.Server):
    """Begins and ends the service, and tells it to take nothing more as soon as a signal comes."""

    def __init__(self, config: uvicorn.Config, service: Service) -> None:
        super().__init__(config)
        self._service = service
        self.failure: FakeWebError | None = None
        """Why it could not start."""

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        try:
            await self._service.start()
        except FakeWebError as error:
            self.failure = error
            self.should_exit = True
            await self._service.stop()
            return
        rest_the_collector()
        try:
            await super().startup(sockets)
        except SystemExit:
            await self._service.stop()
            raise

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._service.drain()
        await super().shutdown(sockets)
        await self._service.stop()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        LOG.info("stopping: what was accepted is finished")
        if self._service.loop is not None:
            self._service.loop.call_soon_threadsafe(self._service.drain)
        super().handle_exit(sig, frame)
        self._captured_signals.clear()  # ended as asked: the exit status is 0


def _protocol(most: int) -> type[HttpToolsProtocol]:
    """Return uvicorn's protocol with what it lacks: a limit for connections, and for the time requests may take."""
    _, headers, body = problem_answer(Busy("too many connections", hint="try again later", retry_after_s=2))
    lines = b"".join(k + b": " + v + b"\r\n" for k, v in headers)
    full = b"HTTP/1.1 503 Service Unavailable\r\n" + lines + b"connection: close\r\n\r\n" + body

    class Protocol(HttpToolsProtocol):
        _timer: asyncio.TimerHandle | None = None
        timeout_keep_alive_task: asyncio.TimerHandle | None

        def connection_made(self, transport: Any) -> None:
            super().connection_made(transport)
            if len(self.connections) > most:
                transport.write(full)
                transport.close()
                return
            self._watch_headers()

        def connection_lost(self, exc: Exception | None) -> None:
            self._unwatch()
            super().connection_lost(exc)

        def data_received(self, data: bytes) -> None:
            if self.transport.is_closing():
                return
            super().data_received(data)
            # A request that was refused before its body had come: the rest is thrown away here.
            idle = self.cycle is not None and self.cycle.response_complete
            if idle and self.timeout_keep_alive_task is None and not self.transport.is_closing():
                self.timeout_keep_alive_task = self.loop.call_later(
                    self.timeout_keep_alive, self.timeout_keep_alive_handler
                )

        def on_message_begin(self) -> None:
            super().on_message_begin()
            self._watch_headers()

        def on_headers_complete(self) -> None:
            self._unwatch()
            super().on_headers_complete()

        def _watch_headers(self) -> None:
            self._unwatch()
            self._timer = self.loop.call_later(_HEADERS_S, self._give_up)

        def _unwatch(self) -> None:
            if self._timer is not None:
                self._timer.cancel()
                self._timer = None

        def _give_up(self) -> None:
            if not self.transport.is_closing():
                self.transport.close()

    return Protocol
