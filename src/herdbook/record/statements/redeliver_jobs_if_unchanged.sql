-- Jobs that Redis does not have go through the outbox again, if nothing happened to them since they were compared.
-- One whose worker is silent becomes pending; its attempt is recorded as lost.
WITH compared AS (
    SELECT * FROM unnest(CAST($1 AS uuid[]), CAST($2 AS timestamptz[])) AS c (id, updated_at)
), missing AS (
    SELECT j.id, j.status, j.generation, j.attempt, j.worker, j.started_at, j.waited_ms
    FROM herdbook.jobs j JOIN compared c ON c.id = j.id AND c.updated_at = j.updated_at
    WHERE j.status IN ('pending', 'processing')
      AND NOT EXISTS (SELECT FROM herdbook.outbox o WHERE o.job = j.id)
    ORDER BY j.id
    FOR NO KEY UPDATE OF j
), released AS (
    UPDATE herdbook.jobs j
    SET status = 'pending', worker = NULL, run_at = NULL, updated_at = clock_timestamp()
    FROM missing m
    WHERE j.id = m.id AND m.status = 'processing'
), lost AS (
    INSERT INTO herdbook.job_attempts (
        job, generation, attempt, worker, started_at, ended_at, waited_ms, outcome, error_type, error_message
    )
    SELECT id, generation, attempt, worker, started_at, now(), waited_ms, 'lost', 'WorkerLost',
           'the worker vanished, and Redis lost the job'
    FROM missing WHERE status = 'processing'
    ON CONFLICT DO NOTHING
), sent AS (
    INSERT INTO herdbook.outbox (job, action)
    SELECT id, 'add' FROM missing
)
SELECT id FROM missing
