-- Those of these attempts whose outcome this worker has recorded; the reply to that may have been lost.
SELECT a.job, a.generation, a.attempt
FROM unnest(CAST($1 AS uuid[]), CAST($2 AS int[]), CAST($3 AS int[])) AS k (job, generation, attempt)
JOIN herdbook.job_attempts a ON a.job = k.job AND a.generation = k.generation AND a.attempt = k.attempt
WHERE a.worker = $4 AND a.outcome <> 'lost'
