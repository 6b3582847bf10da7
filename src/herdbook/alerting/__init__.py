"""Takes the operator's file of rules and targets, and the facts of a running system.

Gives what is wrong by those rules, and the words to send.
Never asks for the facts, and never sends anything.
"""

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
