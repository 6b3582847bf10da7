"""A whole system for one scenario: private servers behind proxies, processes, a publisher, and what is seen of them."""

import asyncio
import random
import signal
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from pathlib import Path
from time import time

from herdbook.embedded.process import free_port
from herdbook.queue.connection import connect
from herdbook.testing import eventually

from .evidence import DIED, STOPPED, Evidence, Fault, QueueLeft, read_evidence, read_queue
from .executions import VARIABLE
from .jobs import KILLED_BY_JOB, QUEUES
from .ledger import Publishing
from .members import Death, Member
from .proxy import Proxy
from .servers import PrivateServers, laboratory_folder

PREFIX = "faults"
# Seconds: short, so that a scenario shows within seconds what takes a minute otherwise.
LOCK = 2.0
STALLED_INTERVAL = 0.5
# Seconds by which a job of a dead worker runs again, after its lock and a sweep: other such jobs come before it.
SETTLING = LOCK + STALLED_INTERVAL + 5.0
# Seconds that a system may take to come to rest.
PATIENCE = 90.0
# Seconds until a job that kills its workers is found: those that ran beside it are tried a few at a time, then alone.
_UNTIL_FOUND = 20.0
_APP = "tests.faults.jobs:book"
# Files that a process may open while it works: its pools of connections, and what it imports late.
_MORE_FILES = 40
_MORE_MEMORY = 100_000_000
_UNSETTLED = """
SELECT (SELECT count(*) FROM herdbook.jobs WHERE status IN ('pending', 'processing'))
     + (SELECT count(*) FROM herdbook.outbox)
"""


class Laboratory:
    """One system and what was done to it. `workers`, `relays` and `webs` are its processes."""

    def __init__(self, folder: Path, servers: PrivateServers, redis: Proxy, postgres: Proxy, *, seed: int) -> None:
        self.servers = servers
        self.redis = redis
        self.postgres = postgres
        self.chance = random.Random(seed)
        self.faults: list[Fault] = []
        self.workers: list[Member] = []
        self.relays: list[Member] = []
        self.webs: list[Member] = []
        # Jobs that the scenario wrote into the queues as another program.
        self.foreign = 0
        self._folder = folder
        self._port = free_port(None)
        self.publishing = Publishing(f"http://127.0.0.1:{self._port}", seed=seed)
        self._levels: dict[int, tuple[int, int]] = {}

    @property
    def members(self) -> list[Member]:
        """All processes."""
        return [*self.webs, *self.relays, *self.workers]

    async def start(self, *, workers: int = 2, relays: int = 1, settings: dict[str, str] | None = None) -> None:
        """Start the processes, each of which then has its usual files and memory."""
        queues = [word for name in QUEUES for word in ("--queue", name)]
        self.webs = [self._member(["serve", _APP, "--port", str(self._port)], settings)]
        self.relays = [self._member(["relay"], settings) for _ in range(relays)]
        self.workers = [self._member(["worker", _APP, *queues], settings) for _ in range(workers)]
        for member in self.members:
            member.start()
        for member in self.members:
            await member.is_running()

    def note_levels(self) -> None:
        """Remember how many files and how much memory each process has now."""
        for member in self.members:
            pid, files, memory = member.resources()
            self._levels[pid] = (files, memory)

    def note(
        self, what: str, begin: float, end: float | None = None, *, pid: int | None = None, more: float = 0
    ) -> None:
        """Write down a fault; jobs may run again for it up to `more` seconds later than usual."""
        end = time() if end is None else end
        self.faults.append(Fault(what=what, begin=begin, end=end, settling=SETTLING + more, pid=pid))

    @contextmanager
    def fault(self, what: str, *, more: float = 0) -> Iterator[None]:
        """A fault of all the system, for as long as the block lasts."""
        begin = time()
        try:
            yield
        finally:
            self.note(what, begin, more=more)

    async def stop_and_continue(self, member: Member, seconds: float) -> None:
        """Stop a process for so long, without its knowing."""
        begin, pid = time(), member.pid
        member.send(signal.SIGSTOP)
        await asyncio.sleep(seconds)
        member.send(signal.SIGCONT)
        self.note(STOPPED, begin, pid=pid)

    async def calm(self) -> float:
        """Return when nothing is left to do; how many seconds that took after the last fault and the last job."""
        last_answer = max((one.answered_at for one in self.publishing.ledger.values()), default=0.0)
        since = max([last_answer, *(fault.end for fault in self.faults)])
        client = connect(self.servers.operator_url)

        async def is_calm() -> bool:
            await asyncio.sleep(0.1)
            (unsettled,) = (await asyncio.to_thread(self.servers.ask, _UNSETTLED))[0]
            if unsettled:
                return False
            queues = [await read_queue(client, f"{PREFIX}:{name}:") for name in QUEUES]
            return not any(queue.open or queue.locks for queue in queues)

        try:
            await eventually(is_calm, timeout=PATIENCE)
        except TimeoutError:
            pass  # The checker says what is left.
        finally:
            await client.aclose()
        return time() - since

    def grown(self) -> list[str]:
        """The processes that have lived since `note_levels` and have not come back to their level."""
        found = []
        for member in self.members:
            pid, files, memory = member.resources()
            before = self._levels.get(pid)
            if before and (files > before[0] + _MORE_FILES or memory > before[1] + _MORE_MEMORY):
                found.append(f"{member.name} went from {before} files and bytes to {(files, memory)}")
        return found + [
            f"{member.name} ended by itself: {member.unexpected}" for member in self.members if member.unexpected
        ]

    async def evidence(self) -> Evidence:
        """What there is to check."""
        client = connect(self.servers.operator_url)
        queues: dict[str, QueueLeft] = {name: await read_queue(client, f"{PREFIX}:{name}:") for name in QUEUES}
        await client.aclose()
        executions = self._folder / "executions"
        return await asyncio.to_thread(
            read_evidence,
            self.servers.database_url,
            executions,
            self.publishing.ledger,
            self.faults,
            queues,
            self.foreign,
        )

    def logs(self) -> str:
        """What the processes logged."""
        return "".join(f"--- {path.name}\n{path.read_text()}" for path in sorted(self._folder.glob("*.log")))

    async def end(self) -> None:
        """Stop all processes."""
        await asyncio.gather(*(member.end() for member in self.members))

    def _member(self, words: Sequence[str], settings: dict[str, str] | None) -> Member:
        environment = {
            "DATABASE_URL": self.postgres.url,
            "REDIS_URL": self.redis.url,
            "HERDBOOK_DATA": str(self._folder),
            "HERDBOOK_QUEUE_PREFIX": PREFIX,
            "HERDBOOK_LOCK_DURATION": str(round(LOCK * 1_000)),
            "HERDBOOK_STALLED_INTERVAL": str(round(STALLED_INTERVAL * 1_000)),
            "HERDBOOK_STOP_DEADLINE": "1",
            "HERDBOOK_KEEP_COMPLETED": "1000000",
            "HERDBOOK_KEEP_FAILED": "1000000",
            "HERDBOOK_LOG_LEVEL": "warning",
            VARIABLE: str(self._folder / "executions"),
            **(settings or {}),
        }
        log = self._folder / f"{words[0]}-{len(list(self._folder.glob('*.log')))}.log"
        log.touch()
        return Member(list(words), environment, log, on_death=self._note_death)

    def _note_death(self, death: Death) -> None:
        more = _UNTIL_FOUND if death.code == KILLED_BY_JOB else 0.0
        self.note(DIED, death.told_at, death.at, pid=death.pid, more=more)


@asynccontextmanager
async def laboratory(*, seed: int, folder: Path | None = None) -> AsyncIterator[Laboratory]:
    """A laboratory with running servers and a migrated, watched record, but no process yet."""
    async with AsyncExitStack() as stack:
        own = stack.enter_context(laboratory_folder(folder))
        servers = stack.enter_context(PrivateServers(own).running())
        await servers.prepare()
        redis = await stack.enter_async_context(Proxy.to(servers.redis_url, seed=seed))
        postgres = await stack.enter_async_context(Proxy.to(servers.database_url, seed=seed + 1))
        lab = Laboratory(own, servers, redis, postgres, seed=seed)
        stack.push_async_callback(lab.end)
        yield lab
