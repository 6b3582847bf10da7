-- Why jobs failed since $1, the newest message first.
SELECT coalesce(error_message, '') AS message, count(*) AS count
FROM herdbook.jobs
WHERE status = 'failed' AND completed_at >= $1 AND (CAST($2 AS text) IS NULL OR job_type = $2)
GROUP BY coalesce(error_message, '')
ORDER BY max(completed_at) DESC
LIMIT 20
