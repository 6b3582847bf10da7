"""The report job type."""

from importlib.util import find_spec

from herdbook.builtin.report.payload import ReportPayload
from herdbook.builtin.report.reporter import Reporter
from herdbook.model.registry import Registry
from herdbook.model.summary import RecordReader
from herdbook.settings import Settings

__all__ = ["ReportPayload", "Reporter", "job_types"]

# Imported on demand, but required at once: a worker without them must not take such jobs.
for _needed in ("fpdf", "xlsxwriter"):
    if find_spec(_needed) is None:
        raise ModuleNotFoundError(f"No module named {_needed!r}", name=_needed)


def job_types(_settings: Settings, record: RecordReader) -> Registry:
    """The job type `report`."""
    registry = Registry()
    registry.processor("report")(Reporter(record.summarise).run)
    return registry
