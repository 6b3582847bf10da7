-- New jobs together with their outbox rows. A job whose idempotency key is taken is left out. A delay counts from this
-- statement, since the caller's transaction may have begun long before.
WITH inserted AS (
    INSERT INTO herdbook.jobs (
        id, job_id, queue, job_type, job_data, priority, run_at, max_attempts, backoff, idempotency_key, fingerprint,
        timeout_ms, callback_url, trace_context
    )
    SELECT new.id, new.id::text, new.queue, new.job_type, new.job_data::jsonb, new.priority,
           coalesce(new.run_at, statement_timestamp() + new.delay * interval '1 millisecond'),
           new.max_attempts, new.backoff::jsonb, new.idempotency_key, new.fingerprint, new.timeout_ms,
           new.callback_url, new.trace_context
    FROM unnest(
        CAST($1 AS uuid[]), CAST($2 AS text[]), CAST($3 AS text[]), CAST($4 AS text[]), CAST($5 AS int[]),
        CAST($6 AS timestamptz[]), CAST($7 AS int[]), CAST($8 AS text[]), CAST($9 AS text[]), CAST($10 AS bytea[]),
        CAST($11 AS bigint[]), CAST($12 AS text[]), CAST($13 AS text[]), CAST($14 AS bigint[])
    ) AS new (id, queue, job_type, job_data, priority, run_at, max_attempts, backoff, idempotency_key, fingerprint,
            timeout_ms, callback_url, trace_context, delay)
    ON CONFLICT (idempotency_key) WHERE idempotency_key IS NOT NULL DO NOTHING
    RETURNING id
)
INSERT INTO herdbook.outbox (job)
SELECT id FROM inserted
RETURNING job, statement_timestamp() AS at
