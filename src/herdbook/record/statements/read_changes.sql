-- Jobs that changed, oldest change first, in pages. `updated_at` is when a change's transaction began, so the
-- caller looks back a little further than it has read; of what lies there, the transaction's number tells what
-- was committed when the caller last looked. Numbers ahead of ours are another server's, and tell nothing.
SELECT id, queue, job_type, status, attempt, generation, progress, error_message, created_at, updated_at, started_at
FROM herdbook.jobs
WHERE updated_at > $1
  AND (age(xmin) <= age(CAST($2 AS xid)) OR age(CAST($2 AS xid)) < 0)
  AND (updated_at, id) > (CAST($3 AS timestamptz), CAST($4 AS uuid))
ORDER BY updated_at, id
LIMIT $5
