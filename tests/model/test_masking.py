"""Passwords in URLs are hidden, whatever text surrounds them."""

import pytest

from herdbook.model.masking import mask_passwords


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("postgresql://herd:secret@db:5432/herd", "postgresql://herd:***@db:5432/herd"),
        ("redis://:secret@127.0.0.1:6379/0 is unreachable", "redis://:***@127.0.0.1:6379/0 is unreachable"),
        ("smtp://a%40b:p@ss/w@mail:587", "smtp://a%40b:***@mail:587"),
        ("postgresql://db/herd?user=h&password=secret&x=1", "postgresql://db/herd?user=h&password=***&x=1"),
        ('{"url": "redis://:secret@h", "b": 1}', '{"url": "redis://:***@h", "b": 1}'),
        ("http://127.0.0.1:3000/mail?to=ada@example.com", "http://127.0.0.1:3000/mail?to=ada@example.com"),
        ("redis://queues:6379/0", "redis://queues:6379/0"),
        ("a mail to ada@example.com", "a mail to ada@example.com"),
    ],
)
def test_a_password_is_masked_and_nothing_else(text: str, shown: str) -> None:
    assert mask_passwords(text) == shown
