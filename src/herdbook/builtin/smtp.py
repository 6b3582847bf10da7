"""Hands messages to the mail server."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from urllib.parse import unquote, urlsplit

import aiosmtplib

from herdbook.errors import ConfigurationError
from herdbook.model.signals import Unrecoverable
from herdbook.sending.delivery_error import DeliveryError

_EXPECTED = "the mail server's URL (SMTP_URL) must have the form smtp[s]://[user:password@]host[:port]"


@dataclass(frozen=True, slots=True, kw_only=True)
class MailServer:
    """A mail server. `tls` means from the first byte (smtps); otherwise STARTTLS is used if the server offers it."""

    host: str
    port: int | None = None
    tls: bool = False
    username: str | None = None
    password: str | None = field(default=None, repr=False)


def parse_smtp_url(url: str) -> MailServer:
    """The mail server in `smtp[s]://[user:password@]host[:port]`; raises ConfigurationError."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise ConfigurationError(_EXPECTED) from None
    if parts.scheme not in {"smtp", "smtps"} or not parts.hostname or parts.path not in {"", "/"}:
        raise ConfigurationError(_EXPECTED)
    return MailServer(
        host=parts.hostname,
        port=port,
        tls=parts.scheme == "smtps",
        username=unquote(parts.username) if parts.username else None,
        password=unquote(parts.password) if parts.password else None,
    )


async def send_message(
    server: MailServer, message: bytes, *, sender: str, recipients: Sequence[str]
) -> dict[str, aiosmtplib.SMTPResponse]:
    """Send the message; returns the recipients that were refused while others were accepted.

    Raises Unrecoverable if the server refuses it for good (5xx), and DeliveryError for other failures.
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
        raise _delivery_error(error, server) from error
    return refused


async def greet(server: MailServer, timeout: float) -> None:
    """Connect and log in; raises DeliveryError, within `timeout` seconds, if that fails."""
    client = aiosmtplib.SMTP(
        hostname=server.host,
        port=server.port,
        use_tls=server.tls,
        username=server.username,
        password=server.password,
        timeout=timeout,
    )
    try:
        async with client:
            await client.noop()
    except (aiosmtplib.SMTPException, OSError) as error:
        raise DeliveryError(str(error)) from error


def _options(sender: str, recipients: Sequence[str]) -> list[str]:
    return [] if "".join([sender, *recipients]).isascii() else ["SMTPUTF8", "BODY=8BITMIME"]


def _delivery_error(error: Exception, server: MailServer) -> Unrecoverable | DeliveryError:
    match error:
        case aiosmtplib.SMTPRecipientsRefused(recipients=refusals):
            responses = "; ".join(f"{refusal.recipient}: {_response(refusal)}" for refusal in refusals)
            is_final = all(refusal.code >= 500 for refusal in refusals)
            return _error(f"the mail server refused every recipient: {responses}", is_final)
        case aiosmtplib.SMTPAuthenticationError():
            return _error(f"the mail server refused the login: {_response(error)}", error.code >= 500)
        case aiosmtplib.SMTPResponseException():
            return _error(f"the mail server refused the mail: {_response(error)}", error.code >= 500)
        case aiosmtplib.SMTPNotSupported():
            return _error(f"the mail server does not support this mail: {error}", True)
    return _error(f"cannot deliver the mail to {server.host}: {error or type(error).__name__}", False)


def _response(error: aiosmtplib.SMTPResponseException) -> str:
    return f"{error.code} {error.message}"


def _error(message: str, is_final: bool) -> Unrecoverable | DeliveryError:
    return Unrecoverable(message) if is_final else DeliveryError(message)
