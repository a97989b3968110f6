"""Every error FakeWeb raises on purpose.

```
FakeWebError
├── MediaError                the picture or clip is at fault       HTTP 4xx  exit 2
│   ├── Unreadable            empty, truncated, broken, no permission    422
│   ├── Unsupported           a format or feature we do not read         415
│   ├── TooLarge              over a limit, found before decoding        413
│   └── Harmful               it has ended a process that read it        422
├── UsageError                the request is at fault               HTTP 400  exit 2
│   ├── BadArgument           an argument of the wrong type, or out of range
│   ├── UnknownName           no such finder, model, layout ...
│   ├── BrokenPlugin          what another package brings does not load
│   ├── MissingExtra          an optional dependency is not installed
│   ├── BadRecipe             a training recipe that says nonsense
│   └── Refused               something that must be allowed explicitly
├── DatasetError              a data set is at fault                HTTP 400  exit 2
│   ├── LayoutMismatch        files are not where the layout says
│   └── Unforgeable           no forgery of this face comes out whole
├── WorkerDied                a process of ours was killed          HTTP 503  exit 3
├── ServiceError              between a service and its caller      HTTP 503  exit 3
│   ├── BadRequest            the request cannot be taken apart          400
│   ├── InvalidOption         an option that is unknown or out of range  422
│   ├── Unauthorized          no key, or one that is not known           401
│   ├── Forbidden             the key may not do this                    403
│   ├── NotFound              no such address, job, result or item       404
│   ├── NotAcceptable         no form of the answer that was asked for   406
│   ├── TooSlow               the upload did not arrive in time          408
│   ├── Conflict              not in the state that this needs           409
│   ├── RateLimited           more requests than the key may make        429
│   ├── Busy                  the queue is full, or the service stops    503
│   ├── Overdue               accepted, and not finished in time         503
│   ├── StoreFailed           the service's database does not answer     503
│   └── Unreachable           no service answers                         503
└── ModelError                a model is at fault                   HTTP 503  exit 3
    ├── ModelMissing          the model or its file is not there
    ├── ModelCorrupt          the file is not the one its card describes
    └── ModelIncompatible     a model this version cannot run
```

Each leaf has a stable ``code`` (never renamed) and every error a ``hint`` that says what to do. A
``ValueError`` or ``TypeError`` means a programmer's mistake and is not caught anywhere. Only ``cli`` and
``server`` catch; every heavy room translates its guest's exceptions at its own border.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, ClassVar, Final

_SURROGATES: Final = re.compile("[\ud800-\udfff]")


class FakeWebError(Exception):
    """Base of all errors above.

    Args:
        message: One line, what happened, naming the file or value at fault.
        hint: One line, what the reader can do about it.
    """

    code: ClassVar[str] = "error"
    exit_code: ClassVar[int] = 1
    http_status: ClassVar[int] = 500

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(readable(message))
        self.message = readable(message)
        self.hint = readable(hint)

    def __reduce__(self) -> tuple[object, ...]:
        """Keep the hint when an error crosses a process border."""
        return (_rebuild, (type(self), self.message, self.hint))

    def to_dict(self) -> dict[str, str]:
        """Return ``{"code", "message", "hint"}`` as they stand in JSON answers."""
        return {"code": self.code, "message": self.message, "hint": self.hint}


def readable(text: str) -> str:
    r"""Return text that every reader can decode: bytes of file names that are no UTF-8 come out as ``\xff``.

    Python holds such bytes as lone surrogates, which neither a terminal nor a strict reader of JSON or CSV takes.

    Example:
        >>> readable("caf\udce9.jpg") == r"caf\xe9.jpg"
        True
    """
    return _SURROGATES.sub(_escaped, text)


def _escaped(found: re.Match[str]) -> str:
    code = ord(found[0])
    return f"\\x{code - 0xDC00:02x}" if 0xDC80 <= code <= 0xDCFF else f"\\u{code:04x}"


def _rebuild(kind: type[FakeWebError], message: str, hint: str) -> FakeWebError:
    return kind(message, hint=hint)


class MediaError(FakeWebError):
    """A picture or clip cannot be used."""

    code = "media"
    exit_code = 2
    http_status = 400


class Unreadable(MediaError):
    """The bytes are missing, cut off or broken."""

    code = "media.unreadable"
    http_status = 422


class Unsupported(MediaError):
    """The bytes may be fine, but we do not read this kind."""

    code = "media.unsupported"
    http_status = 415


class TooLarge(MediaError):
    """A limit for bytes, pixels or sides is exceeded."""

    code = "media.too_large"
    http_status = 413


class Harmful(MediaError):
    """The bytes have ended a process that read them, and are not read again for a while."""

    code = "media.harmful"
    http_status = 422


class UsageError(FakeWebError):
    """The caller asked for something that cannot be."""

    code = "usage"
    exit_code = 2
    http_status = 400


class BadArgument(UsageError, TypeError, ValueError):
    """An argument of a Python call is of the wrong type or out of range; a TypeError and a ValueError too."""

    code = "usage.bad_argument"


class UnknownName(UsageError):
    """No plug-in, model or layout goes by this name."""

    code = "usage.unknown_name"


class BrokenPlugin(UsageError):
    """What another package brings (a command, a finder, a layout ...) cannot be loaded."""

    code = "usage.broken_plugin"


class MissingExtra(UsageError):
    """An optional dependency is needed and not installed."""

    code = "usage.missing_extra"


class BadRecipe(UsageError):
    """A training recipe has an unknown key or an impossible value."""

    code = "usage.bad_recipe"


class Refused(UsageError):
    """The request needs a permission that was not given."""

    code = "usage.refused"


class DatasetError(FakeWebError):
    """A data set cannot be used."""

    code = "dataset"
    exit_code = 2
    http_status = 400


class LayoutMismatch(DatasetError):
    """A data set does not look the way its layout says."""

    code = "dataset.layout_mismatch"


class Unforgeable(DatasetError):
    """A face of which a forge method makes nothing that looks whole."""

    code = "dataset.unforgeable"


class WorkerDied(FakeWebError):
    """A worker process ended without an answer."""

    code = "worker.died"
    exit_code = 3
    http_status = 503


class ServiceError(FakeWebError):
    """A service cannot do what its caller wants, or not now.

    Args:
        message: One line, what happened.
        hint: One line, what the caller can do about it.
        retry_after_s: When to try again, in seconds; None where trying again does not help.
    """

    code = "service"
    exit_code = 3
    http_status = 503

    def __init__(self, message: str, *, hint: str = "", retry_after_s: float | None = None) -> None:
        super().__init__(message, hint=hint)
        self.retry_after_s = retry_after_s


class BadRequest(ServiceError):
    """The request cannot be taken apart."""

    code = "service.bad_request"
    http_status = 400


class InvalidOption(ServiceError):
    """An option is unknown, missing or out of range."""

    code = "service.invalid_option"
    http_status = 422


class Unauthorized(ServiceError):
    """There is no key, or it is not known."""

    code = "service.unauthorized"
    http_status = 401


class Forbidden(ServiceError):
    """The key is known and may not do this."""

    code = "service.forbidden"
    http_status = 403


class NotFound(ServiceError):
    """There is no such address, job, result or item."""

    code = "service.not_found"
    http_status = 404


class NotAcceptable(ServiceError):
    """The answer has none of the forms that were asked for."""

    code = "service.not_acceptable"
    http_status = 406


class TooSlow(ServiceError):
    """The upload did not arrive in time."""

    code = "service.too_slow"
    http_status = 408


class Conflict(ServiceError):
    """The thing is there, but not in the state that this needs."""

    code = "service.conflict"
    http_status = 409


class RateLimited(ServiceError):
    """More requests than this caller may make."""

    code = "service.rate_limited"
    http_status = 429


class Busy(ServiceError):
    """The queue is full, or the service is stopping."""

    code = "service.busy"


class Overdue(ServiceError):
    """The request was accepted and not finished in time."""

    code = "service.overdue"


class StoreFailed(ServiceError):
    """The service's database does not answer."""

    code = "service.store_failed"


class Unreachable(ServiceError):
    """No service answers, or it is not one of ours."""

    code = "service.unreachable"


class ModelError(FakeWebError):
    """A model cannot be used."""

    code = "model"
    exit_code = 3
    http_status = 503


class ModelMissing(ModelError):
    """A model, its card or its file is not there."""

    code = "model.missing"


class ModelCorrupt(ModelError):
    """A model file is not the one its card describes."""

    code = "model.corrupt"


class ModelIncompatible(ModelError):
    """A model file is intact, but this version cannot run it."""

    code = "model.incompatible"


def from_dict(data: Mapping[str, Any]) -> FakeWebError:
    """Return the error that :meth:`FakeWebError.to_dict` described; its nearest known parent for a newer code.

    Example:
        >>> from_dict({"code": "media.unreadable", "message": "a.jpg is empty", "hint": "copy it again"})
        Unreadable('a.jpg is empty')
    """
    kinds = {kind.code: kind for kind in _family(FakeWebError)}
    code = str(data.get("code", ""))
    while code not in kinds and "." in code:
        code = code.rpartition(".")[0]
    kind = kinds.get(code, FakeWebError)
    return kind(str(data.get("message", "")), hint=str(data.get("hint", "")))


def _family(kind: type[FakeWebError]) -> list[type[FakeWebError]]:
    return [kind, *(k for sub in kind.__subclasses__() if sub.__module__ == __name__ for k in _family(sub))]


def missing_extra(extra: str, needed_for: str) -> MissingExtra:
    """Build the error for an extra that is not installed.

    Args:
        extra: Name of the extra in ``pyproject.toml``, such as ``"train"``.
        needed_for: What the caller wanted, such as ``"fakeweb train"``.
    """
    return MissingExtra(
        f"{needed_for} needs the extra '{extra}', which is not installed",
        hint=f"in the FakeWeb checkout run: pip install '.[{extra}]'",
    )
