"""Every setting is in `.env.example`, with its default and description."""

import re
from pathlib import Path

import pytest

from herdbook.settings import Settings

EXAMPLE = Path(__file__).parents[1] / ".env.example"
PLAIN = ("database_url", "redis_url", "smtp_url")


def variables() -> dict[str, str]:
    """The settings' environment variables, and their defaults as text."""
    return {
        name.upper() if name in PLAIN or name.startswith("otel_") else f"HERDBOOK_{name.upper()}": ""
        if field.default is None
        else str(field.default)
        for name, field in Settings.model_fields.items()
    }


def test_the_example_lists_every_setting_with_its_default() -> None:
    text = EXAMPLE.read_text(encoding="utf-8")
    assert dict(re.findall(r"^#?([A-Z_]+)=(.*)$", text, re.MULTILINE)) == variables()


@pytest.mark.parametrize(
    ("variables", "wanted"),
    [
        ({}, False),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": ""}, False),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318"}, True),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://collector/traces"}, True),
        ({"OTEL_TRACES_EXPORTER": "otlp"}, True),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318", "OTEL_TRACES_EXPORTER": "none"}, False),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318", "OTEL_SDK_DISABLED": "TRUE"}, False),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318", "OTEL_SDK_DISABLED": "no"}, True),
    ],
)
def test_opentelemetrys_variables_turn_traces_on(
    variables: dict[str, str], wanted: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert Settings().sends_traces is wanted


def test_the_example_describes_every_setting() -> None:
    text = " ".join(EXAMPLE.read_text(encoding="utf-8").replace("\n# ", " ").split())
    for field in Settings.model_fields.values():
        assert field.description
        assert field.description in text
