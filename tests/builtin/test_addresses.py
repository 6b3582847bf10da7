"""Parsing mail addresses, and formatting them in headers."""

from email import message_from_bytes, policy
from email.message import EmailMessage

import pytest

from herdbook.builtin.addresses import Mailbox, header_value, parse_mailbox


@pytest.mark.parametrize(
    ("text", "name", "address"),
    [
        ("ada@example.com", "", "ada@example.com"),
        ("  ada@example.com ", "", "ada@example.com"),
        ("Ada Lovelace <ada@example.com>", "Ada Lovelace", "ada@example.com"),
        ("<ada@example.com>", "", "ada@example.com"),
        ('"Lovelace, Ada \\"Countess\\"" <ada@example.com>', 'Lovelace, Ada "Countess"', "ada@example.com"),
        ("o'brien+tag@mail.example.co.uk", "", "o'brien+tag@mail.example.co.uk"),
        ("herdbook@localhost", "", "herdbook@localhost"),
        ("jürgen@example.com", "", "jürgen@example.com"),
        ("ada@münchen.example", "", "ada@xn--mnchen-3ya.example"),
        ("日本 <ada@例え.jp>", "日本", "ada@xn--r8jz45g.jp"),
    ],
)
def test_an_address_is_parsed(text: str, name: str, address: str) -> None:
    assert parse_mailbox(text) == Mailbox(name=name, address=address)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "ada",
        "ada@",
        "@example.com",
        "ada@@example.com",
        "ada@example..com",
        "ada@-example.com",
        "ada@example.com-",
        "ada@127.0.0.1",
        "ada@exa mple.com",
        "ada lovelace@example.com",
        ".ada@example.com",
        "ada.@example.com",
        "a..da@example.com",
        "ada@example.com, eve@example.com",
        "Ada <ada@example.com> <eve@example.com>",
        "Ada <ada@example.com",
        "ada@example.com>",
        "ada@example.com\r\nBcc: eve@example.com",
        "Ada\nBcc: eve@example.com <ada@example.com>",
        "ada\0@example.com",
        "ada\u2028@example.com",
        "ada\u200b@example.com",
        "=?utf-8?q?x=0D=0ABcc:_eve@example.com?= <ada@example.com>",
        "ada@stra\u00dfe.example",
        f"{'a' * 65}@example.com",
        f"ada@{'a' * 64}.com",
        f"ada@{'a.' * 130}com",
        "a" * 100_000,
    ],
)
def test_an_invalid_address_is_refused_without_repeating_it(text: str) -> None:
    with pytest.raises(ValueError, match=r"\w") as caught:
        parse_mailbox(text)
    assert len(text) < 20 or text not in str(caught.value)


def squeezed(text: str) -> str:
    return text.replace(" ", "")


@pytest.mark.parametrize(
    "name",
    [
        "Ada",
        "Lovelace, eve@example.org",
        "Müller, eve@example.org",
        'Smith" <eve@example.org>, "',
        "back\\slash\\",
        "long " * 39,
        "Länge, " * 28,
        "日本語" * 60,
    ],
)
def test_a_name_never_turns_one_address_into_two(name: str) -> None:
    mailboxes = [Mailbox(name=name.strip(), address=f"{'a' * 60}@{'b' * 60}.example")] * 20
    message = EmailMessage(policy=policy.SMTP.clone(refold_source="none"))
    message.set_raw("To", header_value(mailboxes))
    message.set_content("text")
    raw = bytes(message)
    read = message_from_bytes(raw, policy=policy.default)
    assert [address.addr_spec for address in read["To"].addresses] == [mailboxes[0].address] * 20
    # Against RFC 2047, Python keeps the space between two encoded words of a name, so spaces are ignored.
    assert {squeezed(address.display_name) for address in read["To"].addresses} == {squeezed(name)}
    assert set(read.keys()) == set(message.keys())
    assert max(map(len, raw.splitlines())) < 998
