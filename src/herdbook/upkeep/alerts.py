"""Watches by the operator's rules: records when an incident begins and ends, and publishes a job that tells of either.

The row and the job are written together, so that nobody is told twice.
"""

from uuid import UUID

from herdbook.alerting import AlertFacts, Alerts, Firing, Rule, evaluate
from herdbook.alerting.evaluating import windows
from herdbook.alerting.messages import ALERT, ALERT_QUEUE, ATTEMPTS, BACKOFF, AlertPayload
from herdbook.errors import QueueUnavailableError
from herdbook.model.ids import new_job_id
from herdbook.model.job import NewJob
from herdbook.model.registry import Registry
from herdbook.operating.health_facts import queue_facts
from herdbook.operating.queue_stats import QueueStatsReader
from herdbook.publishing.publish import JobRequest, prepare, record_jobs
from herdbook.record.alerts import (
    Incident,
    count_ended_by_type,
    open_incident_if_none,
    read_open_incidents,
    resolve_incident_if_open,
)
from herdbook.record.database import Connection, Database
from herdbook.record.locks import try_lock
from herdbook.record.reads import read_outbox_lag, read_stats
from herdbook.record.reconciliation import read_queue_loss
from herdbook.record.workers import read_workers
from herdbook.service import Service

# Seconds between two evaluations.
_PAUSE = 5.0
_LARGEST = 1_000_000


class AlertWatch(Service):
    """Evaluates the rules; of several watches, only one does so at a time."""

    name = "alerts"

    def __init__(self, database: Database, queues: QueueStatsReader, alerts: Alerts, *, pause: float = _PAUSE) -> None:
        super().__init__()
        self._database = database
        self._queues = queues
        self._alerts = alerts
        self._pause = pause
        self._job_types = Registry()
        self._job_types.declare(ALERT, AlertPayload, queue=ALERT_QUEUE, attempts=ATTEMPTS, backoff=BACKOFF)

    async def round(self) -> float:
        """Evaluate all rules once."""
        if not self._alerts.rules:
            self.quiet()
            return 0
        async with self._database.transaction() as connection:
            # Facts read before the lock could be older than those that another watch has just evaluated.
            if await try_lock(connection, "alerts"):
                await self._compare(connection, await self._facts(connection))
        return self._pause

    async def _facts(self, connection: Connection) -> AlertFacts:
        ended = await count_ended_by_type(connection, windows(self._alerts.rules))
        workers = await read_workers(connection)
        outbox = await read_outbox_lag(connection)
        recorded = await read_stats(connection)
        loss = await read_queue_loss(connection, self._queues.prefix)
        try:
            queues = queue_facts(await self._queues.states(), workers, recorded)
        except QueueUnavailableError:
            queues = None
        return AlertFacts(ended=ended, queues=queues, workers=workers, outbox=outbox, loss=loss)

    async def _compare(self, connection: Connection, facts: AlertFacts) -> None:
        """Open new incidents, and resolve those that are over."""
        opened = {(one.rule, one.subject): one for one in await read_open_incidents(connection)}
        for rule in self._alerts.rules:
            found = evaluate(rule, facts)
            if found is None:
                opened = {key: one for key, one in opened.items() if one.rule != rule.name}
                continue
            for firing in found:
                if opened.pop((rule.name, firing.subject), None) is None:
                    await self._open(connection, rule, firing)
        for incident in opened.values():
            await self._resolve(connection, incident)

    async def _open(self, connection: Connection, rule: Rule, firing: Firing) -> None:
        id, job = new_job_id(), new_job_id()
        incident = await open_incident_if_none(connection, id, rule, firing, job)
        if incident is not None:
            await self._tell(connection, job, rule, incident)

    async def _resolve(self, connection: Connection, incident: Incident) -> None:
        """Resolve an incident. If its rule is gone nobody is notified, because the rule named the recipients."""
        rule = next((one for one in self._alerts.rules if one.name == incident.rule), None)
        job = new_job_id() if rule else None
        resolved = await resolve_incident_if_open(connection, incident.id, job)
        if rule and job and resolved:
            await self._tell(connection, job, rule, resolved)

    async def _tell(self, connection: Connection, job: UUID, rule: Rule, incident: Incident) -> None:
        await record_jobs(connection, [self._job(job, rule, incident)])

    def _job(self, id: UUID, rule: Rule, incident: Incident) -> NewJob:
        payload = AlertPayload(
            targets=self._alerts.targets_of(rule),
            event="resolved" if incident.resolved_at else "opened",
            incident=incident.id,
            rule=incident.rule,
            kind=incident.kind,
            subject=incident.subject,
            message=incident.message,
            opened_at=incident.opened_at,
            resolved_at=incident.resolved_at,
        )
        return prepare(self._job_types, JobRequest(job_type=ALERT, job_data=payload), max_bytes=_LARGEST, id=id)
