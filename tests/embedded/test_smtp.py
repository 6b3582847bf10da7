"""The local mail server, which stores mail in a folder."""

import asyncio
import re
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import urlsplit

import aiosmtplib
import pytest

from herdbook.embedded import CatchAllSmtp

MAIL = b"From: herd@example.org\r\nSubject: Rosa\r\n\r\n.A line with a dot\r\nH\xc3\xa4rd\r\n"


@pytest.fixture
async def port(tmp_path: Path) -> AsyncIterator[int]:
    """The port of a mail server that stores mail in tmp_path / "mail"."""
    server = CatchAllSmtp(tmp_path / "mail")
    url = await server.start()
    assert re.fullmatch(r"smtp://127\.0\.0\.1:\d+", url)
    yield urlsplit(url).port or 0
    await server.stop()


async def send(port: int, *recipients: str) -> None:
    await aiosmtplib.send(
        MAIL,
        sender="herd@example.org",
        recipients=recipients,
        hostname="127.0.0.1",
        port=port,
        start_tls=False,
    )


async def test_a_mail_is_stored_as_it_was_sent(port: int, tmp_path: Path) -> None:
    await send(port, "rosa@example.org", "bella@example.org")
    [mail] = (tmp_path / "mail").iterdir()
    assert re.fullmatch(r"\d{8}T\d{6}\.\d{6}Z-[0-9a-f]{8}\.eml", mail.name)
    assert mail.read_bytes() == (b"X-Envelope-To: rosa@example.org\r\nX-Envelope-To: bella@example.org\r\n" + MAIL)


async def test_mails_sent_concurrently_are_all_stored(port: int, tmp_path: Path) -> None:
    await asyncio.gather(*(send(port, f"cow{number}@example.org") for number in range(20)))
    assert len(list((tmp_path / "mail").glob("*.eml"))) == 20


async def test_a_non_ascii_address_is_stored(port: int, tmp_path: Path) -> None:
    async with aiosmtplib.SMTP(hostname="127.0.0.1", port=port, start_tls=False) as client:
        await client.sendmail("herd@example.org", ["kühe@example.org"], MAIL, mail_options=["SMTPUTF8"])
    [mail] = (tmp_path / "mail").iterdir()
    assert mail.read_bytes().startswith("X-Envelope-To: kühe@example.org\r\n".encode())


async def test_the_sender_gets_an_error_if_a_mail_cannot_be_stored(port: int, tmp_path: Path) -> None:
    (tmp_path / "mail").rmdir()
    with pytest.raises(aiosmtplib.SMTPDataError) as refusal:
        await send(port, "rosa@example.org")
    assert refusal.value.code == 451


async def test_stop_does_not_wait_for_clients(tmp_path: Path) -> None:
    server = CatchAllSmtp(tmp_path / "mail")
    address = urlsplit(await server.start())
    client = aiosmtplib.SMTP(hostname="127.0.0.1", port=address.port, start_tls=False)
    await client.connect()
    await server.stop()
    with pytest.raises(aiosmtplib.SMTPServerDisconnected):
        await client.noop()
    await server.stop()
