-- A job's log lines in order, after the line with id $2.
SELECT id, generation, attempt, logged_at, message
FROM herdbook.job_logs WHERE job = $1 AND id > $2 ORDER BY id LIMIT $3
