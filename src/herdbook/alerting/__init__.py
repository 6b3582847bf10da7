"""The operator's rules and targets: which rules fire on the facts of a running system, and what is sent."""

from herdbook.alerting.evaluating import AlertFacts, Firing, TypeFacts, evaluate
from herdbook.alerting.file import Alerts, AppriseTarget, Target, WebhookTarget, load_alerts
from herdbook.alerting.rules import Rule

__all__ = [
    "AlertFacts",
    "Alerts",
    "AppriseTarget",
    "Firing",
    "Rule",
    "Target",
    "TypeFacts",
    "WebhookTarget",
    "evaluate",
    "load_alerts",
]
