-- How many jobs of each type ended from $1 on: from the rollups until $2, from the attempts themselves after that.
SELECT job_type, sum(completed)::bigint AS completed, sum(failed)::bigint AS failed FROM (
    SELECT job_type, completed, failed FROM herdbook.figures
    WHERE resolution = 60 AND at >= $1 AND at < $2 AND queue <> ''
    UNION ALL
    SELECT j.job_type, count(*) FILTER (WHERE a.outcome = 'completed'), count(*) FILTER (WHERE a.outcome = 'failed')
    FROM herdbook.job_attempts a JOIN herdbook.jobs j ON j.id = a.job
    WHERE a.ended_at >= $2 AND a.outcome IN ('completed', 'failed')
    GROUP BY j.job_type
) AS ended
GROUP BY job_type
