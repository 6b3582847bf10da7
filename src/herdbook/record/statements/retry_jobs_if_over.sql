-- Failed and cancelled jobs start over: in a new generation, under a new id in the queue, from which the old one is
-- to be removed. Attempts and logs of earlier generations stay.
WITH ended AS (
    SELECT id, queue, job_id FROM herdbook.jobs
    WHERE id = ANY (CAST($1 AS uuid[])) AND status IN ('failed', 'cancelled')
    ORDER BY id
    FOR NO KEY UPDATE
), retried AS (
    UPDATE herdbook.jobs j
    SET status = 'pending', generation = j.generation + 1, job_id = concat(j.id, '~', j.generation + 1),
        attempt = 0, attempts_made = 0, result = NULL, error_message = NULL, progress = NULL, run_at = NULL,
        waited_ms = NULL, updated_at = now(), started_at = NULL, completed_at = NULL
    FROM ended
    WHERE j.id = ended.id
    RETURNING j.id
), sent AS (
    INSERT INTO herdbook.outbox (job, action, queue, job_id)
    SELECT id, CAST('add' AS herdbook.outbox_action), NULL, NULL FROM retried
    UNION ALL
    SELECT id, 'remove', queue, job_id FROM ended JOIN retried USING (id)
)
SELECT id FROM retried
