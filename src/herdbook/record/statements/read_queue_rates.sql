-- How many jobs of each queue ended from $1 on: from the rollups until $2, from the jobs themselves after that.
SELECT queue, sum(count)::bigint AS count FROM (
    SELECT queue, completed + failed AS count FROM herdbook.figures
    WHERE resolution = 60 AND at >= $1 AND at < $2 AND queue <> ''
    UNION ALL
    SELECT queue, count(*) FROM herdbook.jobs
    WHERE updated_at >= $2 AND completed_at >= $2 AND status IN ('completed', 'failed')
    GROUP BY queue
) AS ended
GROUP BY queue
