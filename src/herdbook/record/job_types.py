"""Records the job types that programs declare, for publishing in SQL and for other programs."""

import orjson

from herdbook.model.registry import Registry
from herdbook.record.database import Connection
from herdbook.record.sql import statement


async def declare_job_types(connection: Connection, registry: Registry) -> None:
    """Record this program's job types; the newest declaration of a type wins."""
    types = list(registry)
    await connection.execute(
        statement("declare_job_types"),
        [one.name for one in types],
        [one.queue for one in types],
        [one.attempts for one in types],
        [one.backoff.model_dump_json() if one.backoff else None for one in types],
        [orjson.dumps(one.payload.json_schema()).decode() for one in types],
    )


async def is_job_type_declared(connection: Connection, name: str) -> bool:
    """Whether any program has ever declared the job type."""
    found: bool = await connection.fetchval(statement("is_job_type_declared"), name)
    return found
