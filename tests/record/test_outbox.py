"""Taking from the outbox stays cheap, whatever PostgreSQL's statistics."""

from herdbook.model.ids import new_job_id
from herdbook.model.job import NewJob
from herdbook.record.database import Database
from herdbook.record.outbox import insert_jobs, take_outbox
from herdbook.record.sql import statement


def new_job() -> NewJob:
    return NewJob(
        id=new_job_id(), queue="q", job_type="t", job_data="{}", priority=0, run_at=None, max_attempts=3, backoff=None
    )


async def test_a_plan_made_for_an_empty_outbox_suits_a_full_one(database: Database) -> None:
    connection = await database.outbox_connection()
    try:
        await connection.execute("VACUUM ANALYZE herdbook.outbox")
        await connection.execute(f"PREPARE taking (bigint) AS {statement('take_outbox')}")
        # After five executions PostgreSQL may settle on a generic plan.
        for _ in range(6):
            await connection.execute("EXECUTE taking (500)")
        await insert_jobs(connection, [new_job() for _ in range(500)])
        plan = "\n".join(row[0] for row in await connection.fetch("EXPLAIN EXECUTE taking (500)"))
        assert "Seq Scan" not in plan
        assert len(await take_outbox(connection, 500)) == 500
    finally:
        await connection.close()
