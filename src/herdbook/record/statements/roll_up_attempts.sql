-- Rolls attempts that ended in whole minutes up into buckets of 60 s, per queue and type and for all together.
-- Repeating it changes nothing, except to add attempts that were committed late.
WITH counted AS (
    SELECT at, coalesce(queue, '') AS queue, coalesce(job_type, '') AS job_type, outcome, run, wait, count(*) AS count
    FROM ({ended_attempts}) AS ended
    WHERE queue IS NOT NULL
    GROUP BY at, GROUPING SETS ((queue, job_type), ()), GROUPING SETS (outcome, run, wait)
)
INSERT INTO herdbook.figures (resolution, at, queue, job_type, completed, retried, failed, run, wait)
SELECT 60, at, queue, job_type,
       coalesce(sum(count) FILTER (WHERE outcome = 'completed'), 0),
       coalesce(sum(count) FILTER (WHERE outcome = 'retry'), 0),
       coalesce(sum(count) FILTER (WHERE outcome = 'failed'), 0),
       coalesce(jsonb_object_agg(run, count) FILTER (WHERE run IS NOT NULL), '{{}}'),
       coalesce(jsonb_object_agg(wait, count) FILTER (WHERE wait IS NOT NULL), '{{}}')
FROM counted
GROUP BY at, queue, job_type
ON CONFLICT (resolution, at, queue, job_type) DO UPDATE
SET completed = excluded.completed, retried = excluded.retried, failed = excluded.failed,
    run = excluded.run, wait = excluded.wait
WHERE (figures.completed, figures.retried, figures.failed, figures.run, figures.wait)
      IS DISTINCT FROM (excluded.completed, excluded.retried, excluded.failed, excluded.run, excluded.wait)
