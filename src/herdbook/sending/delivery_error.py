"""The error of a delivery that may succeed on a later attempt; a permanent refusal is `Unrecoverable`."""

from herdbook.model.signals import Retry


class DeliveryError(Retry):
    """A mail or notification did not reach all recipients; the job is retried."""
