-- Counts and histograms of attempts that are not rolled up yet, per minute, in the shape of rollups.
SELECT at,
       coalesce(sum(count) FILTER (WHERE outcome = 'completed'), 0)::bigint AS completed,
       coalesce(sum(count) FILTER (WHERE outcome = 'retry'), 0)::bigint AS retried,
       coalesce(sum(count) FILTER (WHERE outcome = 'failed'), 0)::bigint AS failed,
       coalesce(jsonb_object_agg(run, count) FILTER (WHERE run IS NOT NULL), '{{}}') AS run,
       coalesce(jsonb_object_agg(wait, count) FILTER (WHERE wait IS NOT NULL), '{{}}') AS wait
FROM (
    SELECT at, outcome, run, wait, count(*) AS count
    FROM ({ended_attempts}) AS ended
    GROUP BY at, GROUPING SETS (outcome, run, wait)
) AS counted
GROUP BY at
