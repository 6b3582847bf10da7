-- Log lines in order, except those of a job that was deleted while an overtaken attempt was still running, and those
-- that an earlier call wrote although its reply was lost.
INSERT INTO herdbook.job_logs (job, generation, attempt, logged_at, message)
SELECT line.job, line.generation, line.attempt, line.logged_at, line.message
FROM unnest(
    CAST($1 AS uuid[]), CAST($2 AS int[]), CAST($3 AS int[]), CAST($4 AS timestamptz[]), CAST($5 AS text[]),
    CAST($6 AS boolean[])
) WITH ORDINALITY AS line (job, generation, attempt, logged_at, message, was_sent, place)
WHERE EXISTS (SELECT FROM herdbook.jobs j WHERE j.id = line.job)
  AND NOT (line.was_sent AND EXISTS (
      SELECT FROM herdbook.job_logs l
      WHERE l.job = line.job AND l.generation = line.generation AND l.attempt = line.attempt
        AND l.logged_at = line.logged_at AND l.message = line.message
  ))
ORDER BY line.place
