"""The email job type: sends mails with attachments through the mail server in the settings.

Bcc recipients never appear in a message.
"""

import base64
import binascii
import re
from collections.abc import Iterable
from datetime import UTC, datetime
from email import policy
from email.message import EmailMessage
from email.utils import format_datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import AfterValidator, ConfigDict, Field, model_validator

from herdbook.builtin.addresses import MailAddress, MailAddresses, Mailbox, header_value, parse_mailbox, plain_text
from herdbook.builtin.checks import problem, problem_at
from herdbook.builtin.smtp import parse_smtp_url, send_message
from herdbook.errors import ConfigurationError
from herdbook.model.context import JobContext
from herdbook.model.options import Backoff, CamelModel
from herdbook.model.registry import Registry
from herdbook.model.signals import Unrecoverable
from herdbook.model.summary import RecordReader
from herdbook.settings import Settings

_MEDIA_TYPE = re.compile(r"[a-z0-9][a-z0-9!#$&^_.+-]*/[a-z0-9][a-z0-9!#$&^_.+-]*", re.IGNORECASE)
# 7bit, because every server accepts it. No refolding, because the address headers are already folded safely.
_POLICY = policy.SMTP.clone(cte_type="7bit", refold_source="none")
_UTF8_POLICY = policy.SMTPUTF8.clone(refold_source="none")
# A greylisting server rejects an unknown sender's first mails for some minutes. These waits of 30 s, 1, 2, 4 and
# 8 minutes cover a quarter of an hour, less the jitter, which keeps many mails from being retried at the same moment.
_GREYLISTING_BACKOFF = Backoff(type="exponential", delay=30_000, jitter=0.2)


def job_types(settings: Settings, _: RecordReader) -> Registry:
    """The job type `email`; raises ConfigurationError for invalid mail settings."""
    registry = Registry()
    registry.processor("email", attempts=6, backoff=_GREYLISTING_BACKOFF)(Mailer(settings).run)
    return registry


def _file_name(name: str) -> str:
    if "/" in name or "\\" in name:
        raise problem("a file name must not contain a folder")
    return plain_text(name)


def _media_type(text: str) -> str:
    if not _MEDIA_TYPE.fullmatch(text) or text.lower().startswith(("multipart/", "message/")):
        raise problem("not a media type for a file: expected something like application/pdf")
    return text


def _base64(text: str) -> str:
    try:
        base64.b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError):
        raise problem("not base64") from None
    return text


class Attachment(CamelModel):
    """A file attached to a mail."""

    filename: Annotated[str, AfterValidator(_file_name)] = Field(
        min_length=1, max_length=200, description="The file's name.", examples=["invoice.pdf"]
    )
    content_type: Annotated[str, AfterValidator(_media_type)] = Field(
        default="application/octet-stream",
        title="Content type",
        max_length=127,
        description="Its media type.",
        examples=["application/pdf"],
    )
    content: Annotated[str, AfterValidator(_base64)] = Field(
        description="Its content, in base64.",
        examples=["SGVsbG8="],
        json_schema_extra={"contentEncoding": "base64"},
    )


class EmailPayload(CamelModel):
    """A mail to send."""

    model_config = ConfigDict(hide_input_in_errors=True)

    to: MailAddresses = Field(
        default=(),
        description="The recipients: one address, several separated by commas, or a list.",
        examples=["Ada Lovelace <ada@example.com>", ["ada@example.com", "grace@example.com"]],
    )
    cc: MailAddresses = Field(
        default=(), description="Recipients of a copy, visible to all.", examples=["team@example.com"]
    )
    bcc: MailAddresses = Field(
        default=(), description="Recipients of a blind copy, visible to nobody.", examples=["archive@example.com"]
    )
    subject: Annotated[str, AfterValidator(plain_text)] = Field(
        min_length=1, max_length=500, description="The subject line.", examples=["Your invoice"]
    )
    text: str | None = Field(
        default=None, description="The mail as plain text.", examples=["Please find your invoice attached."]
    )
    html: str | None = Field(
        default=None,
        description="The mail as HTML, instead of or in addition to plain text.",
        examples=["<p>Please find your invoice attached.</p>"],
    )
    attachments: tuple[Attachment, ...] = Field(default=(), max_length=50, description="Files attached to the mail.")
    sender: MailAddress | None = Field(
        default=None,
        alias="from",
        description="The sender; the default is HERDBOOK_MAIL_FROM in the settings.",
        examples=["Herdbook <jobs@example.com>"],
    )

    @model_validator(mode="after")
    def _complete(self) -> "EmailPayload":
        if not (self.to or self.cc or self.bcc):
            raise problem_at("to", "give at least one recipient, in to, cc or bcc")
        if not (self.text or self.html):
            raise problem_at("text", "give text, html, or both")
        return self


class Mailer:
    """Sends mails through the mail server in the settings."""

    def __init__(self, settings: Settings) -> None:
        self._server = parse_smtp_url(settings.smtp_url) if settings.smtp_url else None
        try:
            self._sender = parse_mailbox(settings.mail_from)
        except ValueError as error:
            raise ConfigurationError(f"HERDBOOK_MAIL_FROM: {error}") from None

    async def run(self, payload: EmailPayload, job: JobContext) -> dict[str, Any]:
        """Send a mail: plain text, HTML or both, with attachments."""
        if self._server is None:
            raise Unrecoverable("no mail server is set: put its URL in SMTP_URL, like smtp://user:password@host:587")
        sender = parse_mailbox(payload.sender) if payload.sender else self._sender
        recipients = _recipients(payload)
        message = compose_message(payload, sender, job.id)
        raw = message.as_bytes(policy=_POLICY if _is_ascii([sender, *recipients]) else _UTF8_POLICY)
        addresses = [recipient.address for recipient in recipients]
        refused = await send_message(self._server, raw, sender=sender.address, recipients=addresses)
        for address, answer in refused.items():
            job.log(f"{address} was refused: {answer.code} {answer.message}")
        return {
            "messageId": message["Message-ID"],
            "accepted": [address for address in addresses if address not in refused],
            "refused": {
                address: {"code": answer.code, "message": answer.message} for address, answer in refused.items()
            },
        }


def compose_message(payload: EmailPayload, sender: Mailbox, job_id: UUID) -> EmailMessage:
    """The MIME message. Its Message-ID is derived from the job's id, so a retry sends the same one."""
    message = EmailMessage(policy=_POLICY)
    message.set_raw("From", header_value([sender]))
    for name, addresses in (("To", payload.to), ("Cc", payload.cc)):
        if addresses:
            message.set_raw(name, header_value(map(parse_mailbox, addresses)))
    message["Subject"] = payload.subject
    message["Date"] = format_datetime(datetime.now(UTC))
    message["Message-ID"] = f"<{job_id}@{sender.domain}>"
    _set_body(message, payload)
    for attachment in payload.attachments:
        kind, _, subtype = attachment.content_type.partition("/")
        message.add_attachment(
            base64.b64decode(attachment.content), maintype=kind, subtype=subtype, filename=attachment.filename
        )
    return message


def _set_body(message: EmailMessage, payload: EmailPayload) -> None:
    if payload.text:
        message.set_content(payload.text)
    if payload.html and payload.text:
        message.add_alternative(payload.html, subtype="html")
    elif payload.html:
        message.set_content(payload.html, subtype="html")


def _recipients(payload: EmailPayload) -> list[Mailbox]:
    mailboxes = [parse_mailbox(text) for text in (*payload.to, *payload.cc, *payload.bcc)]
    return list({mailbox.address: mailbox for mailbox in mailboxes}.values())


def _is_ascii(mailboxes: Iterable[Mailbox]) -> bool:
    return all(mailbox.address.isascii() for mailbox in mailboxes)
