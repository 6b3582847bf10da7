-- The same for queue $3 and type $4; NULL matches any. Their jobs were updated no earlier, and with these bounds
-- PostgreSQL finds the jobs by update time; IS TRUE makes it look each attempt up in a hash of them instead of
-- the index of all jobs.
SELECT * FROM ({ended_attempts}) AS ended
WHERE (job IN (
    SELECT id FROM herdbook.jobs
    WHERE updated_at >= $1 AND updated_at < CAST($2 AS timestamptz) + interval '1 day'
      AND (CAST($3 AS text) IS NULL OR queue = $3) AND (CAST($4 AS text) IS NULL OR job_type = $4)
)) IS TRUE
