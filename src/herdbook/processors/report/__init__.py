"""Takes the parts of the report job type.

Gives their public names.
Never does anything itself.
"""

from herdbook.processors.report.payload import ReportPayload
from herdbook.processors.report.reporter import Reporter
from herdbook.processors.report.summary import (
    Durations,
    FailureGroup,
    HourFigures,
    JobTypeFigures,
    RecordSummary,
    Summarise,
)

__all__ = [
    "Durations",
    "FailureGroup",
    "HourFigures",
    "JobTypeFigures",
    "RecordSummary",
    "ReportPayload",
    "Reporter",
    "Summarise",
]
