INSERT INTO herdbook.job_logs (job, generation, attempt, logged_at, message)
SELECT * FROM unnest(
    CAST($1 AS uuid[]), CAST($2 AS int[]), CAST($3 AS int[]), CAST($4 AS timestamptz[]), CAST($5 AS text[])
)
