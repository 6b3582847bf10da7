SELECT EXISTS (SELECT FROM herdbook.job_types WHERE name = $1)
