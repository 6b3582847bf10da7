-- The job types of this program; the newest declaration wins.
INSERT INTO herdbook.job_types (name, queue, attempts, backoff, payload_schema)
SELECT d.name, d.queue, d.attempts, d.backoff::jsonb, d.payload_schema::jsonb
FROM unnest(CAST($1 AS text[]), CAST($2 AS text[]), CAST($3 AS int[]), CAST($4 AS text[]), CAST($5 AS text[]))
    AS d (name, queue, attempts, backoff, payload_schema)
ON CONFLICT (name) DO UPDATE
SET queue = excluded.queue, attempts = excluded.attempts, backoff = excluded.backoff,
    payload_schema = excluded.payload_schema, updated_at = now()
WHERE (job_types.queue, job_types.attempts, job_types.backoff, job_types.payload_schema)
      IS DISTINCT FROM (excluded.queue, excluded.attempts, excluded.backoff, excluded.payload_schema)
