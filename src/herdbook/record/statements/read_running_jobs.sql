-- Those of these jobs that are running, longest running first.
SELECT id, queue, job_type, worker, attempt, started_at, left(progress::text, 300) AS progress
FROM herdbook.jobs WHERE id = ANY (CAST($1 AS uuid[])) AND status = 'processing'
ORDER BY started_at, id
