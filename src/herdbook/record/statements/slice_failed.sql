-- The same for failed jobs, by their own index.
SELECT * FROM herdbook.jobs WHERE ended_badly = 'failed' AND id < $1 AND id >= $2 ORDER BY id DESC LIMIT $3
