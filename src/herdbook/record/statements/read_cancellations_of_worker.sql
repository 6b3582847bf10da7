-- The running jobs that this worker is asked to cancel.
SELECT c.job, c.generation, c.reason
FROM herdbook.cancellations c
JOIN herdbook.jobs j ON j.id = c.job AND j.generation = c.generation
WHERE j.status = 'processing' AND j.worker = $1
