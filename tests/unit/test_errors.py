"""The error tree is a promise: codes, exit statuses and HTTP statuses never change."""

import copy
import pickle
import re
import tomllib
from pathlib import Path

import pytest

from fakeweb import errors
from fakeweb.errors import FakeWebError, MissingExtra, missing_extra

TABLE = {
    "FakeWebError": ("error", 1, 500),
    "MediaError": ("media", 2, 400),
    "Unreadable": ("media.unreadable", 2, 422),
    "Unsupported": ("media.unsupported", 2, 415),
    "TooLarge": ("media.too_large", 2, 413),
    "Harmful": ("media.harmful", 2, 422),
    "UsageError": ("usage", 2, 400),
    "BadArgument": ("usage.bad_argument", 2, 400),
    "UnknownName": ("usage.unknown_name", 2, 400),
    "BrokenPlugin": ("usage.broken_plugin", 2, 400),
    "MissingExtra": ("usage.missing_extra", 2, 400),
    "BadRecipe": ("usage.bad_recipe", 2, 400),
    "Refused": ("usage.refused", 2, 400),
    "DatasetError": ("dataset", 2, 400),
    "LayoutMismatch": ("dataset.layout_mismatch", 2, 400),
    "Unforgeable": ("dataset.unforgeable", 2, 400),
    "WorkerDied": ("worker.died", 3, 503),
    "ServiceError": ("service", 3, 503),
    "BadRequest": ("service.bad_request", 3, 400),
    "InvalidOption": ("service.invalid_option", 3, 422),
    "Unauthorized": ("service.unauthorized", 3, 401),
    "Forbidden": ("service.forbidden", 3, 403),
    "NotFound": ("service.not_found", 3, 404),
    "NotAcceptable": ("service.not_acceptable", 3, 406),
    "TooSlow": ("service.too_slow", 3, 408),
    "Conflict": ("service.conflict", 3, 409),
    "RateLimited": ("service.rate_limited", 3, 429),
    "Busy": ("service.busy", 3, 503),
    "Overdue": ("service.overdue", 3, 503),
    "StoreFailed": ("service.store_failed", 3, 503),
    "Unreachable": ("service.unreachable", 3, 503),
    "ModelError": ("model", 3, 503),
    "ModelMissing": ("model.missing", 3, 503),
    "ModelCorrupt": ("model.corrupt", 3, 503),
    "ModelIncompatible": ("model.incompatible", 3, 503),
}


def family(kind=FakeWebError):
    """Every class of the tree that lives in errors.py, parents first."""
    return [
        kind,
        *(f for sub in kind.__subclasses__() if sub.__module__ == errors.__name__ for f in family(sub)),
    ]


def test_codes_and_statuses_are_pinned():
    assert {k.__name__: (k.code, k.exit_code, k.http_status) for k in family()} == TABLE


def test_codes_are_unique_and_begin_with_the_parents():
    codes = [kind.code for kind in family()]
    assert len(set(codes)) == len(codes)
    for kind in family()[1:]:
        parent = kind.__base__
        assert parent is FakeWebError or kind.code.startswith(f"{parent.code}.")


def test_the_tree_in_the_docstring_is_the_tree():
    drawn, stack = {}, {}
    for line in re.findall(r"^([│├└─ ]*)(\w+)", errors.__doc__.split("```")[1], re.MULTILINE):
        depth, name = len(line[0]) // 4, line[1]
        stack[depth] = name
        drawn[name] = stack.get(depth - 1)
    assert drawn == {k.__name__: None if k is FakeWebError else k.__base__.__name__ for k in family()}


@pytest.mark.parametrize("kind", family(), ids=lambda k: k.__name__)
@pytest.mark.parametrize(
    "travel", [lambda e: pickle.loads(pickle.dumps(e)), copy.copy], ids=["pickle", "copy"]
)
def test_an_error_keeps_all_it_says_across_a_border(kind, travel):
    error = travel(kind("broken.jpg is empty", hint="copy it again"))
    assert type(error) is kind
    assert (str(error), error.message, error.hint) == ("broken.jpg is empty",) * 2 + ("copy it again",)
    assert error.to_dict() == {"code": kind.code, "message": "broken.jpg is empty", "hint": "copy it again"}


def test_an_error_comes_back_from_json():
    for kind in family():
        again = errors.from_dict(kind("it broke", hint="mend it").to_dict())
        assert (type(again), again.message, again.hint) == (kind, "it broke", "mend it")
    assert type(errors.from_dict({"code": "media.of_a_later_version", "message": "x"})) is errors.MediaError
    assert type(errors.from_dict({})) is FakeWebError


def test_a_missing_extra_is_installed_from_the_checkout():
    error = missing_extra("train", "fakeweb train")
    assert isinstance(error, MissingExtra)
    assert "fakeweb train" in error.message
    assert "'train'" in error.message
    assert "checkout" in error.hint
    assert "pip install '.[train]'" in error.hint
    assert "pip install fakeweb" not in error.hint


def test_every_extra_that_errors_name_exists():
    root = Path(__file__).parents[2]
    extras = tomllib.loads((root / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    named = {
        name
        for path in (root / "src").rglob("*.py")
        for name in re.findall(r'missing_extra\(\s*"(\w+)"', path.read_text(encoding="utf-8"))
    }
    assert named
    assert named <= set(extras)
