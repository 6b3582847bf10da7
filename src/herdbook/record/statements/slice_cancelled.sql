-- The same for cancelled jobs, by their own index.
SELECT * FROM herdbook.jobs WHERE ended_badly = 'cancelled' AND id < $1 AND id >= $2 ORDER BY id DESC LIMIT $3
