"""Sends callbacks: POSTs the outcome of a finished job to its callback URL, signed if a secret is set."""

from typing import Any

import orjson

from herdbook.alerting.messages import CallbackPayload
from herdbook.alerting.signing import check_secret, signed_headers
from herdbook.model.context import JobContext
from herdbook.sending.webhook import post
from herdbook.settings import Settings


class Caller:
    """Sends callbacks."""

    def __init__(self, settings: Settings) -> None:
        check_secret("HERDBOOK_WEBHOOK_SECRET", settings.webhook_secret)
        self._settings = settings

    async def run(self, payload: CallbackPayload, job: JobContext) -> dict[str, Any]:
        """POST the outcome of a job to a URL; published by Herdbook itself for jobs with a callbackUrl."""
        content = payload.body.model_dump(mode="json", by_alias=True)
        if content["result"] is None:
            del content["result"]
        body = orjson.dumps(content)
        headers = signed_headers(str(job.id), int(job.now().timestamp()), body, self._settings.webhook_secret)
        status = await post(payload.url, body, headers, allow_private=self._settings.allow_private_targets)
        return {"status": status}
