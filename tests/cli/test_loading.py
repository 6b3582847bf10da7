"""Loading an application, module:attribute; an error in it is one line that says where."""

import sys
from pathlib import Path

import pytest

from .commands import Commands

APP = '''
from herdbook import Herdbook
book = Herdbook()
text = "no book"

class Shelf:
    book = book

@book.processor("greet", attempts=7, backoff=lambda attempt, error: 5, timeout=90)
async def greet(payload: dict[str, str]) -> None:
    """Greet somebody.

    Politely."""
'''


def write(folder: Path, module: str, text: str) -> None:
    """Write a module, which replaces one that an earlier test imported."""
    sys.modules.pop(module, None)
    (folder / f"{module}.py").write_text(text, encoding="utf-8")


def test_the_types_of_an_application_and_the_built_in_ones_are_listed(commands: Commands, tmp_path: Path) -> None:
    write(tmp_path, "shop_app", APP)
    for app in ("shop_app:book", "shop_app:Shelf.book"):
        lines = commands.run("types", app).out.splitlines()
        assert lines[0].split() == ["TYPE", "QUEUE", "ATTEMPTS", "BACKOFF", "TIMEOUT", "EXECUTOR", "DESCRIPTION"]
        assert [line.split()[0] for line in lines[1:]] == [
            "alert",
            "callback",
            "email",
            "greet",
            "notification",
            "report",
        ]
        assert lines[4].split(maxsplit=6) == ["greet", "greet", "7", "custom", "90s", "async", "Greet somebody."]
        assert lines[6].split()[:7] == ["report", "report", "3", "exponential", "1s", "-", "async"]


def test_as_json_the_types_come_with_their_schemas(commands: Commands, tmp_path: Path) -> None:
    write(tmp_path, "shop_app", APP)
    answer = commands.run("types", "shop_app:book", "--json")
    assert '"name":"greet"' in answer.out
    assert '"backoff":null,"hasOwnBackoff":true,"timeout":90.0,"executor":"async"' in answer.out
    assert '"schema":{"additionalProperties":{"type":"string"},"type":"object"}' in answer.out


@pytest.mark.parametrize(
    ("app", "said"),
    [
        ("shop_app", "APP must have the form module:attribute, such as app:book, not 'shop_app'"),
        ("no_such_app:book", "no module 'no_such_app' in {folder} or on PYTHONPATH"),
        ("no_such.app:book", "no module 'no_such' in {folder} or on PYTHONPATH"),
        ("shop_app:bok", "module 'shop_app' has no 'bok'; it has book"),
        ("shop_app:text", "shop_app:text is a str, not a Herdbook or Registry; it has book"),
    ],
)
def test_an_application_that_does_not_exist_is_reported(
    commands: Commands, tmp_path: Path, app: str, said: str
) -> None:
    write(tmp_path, "shop_app", APP)
    answer = commands.run("types", app)
    assert answer.code == 2
    assert answer.error == said.format(folder=tmp_path)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("import nothing_like_it", "ModuleNotFoundError: No module named 'nothing_like_it' ({file}:1)"),
        ("\n1 / 0", "ZeroDivisionError: division by zero ({file}:2)"),
        ("x = (", "SyntaxError: '(' was never closed ({file}:1)"),
        ("raise SystemExit('enough')", "SystemExit: enough ({file}:1)"),
        ("import json\n\njson.loads('{')", "JSONDecodeError: Expecting property name enclosed in double quotes"),
        (
            "from herdbook import Herdbook\nbook = Herdbook()\nbook.declare('a b', dict)",
            "ConfigurationError: job type name 'a b': use up to 100 letters, digits, '_', '-' and '.' ({file}:3)",
        ),
    ],
)
def test_an_error_in_an_application_is_reported_with_its_line(
    commands: Commands, tmp_path: Path, text: str, said: str
) -> None:
    write(tmp_path, "broken_app", text)
    answer = commands.run("types", "broken_app:book")
    assert answer.code == 2
    expected = said.format(file=tmp_path / "broken_app.py")
    assert answer.error.startswith(f"module 'broken_app' cannot be imported: {expected}")
    assert str(tmp_path / "broken_app.py") in answer.error


def test_the_line_is_the_applications_not_a_librarys(commands: Commands, tmp_path: Path) -> None:
    write(tmp_path, "broken_app", "import json\n\njson.loads('{')")
    assert commands.run("types", "broken_app:book").error.endswith(f"({tmp_path / 'broken_app.py'}:3)")
