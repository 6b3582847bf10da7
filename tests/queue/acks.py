"""Shorthands for acknowledgements."""

from herdbook.model.outcome import ErrorReport, Failed, Released, Succeeded, WillRetry
from herdbook.queue.delivery import Acknowledgement, Delivery


def ack_completed(delivery: Delivery, result: str) -> Acknowledgement:
    return Acknowledgement(delivery=delivery, outcome=Succeeded(result=result))


def ack_failed(delivery: Delivery, reason: str, stack_trace: str | None = None) -> Acknowledgement:
    return Acknowledgement(delivery=delivery, outcome=Failed(error=_error(reason, stack_trace)))


def ack_retry(delivery: Delivery, after: int, reason: str) -> Acknowledgement:
    return Acknowledgement(delivery=delivery, outcome=WillRetry(error=_error(reason), after=after))


def ack_released(delivery: Delivery) -> Acknowledgement:
    return Acknowledgement(delivery=delivery, outcome=Released())


def _error(reason: str, stack_trace: str | None = None) -> ErrorReport:
    return ErrorReport(type="Error", message=reason, stack_trace=stack_trace)
