-- Jobs that changed, oldest change first, in pages. A change is committed a while after its `updated_at`, so the caller
-- starts before where it last stopped; in that overlap, the transaction number shows which changes were committed by
-- then. A number ahead of ours comes from another server and says nothing.
SELECT id, queue, job_type, status, attempt, generation, progress, error_message, created_at, updated_at, started_at
FROM herdbook.jobs
WHERE updated_at > $1
  AND (age(xmin) <= age(CAST($2 AS xid)) OR age(CAST($2 AS xid)) < 0)
  AND (updated_at, id) > (CAST($3 AS timestamptz), CAST($4 AS uuid))
ORDER BY updated_at, id
LIMIT $5
