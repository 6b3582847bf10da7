-- Jobs that finished since $1, per hour.
SELECT date_trunc('hour', completed_at, 'UTC') AS hour,
       count(*) FILTER (WHERE status = 'completed') AS completed,
       count(*) FILTER (WHERE status = 'failed') AS failed
FROM herdbook.jobs
WHERE completed_at >= $1 AND (CAST($2 AS text) IS NULL OR job_type = $2)
GROUP BY hour
ORDER BY hour
