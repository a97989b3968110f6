"""The process that judges pictures: ``python -m fakeweb.server.worker FD``.

It has its own Scanner and one thread, reads one frame at a time from the service, and answers it. It may be killed
at any moment; it knows nothing that is not known elsewhere.
"""

from __future__ import annotations

import contextlib
import gc
import os
import socket
import sys
import threading
import time
from collections.abc import Iterator
from copy import copy
from dataclasses import replace
from typing import Any

import cv2

from fakeweb.errors import FakeWebError, TooLarge
from fakeweb.media import Limits, encode_png, read_image
from fakeweb.render import overlay
from fakeweb.scanner import Scanner
from fakeweb.scanner.pages import html_of_kept
from fakeweb.server import frames
from fakeweb.server.finished import Finished, to_frame
from fakeweb.types import Impact, Report

_SHARE = 0.8
"""Decoding ends by itself after this share of the time, before the service ends the worker."""


def prepare(memory_mb: int) -> None:
    """Bind this process to one thread, a size, and the life of the service."""
    cv2.setNumThreads(1)
    if memory_mb:
        limit_memory(memory_mb)
    threading.Thread(target=_end_with_service, daemon=True).start()


def limit_memory(memory_mb: int) -> None:
    """Limit the address space, where the system can."""
    try:
        import resource
    except ImportError:
        return
    limit = memory_mb << 20
    hard = resource.getrlimit(resource.RLIMIT_AS)[1]
    resource.setrlimit(resource.RLIMIT_AS, (limit if hard < 0 else min(limit, hard), hard))


def _end_with_service() -> None:
    while os.read(0, 4096):  # unbuffered: the interpreter may end while this waits
        pass
    os._exit(0)


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Keep what C libraries say of a stranger's file out of the log, where it could fill a disk."""
    kept, nothing = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nothing, 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nothing)


class WorkerScanner:
    """Answers frames.

    Args:
        settings: ``model``, ``finder``, ``finder_model``, ``threshold``, ``trust``, ``max_faces`` and the limits.
    """

    def __init__(self, settings: dict[str, Any]) -> None:
        self._base = Scanner(
            finder=settings["finder"],
            finder_model=settings["finder_model"],
            model=settings["model"],
            threshold=settings["threshold"],
            limits=Limits(
                max_bytes=settings["max_bytes"],
                max_pixels=settings["max_pixels"],
                max_side_px=settings["max_side_px"],
                max_clip_bytes=settings["max_video_bytes"],
                max_duration_s=int(settings["max_duration_s"]),
            ),
            trust=settings["trust"],
        )
        self._settings = settings

    def describe(self) -> dict[str, Any]:
        """Return what stands in every report."""
        return {
            "ready": True,
            "model": self._base.classifier.reference,
            "finder": self._base.finder.name,
            "digest": self._base.digest(),
        }

    def scanner(self, threshold: float | None, faces: int | None) -> Scanner:
        """Return a scanner with a request's options; all that was loaded is shared."""
        scanner = copy(self._base)  # making one anew would load models for each picture
        if threshold is not None:
            scanner.threshold = threshold
        scanner.max_faces = min(faces or self._settings["max_faces"], self._settings["max_faces"])
        return scanner

    def answer(self, task: dict[str, Any], data: bytes) -> tuple[dict[str, Any], bytes]:
        """Judge one picture, or only draw what was judged before; errors of the picture are part of the answer.

        Args:
            task: ``name``, ``threshold``, ``faces``, ``opacity``; ``overlay``: whether to draw; ``report``: what was
                judged before, or None; ``page``: None, or the impact under ``impact``, where the page of ``report``
                is wanted.
            data: The picture, or for a page what was kept of it.
        """
        try:
            if task["page"] is not None:
                return {}, self._page(task, data)
            return self._judged(task, data)
        except FakeWebError as error:
            return {"error": error.to_dict()}, b""
        except MemoryError:
            large = TooLarge(f"{task['name']} needs more memory than a picture may", hint="scale it down")
            return {"error": large.to_dict()}, b""

    def _judged(self, task: dict[str, Any], data: bytes) -> tuple[dict[str, Any], bytes]:
        started = time.perf_counter()
        known = task["report"]
        most_s = max(1, int(_SHARE * task["limit_s"]))
        with quiet():
            media = read_image(
                data, limits=replace(self._base.limits, max_decode_s=most_s), name=task["name"]
            )
        if known is None:
            scanner = self.scanner(task["threshold"], task["faces"])
            report = scanner.judge(media, read_s=time.perf_counter() - started)
        else:
            report = Report.from_dict(known)
        drawn = b""
        if task["overlay"]:
            drawn = encode_png(overlay(media.image, report, opacity=task["opacity"]), drawn=True)
        return to_frame(Finished.of(report), drawn) if known is None else ({}, drawn)

    def _page(self, task: dict[str, Any], data: bytes) -> bytes:
        report = replace(Report.from_dict(task["report"]), source=task["name"])
        told = task["page"]["impact"]
        page = html_of_kept(
            data,
            report,
            classifier=self._base.classifier,
            limits=self._base.limits,
            impact=None if told is None else Impact(**told),
        )
        return page.encode("utf-8", "backslashreplace")


def main() -> None:
    """Serve frames until the service hangs up."""
    channel = socket.socket(fileno=int(sys.argv[1]))
    first = frames.receive(channel)
    if first is None:
        return
    settings = first[0]
    prepare(settings["worker_memory_mb"])
    try:
        scanner = WorkerScanner(settings)
    except FakeWebError as error:
        frames.send(channel, {"error": error.to_dict()})
        return
    gc.collect()
    gc.freeze()  # models and modules live as long as the process
    frames.send(channel, scanner.describe())
    while (frame := frames.receive(channel)) is not None:
        header, body = scanner.answer(*frame)
        frames.send(channel, header, body)


if __name__ == "__main__":
    main()
