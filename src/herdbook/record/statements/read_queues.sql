-- The queues that any program has ever declared, that a job is in, or that an operator paused or resumed.
SELECT queue FROM herdbook.job_types
UNION SELECT queue FROM herdbook.job_counts
UNION SELECT queue FROM herdbook.job_count_changes
UNION SELECT name FROM herdbook.queues
ORDER BY queue
