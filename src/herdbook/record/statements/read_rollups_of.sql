-- The rollups of queue $4 and type $5, NULL matches any; one row per matching queue and type.
SELECT at, completed, retried, failed, run, wait FROM herdbook.figures
WHERE resolution = $1 AND at >= $2 AND at < $3 AND queue <> ''
  AND (CAST($4 AS text) IS NULL OR queue = $4) AND (CAST($5 AS text) IS NULL OR job_type = $5)
