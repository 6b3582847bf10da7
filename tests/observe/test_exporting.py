"""Turning tracing on: never by accident, and with an error if it is not possible."""

import sys

import pytest

from herdbook.errors import ConfigurationError
from herdbook.observe.exporting import program_tracing, traced
from herdbook.settings import Settings


def wanting(**more: str) -> Settings:
    return Settings.model_validate({"otel_exporter_otlp_endpoint": "http://127.0.0.1:1", **more})


def test_tracing_is_off_by_default() -> None:
    assert program_tracing() is None
    with traced(Settings(), "worker") as tracing:
        assert tracing is None
    with traced(wanting(otel_traces_exporter="none"), "worker") as tracing:
        assert tracing is None


@pytest.mark.parametrize(
    "missing", ["opentelemetry.sdk.trace", "opentelemetry.exporter.otlp.proto.http.trace_exporter"]
)
def test_the_error_names_the_missing_extra(missing: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, missing, None)
    with pytest.raises(ConfigurationError, match=r"install herdbook\[tracing\]"), traced(wanting(), "worker"):
        pass
    assert program_tracing() is None


@pytest.mark.parametrize(
    ("more", "problem"),
    [
        ({"otel_traces_exporter": "zipkin"}, "OTEL_TRACES_EXPORTER: .* otlp and none"),
        ({"otel_exporter_otlp_protocol": "grpc"}, "OTEL_EXPORTER_OTLP_PROTOCOL: .* http/protobuf"),
        ({"otel_exporter_otlp_endpoint": "collector:4318"}, "OTEL_EXPORTER_OTLP_ENDPOINT must begin with http://"),
        ({"otel_exporter_otlp_traces_endpoint": "c:1/t"}, "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT must begin with http://"),
    ],
)
def test_unsupported_settings_are_errors(more: dict[str, str], problem: str) -> None:
    with pytest.raises(ConfigurationError, match=problem), traced(wanting(**more), "worker"):
        pass
