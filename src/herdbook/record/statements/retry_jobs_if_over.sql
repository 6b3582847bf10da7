-- Failed and cancelled jobs start over in a new generation. One of ours gets a new id in the queue, from which the old
-- one is to be removed. Another client's, known by its "@", keeps its id, because a flow may wait for it; BullMQ goes on
-- counting its attempts, and so does the record. Attempts and logs of earlier generations stay.
WITH ended AS (
    SELECT id, queue, job_id, position('@' IN job_id) = 0 AS is_ours FROM herdbook.jobs
    WHERE id = ANY (CAST($1 AS uuid[])) AND status IN ('failed', 'cancelled')
    ORDER BY id
    FOR NO KEY UPDATE
), retried AS (
    UPDATE herdbook.jobs j
    SET status = 'pending', generation = j.generation + 1,
        job_id = CASE WHEN is_ours THEN concat(j.id, '~', j.generation + 1) ELSE j.job_id END,
        attempt = CASE WHEN is_ours THEN 0 ELSE j.attempt END,
        attempts_made = 0, result = NULL, error_message = NULL, progress = NULL, run_at = NULL,
        waited_ms = NULL, updated_at = clock_timestamp(), started_at = NULL, completed_at = NULL
    FROM ended
    WHERE j.id = ended.id
    RETURNING j.id
), sent AS (
    INSERT INTO herdbook.outbox (job, action, queue, job_id)
    SELECT id, CAST('add' AS herdbook.outbox_action), NULL, NULL FROM retried
    UNION ALL
    SELECT id, 'remove', queue, job_id FROM ended JOIN retried USING (id) WHERE is_ours
)
SELECT id FROM retried
