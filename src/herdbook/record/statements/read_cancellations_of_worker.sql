-- The jobs that this worker runs and that are not wanted any more.
SELECT c.job, c.generation, c.reason
FROM herdbook.cancellations c
JOIN herdbook.jobs j ON j.id = c.job AND j.generation = c.generation
WHERE j.status = 'processing' AND j.worker = $1
