"""Every error FakeWeb raises on purpose.

```
FakeWebError
├── MediaError                the picture or clip is at fault       HTTP 4xx  exit 2
│   ├── Unreadable            empty, truncated, broken, no permission    422
│   ├── Unsupported           a format or feature we do not read         415
│   └── TooLarge              over a limit, found before decoding        413
├── UsageError                the request is at fault               HTTP 400  exit 2
│   ├── UnknownName           no such finder, model, layout ...
│   ├── MissingExtra          an optional dependency is not installed
│   ├── BadRecipe             a training recipe that says nonsense
│   └── Refused               something that must be allowed explicitly
├── DatasetError              a data set is at fault                HTTP 400  exit 2
│   └── LayoutMismatch        files are not where the layout says
├── WorkerDied                a process of ours was killed          HTTP 503  exit 3
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

from typing import ClassVar


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
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __reduce__(self) -> tuple[object, ...]:
        """Keep the hint when an error crosses a process border."""
        return (_rebuild, (type(self), self.message, self.hint))

    def to_dict(self) -> dict[str, str]:
        """Return ``{"code", "message", "hint"}`` as they stand in JSON answers."""
        return {"code": self.code, "message": self.message, "hint": self.hint}


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


class UsageError(FakeWebError):
    """The caller asked for something that cannot be."""

    code = "usage"
    exit_code = 2
    http_status = 400


class UnknownName(UsageError):
    """No plug-in, model or layout goes by this name."""

    code = "usage.unknown_name"


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


class WorkerDied(FakeWebError):
    """A worker process ended without an answer."""

    code = "worker.died"
    exit_code = 3
    http_status = 503


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
