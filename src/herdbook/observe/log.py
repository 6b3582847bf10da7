"""Sets up logging to stderr for us and all libraries, as console lines in a terminal and as JSON elsewhere.

Passwords in URLs are never written, and nothing is written to stdout.
"""

import logging
import sys
from collections.abc import Sequence
from typing import Any, TextIO

import orjson
import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from herdbook.model.context import running_job
from herdbook.model.masking import mask_passwords
from herdbook.settings import Settings

# Their info messages are of no use to operators.
_NOISY_LOGGERS = ("uvicorn", "apprise", "asyncio", "mail", "fontTools", "fpdf")


def set_up_logging(settings: Settings, role: str, stream: TextIO | None = None) -> None:
    """Send all log lines of this process to `stream` (default: stderr); `role` is part of each line."""
    stream = stream or sys.stderr
    level = logging.getLevelNamesMapping()[settings.log_level.upper()]
    console = settings.log_format == "console" or (settings.log_format == "auto" and stream.isatty())
    shared: Sequence[Processor] = [
        structlog.contextvars.merge_contextvars,
        add_job,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="%H:%M:%S" if console else "iso", utc=not console),
        structlog.stdlib.ExtraAdder(),
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.stdlib.LoggerFactory(),
    )
    handler = logging.StreamHandler(stream)
    render = _console_processors(stream, role) if console else _json_processors(role)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(processors=[*render, _mask], foreign_pre_chain=shared, use_get_message=True)
    )
    _route(handler, level)


def add_job(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Add the running job to a log line; may also be used in an application's own structlog configuration.

    Fields that the line already has are kept.
    """
    job = running_job.get(None)
    if job is not None:
        event.setdefault("job", str(job.id))
        event.setdefault("job_type", job.job_type)
        event.setdefault("queue", job.queue)
        event.setdefault("attempt", job.attempt)
    return event


def _route(handler: logging.Handler, level: int) -> None:
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level)
    for name in _NOISY_LOGGERS:
        logging.getLogger(name).setLevel(level if level <= logging.DEBUG else max(level, logging.WARNING))
    logging.captureWarnings(True)


def _console_processors(stream: TextIO, role: str) -> list[Processor]:
    # No rich tracebacks: they would show local variables, including secrets.
    renderer = structlog.dev.ConsoleRenderer(
        colors=stream.isatty(), exception_formatter=structlog.dev.plain_traceback, pad_event_to=0, pad_level=False
    )
    return [_with_role(role), structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer]


def _json_processors(role: str) -> list[Processor]:
    return [
        _with_role(role),
        structlog.stdlib.add_logger_name,
        structlog.stdlib.ProcessorFormatter.remove_processors_meta,
        structlog.processors.format_exc_info,
        structlog.processors.JSONRenderer(serializer=_dump),
    ]


def _with_role(role: str) -> Processor:
    def add(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
        event["role"] = role
        return event

    return add


def _dump(event: Any, **options: Any) -> str:
    return orjson.dumps(event, default=options.get("default", repr), option=orjson.OPT_NON_STR_KEYS).decode()


def _mask(_logger: WrappedLogger, _method: str, line: Any) -> str:
    """Comes last, so that tracebacks and lines of libraries are masked too."""
    return mask_passwords(line)
