SELECT * FROM herdbook.job_attempts WHERE job = $1 ORDER BY generation, attempt
