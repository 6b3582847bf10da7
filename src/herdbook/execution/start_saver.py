"""Shows in the record that jobs run: at once, or, where that is likely to be in vain, only if they still do."""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

from herdbook.execution.claimed_job import ClaimedJob
from herdbook.execution.record import save_starts
from herdbook.execution.server_wait import ServerWait
from herdbook.record.database import Database

# Seconds after which the start of a job is saved, if the last one of its type had ended by then; other starts are
# saved at once.
_BRIEF = 0.03

RunBeside = Callable[[Coroutine[Any, Any, None]], None]


class StartSaver:
    """Saves starts while `writing` is held; `on_lost` is told of jobs that may not run."""

    def __init__(
        self,
        database: Database,
        worker: str,
        writing: asyncio.Lock,
        servers: ServerWait,
        *,
        on_lost: Callable[[ClaimedJob], object],
        run_beside: RunBeside,
    ) -> None:
        self._database = database
        self._worker = worker
        self._writing = writing
        self._servers = servers
        self._on_lost = on_lost
        self._run_beside = run_beside
        self._brief: set[str] = set()

    def began(self, jobs: Sequence[ClaimedJob]) -> None:
        """These jobs began to run."""
        unsaved = [job for job in jobs if not job.is_start_saved]
        brief = [job for job in unsaved if job.delivery.job_type in self._brief]
        if brief:
            asyncio.get_running_loop().call_later(_BRIEF, lambda: self._run_beside(self._save(brief)))
        if len(brief) < len(unsaved):
            self._run_beside(self._save([job for job in unsaved if job.delivery.job_type not in self._brief]))

    def ended(self, job: ClaimedJob) -> None:
        """This job has ended."""
        if job.job_type is not None:
            (self._brief.add if job.took < _BRIEF else self._brief.discard)(job.job_type.name)

    async def _save(self, jobs: Sequence[ClaimedJob]) -> None:
        async with self._writing:
            running = [job for job in jobs if job.outcome is None and not job.is_start_saved]
            if running:
                lost = await self._servers.until_there(
                    lambda is_repeat: save_starts(self._database, running, self._worker, is_repeat=is_repeat)
                )
                for job in lost:
                    self._on_lost(job)
