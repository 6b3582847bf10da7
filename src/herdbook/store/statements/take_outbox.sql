-- The oldest undelivered jobs that no other relay holds; gone when this transaction commits.
WITH due AS (
    SELECT id FROM herdbook.outbox
    WHERE deliver_after IS NULL OR deliver_after <= now()
    ORDER BY id
    LIMIT $1
    FOR UPDATE SKIP LOCKED
), taken AS (
    DELETE FROM herdbook.outbox o USING due WHERE o.id = due.id
    RETURNING o.id, o.job, o.tries, o.created_at
)
SELECT taken.id, taken.job, taken.tries, taken.created_at AS enqueued_at,
       j.job_id, j.queue, j.job_type, j.job_data::text, j.status, j.priority, j.run_at, j.max_attempts,
       j.backoff, j.created_at
FROM taken
JOIN herdbook.jobs j ON j.id = taken.job
ORDER BY taken.id
