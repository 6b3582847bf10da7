-- The newest failed jobs, by their own index; the beginning of a long message is enough.
SELECT id AS newest, job_type, left(coalesce(error_message, ''), 500) AS message, completed_at AS failed_at
FROM herdbook.jobs WHERE ended_badly = 'failed' ORDER BY id DESC LIMIT $1
