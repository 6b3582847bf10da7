"""Sets up tracing: with the program's own tracer provider, or by the settings, which send traces to a collector.

OpenTelemetry must not be loaded unless tracing is on.
"""

import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from herdbook.errors import ConfigurationError
from herdbook.settings import Settings

if TYPE_CHECKING:
    from herdbook.observe.tracing import Tracing

# Seconds that the last spans of a process have to reach the collector.
_TIMEOUT = 3.0
_PROTOCOL = "http/protobuf"


def program_tracing() -> "Tracing | None":
    """Tracing with the tracer provider that this program has set; None if it has set none."""
    # A program that sets one has loaded the module.
    api = sys.modules.get("opentelemetry.trace")
    if api is None or isinstance(provider := api.get_tracer_provider(), api.ProxyTracerProvider):
        return None
    from herdbook.observe.tracing import Tracing

    return Tracing(provider)


@contextmanager
def traced(settings: Settings, role: str) -> "Iterator[Tracing | None]":
    """Tracing in this process for the length of the block: the program's own, otherwise by the settings.

    Raises ConfigurationError for settings that are not supported.
    """
    tracing = program_tracing()
    if tracing is not None or not settings.sends_traces:
        yield tracing
        return
    _check(settings)
    end = _send_traces(role)
    try:
        yield program_tracing()
    finally:
        end()


def _check(settings: Settings) -> None:
    if settings.otel_traces_exporter not in ("", "otlp"):
        raise ConfigurationError("OTEL_TRACES_EXPORTER: Herdbook supports otlp and none")
    if (settings.otel_exporter_otlp_traces_protocol or settings.otel_exporter_otlp_protocol) not in ("", _PROTOCOL):
        raise ConfigurationError(
            f"OTEL_EXPORTER_OTLP_PROTOCOL: Herdbook supports {_PROTOCOL}, which collectors accept on port 4318"
        )
    for name in ("otel_exporter_otlp_endpoint", "otel_exporter_otlp_traces_endpoint"):
        if getattr(settings, name) and not getattr(settings, name).startswith(("http://", "https://")):
            raise ConfigurationError(f"{name.upper()} must begin with http:// or https://")


def _send_traces(role: str) -> Callable[[], None]:
    """Set this process's tracer provider by OpenTelemetry's other variables; returns a function that shuts it down."""
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import SERVICE_NAME, Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
        from opentelemetry.trace import set_tracer_provider
    except ImportError:
        raise ConfigurationError(
            "OpenTelemetry's variables turn traces on: install herdbook[tracing], or set OTEL_TRACES_EXPORTER=none"
        ) from None
    resource = Resource.create()
    if str(resource.attributes[SERVICE_NAME]).startswith("unknown_service"):
        resource = resource.merge(Resource({SERVICE_NAME: f"herdbook-{role}"}))
    exporter = OTLPSpanExporter()
    provider = TracerProvider(resource=resource, shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(exporter))
    # Spans of the processors' functions and of other libraries are sent the same way.
    set_tracer_provider(provider)

    def end() -> None:
        # An unreachable collector must not delay the end of the process: after the timeout, exports are abandoned.
        timer = threading.Timer(_TIMEOUT, exporter.shutdown)
        timer.start()
        provider.shutdown()
        timer.cancel()

    return end
