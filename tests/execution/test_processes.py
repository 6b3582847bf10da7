"""The pool of processes: each call has one of its own, and what happens to it happens to no other call."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import monotonic
from typing import Any

import orjson
import psutil
import pytest

from herdbook.execution.processes import Call, ProcessPool
from herdbook.model import signals
from herdbook.model.artifacts import FolderArtifacts
from herdbook.model.context import JobContext
from herdbook.model.ids import new_job_id
from herdbook.model.outcome import Raised, Returned
from herdbook.testing import eventually
from tests.flows import apart

Ended = Returned | Raised
# By the record's clock, which is far from this machine's.
STARTED = datetime(2001, 2, 3, tzinfo=UTC)


class Caller:
    """Calls functions in a pool; keeps the context of the last call."""

    def __init__(self, pool: ProcessPool, artifacts: FolderArtifacts) -> None:
        self.pool = pool
        self.artifacts = artifacts
        self.context: JobContext | None = None
        self.begun = asyncio.Event()

    async def __call__(self, function: Callable[..., Any], data: Any, limit: float | None = None) -> Ended:
        id = new_job_id()
        self.context = JobContext(id=id, job_type="t", queue="q", attempt=3, reported=None, artifacts=self.artifacts)
        call = Call(
            module=function.__module__,
            function=function.__qualname__,
            id=id,
            job_type="t",
            queue="q",
            attempt=3,
            reported=None,
            data=orjson.dumps(data).decode(),
            limit=limit,
            started_at=STARTED,
            began=monotonic(),
        )
        return await self.pool.run(call, self.context, lambda _process: self.begun.set())


@pytest.fixture
async def call(tmp_path: Path) -> AsyncIterator[Caller]:
    """A caller on a pool of two; afterwards no process may be left."""
    artifacts = FolderArtifacts(tmp_path / "artifacts")
    pool = ProcessPool(2, artifacts)
    yield Caller(pool, artifacts)
    await pool.close()
    assert not apart.job_processes()


def value(ended: Ended) -> Any:
    assert isinstance(ended, Returned), ended
    return orjson.loads(orjson.dumps(ended.value))


def error(ended: Ended) -> tuple[str, str]:
    assert isinstance(ended, Raised), ended
    return type(ended.error).__name__, ended.report.message


async def test_what_a_function_reports_and_returns_comes_back(call: Caller) -> None:
    found = value(await call(apart.square, {"number": 12}, limit=60))
    assert call.context
    report = call.context.take_report()
    assert (found["square"], found["attempt"], found["kept"]) == (144, 3, 3)
    assert (found["in main thread"], found["cancelled"]) == (True, False)
    assert found["deadline"]
    assert (report.progress, [line.message for line in report.logs]) == ("50", ["squaring 12"])
    assert STARTED <= report.logs[0].at < STARTED + timedelta(minutes=1)
    kept = call.artifacts.find(call.context.id)
    assert kept
    assert kept[1].read_bytes() == b"144"


async def test_an_idle_process_is_used_again_and_no_more_are_started_than_the_pool_may_have(call: Caller) -> None:
    await call(apart.square, {"number": 1})
    ended = await asyncio.gather(*(call(apart.square, {"number": n}) for n in range(10)))
    assert [value(one)["square"] for one in ended] == [n * n for n in range(10)]
    assert len({value(one)["pid"] for one in ended}) <= 2


@pytest.mark.parametrize(
    ("what", "expected"),
    [
        ("value", ("ValueError", "smtp://me:***@host is no number")),
        ("exit", ("SystemExit", "enough")),
        ("strange", ("HerdbookError", "this and that")),
        ("cancel", ("Cancel", "not wanted")),
        ("final", ("Unrecoverable", "never")),
        ("retry", ("Retry", "busy")),
        ("set", ("UnrecordableResult", "the processor's result is not JSON: Type is not JSON serializable: set")),
        ("nan", ("UnrecordableResult", "the processor's result is not JSON: result.1 is NaN or infinite")),
    ],
)
async def test_what_a_function_raises_comes_back(call: Caller, what: str, expected: tuple[str, str]) -> None:
    ended = await call(apart.raising, what)
    assert error(ended) == expected
    assert isinstance(ended, Raised)
    trace = ended.report.stack_trace or ""
    assert "child.py" not in trace
    assert what in ("set", "nan") or "in raising" in trace


async def test_what_exceptions_carry_comes_along(call: Caller) -> None:
    retry, snooze = await call(apart.raising, "retry"), await call(apart.raising, "snooze")
    assert isinstance(retry, Raised)
    assert isinstance(retry.error, signals.Retry)
    assert retry.error.after == 5
    assert isinstance(snooze, Raised)
    assert isinstance(snooze.error, signals.Snooze)
    assert snooze.error.delay == 3_600_000


async def test_job_data_that_do_not_fit_are_final(call: Caller) -> None:
    kind, message = error(await call(apart.square, {"number": "many"}))
    assert kind == "Unrecoverable"
    assert "jobData.number" in message


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ("segfault", "the job's process was killed by SIGSEGV"),
        ("exit", "the job's process ended by itself, with exit code 7"),
        ("killed", "the job's process was killed by SIGKILL; the kernel does so when memory runs out"),
    ],
)
async def test_a_death_is_told_by_its_cause_and_the_next_call_has_a_new_process(
    call: Caller, how: str, message: str
) -> None:
    ended = await call(apart.dying, how)
    assert error(ended) == ("ProcessDied", message)
    assert isinstance(ended, Raised)
    if how == "segfault":
        assert "in dying" in (ended.report.stack_trace or "")
        assert "child.py" not in (ended.report.stack_trace or "")
    assert value(await call(apart.square, {"number": 2}))["square"] == 4


async def test_a_process_that_died_while_it_was_idle_is_replaced(call: Caller) -> None:
    pid = value(await call(apart.square, {"number": 2}))["pid"]
    psutil.Process(pid).kill()

    async def dead() -> bool:
        return not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE

    await eventually(dead)
    assert value(await call(apart.square, {"number": 3}))["square"] == 9


async def test_a_cancelled_call_takes_its_process_and_what_that_started_with_it(call: Caller) -> None:
    stuck = asyncio.create_task(call(apart.stuck, 2))
    await call.begun.wait()

    async def family() -> set[int]:
        found = {
            one.pid for one in psutil.Process().children(recursive=True) if "time.sleep(120)" in " ".join(cmdline(one))
        }
        return found if len(found) == 2 else set()

    pids = await eventually(family)
    stuck.cancel()
    with pytest.raises(asyncio.CancelledError):
        await stuck

    async def gone() -> bool:
        return not any(alive(pid) for pid in pids)

    await eventually(gone)
    assert value(await call(apart.square, {"number": 2}))["square"] == 4


def cmdline(process: psutil.Process) -> list[str]:
    try:
        words: list[str] = process.cmdline()
    except psutil.NoSuchProcess:
        return []
    return words


def alive(pid: int) -> bool:
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


async def test_a_cancelled_start_leaves_nothing(call: Caller) -> None:
    starting = asyncio.create_task(call(apart.square, {"number": 1}))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    starting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await starting
    assert value(await call(apart.square, {"number": 2}))["square"] == 4


async def test_terminal_and_service_signals_do_not_end_a_job(call: Caller) -> None:
    pid = value(await call(apart.square, {"number": 1}))["pid"]
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        os.kill(pid, number)
    assert os.getsid(pid) == pid
    assert value(await call(apart.square, {"number": 2}))["pid"] == pid


async def test_a_function_that_its_module_lost_is_told(call: Caller) -> None:
    def gone() -> None: ...

    gone.__module__, gone.__qualname__ = apart.__name__, "nowhere"
    kind, message = error(await call(gone, {}))
    assert (kind, "nowhere" in message) == ("AttributeError", True)
