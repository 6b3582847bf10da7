-- How many jobs have this status, type and queue; NULL matches any.
SELECT coalesce(sum(count), 0)::bigint FROM (
    SELECT queue, job_type, status, count FROM herdbook.job_counts
    UNION ALL
    SELECT queue, job_type, status, change FROM herdbook.job_count_changes
) AS counts
WHERE (CAST($1 AS text) IS NULL OR status = CAST($1 AS herdbook.job_status))
  AND (CAST($2 AS text) IS NULL OR job_type = $2)
  AND (CAST($3 AS text) IS NULL OR queue = $3)
