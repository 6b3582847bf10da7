"""The operator's alert rules and targets, their evaluation against facts, and the messages to send."""

from herdbook.alerting.evaluating import AlertFacts, Firing, QueueAlertFacts, TypeFacts, WorkerFacts, evaluate
from herdbook.alerting.file import Alerts, AppriseTarget, Target, WebhookTarget, load_alerts
from herdbook.alerting.rules import Rule

__all__ = [
    "AlertFacts",
    "Alerts",
    "AppriseTarget",
    "Firing",
    "QueueAlertFacts",
    "Rule",
    "Target",
    "TypeFacts",
    "WebhookTarget",
    "WorkerFacts",
    "evaluate",
    "load_alerts",
]
