-- How many jobs of each queue and type have each status.
SELECT queue, job_type, status, sum(count)::bigint AS count FROM (
    SELECT queue, job_type, status, count FROM herdbook.job_counts
    UNION ALL
    SELECT queue, job_type, status, change FROM herdbook.job_count_changes
) AS counts
GROUP BY queue, job_type, status
HAVING sum(count) <> 0
