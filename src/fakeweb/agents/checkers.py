"""Who judges for an agent: a Scanner in this process, or a FakeWeb service elsewhere."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, BinaryIO, Protocol

from fakeweb.client import Answer, Client
from fakeweb.errors import FakeWebError, Refused, TooLarge, UsageError, WorkerDied
from fakeweb.media import Limits, fetch_url, kind_of, read_image
from fakeweb.render.impact import Reach, impact
from fakeweb.render.report_words import About, rates_words
from fakeweb.scanner import DEFAULT_MODEL, Scanner
from fakeweb.scanner.pages import about
from fakeweb.types import Impact, Report

OnProgress = Callable[[str, float], None]
"""Called with the stage in words and how much is done, from 0 to 1."""
_MEASURED_ON = "validation_B"


@dataclass(frozen=True)
class Given:
    """What an agent wants to be judged.

    Attributes:
        name: What the agent calls it.
        file: Open at its start; None where it is an address.
    """

    name: str
    file: BinaryIO | None


@dataclass(frozen=True)
class Judged:
    """What came out.

    Attributes:
        report: The report.
        impact: Where a reach was given.
    """

    report: Report
    impact: Impact | None


class Checker(Protocol):
    """Judges pictures and clips."""

    def picture(self, given: Given, reach: Reach) -> Judged:
        """Judge a picture.

        Raises:
            FakeWebError: It cannot be judged.
        """
        ...

    def clip(
        self, given: Given, reach: Reach, on_progress: OnProgress, should_stop: Callable[[], bool]
    ) -> Judged:
        """Judge a video or an animated picture.

        Raises:
            FakeWebError: It cannot be judged.
        """
        ...

    def about(self, report: Report) -> About:
        """Return what judged a report: limits and error rates where that is the model used here."""
        ...


class Local:
    """A Scanner in this process.

    Args:
        model: Name of a model or path of a card; None: the shipped one.
        trust: Certificates (PEM) whose content credentials are trusted.

    Raises:
        ModelError, UsageError: They cannot be used.
    """

    def __init__(self, model: str | None = None, trust: Path | None = None) -> None:
        self._scanner = Scanner(model=model or DEFAULT_MODEL, trust=trust)

    def picture(self, given: Given, reach: Reach) -> Judged:
        """See :class:`Checker`."""
        started = time.perf_counter()
        content = _content(given, self._scanner.limits)
        _must_be(given.name, content, "picture")
        media = read_image(content, limits=self._scanner.limits, name=given.name)
        return _judged(self._scanner.judge(media, read_s=time.perf_counter() - started), reach)

    def clip(
        self, given: Given, reach: Reach, on_progress: OnProgress, should_stop: Callable[[], bool]
    ) -> Judged:
        """See :class:`Checker`."""
        content = _content(given, self._scanner.limits)
        _must_be(given.name, content, "clip")
        report = self._scanner.scan_video(
            content,
            name=given.name,
            on_progress=lambda at: on_progress("judging", at.done / max(1, at.total)),
            should_stop=should_stop,
        )
        return _judged(report, reach)

    def about(self, report: Report) -> About:
        """See :class:`Checker`."""
        own = self._scanner.classifier
        return about(own if own.reference in report.models else None)


class Remote:
    """A FakeWeb service.

    Args:
        address: Such as ``https://fakeweb.example``.
        key: API key, where the service asks for one.

    Raises:
        UsageError: ``address`` is none.
        ServiceError: It does not answer, or does not take the key.
    """

    def __init__(self, address: str, key: str | None) -> None:
        self._client = Client(address, key=key)
        self._models = self._client.models()

    def picture(self, given: Given, reach: Reach) -> Judged:
        """See :class:`Checker`."""
        options = {**vars(reach), "queue": False}
        if given.file is None:
            return _answered(self._client.predict_url(given.name, **options), given)
        _must_be(given.name, given.file, "picture")
        data = self._bounded(given, "max_bytes").read()
        return _answered(self._client.predict(data, **options), given)

    def clip(
        self, given: Given, reach: Reach, on_progress: OnProgress, should_stop: Callable[[], bool]
    ) -> Judged:
        """See :class:`Checker`."""
        if given.file is None:
            raise Refused("a service fetches pictures, no clips", hint="download the clip and name its file")
        _must_be(given.name, given.file, "clip")
        file = self._bounded(given, "max_video_bytes")
        job = self._client.create_video(file, overlay=False, queue=False, **vars(reach))
        try:
            for changed in self._client.follow(job.id):
                job = changed
                on_progress(job.stage, job.progress)
                if should_stop():
                    break
            if job.state != "done":
                raise job.problem or WorkerDied(f"the job is {job.state}", hint="try again")
            return _answered(self._client.video_result(job.id), given)
        finally:
            with suppress(FakeWebError):  # it goes with its time, then
                self._client.delete_video(job.id)

    def about(self, report: Report) -> About:
        """See :class:`Checker`."""
        version = str(self._models.get("version", ""))
        for model in self._models.get("models", ()):
            if model.get("in_use") and model.get("reference") in report.models:
                return About(version, tuple(map(str, model.get("limits", ()))), _rates(model))
        return About(version)

    def _bounded(self, given: Given, limit: str) -> BinaryIO:
        """Return a file, once it is known that the service takes one of its size."""
        assert given.file is not None  # noqa: S101
        size = given.file.seek(0, 2)
        given.file.seek(0)
        most = self._models.get("limits", {}).get(limit)
        if most is not None and size > most:
            raise TooLarge(f"{given.name} has {size:,} bytes; the service takes {most:,.0f}", hint="cut it")
        return given.file


def _content(given: Given, limits: Limits) -> Any:
    return given.file if given.file is not None else fetch_url(given.name, limits=limits)


def _must_be(name: str, content: Any, wanted: str) -> None:
    kind = kind_of(content)
    if hasattr(content, "seek"):
        content.seek(0)
    if (kind == "clip") != (wanted == "clip"):
        other = "check_clip" if kind == "clip" else "check_picture"
        what = "a clip" if kind == "clip" else "no clip"
        raise UsageError(f"{name} is {what}", hint=f"call {other}")


def _judged(report: Report, reach: Reach) -> Judged:
    return Judged(report, impact(report.verdict.p_fake, reach))


def _answered(answer: Answer, given: Given) -> Judged:
    return Judged(replace(answer.report, source=given.name), answer.impact)


def _rates(model: Mapping[str, Any]) -> str:
    for measured in model.get("measured", ()):
        if measured.get("on") == _MEASURED_ON:
            return rates_words(float(measured["real_called_fake"]), float(measured["fake_called_fake"]))
    return ""
