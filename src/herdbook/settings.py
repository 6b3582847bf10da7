"""Herdbook's settings, read from the environment; `.env.example` lists the same.

Only this module reads the environment; everything else gets settings through its constructor.
"""

import os
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AliasChoices, BeforeValidator, Field
from pydantic_settings import BaseSettings, SettingsConfigDict


def _lower(value: Any) -> Any:
    return value.lower() if isinstance(value, str) else value


def _unless_empty(value: Any) -> Any:
    # Many programs set a variable to the empty string to unset it.
    return value or None


class Settings(BaseSettings):
    """Herdbook's settings; each is an environment variable of the same name in upper case."""

    model_config = SettingsConfigDict(env_prefix="HERDBOOK_", frozen=True, extra="ignore", populate_by_name=True)

    database_url: str | None = Field(
        default=None,
        validation_alias=AliasChoices("database_url", "DATABASE_URL"),
        description="PostgreSQL 14 or newer. Unset: `up` starts an embedded server in the data folder.",
    )
    redis_url: str | None = Field(
        default=None,
        validation_alias=AliasChoices("redis_url", "REDIS_URL"),
        description="Redis 6.2 or newer, or Valkey. Unset: `up` starts an embedded server in the data folder.",
    )
    smtp_url: str | None = Field(
        default=None,
        validation_alias=AliasChoices("smtp_url", "SMTP_URL"),
        description="Mail server, `smtp[s]://[user:password@]host[:port]`. Unset: `up` starts a catch-all.",
    )
    mail_from: str = Field(default="herdbook@localhost", description="Default sender of email jobs.")
    data: Path = Field(
        default=Path(".herdbook"),
        description="Folder for the embedded servers, the artifacts and the caught mail.",
    )
    artifacts: Path | None = Field(
        default=None, description="Folder for artifacts. Unset: `artifacts` in the data folder."
    )
    queue_prefix: str = Field(default="bull", description="Prefix of BullMQ's keys in Redis.")
    max_job_bytes: int = Field(default=1_000_000, ge=1_000, description="Maximum size of job data, in bytes of JSON.")
    max_result_bytes: int = Field(
        default=1_000_000,
        ge=1_000,
        description="Maximum size of a job's result, in bytes of JSON. A job that returns more fails.",
    )
    max_log_lines: int = Field(
        default=10_000, ge=1, description="Log lines that are recorded of one attempt. The last one counts the others."
    )
    max_page_bytes: int = Field(
        default=10_000_000,
        ge=1_000,
        description="Size at which a page of `/api/results` or of a job's log ends, in bytes of JSON.",
    )
    concurrency: int = Field(default=100, ge=1, le=10_000, description="Jobs that a worker runs at once, per queue.")
    processes: int | None = Field(
        default=None,
        ge=1,
        le=1_000,
        description='Processes per worker for job types with `executor="process"`. Unset: one per CPU core.',
    )
    lock_duration: int = Field(
        default=30_000,
        ge=500,
        description="Lifetime of a running job's lock in Redis, in milliseconds; renewed after a third of it.",
    )
    stalled_interval: int = Field(
        default=30_000,
        ge=100,
        description="Interval of the check for jobs of vanished workers, in milliseconds.",
    )
    max_stalled: int = Field(
        default=3, ge=0, description="How often a job may lose its worker before it fails for good."
    )
    stop_deadline: float = Field(
        default=25.0,
        ge=0,
        description="Seconds that running jobs have to finish when their worker is stopped.",
    )
    keep_completed: int = Field(
        default=1_000, ge=0, description="Maximum number of completed jobs kept in Redis, per queue."
    )
    keep_failed: int = Field(default=5_000, ge=0, description="Maximum number of failed jobs kept in Redis, per queue.")
    keep_for: int = Field(default=86_400, ge=0, description="Maximum age of finished jobs in Redis, in seconds.")
    pool_size: int = Field(default=10, ge=2, description="Maximum number of connections to PostgreSQL, per process.")
    outbox_lag_limit: float = Field(
        default=60.0,
        gt=0,
        description="Age of the oldest undelivered job, in seconds, from which `/readyz` reports not ready.",
    )
    alerts: Annotated[Path | None, BeforeValidator(_unless_empty)] = Field(
        default=None, description="TOML file with the alert rules and their recipients. Unset: no alerts."
    )
    webhook_secret: Annotated[str | None, BeforeValidator(_unless_empty)] = Field(
        default=None,
        repr=False,
        description="Secret that signs callbacks, as in Standard Webhooks: `whsec_` and base64. Unset: no signature.",
    )
    allow_private_targets: bool = Field(
        default=False,
        description="Whether webhooks and callbacks may target private addresses: loopback, local network, link-local.",
    )
    metrics_host: str = Field(
        default="127.0.0.1", description="Address on which workers and relays serve Prometheus metrics."
    )
    metrics_port: int | None = Field(
        default=None,
        ge=0,
        le=65_535,
        description="Port for those metrics. Unset: they are not served. "
        "`up` gives it to the relay and the next ones to its workers.",
    )
    log_format: Annotated[Literal["auto", "console", "json"], BeforeValidator(_lower)] = Field(
        default="auto",
        description="Format of log lines on stderr: auto is console in a terminal, json elsewhere.",
    )
    log_level: Annotated[Literal["debug", "info", "warning", "error"], BeforeValidator(_lower)] = Field(
        default="info", description="Lowest level that is logged."
    )
    # OpenTelemetry's own names; its library reads these and its other variables as well.
    otel_exporter_otlp_endpoint: str = Field(
        default="",
        validation_alias="OTEL_EXPORTER_OTLP_ENDPOINT",
        description="Collector for traces, by OTLP over HTTP: http://host:4318. Unset: no traces. "
        "Needs `herdbook[tracing]`; OpenTelemetry's other variables apply as well.",
    )
    otel_exporter_otlp_traces_endpoint: str = Field(
        default="",
        validation_alias="OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
        description="The same for traces alone: the full URL, such as http://host:4318/v1/traces.",
    )
    otel_exporter_otlp_protocol: str = Field(
        default="",
        validation_alias="OTEL_EXPORTER_OTLP_PROTOCOL",
        description="OpenTelemetry's protocol. Herdbook sends traces by http/protobuf only.",
    )
    otel_exporter_otlp_traces_protocol: str = Field(
        default="", validation_alias="OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", description="The same for traces alone."
    )
    otel_traces_exporter: str = Field(
        default="", validation_alias="OTEL_TRACES_EXPORTER", description="`otlp` turns traces on, `none` off."
    )
    otel_sdk_disabled: str = Field(
        default="", validation_alias="OTEL_SDK_DISABLED", description="`true` turns traces off, whatever else is set."
    )

    @property
    def sends_traces(self) -> bool:
        """Whether OpenTelemetry's variables turn traces on."""
        if self.otel_sdk_disabled.lower() == "true" or self.otel_traces_exporter == "none":
            return False
        return any(
            (self.otel_traces_exporter, self.otel_exporter_otlp_endpoint, self.otel_exporter_otlp_traces_endpoint)
        )

    @property
    def process_count(self) -> int:
        """How many processes one worker may start for jobs."""
        return self.processes or os.cpu_count() or 1

    @property
    def artifact_folder(self) -> Path:
        """Where artifacts are kept."""
        return self.artifacts or self.data / "artifacts"


def crash_at() -> str | None:
    """Where the fault laboratory wants this process to die, see `herdbook.crash_points`; None everywhere else."""
    return os.environ.get("HERDBOOK_CRASH_AT") or None
