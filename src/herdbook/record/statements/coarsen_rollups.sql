-- Rolls buckets of $1 seconds up into buckets of $2 seconds, for whole buckets from $3 until before $4.
WITH finer AS (
    SELECT date_bin(make_interval(secs => CAST($2 AS integer)), at, 'epoch') AS at,
           queue, job_type, completed, retried, failed, run, wait
    FROM herdbook.figures
    WHERE resolution = $1 AND at >= $3 AND at < $4
), totals AS (
    SELECT at, queue, job_type, sum(completed) AS completed, sum(retried) AS retried, sum(failed) AS failed
    FROM finer GROUP BY at, queue, job_type
), runs AS (
    SELECT at, queue, job_type, jsonb_object_agg(bucket, count) AS run FROM (
        SELECT at, queue, job_type, key AS bucket, sum(value::bigint) AS count
        FROM finer, jsonb_each(run) GROUP BY at, queue, job_type, key
    ) AS summed GROUP BY at, queue, job_type
), waits AS (
    SELECT at, queue, job_type, jsonb_object_agg(bucket, count) AS wait FROM (
        SELECT at, queue, job_type, key AS bucket, sum(value::bigint) AS count
        FROM finer, jsonb_each(wait) GROUP BY at, queue, job_type, key
    ) AS summed GROUP BY at, queue, job_type
)
INSERT INTO herdbook.figures (resolution, at, queue, job_type, completed, retried, failed, run, wait)
SELECT $2, at, queue, job_type, completed, retried, failed, coalesce(run, '{}'), coalesce(wait, '{}')
FROM totals LEFT JOIN runs USING (at, queue, job_type) LEFT JOIN waits USING (at, queue, job_type)
ON CONFLICT (resolution, at, queue, job_type) DO UPDATE
SET completed = excluded.completed, retried = excluded.retried, failed = excluded.failed,
    run = excluded.run, wait = excluded.wait
WHERE (figures.completed, figures.retried, figures.failed, figures.run, figures.wait)
      IS DISTINCT FROM (excluded.completed, excluded.retried, excluded.failed, excluded.run, excluded.wait)
