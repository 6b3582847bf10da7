SELECT job_type, status, count(*) AS count FROM herdbook.jobs GROUP BY job_type, status
