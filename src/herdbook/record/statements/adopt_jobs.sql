-- Jobs that other BullMQ clients published. They are already in the queue, so they need no outbox row. They became
-- due, and so began to wait (see claim_jobs_if_newer_attempt), when they were published.
INSERT INTO herdbook.jobs (
    id, job_id, queue, job_type, job_data, priority, max_attempts, backoff, created_at, updated_at, trace_context
)
SELECT new.id, new.job_id, new.queue, new.job_type, new.job_data::jsonb, new.priority, new.max_attempts,
       new.backoff::jsonb, new.created_at, new.created_at, new.trace_context
FROM unnest(
    CAST($1 AS uuid[]), CAST($2 AS text[]), CAST($3 AS text[]), CAST($4 AS text[]), CAST($5 AS text[]),
    CAST($6 AS int[]), CAST($7 AS int[]), CAST($8 AS text[]), CAST($9 AS timestamptz[]),
    CAST($10 AS text[])
) AS new (id, job_id, queue, job_type, job_data, priority, max_attempts, backoff, created_at, trace_context)
ON CONFLICT (id) DO NOTHING
