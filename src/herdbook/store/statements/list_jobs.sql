-- Newest first: UUIDv7 ids are ordered by time.
SELECT * FROM herdbook.jobs
WHERE id < coalesce(CAST($1 AS uuid), 'ffffffff-ffff-ffff-ffff-ffffffffffff')
  AND (CAST($2 AS text) IS NULL OR status = CAST($2 AS herdbook.job_status))
  AND (CAST($3 AS text) IS NULL OR job_type = $3)
  AND (CAST($4 AS text) IS NULL OR queue = $4)
ORDER BY id DESC
LIMIT $5 OFFSET $6
