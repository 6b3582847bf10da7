-- The same for jobs that wait for a time, by their own index.
SELECT * FROM herdbook.jobs WHERE run_at IS NOT NULL AND id < $1 AND id >= $2 ORDER BY id DESC LIMIT $3
