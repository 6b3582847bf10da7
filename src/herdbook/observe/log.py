"""Takes the settings for the log, the role of this process, and the job whose function logs.

Gives every log line, of ours and of the libraries, one form on stderr: for people in a terminal, else JSON.
Never writes a password of a URL, and never writes to stdout.
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

# What these say at level info is of no use to whoever runs us.
_TALKATIVE = ("uvicorn", "apprise", "asyncio", "mail", "fontTools", "fpdf")


def set_up_logging(settings: Settings, role: str, stream: TextIO | None = None) -> None:
    """Send all log lines of this process to `stream` (stderr unless given); `role` stands in each JSON line."""
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
    render = _for_people(stream, role) if console else _as_json(role)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(processors=[*render, _mask], foreign_pre_chain=shared, use_get_message=True)
    )
    _route(handler, level)


def add_job(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Give what a job's function logs the names of its job; also for structlog configurations of an application's own.

    What the line says itself goes first.
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
    for name in _TALKATIVE:
        logging.getLogger(name).setLevel(level if level <= logging.DEBUG else max(level, logging.WARNING))
    logging.captureWarnings(True)


def _for_people(stream: TextIO, role: str) -> list[Processor]:
    # No rich traceback: it would show local variables, and secrets among them.
    renderer = structlog.dev.ConsoleRenderer(
        colors=stream.isatty(), exception_formatter=structlog.dev.plain_traceback, pad_event_to=0, pad_level=False
    )
    return [_with_role(role), structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer]


def _as_json(role: str) -> list[Processor]:
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
    """At the very end, so that tracebacks and the libraries' lines are masked too."""
    return mask_passwords(line)
