"""An OpenTelemetry collector for tests: it receives OTLP over HTTP and stores the spans."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest


@dataclass(frozen=True, kw_only=True)
class CollectedSpan:
    """A span; ids are hexadecimal, `parent` is empty if there is none, `error` is the status message."""

    service: str
    name: str
    trace: str
    id: str
    parent: str
    kind: int
    error: str | None
    attributes: dict[str, Any]
    events: list[tuple[str, dict[str, Any]]]


@dataclass
class Collector:
    """Stores the spans it receives; `endpoint` is for OpenTelemetry's variable of that name."""

    endpoint: str = ""
    spans: list[CollectedSpan] = field(default_factory=list)

    def named(self, name: str) -> list[CollectedSpan]:
        """The spans with this name, in the order in which they ended."""
        return [span for span in self.spans if span.name == name]

    async def got(self, name: str, count: int = 1) -> list[CollectedSpan]:
        """The spans with this name if there are at least `count`; otherwise none."""
        found = self.named(name)
        return found if len(found) >= count else []

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Handle the requests of one connection."""
        try:
            while head := (await reader.readuntil(b"\r\n\r\n")).decode().lower():
                assert head.startswith("post /v1/traces ")
                length = int(head.partition("content-length:")[2].split("\r\n")[0])
                self.spans += _spans(await reader.readexactly(length))
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        except asyncio.IncompleteReadError:
            pass
        finally:
            writer.close()


def _spans(body: bytes) -> Iterable[CollectedSpan]:
    for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
        service = _attributes(resource.resource.attributes)["service.name"]
        for span in (one for scope in resource.scope_spans for one in scope.spans):
            yield CollectedSpan(
                service=service,
                name=span.name,
                trace=span.trace_id.hex(),
                id=span.span_id.hex(),
                parent=span.parent_span_id.hex(),
                kind=span.kind,
                error=span.status.message if span.status.code == span.status.STATUS_CODE_ERROR else None,
                attributes=_attributes(span.attributes),
                events=[(event.name, _attributes(event.attributes)) for event in span.events],
            )


def _attributes(pairs: Iterable[Any]) -> dict[str, Any]:
    return {one.key: getattr(one.value, one.value.WhichOneof("value")) for one in pairs}


@asynccontextmanager
async def collecting() -> AsyncIterator[Collector]:
    """A collector on this machine."""
    collector = Collector()
    server = await asyncio.start_server(collector.serve, "127.0.0.1", 0)
    collector.endpoint = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    async with server:
        yield collector
