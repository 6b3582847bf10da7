-- Jobs created since $1, per type: how many have each status, and how long the completed ones ran, in seconds.
SELECT job_type,
       sum(count)::bigint AS total,
       jsonb_object_agg(status::text, count) AS by_status,
       max(p50) AS p50, max(p95) AS p95, max(longest) AS longest
FROM (
    SELECT job_type, status, count(*) AS count,
           percentile_cont(0.5) WITHIN GROUP (ORDER BY seconds) AS p50,
           percentile_cont(0.95) WITHIN GROUP (ORDER BY seconds) AS p95,
           max(seconds) AS longest
    FROM (
        SELECT job_type, status,
               CASE WHEN status = 'completed' THEN extract(epoch FROM completed_at - started_at)::float8 END AS seconds
        FROM herdbook.jobs
        WHERE created_at >= $1 AND (CAST($2 AS text) IS NULL OR job_type = $2)
    ) AS jobs
    GROUP BY job_type, status
) AS states
GROUP BY job_type
ORDER BY job_type
