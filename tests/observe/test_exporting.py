"""Whether there are traces: never by accident, and never in silence where they cannot be had."""

import sys

import pytest

from herdbook.errors import ConfigurationError
from herdbook.observe.exporting import program_tracing, traced
from herdbook.settings import Settings


def wanting(**more: str) -> Settings:
    return Settings.model_validate({"otel_exporter_otlp_endpoint": "http://127.0.0.1:1", **more})


def test_nobody_traces_unless_it_is_wanted() -> None:
    assert program_tracing() is None
    with traced(Settings(), "worker") as tracing:
        assert tracing is None
    with traced(wanting(otel_traces_exporter="none"), "worker") as tracing:
        assert tracing is None


@pytest.mark.parametrize(
    "missing", ["opentelemetry.sdk.trace", "opentelemetry.exporter.otlp.proto.http.trace_exporter"]
)
def test_what_is_not_installed_is_named(missing: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, missing, None)
    with pytest.raises(ConfigurationError, match=r"install herdbook\[tracing\]"), traced(wanting(), "worker"):
        pass
    assert program_tracing() is None


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ({"otel_traces_exporter": "zipkin"}, "OTEL_TRACES_EXPORTER: .* otlp and none"),
        ({"otel_exporter_otlp_protocol": "grpc"}, "OTEL_EXPORTER_OTLP_PROTOCOL: .* http/protobuf"),
        ({"otel_exporter_otlp_endpoint": "collector:4318"}, "OTEL_EXPORTER_OTLP_ENDPOINT must begin with http://"),
        ({"otel_exporter_otlp_traces_endpoint": "c:1/t"}, "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT must begin with http://"),
    ],
)
def test_what_cannot_be_done_is_told(more: dict[str, str], told: str) -> None:
    with pytest.raises(ConfigurationError, match=told), traced(wanting(**more), "worker"):
        pass
