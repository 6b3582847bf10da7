-- The queues that any running or past program declared, that a job is in, or that an operator spoke of.
SELECT queue FROM herdbook.job_types
UNION SELECT queue FROM herdbook.job_counts
UNION SELECT queue FROM herdbook.job_count_changes
UNION SELECT name FROM herdbook.queues
ORDER BY queue
