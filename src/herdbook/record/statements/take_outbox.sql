-- The oldest due entries that no other relay holds; gone once this transaction commits. Jobs to deliver come with
-- their data, unless they are no longer pending. The ids are passed as an array: while statistics show an empty
-- outbox, a join of the two could compare every row with every other. `due_in` is the milliseconds until `run_at`.
WITH due AS (
    SELECT id FROM herdbook.outbox
    WHERE deliver_after IS NULL OR deliver_after <= now()
    ORDER BY id
    LIMIT $1
    FOR UPDATE SKIP LOCKED
), taken AS (
    DELETE FROM herdbook.outbox o WHERE o.id = ANY (ARRAY (SELECT id FROM due))
    RETURNING o.id, o.action, o.job, o.queue, o.job_id, o.tries, o.created_at
)
SELECT taken.id, taken.action, taken.job, taken.queue, taken.job_id, taken.tries, taken.created_at AS enqueued_at,
       j.job_id AS pending_job_id, j.queue AS pending_queue, j.job_type, j.job_data::text, j.priority, j.run_at,
       coalesce(greatest(0, ceil(1000 * extract(epoch FROM j.run_at - now()))), 0)::bigint AS due_in,
       j.max_attempts, j.backoff, j.created_at, j.trace_context, j.attempt, j.attempts_made
FROM taken
LEFT JOIN herdbook.jobs j ON j.id = taken.job AND j.status = 'pending' AND taken.action IN ('add', 'promote')
ORDER BY taken.id
