"""The systems that are compared: packages, their best settings, and how to see that they are done."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class System:
    """One system.

    `packages` are pinned, and the first is the one whose version is told. `share` of the jobs are enough for a slow
    system. It is done when `finished` (SQL) counts all jobs and none of the Redis keys `busy` is there;
    `undelivered` (SQL) counts what has yet to come to the queue. `beside` runs next to the worker.
    """

    name: str
    title: str
    program: str
    keeps: str
    packages: tuple[str, ...] = ()
    python: tuple[int, int] = (3, 11)
    concurrency: int
    share: float = 1.0
    has_bulk: bool = True
    finished: str | None = None
    busy: tuple[str, ...] = ()
    undelivered: str | None = None
    beside: str | None = None

    @property
    def is_node(self) -> bool:
        """Whether its program is one for Node."""
        return self.program.endswith(".mjs")


_BULLMQ = ("bull:bench:wait", "bull:bench:active")
_PROTOTYPE = "SELECT count(*) FROM jobs WHERE status = 'completed'"

REFERENCE = "bullmq-node"
OURS = "herdbook"

SYSTEMS = (
    System(
        name=REFERENCE,
        title="BullMQ for Node",
        program="bullmq_peer.mjs",
        packages=("bullmq@6.7.0", "ioredis@6.0.0"),
        concurrency=100,
        busy=_BULLMQ,
        keeps="nothing",
    ),
    System(
        name=OURS,
        title="Herdbook",
        program="herdbook_peer.py",
        concurrency=300,
        finished="SELECT count(*) FROM herdbook.jobs WHERE status = 'completed'",
        busy=_BULLMQ,
        undelivered="SELECT count(*) FROM herdbook.outbox",
        beside="relay",
        keeps="status, result, attempts",
    ),
    System(
        name="prototype-node",
        title="insert + add + two awaited updates, Node",
        program="prototype_peer.mjs",
        packages=("bullmq@6.7.0", "ioredis@6.0.0", "pg@8.23.1"),
        concurrency=100,
        share=0.3,
        has_bulk=False,
        finished=_PROTOTYPE,
        busy=_BULLMQ,
        keeps="status, result",
    ),
    System(
        name="prototype-python",
        title="insert + add + two awaited updates, Python",
        program="prototype_peer.py",
        packages=("bullmq==3.4.4", "asyncpg==0.32.0", "redis[hiredis]==8.1.0", "uvloop==0.23.0"),
        concurrency=20,
        share=0.2,
        has_bulk=False,
        finished=_PROTOTYPE,
        busy=_BULLMQ,
        keeps="status, result",
    ),
    System(
        name="bullmq-python",
        title="BullMQ for Python",
        program="bullmq_peer.py",
        packages=("bullmq==3.4.4", "redis[hiredis]==8.1.0", "uvloop==0.23.0"),
        concurrency=20,
        share=0.4,
        busy=_BULLMQ,
        keeps="nothing",
    ),
    System(
        name="celery",
        title="Celery, results in PostgreSQL",
        program="celery_peer.py",
        packages=("celery[redis]==5.7.0", "sqlalchemy==2.1.9", "psycopg2-binary==2.9.13", "hiredis==3.5.0"),
        concurrency=3,
        share=0.1,
        has_bulk=False,
        finished="SELECT count(*) FROM celery_taskmeta WHERE status = 'SUCCESS'",
        busy=("bench", "unacked"),
        keeps="status, pickled result",
    ),
    System(
        name="dramatiq",
        title="Dramatiq",
        program="dramatiq_peer.py",
        packages=("dramatiq[redis]==2.2.1", "hiredis==3.5.0"),
        concurrency=16,
        share=0.4,
        has_bulk=False,
        busy=("dramatiq:bench", "dramatiq:bench.msgs"),
        keeps="nothing",
    ),
    System(
        name="procrastinate",
        title="Procrastinate",
        program="procrastinate_peer.py",
        packages=("procrastinate==3.10.0", "psycopg[binary,pool]==3.3.9", "uvloop==0.23.0"),
        concurrency=20,
        share=0.1,
        finished="SELECT count(*) FROM procrastinate_jobs WHERE status = 'succeeded'",
        keeps="status",
    ),
    System(
        name="oban",
        title="Oban for Python",
        program="oban_peer.py",
        packages=("oban==0.7.0", "psycopg[binary,pool]==3.3.9", "uvloop==0.23.0"),
        python=(3, 12),
        concurrency=500,
        share=0.5,
        finished="SELECT count(*) FROM oban_jobs WHERE state = 'completed'",
        keeps="status, encoded result",
    ),
    System(
        name="pgqueuer",
        title="pgqueuer, batches",
        program="pgqueuer_peer.py",
        packages=("pgqueuer[asyncpg]==1.6.0", "asyncpg==0.32.0", "uvloop==0.23.0"),
        concurrency=200,
        finished="SELECT count(*) FROM pgqueuer_log WHERE status = 'successful'",
        keeps="log of statuses",
    ),
    System(
        name="pg-boss",
        title="pg-boss, batch functions",
        program="pgboss_peer.mjs",
        packages=("pg-boss@12.38.0",),
        concurrency=500,
        finished="SELECT count(*) FROM pgboss.job WHERE name = 'bench' AND state = 'completed'",
        keeps="status, result",
    ),
)

BY_NAME = {system.name: system for system in SYSTEMS}
