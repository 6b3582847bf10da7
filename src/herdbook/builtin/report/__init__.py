"""The report job type: a file made of given rows, or of the record's figures."""

from herdbook.builtin.report.payload import ReportPayload
from herdbook.builtin.report.reporter import Reporter

__all__ = ["ReportPayload", "Reporter"]
