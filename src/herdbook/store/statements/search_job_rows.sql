-- What a list shows of the jobs of a slice that a filter wants, newest first.
SELECT id, queue, job_type, status, left(job_data::text, 300) AS data, left(error_message, 300) AS error,
       left(progress::text, 300) AS progress, attempt, max_attempts, generation, run_at, waited_ms,
       created_at, started_at, completed_at
FROM ({slice}) AS slice
WHERE (CAST($4 AS text) IS NULL OR status = CAST($4 AS herdbook.job_status))
  AND (CAST($5 AS text) IS NULL OR job_type = $5)
  AND (CAST($6 AS text) IS NULL OR queue = $6)
  AND (CAST($7 AS text[]) = '{{}}'
       OR concat_ws(' ', id, job_id, error_message, job_data) ILIKE ALL (CAST($7 AS text[])))
LIMIT $8 OFFSET $9
