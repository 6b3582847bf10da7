-- The job that has this id in its queue; it can be neither retried nor deleted until the transaction ends.
SELECT status, error_message FROM herdbook.jobs WHERE id = $1 AND job_id = $2 FOR SHARE
