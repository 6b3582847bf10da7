-- Adds the changes to the counts and removes them.
WITH folded AS (
    DELETE FROM herdbook.job_count_changes RETURNING queue, job_type, status, change
)
INSERT INTO herdbook.job_counts (queue, job_type, status, count)
SELECT queue, job_type, status, sum(change) FROM folded GROUP BY queue, job_type, status HAVING sum(change) <> 0
ON CONFLICT (queue, job_type, status) DO UPDATE SET count = job_counts.count + excluded.count
