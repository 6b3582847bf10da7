-- A job's ended attempts, the newest first; all of them when $2 is NULL.
SELECT * FROM herdbook.job_attempts WHERE job = $1 ORDER BY generation DESC, attempt DESC LIMIT $2
