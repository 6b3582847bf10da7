-- Attempts that ended from $1 until before $2, with their minute and the histogram buckets of their durations. Part of
-- other statements; one that uses neither queue nor type does not pay for the join.
SELECT date_trunc('minute', a.ended_at) AS at, a.job, j.queue, j.job_type, a.outcome,
       CASE WHEN a.started_at IS NOT NULL THEN
           ceil(10 * log(greatest(1, 1000 * extract(epoch FROM a.ended_at - a.started_at)::float8)))::smallint
       END AS run,
       CASE WHEN a.waited_ms IS NOT NULL THEN ceil(10 * log(greatest(1, a.waited_ms)::float8))::smallint END AS wait
FROM herdbook.job_attempts a
LEFT JOIN herdbook.jobs j ON j.id = a.job
WHERE a.ended_at >= $1 AND a.ended_at < $2 AND a.outcome IN ('completed', 'retry', 'failed')
