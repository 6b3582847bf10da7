-- Jobs of ours that should be in their queue: open, and not in the outbox. `is_held` is whether a worker with a
-- heartbeat runs the job; a silent one's jobs are not held. Those that another program finished or removed are left out.
SELECT j.id, j.queue, j.job_id, j.status, j.attempt, j.updated_at,
       j.status = 'processing' AND EXISTS (
           SELECT FROM herdbook.workers w
           WHERE w.id = j.worker AND w.heartbeat_at > now() - CAST($3 AS float8) * interval '1 second'
       ) AS is_held
FROM herdbook.jobs j
WHERE j.id > $1 AND j.id <= $2 AND j.status IN ('pending', 'processing') AND position('@' IN j.job_id) = 0
  AND NOT EXISTS (SELECT FROM herdbook.outbox o WHERE o.job = j.id)
  AND NOT EXISTS (SELECT FROM herdbook.absent_jobs a WHERE a.job = j.id AND a.job_id = j.job_id)
