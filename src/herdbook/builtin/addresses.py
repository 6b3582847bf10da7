"""Parses mail addresses such as `Ada Lovelace <ada@example.com>`, and formats address headers.

One address must never become two, and a header value never another header.
"""

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from email.header import Header
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field

from herdbook.builtin.checks import problem, single_line

_MAILBOX = re.compile(r'(?:(?P<name>"(?:[^"\\]|\\.)*"\s*|[^<>"]*)<(?P<named>[^<>]+)>|(?P<bare>[^<>"]+))')
_ATOMS = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~.\u00a0-\U0010ffff-]+")
_LABEL = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?")
_BETWEEN_COMMAS = re.compile(r'(?:"(?:[^"\\]|\\.)*"|[^,])+')
_EXPECTED = "not a mail address: expected ada@example.com or Ada Lovelace <ada@example.com>"
_MAX_INPUT = 1_000
_MAX_LIST = 10_000
_MAX_RECIPIENTS = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Mailbox:
    """A mail address, and the name of its owner (empty if not given)."""

    name: str
    address: str

    @property
    def domain(self) -> str:
        """The part after the @."""
        return self.address.rpartition("@")[2]


def parse_mailbox(text: str) -> Mailbox:
    """The parts of an address; raises a PydanticCustomError, which is a ValueError, if it is invalid."""
    found = _MAILBOX.fullmatch(single_line(text)) if len(text) <= _MAX_INPUT else None
    if not found:
        raise problem(_EXPECTED)
    name = (found["name"] or "").strip()
    if name.startswith('"'):
        name = re.sub(r"\\(.)", r"\1", name[1:-1])
    return Mailbox(name=plain_text(name), address=_validated_address((found["named"] or found["bare"]).strip()))


def plain_text(text: str) -> str:
    """The text as one line; raises if it contains an encoded word, which Python's email package would decode.

    The decoded text could contain a line break, and so another header.
    """
    if re.search(r"=\?.*\?=", text):
        raise problem("encoded words such as =?utf-8?q?...?= are not allowed; write plain text")
    return single_line(text)


def header_value(mailboxes: Iterable[Mailbox]) -> str:
    """The folded value of an address header, to be set raw.

    Python's own folding removes the quotes around a name such as `Müller, a@example.com` and so turns
    one address into two (CPython issue 121284); therefore names are quoted or encoded here.
    """
    return ",\n ".join(
        f"{_header_name(mailbox.name)}\n <{mailbox.address}>" if mailbox.name else mailbox.address
        for mailbox in mailboxes
    )


def _header_name(name: str) -> str:
    if name.isascii() and len(name) <= 50:
        return '"' + re.sub(r'(["\\])', r"\\\1", name) + '"'
    return Header(name, "utf-8", maxlinelen=70).encode()


def _validated_address(address: str) -> str:
    local, _, domain = address.rpartition("@")
    has_control_or_space = any(unicodedata.category(character)[0] in "CZ" for character in local)
    has_bad_dots = local.startswith(".") or local.endswith(".") or ".." in local
    if has_control_or_space or has_bad_dots or not _ATOMS.fullmatch(local) or len(local.encode()) > 64:
        raise problem(_EXPECTED)
    return f"{local}@{_validated_domain(domain)}"


def _validated_domain(domain: str) -> str:
    try:
        ascii_domain = domain.encode("idna").decode()
        # The codec follows the rules of 2003, which would turn straße.de into strasse.de.
        same = ascii_domain.encode().decode("idna") == unicodedata.normalize("NFKC", domain).lower()
    except UnicodeError:
        raise problem(_EXPECTED) from None
    if not (domain.isascii() or same):
        raise problem("write this international domain in its xn-- form")
    labels = ascii_domain.split(".")
    if len(ascii_domain) > 253 or labels[-1].isdigit() or not all(map(_LABEL.fullmatch, labels)):
        raise problem(_EXPECTED)
    return ascii_domain


def _check(text: str) -> str:
    parse_mailbox(text)
    return text


def _split(value: Any) -> Any:
    if value is None:
        return ()
    if not isinstance(value, str):
        return value
    if len(value) > _MAX_LIST:
        raise problem("too long: pass the addresses as a list")
    return tuple(part.strip() for part in _BETWEEN_COMMAS.findall(value) if part.strip())


MailAddress = Annotated[str, AfterValidator(_check)]
MailAddresses = Annotated[
    tuple[MailAddress, ...],
    Field(max_length=_MAX_RECIPIENTS),
    BeforeValidator(_split, json_schema_input_type=str | list[str]),
]
