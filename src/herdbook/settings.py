"""Takes the environment.

Gives every setting, with its unit and default; `.env.example` lists the same.
Never is read anywhere but here: the other parts get settings through their constructors.
"""

import os
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AliasChoices, BeforeValidator, Field
from pydantic_settings import BaseSettings, SettingsConfigDict


def _lower(value: Any) -> Any:
    return value.lower() if isinstance(value, str) else value


def _unless_empty(value: Any) -> Any:
    # A variable that is set to nothing is how many programs say that it is not set.
    return value or None


class Settings(BaseSettings):
    """Herdbook's settings; each is an environment variable of the same name in capitals."""

    model_config = SettingsConfigDict(env_prefix="HERDBOOK_", frozen=True, extra="ignore", populate_by_name=True)

    database_url: str | None = Field(
        default=None,
        validation_alias=AliasChoices("database_url", "DATABASE_URL"),
        description="PostgreSQL (14 or newer). Unset: `up` starts an embedded one in the data folder.",
    )
    redis_url: str | None = Field(
        default=None,
        validation_alias=AliasChoices("redis_url", "REDIS_URL"),
        description="Redis (6.2 or newer) or Valkey. Unset: `up` starts an embedded one in the data folder.",
    )
    smtp_url: str | None = Field(
        default=None,
        validation_alias=AliasChoices("smtp_url", "SMTP_URL"),
        description="Mail server, `smtp[s]://[user:password@]host[:port]`. Unset: `up` starts a local catch-all.",
    )
    mail_from: str = Field(default="herdbook@localhost", description="Sender of mails that name none.")
    data: Path = Field(
        default=Path(".herdbook"),
        description="Folder of the embedded servers, the artifacts and the caught mail.",
    )
    artifacts: Path | None = Field(
        default=None, description="Folder of the artifacts. Unset: `artifacts` in the data folder."
    )
    queue_prefix: str = Field(default="bull", description="Prefix of BullMQ's keys in Redis.")
    max_job_bytes: int = Field(default=1_000_000, ge=1_000, description="Largest job data accepted, in bytes of JSON.")
    concurrency: int = Field(
        default=100, ge=1, le=10_000, description="Jobs of one queue that one worker runs at once."
    )
    processes: int | None = Field(
        default=None,
        ge=1,
        le=1_000,
        description='Processes per worker for job types with `executor="process"`. Unset: one for each processor core.',
    )
    lock_duration: int = Field(
        default=30_000,
        ge=500,
        description="A running job's lock in Redis, in milliseconds; renewed at a third of it.",
    )
    stalled_interval: int = Field(
        default=30_000,
        ge=100,
        description="How often jobs of vanished workers are looked for, in milliseconds.",
    )
    max_stalled: int = Field(default=1, ge=0, description="How often a job may lose its worker before it is failed.")
    stop_deadline: float = Field(
        default=25.0,
        ge=0,
        description="Seconds that running jobs get to finish when a worker is told to stop.",
    )
    keep_completed: int = Field(default=1_000, ge=0, description="Completed jobs that stay in Redis, per queue.")
    keep_failed: int = Field(default=5_000, ge=0, description="Failed jobs that stay in Redis, per queue.")
    keep_for: int = Field(default=86_400, ge=0, description="Seconds that finished jobs stay in Redis at most.")
    pool_size: int = Field(default=10, ge=2, description="Connections to PostgreSQL per process, at most.")
    outbox_lag_limit: float = Field(
        default=60.0,
        gt=0,
        description="Age in seconds of the oldest undelivered job at which `/readyz` says no.",
    )
    alerts: Annotated[Path | None, BeforeValidator(_unless_empty)] = Field(
        default=None, description="TOML file of the rules for alerts and of who hears of them. Unset: no alerts."
    )
    webhook_secret: Annotated[str | None, BeforeValidator(_unless_empty)] = Field(
        default=None,
        repr=False,
        description="Signs the callbacks of jobs, by Standard Webhooks: `whsec_` and base64. Unset: no signature.",
    )
    allow_private_targets: bool = Field(
        default=False,
        description="Whether webhooks and callbacks may go to private addresses: loopback, own network, link-local.",
    )
    metrics_host: str = Field(
        default="127.0.0.1", description="Address where workers and relays serve their Prometheus metrics."
    )
    metrics_port: int | None = Field(
        default=None,
        ge=0,
        le=65_535,
        description="Port of those metrics. Unset: none are served. "
        "`up` gives it to the relay, and the next ones to its workers.",
    )
    log_format: Annotated[Literal["auto", "console", "json"], BeforeValidator(_lower)] = Field(
        default="auto",
        description="How log lines are written to stderr: auto is console in a terminal, json elsewhere.",
    )
    log_level: Annotated[Literal["debug", "info", "warning", "error"], BeforeValidator(_lower)] = Field(
        default="info", description="The least important log lines that are written."
    )
    # OpenTelemetry's own names. Its library reads them as well, and the others of its variables.
    otel_exporter_otlp_endpoint: str = Field(
        default="",
        validation_alias="OTEL_EXPORTER_OTLP_ENDPOINT",
        description="Collector that gets traces, by OTLP over HTTP: http://host:4318. Unset: none are made. "
        "Needs `herdbook[tracing]`; OpenTelemetry's other variables hold, too.",
    )
    otel_exporter_otlp_traces_endpoint: str = Field(
        default="",
        validation_alias="OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
        description="The same, for traces alone: the whole URL, such as http://host:4318/v1/traces.",
    )
    otel_exporter_otlp_protocol: str = Field(
        default="",
        validation_alias="OTEL_EXPORTER_OTLP_PROTOCOL",
        description="How OpenTelemetry sends. Traces of Herdbook go by http/protobuf.",
    )
    otel_exporter_otlp_traces_protocol: str = Field(
        default="", validation_alias="OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", description="The same, for traces alone."
    )
    otel_traces_exporter: str = Field(
        default="", validation_alias="OTEL_TRACES_EXPORTER", description="`none` makes no traces; `otlp` does."
    )
    otel_sdk_disabled: str = Field(
        default="", validation_alias="OTEL_SDK_DISABLED", description="`true` makes no traces, whatever else is set."
    )

    @property
    def sends_traces(self) -> bool:
        """Whether OpenTelemetry's variables ask for traces."""
        if self.otel_sdk_disabled.lower() == "true" or self.otel_traces_exporter == "none":
            return False
        wishes = (self.otel_traces_exporter, self.otel_exporter_otlp_endpoint, self.otel_exporter_otlp_traces_endpoint)
        return any(wishes)

    @property
    def process_count(self) -> int:
        """How many processes for jobs one worker may have."""
        return self.processes or os.cpu_count() or 1

    @property
    def artifact_folder(self) -> Path:
        """Where artifacts are kept."""
        return self.artifacts or self.data / "artifacts"
