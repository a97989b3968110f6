"""Running the application: connections, file descriptors, signals, logs."""

from __future__ import annotations

import gc
import logging
import socket
from types import FrameType

import uvicorn

from fakeweb.errors import FakeWebError, UsageError
from fakeweb.server.app import create_app
from fakeweb.server.connection import bounded
from fakeweb.server.service import Service
from fakeweb.server.settings import Settings

LOG = logging.getLogger("fakeweb.server")
_RESERVED_FILES = 128
_BACKLOG = 4096
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
        http=bounded(connections, app.at_once),
        ws="none",
        lifespan="off",  # begun and ended by the server below, so that errors stay errors
        backlog=_BACKLOG,
        timeout_keep_alive=int(settings.keep_alive_s),
        timeout_graceful_shutdown=int(settings.shutdown_s),
        server_header=False,
        proxy_headers=bool(settings.proxies),
        forwarded_allow_ips=list(settings.proxies),
        access_log=False,
        log_config=None,
        log_level="error",  # strangers who send nonsense write no log
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
