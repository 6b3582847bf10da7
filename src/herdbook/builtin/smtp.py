"""Takes a finished message and its recipients.

Gives it to the mail server, and says whom the server refused.
Never decides what a message says.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from urllib.parse import unquote, urlsplit

import aiosmtplib

from herdbook.builtin.delivery import DeliveryError
from herdbook.errors import ConfigurationError
from herdbook.model.signals import Unrecoverable

_FORM = "the mail server's URL (SMTP_URL) must have the form smtp[s]://[user:password@]host[:port]"


@dataclass(frozen=True, slots=True, kw_only=True)
class MailServer:
    """Where mail is handed in. `tls` from the first byte (smtps); else STARTTLS when the server offers it."""

    host: str
    port: int | None = None
    tls: bool = False
    username: str | None = None
    password: str | None = field(default=None, repr=False)


def parse_smtp_url(url: str) -> MailServer:
    """The mail server of `smtp[s]://[user:password@]host[:port]`; raises ConfigurationError."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise ConfigurationError(_FORM) from None
    if parts.scheme not in {"smtp", "smtps"} or not parts.hostname or parts.path not in {"", "/"}:
        raise ConfigurationError(_FORM)
    return MailServer(
        host=parts.hostname,
        port=port,
        tls=parts.scheme == "smtps",
        username=unquote(parts.username) if parts.username else None,
        password=unquote(parts.password) if parts.password else None,
    )


async def hand_in(
    server: MailServer, message: bytes, *, sender: str, recipients: Sequence[str]
) -> dict[str, aiosmtplib.SMTPResponse]:
    """Send the message; the answer has the recipients that were refused while others were accepted.

    Raises Unrecoverable for what the server refuses for good (5xx), DeliveryError for everything else.
    """
    try:
        refused, _ = await aiosmtplib.send(
            message,
            sender=sender,
            recipients=recipients,
            mail_options=_options(sender, recipients),
            hostname=server.host,
            port=server.port,
            use_tls=server.tls,
            username=server.username,
            password=server.password,
        )
    except (aiosmtplib.SMTPException, OSError) as error:
        raise _explain(error, server) from error
    return refused


def _options(sender: str, recipients: Sequence[str]) -> list[str]:
    return [] if "".join([sender, *recipients]).isascii() else ["SMTPUTF8", "BODY=8BITMIME"]


def _explain(error: Exception, server: MailServer) -> Unrecoverable | DeliveryError:
    match error:
        case aiosmtplib.SMTPRecipientsRefused(recipients=refusals):
            answers = "; ".join(f"{refusal.recipient}: {_answer(refusal)}" for refusal in refusals)
            for_good = all(refusal.code >= 500 for refusal in refusals)
            return _error(f"the mail server refused every recipient: {answers}", for_good)
        case aiosmtplib.SMTPAuthenticationError():
            return _error(f"the mail server refused the login: {_answer(error)}", error.code >= 500)
        case aiosmtplib.SMTPResponseException():
            return _error(f"the mail server refused the mail: {_answer(error)}", error.code >= 500)
        case aiosmtplib.SMTPNotSupported():
            return _error(f"the mail server cannot take this mail: {error}", True)
    return _error(f"the mail did not get through to {server.host}: {error or type(error).__name__}", False)


def _answer(error: aiosmtplib.SMTPResponseException) -> str:
    return f"{error.code} {error.message}"


def _error(message: str, for_good: bool) -> Unrecoverable | DeliveryError:
    return Unrecoverable(message) if for_good else DeliveryError(message)
