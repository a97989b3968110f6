"""All that can be set, in one frozen value; from the environment (``FAKEWEB_*``) and the command line."""

from __future__ import annotations

import ipaddress
import os
import types
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Literal, get_args, get_origin, get_type_hints

from fakeweb.errors import UsageError
from fakeweb.render.impact import FOLLOWER_SHARE, STARTS
from fakeweb.scanner import DEFAULT_FINDER, DEFAULT_MODEL

PREFIX = "FAKEWEB_"
MIB = 1 << 20

Auth = Literal["auto", "required", "off"]


def _data_dir() -> Path:
    base = os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share"
    return Path(base, "fakeweb", "service")


@dataclass(frozen=True)
class Settings:
    """How a service runs; each field is ``FAKEWEB_<NAME>`` in the environment.

    Attributes:
        host: Address to listen on.
        port: Port to listen on.
        data_dir: Folder for the database, uploads of unfinished jobs and overlays of finished ones.
        jobs_dir: Folder for uploads and overlays of jobs; empty: `jobs` in the data folder. Services that share a
            database and this folder take over each other's jobs.
        database_url: SQLAlchemy URL; empty: SQLite in the data folder.
        workers: Processes that judge pictures, each with one thread; 0: one per core.
        model: Name of a model or path of a card.
        finder: Name of a face finder.
        finder_model: Model file, for finders that need one.
        threshold: Call faces fake from this P(fake) on where a request says nothing; empty: the model's own.
        trust: File of certificates (PEM) whose content credentials are trusted; empty: nobody's are.
        auth: ``required`` asks for an API key, ``off`` does not, ``auto`` only beyond this machine.
        hosts: Names by which callers know the service, beside ``localhost`` and its own addresses; others are not
            answered where no key is asked for.
        proxies: Addresses or networks of reverse proxies whose ``X-Forwarded-For`` and ``-Proto`` are believed.
        anonymous_per_minute: Requests a minute per address where no key is asked for; 0: no limit.
        max_bytes: Size of a picture.
        max_pixels: Pixels of a picture or of a video's frame; checked before decoding.
        max_side_px: Longer side of both; checked before decoding.
        max_faces: Faces that are judged in a picture; the others are uncertain.
        max_batch: Pictures per batch.
        max_video_bytes: Size of a video.
        max_duration_s: Length of a video.
        max_jobs_running: Videos that are judged at the same time.
        max_jobs_waiting: Videos that are accepted beyond those.
        max_waiting: Pictures that may wait for a worker, however short their expected wait.
        max_wait_s: A picture is refused when it would wait longer than this for a worker.
        deadline_s: A picture that was accepted is answered within this time, or given up with 503.
        worker_memory_mb: Address space of a worker.
        job_memory_mb: Address space of a video's process.
        job_timeout_s: A video's process is killed after this time.
        upload_idle_s: An upload that brings nothing for so long is given up with 408.
        upload_bytes_per_s: So is one that brings less than this on average, within seconds.
        upload_budget_bytes: Memory for all picture uploads together.
        max_connections: Open connections; 0: what the system's limit for files allows.
        keep_alive_s: How long an idle connection stays open.
        shutdown_s: How long a stopping service waits for what it accepted.
        result_days: Results are deleted after so many days without use.
        queue_days: Items of the queue are deleted so many days after the decision or, without one, their beginning.
        job_hours: Finished jobs with their overlays are deleted after so many hours.
        max_rows: Results that are kept, and as many items of the queue; the oldest go first, open items last.
        max_database_mb: Size of the database; the oldest results go first.
        queue_labels: Verdicts that go to the review queue when a reach was given.
        impact_levels: Where the levels moderate, high and critical begin.
        follower_share: Share of the followers who are expected to see a post.
        cors_origins: Origins whose pages may call the API; ``*`` for all.
        allow_url: Whether ``POST /v1/urls`` fetches pictures from public addresses.
        page_dir: Folder with a built web page to serve at ``/``; empty: the one in the package, if any.
    """

    host: str = "127.0.0.1"
    port: int = 8000
    data_dir: Path = field(default_factory=_data_dir)
    jobs_dir: Path | None = None
    database_url: str = ""
    workers: int = 0
    model: str = DEFAULT_MODEL
    finder: str = DEFAULT_FINDER
    finder_model: Path | None = None
    threshold: float | None = None
    trust: Path | None = None
    auth: Auth = "auto"
    hosts: tuple[str, ...] = ()
    proxies: tuple[str, ...] = ()
    anonymous_per_minute: int = 0
    max_bytes: int = 20 * MIB
    max_pixels: int = 40_000_000
    max_side_px: int = 20_000
    max_faces: int = 100
    max_batch: int = 16
    max_video_bytes: int = 200 * MIB
    max_duration_s: float = 600.0
    max_jobs_running: int = 1
    max_jobs_waiting: int = 100
    max_waiting: int = 256
    max_wait_s: float = 1.0
    deadline_s: float = 20.0
    worker_memory_mb: int = 4096
    job_memory_mb: int = 6144
    job_timeout_s: float = 3600.0
    upload_idle_s: float = 2.0
    upload_bytes_per_s: int = 32_768
    upload_budget_bytes: int = 512 * MIB
    max_connections: int = 0
    keep_alive_s: float = 20.0
    shutdown_s: float = 30.0
    result_days: float = 30.0
    queue_days: float = 365.0
    job_hours: float = 24.0
    max_rows: int = 1_000_000
    max_database_mb: int = 4096
    queue_labels: tuple[str, ...] = ("fake", "uncertain")
    impact_levels: tuple[float, ...] = STARTS
    follower_share: float = FOLLOWER_SHARE
    cors_origins: tuple[str, ...] = ()
    allow_url: bool = False
    page_dir: Path | None = None

    def __post_init__(self) -> None:
        for name in _POSITIVE:
            if not getattr(self, name) > 0:
                raise _wrong(name, getattr(self, name), "a number above 0")
        if self.auth not in get_args(Auth):
            raise _wrong("auth", self.auth, "auto, required or off")
        if len(self.impact_levels) != 3 or list(self.impact_levels) != sorted(self.impact_levels):
            raise _wrong("impact_levels", self.impact_levels, "three rising numbers")
        if not set(self.queue_labels) <= {"fake", "uncertain", "real", "no_face"}:
            raise _wrong("queue_labels", self.queue_labels, "verdicts")
        if any(_is_no_name(name) for name in self.hosts):
            raise _wrong("hosts", ",".join(self.hosts), "names without a port, such as fakeweb.example")
        if any(_is_no_network(proxy) for proxy in self.proxies):
            raise _wrong("proxies", ",".join(self.proxies), "addresses or networks, such as 10.0.0.0/8")
        if not 0 <= self.port <= 65535:
            raise _wrong("port", self.port, "a port from 0 to 65535")

    @property
    def url(self) -> str:
        """The database's URL."""
        return self.database_url or f"sqlite:///{self.data_dir / 'fakeweb.sqlite3'}"

    @property
    def worker_count(self) -> int:
        """Workers as a number above 0."""
        return self.workers or _cores()

    @property
    def needs_key(self) -> bool:
        """Whether callers must show a key."""
        return self.auth == "required" or (self.auth == "auto" and not _is_loopback(self.host))


_POSITIVE = (
    "max_bytes", "max_pixels", "max_side_px", "max_faces", "max_batch", "max_video_bytes", "max_duration_s",
    "max_jobs_running", "max_waiting", "max_wait_s", "deadline_s", "worker_memory_mb", "job_memory_mb",
    "job_timeout_s", "upload_idle_s", "upload_bytes_per_s", "upload_budget_bytes", "keep_alive_s",
    "shutdown_s", "result_days", "queue_days", "job_hours", "max_rows", "max_database_mb",
)  # fmt: skip


def settings_from(environ: Mapping[str, str], **given: Any) -> Settings:
    """Build settings from the environment; what is given by name and not None goes before it.

    Raises:
        UsageError: A variable ``FAKEWEB_*`` that is unknown or does not fit.

    Example:
        >>> settings_from({"FAKEWEB_PORT": "9000", "FAKEWEB_CORS_ORIGINS": "https://a.example"}).port
        9000
    """
    hints = get_type_hints(Settings)
    values: dict[str, Any] = {}
    for variable, text in environ.items():
        if not variable.startswith(PREFIX):
            continue
        name = variable.removeprefix(PREFIX).lower()
        if name not in hints:
            known = ", ".join(sorted(PREFIX + f.name.upper() for f in fields(Settings)))
            raise UsageError(f"the environment has {variable}, which is no setting", hint=f"known: {known}")
        values[name] = _parse(name, text, hints[name])
    values |= {name: value for name, value in given.items() if value is not None}
    return Settings(**values)


def _parse(name: str, text: str, kind: Any) -> Any:
    if isinstance(kind, types.UnionType):
        if not text:
            return None
        kind = next(k for k in get_args(kind) if k is not type(None))
    try:
        if kind is bool:
            return {"1": True, "true": True, "yes": True, "0": False, "false": False, "no": False}[
                text.lower()
            ]
        if get_origin(kind) is tuple:
            return tuple(get_args(kind)[0](part.strip()) for part in text.split(",") if part.strip())
        return text if get_origin(kind) is Literal else kind(text)
    except (ValueError, KeyError):
        raise _wrong(name, text, getattr(kind, "__name__", str(kind))) from None


def _wrong(name: str, value: object, wanted: str) -> UsageError:
    return UsageError(
        f"{PREFIX}{name.upper()} must be {wanted}, got {value!r}", hint="see `fakeweb serve --help`"
    )


def _is_no_name(name: str) -> bool:
    return not name or name != name.lower() or bool(set(name) & set("/:*@ "))


def _is_no_network(text: str) -> bool:
    try:
        ipaddress.ip_network(text)
    except ValueError:
        return True
    return False


def _is_loopback(host: str) -> bool:
    return host in ("localhost", "::1") or host.startswith("127.")


def _cores() -> int:
    """Return how many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
