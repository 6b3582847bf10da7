"""The main job from the command line: up, publish, jobs, env."""

import json
import shlex
import signal
from pathlib import Path

import asyncpg
import psutil

from herdbook.testing import eventually

from .conftest import Up, end, herdbook, start_up


def test_a_job_is_published_waited_for_and_shown(up: Up, app_folder: Path) -> None:
    done = herdbook(
        "publish", "double", '{"n": 21}', "--wait", "--app", "app:book", cwd=app_folder, HERDBOOK_DATA=str(up.data)
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip().splitlines()[-1] == "42"
    listed = herdbook("jobs", "--type", "double", "--json", cwd=app_folder, HERDBOOK_DATA=str(up.data))
    job = json.loads(listed.stdout.splitlines()[0])
    assert job["status"] == "completed"
    shown = herdbook("job", job["jobId"], "--json", cwd=app_folder, HERDBOOK_DATA=str(up.data))
    assert json.loads(shown.stdout)["result"] == 42


def test_a_mail_is_sent_by_smtp_and_kept_in_the_data_folder(up: Up, app_folder: Path) -> None:
    mail = '{"to": "io@example.com", "subject": "Hello from a test", "text": "It works."}'
    done = herdbook("publish", "email", mail, "--wait", cwd=app_folder, HERDBOOK_DATA=str(up.data))
    assert done.returncode == 0, done.stderr
    assert any("Hello from a test" in file.read_text() for file in (up.data / "mail").glob("*.eml"))


def test_a_failed_job_says_why_and_is_exit_code_1(up: Up, app_folder: Path) -> None:
    done = herdbook(
        "publish", "double", '{"m": 1}', "--wait", "--app", "app:book", cwd=app_folder, HERDBOOK_DATA=str(up.data)
    )
    assert done.returncode == 1
    assert "'n'" in done.stderr


def test_bad_input_is_one_line_and_exit_code_2(up: Up, app_folder: Path) -> None:
    for words in (("double", "{"), ("nope", "{}"), ("double", '{"n": "x"}')):
        done = herdbook("publish", *words, "--app", "app:book", cwd=app_folder, HERDBOOK_DATA=str(up.data))
        assert done.returncode == 2, done.stderr
        assert "Traceback" not in done.stderr


def test_unreachable_servers_are_exit_code_3(app_folder: Path) -> None:
    done = herdbook(
        "jobs", cwd=app_folder, DATABASE_URL="postgresql://u:secret@127.0.0.1:1/x", REDIS_URL="redis://127.0.0.1:1"
    )
    assert done.returncode == 3
    assert "Traceback" not in done.stderr
    assert "secret" not in done.stderr


async def test_env_lets_other_programs_join(up: Up, app_folder: Path) -> None:
    printed = herdbook("env", "--data", str(up.data), cwd=app_folder).stdout
    exported = dict(word.split("=", 1) for word in shlex.split(printed) if "=" in word)
    connection = await asyncpg.connect(exported["DATABASE_URL"])
    assert await connection.fetchval("SELECT count(*) FROM herdbook.jobs") >= 0
    await connection.close()
    assert exported["REDIS_URL"].startswith("redis://")


def test_doctor_finds_a_healthy_system(up: Up, app_folder: Path) -> None:
    done = herdbook("doctor", cwd=app_folder, HERDBOOK_DATA=str(up.data))
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_second_up_on_the_same_data_is_refused(up: Up, app_folder: Path) -> None:
    done = herdbook("up", "--port", "0", "--data", str(up.data), cwd=app_folder)
    assert done.returncode != 0
    assert "Traceback" not in done.stderr
    assert str(up.data) in done.stderr


async def test_a_killed_worker_is_restarted(up: Up) -> None:
    def workers() -> list[psutil.Process]:
        children = psutil.Process(up.process.pid).children()
        alive = [child for child in children if child.status() != psutil.STATUS_ZOMBIE]
        return [child for child in alive if "worker" in child.cmdline()]

    (first,) = workers()
    first.send_signal(signal.SIGKILL)

    async def replaced() -> bool:
        return [one.pid for one in workers()] not in ([], [first.pid])

    await eventually(replaced, timeout=30)


async def test_nothing_is_left_behind_when_up_is_stopped_or_killed(open_folder: Path, app_folder: Path) -> None:
    for way in (signal.SIGTERM, signal.SIGKILL):
        up = start_up(open_folder / "short-lived", app_folder)
        family = psutil.Process(up.process.pid).children(recursive=True)
        assert len(family) >= 5
        up.process.send_signal(way)
        up.process.wait(40)

        async def gone(family: list[psutil.Process] = family) -> bool:
            return not any(one.is_running() and one.status() != psutil.STATUS_ZOMBIE for one in family)

        await eventually(gone, timeout=30)
        end(up)
