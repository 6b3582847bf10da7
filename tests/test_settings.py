"""Every setting is in `.env.example`, with its default and what it is for."""

import re
from pathlib import Path

from herdbook.settings import Settings

EXAMPLE = Path(__file__).parents[1] / ".env.example"
PLAIN = ("database_url", "redis_url", "smtp_url")


def variables() -> dict[str, str]:
    """What the settings are called in the environment, and their defaults as texts."""
    return {
        name.upper() if name in PLAIN else f"HERDBOOK_{name.upper()}": ""
        if field.default is None
        else str(field.default)
        for name, field in Settings.model_fields.items()
    }


def test_the_example_lists_every_setting_with_its_default() -> None:
    text = EXAMPLE.read_text(encoding="utf-8")
    assert dict(re.findall(r"^#?([A-Z_]+)=(.*)$", text, re.MULTILINE)) == variables()


def test_the_example_says_what_each_setting_is_for() -> None:
    text = " ".join(EXAMPLE.read_text(encoding="utf-8").replace("\n# ", " ").split())
    for field in Settings.model_fields.values():
        assert field.description
        assert field.description in text
