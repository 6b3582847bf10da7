-- The queues that any running or past program declared.
SELECT DISTINCT queue FROM herdbook.job_types ORDER BY queue
