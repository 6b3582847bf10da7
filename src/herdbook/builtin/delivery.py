"""Takes nothing.

Gives the error of a delivery that may go well at the next attempt.
Never means a permanent refusal: that is `Unrecoverable`.
"""

from herdbook.model.signals import Retry


class DeliveryError(Retry):
    """A mail or a notification did not reach everybody; the job is tried again."""
