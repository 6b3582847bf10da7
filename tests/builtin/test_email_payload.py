"""Validating mails and the mail server's URL."""

import socket
from typing import Any

import orjson
import pytest

from herdbook.builtin.email import EmailPayload, Mailer
from herdbook.builtin.smtp import MailServer, parse_smtp_url
from herdbook.errors import ConfigurationError, InvalidJobError
from herdbook.model.context import JobContext
from herdbook.model.registry import Registry
from herdbook.model.signals import Unrecoverable
from herdbook.sending.delivery_error import DeliveryError
from herdbook.settings import Settings

MAIL = {"to": "ada@example.com", "subject": "Milk", "text": "28 litres"}


def payload(**changes: Any) -> EmailPayload:
    """A valid payload with changes, parsed from JSON."""
    return EmailPayload.model_validate_json(orjson.dumps({**MAIL, **changes}))


@pytest.fixture
def unused_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


async def test_an_unreachable_server_is_retried(unused_port: int, job: JobContext) -> None:
    with pytest.raises(DeliveryError, match=r"cannot deliver the mail to 127\.0\.0\.1"):
        await Mailer(Settings(smtp_url=f"smtp://user:geheim@127.0.0.1:{unused_port}")).run(payload(), job)


async def test_without_a_mail_server_the_error_says_so(job: JobContext) -> None:
    with pytest.raises(Unrecoverable, match="no mail server is set"):
        await Mailer(Settings(smtp_url=None)).run(payload(), job)


@pytest.mark.parametrize(
    ("url", "server"),
    [
        ("smtp://mail.test", MailServer(host="mail.test")),
        ("smtps://mail.test/", MailServer(host="mail.test", tls=True)),
        ("smtp://[::1]:2525", MailServer(host="::1", port=2525)),
        ("smtp://a%3Ab:c%2Fd@h:587", MailServer(host="h", port=587, username="a:b", password="c/d")),
    ],
)
def test_a_mail_servers_url_is_parsed(url: str, server: MailServer) -> None:
    assert parse_smtp_url(url) == server


@pytest.mark.parametrize("url", ["mail.test:25", "http://mail.test", "smtp://:25", "smtp://h:x", "smtp://h/path"])
def test_an_invalid_mail_server_url_is_refused_at_once(url: str) -> None:
    with pytest.raises(ConfigurationError, match="smtp") as caught:
        Mailer(Settings(smtp_url=url))
    assert url not in str(caught.value)


def test_an_invalid_default_sender_is_refused_at_once() -> None:
    with pytest.raises(ConfigurationError, match="HERDBOOK_MAIL_FROM"):
        Mailer(Settings(mail_from="nobody"))


@pytest.mark.parametrize(
    ("changes", "path", "message"),
    [
        ({"to": []}, "to", "at least one recipient"),
        ({"to": None}, "to", "at least one recipient"),
        ({"to": " "}, "to", "at least one recipient"),
        ({"to": "ada@example.com, nobody"}, "to.1", "not a mail address"),
        ({"cc": ["ada@example.com", "a\r\nBcc: x@example.com"]}, "cc.1", "line breaks"),
        ({"bcc": ["ada@example.com"] * 101}, "bcc", "at most 100"),
        ({"to": 7}, "to", "valid array"),
        ({"from": "nobody"}, "from", "not a mail address"),
        ({"subject": "Hello\r\nBcc: eve@example.com"}, "subject", "line breaks"),
        ({"subject": "=?utf-8?q?x=0D=0ABcc:_eve@example.com?="}, "subject", "encoded word"),
        ({"subject": ""}, "subject", "at least 1 character"),
        ({"text": None}, "text", "give text"),
        ({"text": ""}, "text", "give text"),
        (
            {"attachments": [{"filename": "../x", "content": ""}]},
            "attachments.0.filename",
            "must not contain a folder",
        ),
        ({"attachments": [{"filename": "x\ny", "content": ""}]}, "attachments.0.filename", "line breaks"),
        ({"attachments": [{"filename": "x", "content": "!!"}]}, "attachments.0.content", "not base64"),
        (
            {"attachments": [{"filename": "x", "content": "", "contentType": "message/rfc822"}]},
            "attachments.0.contentType",
            "not a media type",
        ),
        ({"replyTo": "ada@example.com"}, "replyTo", "not permitted"),
    ],
)
def test_the_error_in_an_invalid_mail_is_at_its_field(changes: dict[str, Any], path: str, message: str) -> None:
    book = Registry()
    book.processor("email")(Mailer(Settings(smtp_url=None)).run)
    with pytest.raises(InvalidJobError) as caught:
        book.get("email").validate(orjson.dumps({**MAIL, **changes}))
    [problem] = caught.value.problems
    assert problem.path == f"jobData.{path}"
    assert message in problem.message


def test_a_mail_with_only_bcc_recipients_is_valid() -> None:
    assert payload(to=None, bcc="ada@example.com").bcc == ("ada@example.com",)


def test_addresses_in_one_text_are_split_at_commas_outside_quotes() -> None:
    assert payload(to='"Lovelace, Ada" <ada@example.com>, bob@example.com').to == (
        '"Lovelace, Ada" <ada@example.com>',
        "bob@example.com",
    )
