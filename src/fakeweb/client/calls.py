"""The client: one method per address."""

from __future__ import annotations

import hashlib
import json
import os
import secrets
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, BinaryIO, Literal, Self

from fakeweb.client.values import Answer, Job, error_of, queue_item, understood
from fakeweb.client.wire import Wire
from fakeweb.errors import FakeWebError, Unreadable
from fakeweb.types import QueueItem

Source = str | os.PathLike[str] | bytes | BinaryIO

_CHUNK_BYTES = 1 << 20


class Client:
    """A FakeWeb service. May be shared between threads.

    Args:
        address: Such as ``http://127.0.0.1:8000``.
        key: API key, where the service asks for one.
        timeout_s: For connecting, and for each wait on the socket.
        patience_s: How long a request is tried again where the service says that it is busy; 0: not at all.

    Raises:
        UsageError: ``address`` is none.
    """

    def __init__(
        self, address: str, *, key: str | None = None, timeout_s: float = 60.0, patience_s: float = 60.0
    ) -> None:
        self._wire = Wire(address, key, timeout_s, patience_s)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close this thread's connection."""
        self._wire.close()

    def predict(
        self,
        picture: Source,
        *,
        threshold: float | None = None,
        faces: int | None = None,
        overlay: bool = False,
        opacity: float | None = None,
        views: int | None = None,
        followers: int | None = None,
        engagement_rate: float | None = None,
        reference: str | None = None,
        queue: bool | None = None,
    ) -> Answer:
        """Judge a picture.

        Args:
            picture: Path, bytes or binary file object.
            threshold: Call faces fake from this P(fake) on, instead of the model's threshold.
            faces: Judge at most so many faces, the largest first.
            overlay: Whether the answer brings the overlay as PNG.
            opacity: How strongly it is drawn.
            views: How often the post was seen.
            followers: How many follow the account.
            engagement_rate: Reactions, comments and shares over views.
            reference: Your name for the post in the review queue.
            queue: Put it into the review queue, or not; by default as the service decides.

        Raises:
            MediaError: The picture cannot be judged.
            ServiceError: The service refuses, is busy for too long, or does not answer.
        """
        options = {
            "threshold": threshold,
            "faces": faces,
            "overlay": overlay or None,
            "opacity": opacity,
            "views": views,
            "followers": followers,
            "engagement_rate": engagement_rate,
            "reference": reference,
            "queue": queue,
        }
        return Answer.of(self._upload("/v1/predict", picture, options))

    def overlay(
        self,
        picture: Source,
        *,
        threshold: float | None = None,
        faces: int | None = None,
        opacity: float | None = None,
    ) -> bytes:
        """Return a picture with meshes over the faces called fake, as PNG."""
        options: dict[str, Any] = {"threshold": threshold, "faces": faces, "opacity": opacity}
        with ExitStack() as stack:
            body, options["name"] = _open(picture, stack)
            headers = {**_headers(body), "Accept": "image/png"}
            return self._wire.bytes("POST", "/v1/predict", query=options, body=body, headers=headers)

    def predict_batch(self, pictures: Iterable[Source], **options: Any) -> list[Answer | FakeWebError]:
        """Judge several pictures in one request; one that cannot be judged gives its error in the list.

        Args:
            pictures: As for :meth:`predict`.
            options: The same for all, as for :meth:`predict`.
        """
        parts = []
        for picture in pictures:
            with ExitStack() as stack:
                body, name = _open(picture, stack)
                parts.append((name, body if isinstance(body, bytes) else body.read()))
        body, kind = _form(parts)
        answer = self._wire.json(
            "POST", "/v1/predict/batch", query=options, body=body, headers={"Content-Type": kind}
        )
        with understood():
            return [
                Answer.of(i["judgement"]) if i["judgement"] else error_of(i["problem"])
                for i in answer["items"]
            ]

    def predict_url(self, url: str, **options: Any) -> Answer:
        """Judge a picture on the web, where the service allows it."""
        return Answer.of(self._send("POST", "/v1/urls", {"url": url}, options))

    def create_video(self, video: Source, **options: Any) -> Job:
        """Send a video; it is judged as a job.

        Args:
            video: Path, bytes or binary file object.
            options: As for :meth:`predict`; ``overlay`` is on by default.
        """
        return Job.of(self._upload("/v1/videos", video, options))

    def video(self, job_id: str) -> Job:
        """Return how a job is doing."""
        return Job.of(self._wire.json("GET", f"/v1/videos/{job_id}"))

    def follow(self, job_id: str) -> Iterator[Job]:
        """Yield a job each time it changes, until it has ended."""
        while True:
            job = None
            headers = {"Accept": "text/event-stream"}
            with self._wire.open("GET", f"/v1/videos/{job_id}/events", headers=headers) as response:
                for line in response:
                    if line.startswith(b"data: ") and b'"state"' in line:
                        job = Job.of(json.loads(line[6:]))
                        yield job
                        if job.ended:
                            return
            if job is None:  # the service stopped before it said anything; what is known is asked for
                job = self.video(job_id)
                yield job
                if job.ended:
                    return

    def video_result(self, job_id: str) -> Answer:
        """Return what came out of a finished job.

        Raises:
            Conflict: It has not finished, or has failed.
        """
        return Answer.of(self._wire.json("GET", f"/v1/videos/{job_id}/result"))

    def video_overlay(self, job_id: str, path: str | os.PathLike[str]) -> Path:
        """Download the overlay of a finished job into a file; return its path."""
        target = Path(path)
        with self._wire.open("GET", f"/v1/videos/{job_id}/overlay") as response, target.open("wb") as file:
            while chunk := response.read(_CHUNK_BYTES):
                file.write(chunk)
        return target

    def cancel_video(self, job_id: str) -> Job:
        """Cancel a job."""
        return Job.of(self._wire.json("POST", f"/v1/videos/{job_id}/cancel"))

    def delete_video(self, job_id: str) -> None:
        """Delete a job and all that was kept of it."""
        self._wire.bytes("DELETE", f"/v1/videos/{job_id}")

    def queue(
        self, state: Literal["open", "accepted", "rejected"] = "open", *, limit: int = 50, offset: int = 0
    ) -> list[QueueItem]:
        """Return items of the review queue, the highest impact first."""
        query = {"state": state, "limit": limit, "offset": offset}
        answer = self._wire.json("GET", "/v1/queue", query=query)
        with understood():
            return [queue_item(i) for i in answer["items"]]

    def decide(
        self,
        item_id: str,
        decision: Literal["accept", "reject", "reopen"] | None = None,
        *,
        note: str | None = None,
    ) -> QueueItem:
        """Accept (it is manipulated), reject (a false alarm) or reopen an item, and write a note."""
        return queue_item(
            self._send("PATCH", f"/v1/queue/{item_id}", {"decision": decision, "note": note}, {})
        )

    def result(self, result_id: str) -> dict[str, Any]:
        """Return a stored result in its JSON form."""
        found: dict[str, Any] = self._wire.json("GET", f"/v1/results/{result_id}")
        return found

    def delete_result(self, result_id: str) -> None:
        """Delete a stored result."""
        self._wire.bytes("DELETE", f"/v1/results/{result_id}")

    def forget(self, media: Source) -> dict[str, int]:
        """Delete everything the service keeps about a picture or video; return how much there was.

        Args:
            media: Path, bytes or binary file object; only its SHA-256 is sent.
        """
        with ExitStack() as stack:
            body, _ = _open(media, stack)
            digest = hashlib.sha256(body) if isinstance(body, bytes) else hashlib.file_digest(body, "sha256")
        found: dict[str, int] = self._wire.json("DELETE", f"/v1/media/{digest.hexdigest()}")
        return found

    def models(self) -> dict[str, Any]:
        """Return the installed models, the finder in use and the service's limits."""
        found: dict[str, Any] = self._wire.json("GET", "/v1/models")
        return found

    def _upload(self, path: str, source: Source, options: dict[str, Any]) -> Any:
        with ExitStack() as stack:
            body, name = _open(source, stack)
            query = {**options, "name": name}
            return self._wire.json("POST", path, query=query, body=body, headers=_headers(body))

    def _send(self, method: str, path: str, data: dict[str, Any], query: dict[str, Any]) -> Any:
        body = json.dumps({k: v for k, v in data.items() if v is not None}).encode()
        headers = {"Content-Type": "application/json"}
        return self._wire.json(method, path, query=query, body=body, headers=headers)


def _open(source: Source, stack: ExitStack) -> tuple[Any, str | None]:
    """Return a body with a length, and a name."""
    if isinstance(source, bytes):
        return source, None
    if isinstance(source, str | os.PathLike):
        path = Path(source)
        try:
            if path.stat().st_size < _CHUNK_BYTES:
                return path.read_bytes(), path.name[:200]
            return stack.enter_context(path.open("rb")), path.name[:200]
        except OSError as error:
            raise Unreadable(f"{path} cannot be read: {error.strerror}", hint="check the path") from error
    return source.read(), None


def _headers(body: Any) -> dict[str, str]:
    """Return the headers of an upload: its length, so that the service can refuse it before it is sent."""
    length = len(body) if isinstance(body, bytes) else os.fstat(body.fileno()).st_size
    return {"Content-Type": "application/octet-stream", "Content-Length": str(length)}


def _form(parts: Iterable[tuple[str | None, bytes]]) -> tuple[bytes, str]:
    """Return a multipart form with files, and its content type."""
    boundary = secrets.token_hex(16)
    lines = []
    for name, data in parts:
        safe = (name or "upload").replace('"', "_").replace("\r", "_").replace("\n", "_")
        head = f'Content-Disposition: form-data; name="files"; filename="{safe}"\r\n'
        lines += [
            f"--{boundary}\r\n{head}Content-Type: application/octet-stream\r\n\r\n".encode(),
            data,
            b"\r\n",
        ]
    return b"".join([*lines, f"--{boundary}--\r\n".encode()]), f"multipart/form-data; boundary={boundary}"


__all__ = ["Client"]
