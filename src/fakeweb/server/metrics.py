"""What Prometheus reads at ``/metrics``. No label carries anything a caller sent."""

from __future__ import annotations

from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.process_collector import ProcessCollector

_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0)
CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


class Metrics:
    """Counters of one service; each has a registry of its own, so that tests can make several."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        self.requests = Counter(
            "fakeweb_requests", "Requests answered.", ("route", "status"), registry=self.registry
        )
        self.seconds = Histogram(
            "fakeweb_request_seconds", "Time to answer.", ("route",), buckets=_SECONDS, registry=self.registry
        )
        self.refused = Counter(
            "fakeweb_refused", "Requests refused at the door.", ("code",), registry=self.registry
        )
        self.verdicts = Counter(
            "fakeweb_verdicts", "Verdicts given.", ("label", "cached"), registry=self.registry
        )
        self.judging = Histogram(
            "fakeweb_judging_seconds",
            "Time of a worker per picture.",
            buckets=_SECONDS,
            registry=self.registry,
        )
        self.jobs = Counter("fakeweb_jobs", "Videos that ended.", ("state",), registry=self.registry)

    def watch(self, name: str, text: str, read: Callable[[], float]) -> None:
        """Add a gauge that is read when asked for."""
        Gauge(name, text, registry=self.registry).set_function(read)

    def page(self) -> bytes:
        """Return the text Prometheus reads."""
        return generate_latest(self.registry)
