-- Log lines, in order. Those of a job that was deleted while an overtaken attempt still ran are left out.
INSERT INTO herdbook.job_logs (job, generation, attempt, logged_at, message)
SELECT line.job, line.generation, line.attempt, line.logged_at, line.message
FROM unnest(
    CAST($1 AS uuid[]), CAST($2 AS int[]), CAST($3 AS int[]), CAST($4 AS timestamptz[]), CAST($5 AS text[])
) WITH ORDINALITY AS line (job, generation, attempt, logged_at, message, place)
WHERE EXISTS (SELECT FROM herdbook.jobs j WHERE j.id = line.job)
ORDER BY line.place
