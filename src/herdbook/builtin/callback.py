"""Takes what became of a job, and who wants to know.

Gives it to them, signed when there is a secret.
Never knows the job itself: what is told was written down with its end.
"""

import time
from typing import Any

import orjson

from herdbook.alerting.messages import CallbackPayload
from herdbook.alerting.signing import check_secret, signed_headers
from herdbook.builtin.webhook import post
from herdbook.model.context import JobContext
from herdbook.settings import Settings


class Caller:
    """Calls back."""

    def __init__(self, settings: Settings) -> None:
        check_secret("HERDBOOK_WEBHOOK_SECRET", settings.webhook_secret)
        self._settings = settings

    async def run(self, payload: CallbackPayload, job: JobContext) -> dict[str, Any]:
        """Tell a URL what became of a job; published by Herdbook itself for jobs with a callbackUrl."""
        told = payload.body.model_dump(mode="json", by_alias=True)
        if told["result"] is None:
            del told["result"]
        body = orjson.dumps(told)
        headers = signed_headers(str(job.id), int(time.time()), body, self._settings.webhook_secret)
        status = await post(payload.url, body, headers, allow_private=self._settings.allow_private_targets)
        return {"status": status}
