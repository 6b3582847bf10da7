-- Jobs that no worker has claimed will not run, and are to be removed from the queue.
WITH waiting AS (
    SELECT id FROM herdbook.jobs
    WHERE id = ANY (CAST($1 AS uuid[])) AND status = 'pending'
    ORDER BY id
    FOR NO KEY UPDATE
), cancelled AS (
    UPDATE herdbook.jobs j
    SET status = 'cancelled', error_message = $2, run_at = NULL, updated_at = clock_timestamp(), completed_at = now()
    FROM waiting
    WHERE j.id = waiting.id
    RETURNING j.id, j.queue, j.job_id, j.callback_url, j.job_type, j.completed_at
), sent AS (
    INSERT INTO herdbook.outbox (job, action, queue, job_id)
    SELECT id, 'remove', queue, job_id FROM cancelled
)
SELECT id,
       CASE WHEN callback_url IS NOT NULL THEN
           herdbook.publish_callback(callback_url, id, job_type, 'cancelled', NULL, $2, completed_at)
       END AS callback
FROM cancelled
