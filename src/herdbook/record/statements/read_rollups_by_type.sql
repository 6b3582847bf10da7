-- The rollups per minute from $1 until before $2, by queue and type.
SELECT queue, job_type, completed, retried, failed, run, wait FROM herdbook.figures
WHERE resolution = 60 AND at >= $1 AND at < $2 AND queue <> ''
