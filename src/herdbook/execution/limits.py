"""What one job may use up before it fails or is cut short, from the settings."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class JobLimits:
    """Limits of each job: workers that it may lose, bytes of its result as JSON, log lines of one attempt."""

    lost: int
    result_bytes: int
    log_lines: int
