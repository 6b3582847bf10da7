-- Pending jobs that are not in Redis, which has lost nothing: another program finished or removed them.
INSERT INTO herdbook.absent_jobs (job, job_id)
SELECT j.id, j.job_id
FROM unnest(CAST($1 AS uuid[]), CAST($2 AS timestamptz[])) AS c (id, updated_at)
JOIN herdbook.jobs j ON j.id = c.id AND j.updated_at = c.updated_at
WHERE j.status = 'pending'
ON CONFLICT DO NOTHING
