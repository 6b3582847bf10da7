-- The rollups of all queues and types together.
SELECT at, completed, retried, failed, run, wait FROM herdbook.figures
WHERE resolution = $1 AND at >= $2 AND at < $3 AND queue = '' AND job_type = ''
