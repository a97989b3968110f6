"""Settings come from the environment, are checked, and say what is wrong."""

from dataclasses import fields

import pytest

from fakeweb.errors import UsageError
from fakeweb.server.settings import Settings, settings_from


def test_the_environment_and_the_command_line_in_this_order():
    environ = {"FAKEWEB_PORT": "9000", "FAKEWEB_WORKERS": "3", "PATH": "/bin"}
    made = settings_from(environ, workers=5, model=None)
    assert (made.port, made.workers, made.model) == (9000, 5, "fast")


@pytest.mark.parametrize(
    ("variable", "text", "expected"),
    [
        ("ALLOW_URL", "true", True),
        ("ALLOW_URL", "0", False),
        ("CORS_ORIGINS", "https://a.example, https://b.example", ("https://a.example", "https://b.example")),
        ("IMPACT_LEVELS", "1,2,3", (1.0, 2.0, 3.0)),
        ("THRESHOLD", "0.9", 0.9),
        ("THRESHOLD", "", None),
        ("MAX_WAIT_S", "0.5", 0.5),
        ("DATABASE_URL", "postgresql://x/y", "postgresql://x/y"),
    ],
)
def test_variables_become_values(variable, text, expected):
    assert getattr(settings_from({"FAKEWEB_" + variable: text}), variable.lower()) == expected


@pytest.mark.parametrize(
    ("variable", "text"),
    [
        ("PRT", "1"),
        ("PORT", "http"),
        ("PORT", "70000"),
        ("ALLOW_URL", "perhaps"),
        ("AUTH", "none"),
        ("MAX_BYTES", "0"),
        ("MAX_WAIT_S", "nan"),
        ("IMPACT_LEVELS", "1,2"),
        ("IMPACT_LEVELS", "3,2,1"),
        ("QUEUE_LABELS", "fake,bad"),
    ],
)
def test_what_makes_no_sense_is_named(variable, text):
    with pytest.raises(UsageError, match=variable):
        settings_from({"FAKEWEB_" + variable: text})


@pytest.mark.parametrize(
    ("host", "auth", "needs"),
    [
        ("127.0.0.1", "auto", False),
        ("localhost", "auto", False),
        ("::1", "auto", False),
        ("0.0.0.0", "auto", True),
        ("127.0.0.1", "required", True),
        ("0.0.0.0", "off", False),
    ],
)
def test_keys_are_asked_for_beyond_this_machine(host, auth, needs):
    assert Settings(host=host, auth=auth).needs_key is needs


def test_every_setting_is_described():
    for field in fields(Settings):
        assert f"\n        {field.name}: " in Settings.__doc__
