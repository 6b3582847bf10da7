-- The same of queue $3 and type $4; NULL is any. Their jobs were updated no earlier, and the bounds let PostgreSQL
-- find them by when they were; IS TRUE has it look each attempt up in their hash, not in the index of all jobs.
SELECT * FROM ({ended_attempts}) AS ended
WHERE (job IN (
    SELECT id FROM herdbook.jobs
    WHERE updated_at >= $1 AND updated_at < CAST($2 AS timestamptz) + interval '1 day'
      AND (CAST($3 AS text) IS NULL OR queue = $3) AND (CAST($4 AS text) IS NULL OR job_type = $4)
)) IS TRUE
