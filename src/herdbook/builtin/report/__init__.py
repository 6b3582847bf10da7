"""Takes the parts of the report job type.

Gives their public names.
Never does anything itself.
"""

from herdbook.builtin.report.payload import ReportPayload
from herdbook.builtin.report.reporter import Reporter
from herdbook.builtin.report.summary import (
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
