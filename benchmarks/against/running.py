"""Measures one system in one round, from outside, by the protocol that all programs in `peers/` speak."""

import json
import os
import statistics
import struct
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import psutil
import psycopg
from redis import Redis

from benchmarks.against.install import Program
from benchmarks.against.results import Figures
from benchmarks.against.systems import System
from herdbook.settings import Settings

# Published one by one, and run first: they warm the worker up.
SINGLES = 1_000
SAMPLES = 300
# Seconds between two looks, at most before giving up, and for a worker to come to rest.
LOOK = 0.02
PATIENCE = 300.0
REST = 1.0


class FailedError(Exception):
    """A system's program failed, or came to no end; says how."""


def measure(system: System, program: Program, settings: Settings, jobs: int) -> Figures:
    """Publish, drain, and publish to an idle worker; raises FailedError."""
    with Bench(system, program, settings) as bench:
        bench.ask("prepare")
        with bench.running(system.beside):
            singles = SINGLES if system.has_bulk else SINGLES + jobs
            single_per_s = bench.publish(singles, "single")
            bulk_per_s = bench.publish(jobs, "bulk") if system.has_bulk else None
            bench.wait_for_delivery()
            with bench.running("work", "--concurrency", str(system.concurrency)) as worker:
                assert worker
                drained = bench.drain(worker, jobs)
                time.sleep(REST)
                latencies = statistics.quantiles(bench.latencies(), n=100)
    return Figures(
        single_per_s=single_per_s,
        bulk_per_s=bulk_per_s,
        latency_p50_ms=latencies[49],
        latency_p99_ms=latencies[98],
        **drained,
    )


def measure_drain(system: System, program: Program, settings: Settings, jobs: int) -> float:
    """Jobs per second of the drain alone, measured as `measure` does; raises FailedError."""
    with Bench(system, program, settings) as bench:
        bench.ask("prepare")
        bench.publish(SINGLES, "single")
        bench.publish(jobs, "bulk")
        with bench.running("work", "--concurrency", str(system.concurrency)) as worker:
            assert worker
            return bench.drain(worker, jobs)["drain_per_s"]


class Bench:
    """A system at work on its servers."""

    def __init__(self, system: System, program: Program, settings: Settings) -> None:
        self._system = system
        self._program = program
        self._starts = settings.data / "starts"
        self._starts.touch()
        self._log = settings.data / "log"
        self._database = psycopg.connect(settings.database_url or "", autocommit=True)
        self._redis = Redis.from_url(settings.redis_url or "")
        self._environment = {
            **os.environ,
            "DATABASE_URL": settings.database_url or "",
            "REDIS_URL": settings.redis_url or "",
            "HERDBOOK_DATA": str(settings.data),
            "HERDBOOK_LOG_LEVEL": "warning",
            "BENCH_STARTS": str(self._starts),
        }

    def __enter__(self) -> "Bench":
        return self

    def __exit__(self, *_: object) -> None:
        self._database.close()
        self._redis.close()

    def ask(self, *words: str) -> Any:
        """Run the program to its end; what its last line says."""
        with self._log.open("a") as log:
            done = subprocess.run(
                [*self._program.words, *words],
                cwd=self._program.folder,
                env=self._environment,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                timeout=PATIENCE,
                check=False,
            )
        if done.returncode != 0:
            raise FailedError(f"`{words[0]}` failed: {self._last_words()}")
        return json.loads(done.stdout.splitlines()[-1]) if done.stdout else None

    @contextmanager
    def running(self, *words: str | None) -> Iterator[psutil.Process | None]:
        """The program at work for as long as the block lasts; nothing when it is told nothing to do."""
        told = [word for word in words if word]
        if not told:
            yield None
            return
        with self._log.open("a") as log:
            process = subprocess.Popen(
                [*self._program.words, *told],
                cwd=self._program.folder,
                env=self._environment,
                stdout=log,
                stderr=log,
            )
        try:
            yield psutil.Process(process.pid)
        finally:
            end_program(process)

    def publish(self, jobs: int, way: str) -> float:
        """Jobs per second."""
        told = self.ask("publish", "--jobs", str(jobs), "--way", way)
        return float(told["jobs"] / told["seconds"])

    def wait_for_delivery(self) -> None:
        """Until all that was published waits in the queue."""
        if self._system.undelivered:
            statement = self._system.undelivered
            self._until(lambda: self._count(statement) == 0)

    def drain(self, worker: psutil.Process, jobs: int) -> dict[str, float]:
        """From the start of the first job after the warm-up until the last one is recorded and acknowledged."""
        self._until(lambda: self._started() > SINGLES, worker)
        counted, cpu = self._started(), _cpu_seconds(worker)
        self._until(lambda: self._started() >= SINGLES + jobs, worker)
        self._until(lambda: self._is_done(SINGLES + jobs), worker)
        end = time.time()
        return {
            "drain_per_s": jobs / (end - self._start_times()[SINGLES]),
            "cpu_ms": (_cpu_seconds(worker) - cpu) * 1_000 / (SINGLES + jobs - counted),
            "rss_mb": sum(process.memory_info().rss for process in _tree(worker)) / 1_000_000,
        }

    def latencies(self) -> list[float]:
        """Milliseconds from the call of publish to the start of the function, of a worker with nothing else to do."""
        published = self.ask("latency", "--samples", str(SAMPLES))["published"]
        started = self._start_times()[-SAMPLES:]
        return [(start - call) * 1_000 for call, start in zip(published, started, strict=True)]

    def _is_done(self, jobs: int) -> bool:
        if self._system.busy and self._redis.exists(*self._system.busy):
            return False
        return self._system.finished is None or self._count(self._system.finished) >= jobs

    def _count(self, statement: str) -> int:
        row = self._database.execute(statement.encode()).fetchone()
        assert row
        return int(row[0])

    def _started(self) -> int:
        return self._starts.stat().st_size // 8

    def _start_times(self) -> list[float]:
        return [time for (time,) in struct.iter_unpack("<d", self._starts.read_bytes())]

    def _until(self, check: Callable[[], bool], process: psutil.Process | None = None) -> None:
        end = time.monotonic() + PATIENCE
        while not check():
            if process and (not process.is_running() or process.status() == psutil.STATUS_ZOMBIE):
                raise FailedError(f"the worker ended: {self._last_words()}")
            if time.monotonic() > end:
                raise FailedError(
                    f"no end after {PATIENCE:.0f} s, {self._started()} jobs started: {self._last_words()}"
                )
            time.sleep(LOOK)

    def _last_words(self) -> str:
        lines = self._log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
        return lines[-1] if lines else "it said nothing"


def _tree(process: psutil.Process) -> list[psutil.Process]:
    return [process, *process.children(recursive=True)]


def _cpu_seconds(process: psutil.Process) -> float:
    """CPU time of a process and of those that it started."""
    return float(sum(sum(one.cpu_times()[:2]) for one in _tree(process)))


def end_program(process: subprocess.Popen[Any]) -> None:
    """End a program, and what it started; nothing of it is of use any more."""
    family = _tree(psutil.Process(process.pid)) if process.poll() is None else []
    process.terminate()
    with suppress(subprocess.TimeoutExpired):
        process.wait(5)
    _, alive = psutil.wait_procs(family, timeout=0.1)
    for one in alive:
        one.kill()
    process.wait()
