-- Jobs that wait for a time or for their next attempt become due at once.
WITH scheduled AS (
    SELECT id FROM herdbook.jobs
    WHERE id = ANY (CAST($1 AS uuid[])) AND status = 'pending' AND run_at IS NOT NULL
    ORDER BY id
    FOR NO KEY UPDATE
), promoted AS (
    UPDATE herdbook.jobs j
    SET run_at = NULL, updated_at = clock_timestamp()
    FROM scheduled
    WHERE j.id = scheduled.id
    RETURNING j.id
), sent AS (
    INSERT INTO herdbook.outbox (job, action)
    SELECT id, 'promote' FROM promoted
)
SELECT id FROM promoted
