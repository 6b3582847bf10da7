-- The last $2 lines of a job's log, newest first, each truncated to $3 characters.
SELECT id, generation, attempt, logged_at,
       CASE WHEN length(message) > $3 THEN concat(left(message, $3), '…') ELSE message END AS message
FROM herdbook.job_logs WHERE job = $1 ORDER BY id DESC LIMIT $2
