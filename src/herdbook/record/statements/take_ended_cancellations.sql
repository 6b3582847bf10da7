-- Cancellations of jobs that no longer run; those that wait for another attempt still have to be cancelled.
DELETE FROM herdbook.cancellations c
USING herdbook.jobs j
WHERE j.id = c.job AND (j.status <> 'processing' OR j.generation <> c.generation)
RETURNING c.job, c.reason, j.status = 'pending' AND j.generation = c.generation AS is_pending
