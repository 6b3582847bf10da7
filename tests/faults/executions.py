"""What ran, as the processors wrote it down: a line as they begin and one as they end, on disk before they go on."""

import os
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import time
from uuid import UUID

# The file, for processors in processes that the laboratory starts.
VARIABLE = "HERDBOOK_FAULTS_EXECUTIONS"


@dataclass(slots=True)
class Execution:
    """One call of a processor. `end` is None if nothing of it was written: its process died. Times are Unix seconds."""

    job: UUID
    attempt: int
    pid: int
    start: float
    end: float | None = None
    how: str | None = None

    def __str__(self) -> str:
        end = f"{self.how} after {self.end - self.start:.3f} s" if self.end is not None else "no end"
        return f"attempt {self.attempt} in {self.pid} at {self.start:.3f}, {end}"


class ExecutionLog:
    """Writes the lines of one process."""

    def __init__(self, path: str) -> None:
        # Each line is one write at the end of the file, so that many processes may share it.
        self._file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)

    @contextmanager
    def execution(self, job: UUID, attempt: int) -> Iterator[None]:
        """Write down that the block begins, and how it ends: returned, raised or stopped."""
        how = "returned"
        self._write("start", job, attempt)
        try:
            yield
        except Exception:
            how = "raised"
            raise
        except BaseException:
            how = "stopped"
            raise
        finally:
            self._write(how, job, attempt)

    def _write(self, what: str, job: UUID, attempt: int) -> None:
        os.write(self._file, f"{what} {job} {attempt} {os.getpid()} {time():.6f}\n".encode())
        os.fdatasync(self._file)


def read_executions(path: Path) -> dict[UUID, list[Execution]]:
    """The executions of each job, in the order in which they began."""
    found: dict[UUID, list[Execution]] = defaultdict(list)
    for line in path.read_text().splitlines() if path.exists() else ():
        what, job, attempt, pid, at = line.split()
        if what == "start":
            found[UUID(job)].append(Execution(UUID(job), int(attempt), int(pid), float(at)))
            continue
        # A process runs one attempt of a job once; a later delivery of the same attempt has its own line.
        begun = next(
            one for one in found[UUID(job)] if (one.attempt, one.pid, one.end) == (int(attempt), int(pid), None)
        )
        begun.end, begun.how = float(at), what
    return {job: sorted(executions, key=lambda one: one.start) for job, executions in found.items()}
