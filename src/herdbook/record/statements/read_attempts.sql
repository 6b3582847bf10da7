-- A job's finished attempts, newest first; all of them if $2 is NULL.
SELECT * FROM herdbook.job_attempts WHERE job = $1 ORDER BY generation DESC, attempt DESC LIMIT $2
