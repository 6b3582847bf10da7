"""An error is one line on stderr, and the exit code says what kind of error it is."""

from pathlib import Path

import pytest

from .commands import Commands

NOBODY = "127.0.0.1:1"  # A port that nothing listens on.
ANY = "0199f7a2-5b7e-7cc0-a5f3-0a3c8d2f1e11"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("nosuch",), "No such command 'nosuch'"),
        (("publish",), "Missing argument 'TYPE' (see `herdbook publish --help`)"),
        (("jobs", "--limit", "0"), "Invalid value for '--limit'"),
        (("jobs", "--status", "odd"), "Invalid value for '--status'"),
        (("job", "xyz"), "Invalid value for 'ID'"),
        (("up", "--workers", "-1"), "Invalid value for '--workers'"),
    ],
)
def test_invalid_usage_is_code_2(commands: Commands, words: tuple[str, ...], said: str) -> None:
    answer = commands.run(*words)
    assert answer.code == 2
    assert answer.error.startswith(said)


@pytest.mark.parametrize("words", [("jobs",), ("job", ANY), ("migrate",), ("publish", "email", "{}"), ("relay",)])
def test_no_server_at_all_is_code_3(commands: Commands, words: tuple[str, ...], tmp_path: Path) -> None:
    answer = commands.run(*words)
    assert answer.code == 3
    assert "no PostgreSQL: set DATABASE_URL or start `herdbook up`" in answer.error or "no Redis" in answer.error
    assert str(tmp_path / ".herdbook") in answer.error


@pytest.mark.parametrize("words", [("jobs",), ("job", ANY), ("migrate",)])
def test_an_unreachable_server_is_code_3(
    commands: Commands, words: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", f"postgresql://herd:secret@{NOBODY}/herd")
    answer = commands.run(*words)
    assert answer.code == 3
    assert answer.error.startswith("PostgreSQL is unreachable: ")
    assert "secret" not in answer.error


def test_no_up_on_the_data_folder_is_code_1(commands: Commands, tmp_path: Path) -> None:
    answer = commands.run("env", "--data", str(tmp_path / "none"))
    assert answer.code == 1
    assert answer.error == f"no `herdbook up` is running on {tmp_path}/none"


@pytest.mark.parametrize(
    ("variable", "value", "said"),
    [
        ("HERDBOOK_CONCURRENCY", "many", "invalid settings: HERDBOOK_CONCURRENCY: Input should be a valid"),
        ("HERDBOOK_LOG_LEVEL", "loud", "invalid settings: HERDBOOK_LOG_LEVEL: Input should be 'debug'"),
        ("DATABASE_URL", "mysql://u:secret@h/d", "DATABASE_URL must start with postgresql:// or postgres://"),
        ("REDIS_URL", "redis://h:many", "REDIS_URL is invalid: Port could not be cast to integer"),
        ("SMTP_URL", "http://mail", "SMTP_URL must start with smtp:// or smtps://"),
    ],
)
def test_invalid_settings_are_code_2_and_are_named(
    commands: Commands, variable: str, value: str, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, value)
    answer = commands.run("jobs")
    assert answer.code == 2
    assert answer.error.startswith(said)
    assert "secret" not in answer.error


def test_a_variable_set_to_nothing_is_not_set(commands: Commands, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "")
    assert commands.run("jobs").error.startswith("no PostgreSQL: set DATABASE_URL")


@pytest.mark.parametrize(
    "command",
    ["up", "serve", "worker", "relay", "migrate", "publish", "jobs", "job", "types", "doctor", "env"],
)
def test_the_help_of_each_command_has_examples_and_the_exit_codes(commands: Commands, command: str) -> None:
    answer = commands.run(command, "--help")
    assert answer.code == 0
    assert "Examples:" in answer.out
    assert f"herdbook {command}" in answer.out.partition("Examples:")[2]
    assert "Exit codes: 0 success; 1 the job failed" in answer.out


def test_the_help_lists_the_commands(commands: Commands) -> None:
    answer = commands.run("--help")
    assert answer.code == 0
    for word in ("up", "publish", "doctor", "herdbook up app:book"):
        assert word in answer.out


def test_a_bare_call_shows_the_help(commands: Commands) -> None:
    answer = commands.run()
    assert answer.code == 2
    assert "Usage: herdbook" in answer.out


def test_the_version_is_printed(commands: Commands) -> None:
    answer = commands.run("--version")
    assert answer.code == 0
    assert answer.out.startswith("herdbook 0.")
