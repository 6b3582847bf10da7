-- How many attempts of each job ended with an error of this type, in the given generation (-1: in any).
SELECT a.job, count(*) AS count
FROM unnest(CAST($1 AS uuid[]), CAST($2 AS int[])) AS d (id, generation)
JOIN herdbook.job_attempts a ON a.job = d.id AND d.generation IN (a.generation, -1)
WHERE a.error_type = $3
GROUP BY a.job
