"""Signs webhook messages as Standard Webhooks specifies."""

import base64
import binascii
import hashlib
import hmac
from typing import Annotated

from pydantic import AfterValidator

from herdbook.errors import ConfigurationError

_PREFIX = "whsec_"
_SHORTEST, _LONGEST = 24, 64
_EXPECTED = (
    f"must be {_PREFIX} followed by {_SHORTEST} to {_LONGEST} bytes in base64, as from `openssl rand -base64 32`"
)


def _validated(secret: str) -> str:
    _key(secret)
    return secret


# Shared by sender and receiver.
Secret = Annotated[str, AfterValidator(_validated)]


def check_secret(name: str, secret: str | None) -> None:
    """Raise ConfigurationError if the secret in the setting `name` is invalid."""
    try:
        if secret is not None:
            _validated(secret)
    except ValueError as error:
        raise ConfigurationError(f"{name} {error}") from None


def signed_headers(id: str, timestamp: int, body: bytes, secret: str | None) -> dict[str, str]:
    """The headers of one delivery at `timestamp` (Unix seconds); `id` stays the same when a message is retried.

    Without a secret there is no signature.
    """
    headers = {"webhook-id": id, "webhook-timestamp": str(timestamp)}
    if secret is not None:
        signed = hmac.digest(_key(secret), f"{id}.{timestamp}.".encode() + body, hashlib.sha256)
        headers["webhook-signature"] = f"v1,{base64.b64encode(signed).decode()}"
    return headers


def _key(secret: str) -> bytes:
    try:
        key = base64.b64decode(secret.removeprefix(_PREFIX), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if not secret.startswith(_PREFIX) or not _SHORTEST <= len(key) <= _LONGEST:
        raise ValueError(_EXPECTED)
    return key
