"""Sending mails to a real server, and handling its refusals."""

import asyncio
import base64
import shutil
import ssl
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from email import policy
from email.message import EmailMessage
from email.parser import BytesParser
from pathlib import Path
from typing import Any

import orjson
import pytest
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from herdbook.builtin.email import EmailPayload, Mailer
from herdbook.model.context import JobContext
from herdbook.model.signals import Unrecoverable
from herdbook.sending.delivery_error import DeliveryError
from herdbook.settings import Settings

MAIL = {"to": "ada@example.com", "subject": "Milk", "text": "28 litres"}


class Postbox:
    """A mail server's handler that stores accepted mails and gives the configured answers."""

    def __init__(self) -> None:
        self.taken: list[Envelope] = []
        self.answers: dict[str, str] = {}
        self.data_answer = "250 OK"

    async def handle_RCPT(  # noqa: N802  (aiosmtpd calls it so)
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        answer = self.answers.get(address, "250 OK")
        if answer.startswith("250"):
            envelope.rcpt_tos.append(address)
        return answer

    async def handle_DATA(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope
    ) -> str:
        if self.data_answer.startswith("250"):
            self.taken.append(envelope)
        return self.data_answer

    def message(self) -> EmailMessage:
        """The only accepted mail."""
        [message] = self.messages()
        return message

    def messages(self) -> list[EmailMessage]:
        """The accepted mails."""
        raw = [envelope.content for envelope in self.taken if isinstance(envelope.content, bytes)]
        parse = BytesParser(EmailMessage, policy=policy.default).parsebytes
        return [parse(content.replace(b"\r\n", b"\n")) for content in raw]


@asynccontextmanager
async def serving(handler: Postbox, tls: ssl.SSLContext | None = None, **options: Any) -> AsyncIterator[int]:
    """A mail server on loopback, with TLS from the first byte if given a context; yields its port."""
    connections: list[SMTP] = []
    loop = asyncio.get_running_loop()

    def connection() -> SMTP:
        connections.append(SMTP(handler, hostname="mail.test", loop=loop, **options))
        return connections[-1]

    server = await loop.create_server(connection, "127.0.0.1", 0, ssl=tls)
    yield server.sockets[0].getsockname()[1]
    server.close()
    for made in connections:
        if isinstance(made.transport, asyncio.WriteTransport):
            made.transport.abort()
    await server.wait_closed()


@pytest.fixture
def postbox() -> Postbox:
    return Postbox()


@pytest.fixture
async def smtp_url(postbox: Postbox) -> AsyncIterator[str]:
    async with serving(postbox) as port:
        yield f"smtp://127.0.0.1:{port}"


def payload(**changes: Any) -> EmailPayload:
    """A valid payload with changes, parsed from JSON."""
    return EmailPayload.model_validate_json(orjson.dumps({**MAIL, **changes}))


def mailer(url: str | None) -> Mailer:
    return Mailer(Settings(smtp_url=url, mail_from="Herd Book <herd@example.org>"))


async def test_a_mail_arrives_as_requested(postbox: Postbox, smtp_url: str, job: JobContext) -> None:
    mail = payload(
        to=["Ada Lovelace <ada@example.com>", "bob@example.com"],
        cc="Çelik, Eve <eve@example.com>".replace(", ", " "),
        bcc="secret@example.com",
        subject="Kühe & Kälber 🐄",
        html="<p>28 <b>litres</b></p>",
        attachments=[
            {
                "filename": "milk für heute.csv",
                "contentType": "text/csv",
                "content": base64.b64encode(b"a,b\n").decode(),
            }
        ],
    )
    result = await mailer(smtp_url).run(mail, job)
    assert result == {
        "messageId": f"<{job.id}@example.org>",
        "accepted": ["ada@example.com", "bob@example.com", "eve@example.com", "secret@example.com"],
        "refused": {},
    }
    message = postbox.message()
    assert postbox.taken[0].mail_from == "herd@example.org"
    assert postbox.taken[0].rcpt_tos == result["accepted"]
    assert message["From"] == "Herd Book <herd@example.org>"
    assert message["To"] == "Ada Lovelace <ada@example.com>, bob@example.com"
    assert message["Cc"] == "Çelik Eve <eve@example.com>"
    assert message["Bcc"] is None
    assert b"secret@example.com" not in bytes(message)
    assert message["Subject"] == "Kühe & Kälber 🐄"
    assert message["Message-ID"] == result["messageId"]
    assert message["Date"].datetime is not None
    text, html = message.get_body(("plain",)), message.get_body(("html",))
    assert text is not None
    assert text.get_content() == "28 litres\n"
    assert html is not None
    assert html.get_content() == "<p>28 <b>litres</b></p>\n"
    [attachment] = message.iter_attachments()
    assert isinstance(attachment, EmailMessage)
    assert attachment.get_filename() == "milk für heute.csv"
    assert attachment.get_content_type() == "text/csv"
    assert attachment.get_content() == "a,b\n"


async def test_html_without_text_is_sent(postbox: Postbox, smtp_url: str, job: JobContext) -> None:
    await mailer(smtp_url).run(payload(text=None, html="<p>hello</p>"), job)
    assert postbox.message().get_content_type() == "text/html"


async def test_a_mail_may_have_its_own_sender(postbox: Postbox, smtp_url: str, job: JobContext) -> None:
    result = await mailer(smtp_url).run(payload(**{"from": "Farm <farm@example.net>"}), job)
    assert postbox.taken[0].mail_from == "farm@example.net"
    assert postbox.message()["From"] == "Farm <farm@example.net>"
    assert result["messageId"] == f"<{job.id}@example.net>"


async def test_a_recipient_listed_twice_gets_one_mail(postbox: Postbox, smtp_url: str, job: JobContext) -> None:
    await mailer(smtp_url).run(payload(cc="Ada <ada@example.com>", bcc=["ada@example.com"]), job)
    assert postbox.taken[0].rcpt_tos == ["ada@example.com"]


async def test_long_lines_and_unusual_characters_survive(postbox: Postbox, smtp_url: str, job: JobContext) -> None:
    text = f"{'x' * 3_000}\n.\n..\nFrom here 🐄\n{'ä' * 3_000}"
    await mailer(smtp_url).run(payload(text=text), job)
    assert postbox.message().get_content().replace("\r\n", "\n") == f"{text}\n"


async def test_a_retry_sends_the_same_message_id(postbox: Postbox, smtp_url: str, job: JobContext) -> None:
    postbox.data_answer = "451 try later"
    with pytest.raises(DeliveryError, match="451 try later"):
        await mailer(smtp_url).run(payload(), job)
    postbox.data_answer = "250 OK"
    await mailer(smtp_url).run(payload(), job)
    await mailer(smtp_url).run(payload(), job)
    sent = {message["Message-ID"] for message in postbox.messages()}
    assert sent == {f"<{job.id}@example.org>"}


async def test_an_address_with_umlauts_is_sent_as_utf8(job: JobContext) -> None:
    postbox = Postbox()
    async with serving(postbox, enable_SMTPUTF8=True) as port:
        result = await mailer(f"smtp://127.0.0.1:{port}").run(payload(to="Jürgen <jürgen@example.com>"), job)
    assert result["accepted"] == ["jürgen@example.com"]
    assert postbox.taken[0].rcpt_tos == ["jürgen@example.com"]
    assert "<jürgen@example.com>".encode() in bytes(postbox.message())


async def test_an_address_with_umlauts_needs_a_server_that_supports_it(smtp_url: str, job: JobContext) -> None:
    with pytest.raises(Unrecoverable, match="SMTPUTF8"):
        await mailer(smtp_url).run(payload(to="jürgen@example.com"), job)


async def test_the_job_completes_if_only_some_recipients_are_refused(
    postbox: Postbox, smtp_url: str, job: JobContext
) -> None:
    postbox.answers = {"bob@example.com": "550 no such user", "eve@example.com": "450 mailbox busy"}
    result = await mailer(smtp_url).run(payload(to=["ada@example.com", "bob@example.com", "eve@example.com"]), job)
    assert result["accepted"] == ["ada@example.com"]
    assert result["refused"] == {
        "bob@example.com": {"code": 550, "message": "no such user"},
        "eve@example.com": {"code": 450, "message": "mailbox busy"},
    }
    logged = [line.message for line in job.take_report().logs]
    assert logged[0] == "bob@example.com was refused: 550 no such user"


async def test_refusing_all_recipients_for_good_is_final(postbox: Postbox, smtp_url: str, job: JobContext) -> None:
    postbox.answers = {"ada@example.com": "550 no such user", "bob@example.com": "551 moved"}
    with pytest.raises(Unrecoverable, match=r"refused every recipient: ada@example\.com: 550 no such user; bob"):
        await mailer(smtp_url).run(payload(to="ada@example.com, bob@example.com"), job)
    assert not postbox.taken


async def test_refusing_all_recipients_but_one_only_temporarily_is_retried(
    postbox: Postbox, smtp_url: str, job: JobContext
) -> None:
    postbox.answers = {"ada@example.com": "550 no such user", "bob@example.com": "450 greylisted"}
    with pytest.raises(DeliveryError, match="450 greylisted"):
        await mailer(smtp_url).run(payload(to="ada@example.com, bob@example.com"), job)


async def test_refused_content_is_final(postbox: Postbox, smtp_url: str, job: JobContext) -> None:
    postbox.data_answer = "554 looks like spam"
    with pytest.raises(Unrecoverable, match="554 looks like spam"):
        await mailer(smtp_url).run(payload(), job)


async def test_a_login_with_special_characters(job: JobContext) -> None:
    seen: list[LoginPassword] = []

    def authenticate(server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: Any) -> AuthResult:
        seen.append(data)
        return AuthResult(success=data.password == b"p@ss:w\xc3\xb6rd/", handled=False)

    postbox = Postbox()
    options: dict[str, Any] = {"authenticator": authenticate, "auth_require_tls": False}
    async with serving(postbox, **options) as port:
        await mailer(f"smtp://ada%40farm:p%40ss%3Aw%C3%B6rd%2F@127.0.0.1:{port}").run(payload(), job)
        with pytest.raises(Unrecoverable, match="refused the login: 535") as caught:
            await mailer(f"smtp://ada:geheim@127.0.0.1:{port}").run(payload(), job)
    assert len(postbox.taken) == 1
    assert seen[0].login == b"ada@farm"
    assert "geheim" not in str(caught.value)


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, ssl.SSLContext]:
    """A certificate for 127.0.0.1 that is not trusted yet, and a server's context with it."""
    if not shutil.which("openssl"):
        pytest.skip("no openssl here to make a certificate with")
    folder = tmp_path_factory.mktemp("certificate")
    names = ["-subj", "/CN=mail.test", "-addext", "subjectAltName=IP:127.0.0.1"]
    files = ["-keyout", str(folder / "key.pem"), "-out", str(folder / "cert.pem")]
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", *names, *files]
    subprocess.run(command, check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "cert.pem", folder / "key.pem")
    return folder / "cert.pem", context


@pytest.mark.parametrize("scheme", ["smtp", "smtps"])
async def test_tls_to_a_trusted_server(
    scheme: str,
    certificate: tuple[Path, ssl.SSLContext],
    monkeypatch: pytest.MonkeyPatch,
    postbox: Postbox,
    job: JobContext,
) -> None:
    file, context = certificate
    monkeypatch.setenv("SSL_CERT_FILE", str(file))
    options: dict[str, Any] = (
        {"tls": context} if scheme == "smtps" else {"tls_context": context, "require_starttls": True}
    )
    async with serving(postbox, **options) as port:
        await mailer(f"{scheme}://127.0.0.1:{port}").run(payload(), job)
    assert postbox.message()["Subject"] == "Milk"


@pytest.mark.parametrize("scheme", ["smtp", "smtps"])
async def test_tls_to_an_untrusted_server(
    scheme: str, certificate: tuple[Path, ssl.SSLContext], postbox: Postbox, job: JobContext
) -> None:
    options: dict[str, Any] = {"tls": certificate[1]} if scheme == "smtps" else {"tls_context": certificate[1]}
    async with serving(postbox, **options) as port:
        with pytest.raises(DeliveryError, match="certificate verify failed"):
            await mailer(f"{scheme}://127.0.0.1:{port}").run(payload(), job)
    assert not postbox.taken
