DELETE FROM herdbook.job_counts WHERE count = 0
