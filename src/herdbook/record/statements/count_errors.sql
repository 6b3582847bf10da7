-- How many attempts of each job's current generation ended with an error of this type.
SELECT a.job, count(*) AS count
FROM unnest(CAST($1 AS uuid[]), CAST($2 AS int[])) AS d (id, generation)
JOIN herdbook.job_attempts a ON a.job = d.id AND a.generation = d.generation
WHERE a.error_type = $3
GROUP BY a.job
