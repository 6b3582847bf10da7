-- Entries that the queue refused, with the reason, to be retried later.
INSERT INTO herdbook.outbox (action, job, queue, job_id, created_at, tries, deliver_after, error_message)
SELECT action::herdbook.outbox_action, job, queue, job_id, created_at, tries, now() + after * interval '1 second',
       error_message
FROM unnest(
    CAST($1 AS text[]), CAST($2 AS uuid[]), CAST($3 AS text[]), CAST($4 AS text[]), CAST($5 AS timestamptz[]),
    CAST($6 AS int[]), CAST($7 AS float8[]), CAST($8 AS text[])
) AS refused (action, job, queue, job_id, created_at, tries, after, error_message)
