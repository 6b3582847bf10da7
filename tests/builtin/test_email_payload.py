"""What a valid mail and a valid mail server are, and where the others are told so."""

import socket
from typing import Any

import orjson
import pytest

from herdbook.builtin.delivery import DeliveryError
from herdbook.builtin.email import EmailPayload, Mailer
from herdbook.builtin.smtp import MailServer, parse_smtp_url
from herdbook.errors import ConfigurationError, InvalidJobError
from herdbook.model.context import JobContext
from herdbook.model.registry import Registry
from herdbook.model.signals import Unrecoverable
from herdbook.settings import Settings

MAIL = {"to": "ada@example.com", "subject": "Milk", "text": "28 litres"}


def payload(**changes: Any) -> EmailPayload:
    """A valid payload with changes, as it is read from a job's JSON."""
    return EmailPayload.model_validate_json(orjson.dumps({**MAIL, **changes}))


@pytest.fixture
def unused_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


async def test_a_server_that_is_away_is_tried_again(unused_port: int, job: JobContext) -> None:
    with pytest.raises(DeliveryError, match=r"did not get through to 127\.0\.0\.1"):
        await Mailer(Settings(smtp_url=f"smtp://user:geheim@127.0.0.1:{unused_port}")).run(payload(), job)


async def test_without_a_mail_server_the_job_fails_clearly(job: JobContext) -> None:
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
def test_a_mail_servers_url_is_read(url: str, server: MailServer) -> None:
    assert parse_smtp_url(url) == server


@pytest.mark.parametrize("url", ["mail.test:25", "http://mail.test", "smtp://:25", "smtp://h:x", "smtp://h/path"])
def test_a_wrong_mail_server_url_is_refused_at_once(url: str) -> None:
    with pytest.raises(ConfigurationError, match="smtp") as caught:
        Mailer(Settings(smtp_url=url))
    assert url not in str(caught.value)


def test_a_wrong_default_sender_is_refused_at_once() -> None:
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
        ({"text": None}, "text", "give a text"),
        ({"text": ""}, "text", "give a text"),
        (
            {"attachments": [{"filename": "../x", "content": ""}]},
            "attachments.0.filename",
            "without a folder",
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
def test_a_wrong_mail_is_refused_at_its_field(changes: dict[str, Any], path: str, message: str) -> None:
    book = Registry()
    book.processor("email")(Mailer(Settings(smtp_url=None)).run)
    with pytest.raises(InvalidJobError) as caught:
        book.get("email").validate(orjson.dumps({**MAIL, **changes}))
    [problem] = caught.value.problems
    assert problem.path == f"jobData.{path}"
    assert message in problem.message


def test_a_mail_to_a_hidden_copy_alone_is_valid() -> None:
    assert payload(to=None, bcc="ada@example.com").bcc == ("ada@example.com",)


def test_addresses_in_one_text_are_split_outside_of_quotes() -> None:
    assert payload(to='"Lovelace, Ada" <ada@example.com>, bob@example.com').to == (
        '"Lovelace, Ada" <ada@example.com>',
        "bob@example.com",
    )
