"""Renders what is wrong with a running system as notices for the overview, the worst first."""

from collections.abc import Iterable
from dataclasses import dataclass

from herdbook.operating.findings import Area, Finding, Severity, wrong_now
from herdbook.web.queue_summary import quote_queue_name


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """One thing that is wrong; `address` leads to the page where it can be solved, or is empty."""

    text: str
    address: str
    is_bad: bool


def notices(findings: Iterable[Finding]) -> list[Notice]:
    """A notice for each finding that matters now."""
    return [
        Notice(text=one.message, address=_address(one), is_bad=one.severity is Severity.PROBLEM)
        for one in wrong_now(findings)
    ]


def _address(finding: Finding) -> str:
    match finding.area:
        case Area.QUEUE if finding.name:
            return f"/queues/{quote_queue_name(finding.name)}"
        case Area.WORKER:
            return "/workers"
        case _:
            return ""
