-- Finished jobs are deleted with their attempts and logs, and are to be removed from the queue too.
WITH ended AS (
    SELECT id FROM herdbook.jobs
    WHERE id = ANY (CAST($1 AS uuid[])) AND status IN ('completed', 'failed', 'cancelled')
    ORDER BY id
    FOR UPDATE
), deleted AS (
    DELETE FROM herdbook.jobs j USING ended WHERE j.id = ended.id
    RETURNING j.id, j.queue, j.job_id
), forgotten AS (
    DELETE FROM herdbook.job_attempts a USING deleted WHERE a.job = deleted.id
), sent AS (
    INSERT INTO herdbook.outbox (job, action, queue, job_id)
    SELECT id, 'remove', queue, job_id FROM deleted
)
SELECT id FROM deleted
